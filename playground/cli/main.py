"""The command line: ``playground [train | rates | predict | export | bench | presets]``; without a word, the window.

Results go to stdout, progress and complaints to stderr. Exit codes: 0 done, 1 diverged (bench: a wrong result, rates: none
helps), 2 bad input, 130 interrupted. Everything heavy is imported inside the functions, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import difflib
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

WELCOME = "circle"
# As the catalog has them, which is too heavy to be imported for --help.
TASKS = ("binary", "multiclass", "multilabel", "regression", "bounded")
BACKENDS = ("auto", "cpu", "cuda", "reference")
_TASK_HELP = "what a table's target is"
THREADS_A_CORE = 8
DONE, DIVERGED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class _Parser(argparse.ArgumentParser):
    """Complains in one line, as the rest of the program does, instead of printing its whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"playground: {message}; `{self.prog} --help` says more.\n")


def parser() -> argparse.ArgumentParser:
    """The words and options of the command line."""
    top = _Parser(
        prog="playground",
        description="Build a small neural network, watch it learn, take the weights away. Without a command: the window.",
    )
    top.add_argument("--version", action="store_true", help="print the version")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    window = commands.add_parser("open", help="open the window, with a file if one is named")
    window.add_argument("file", nargs="?", help="an experiment (.json), a model (.safetensors) or a table (.csv)")

    commands.add_parser("presets", help="list the presets, a line each")

    train = commands.add_parser("train", help="train an experiment, a preset or a table")
    train.add_argument("what", metavar="WHAT", help="an experiment (.json), a table (.csv), a model to go on with, or a preset")
    train.add_argument("--out", metavar="DIR", help="folder for the results (default: the first free NAME-1, NAME-2, …)")
    train.add_argument("--target", metavar="COLUMN", action="append", default=[], help="column to predict (repeatable)")
    train.add_argument("--ignore", metavar="COLUMN", action="append", default=[], help="column to leave out (repeatable)")
    train.add_argument("--task", choices=TASKS, help=_TASK_HELP)
    train.add_argument("--epochs", type=_positive, metavar="N", help="how long to train")
    train.add_argument("--backend", default="auto", choices=BACKENDS, help="what computes (default: the fastest here)")
    train.add_argument("--threads", type=_threads, metavar="N", help="how many threads compute (default: one a core)")
    train.add_argument("--seed", type=_seed, metavar="N", help="sets the seeds of data, network and training")
    train.add_argument("--set", metavar="FIELD=VALUE", action="append", default=[], help="change a field of the experiment")
    train.add_argument("--recover", action="store_true", help="if the run diverges, go on with a tenth of the learning rate")
    train.add_argument("--overwrite", action="store_true", help="write into a folder that holds other things")
    train.add_argument("--quiet", action="store_true", help="no progress")

    rates = commands.add_parser("rates", help="try learning rates from tiny to far too large, and suggest one")
    rates.add_argument("what", metavar="WHAT", help="an experiment (.json), a table (.csv), a model, or a preset")
    rates.add_argument("--out", metavar="FILE.csv", help="file for the curve: learning_rate,loss")
    rates.add_argument("--target", metavar="COLUMN", action="append", default=[], help="column to predict (repeatable)")
    rates.add_argument("--ignore", metavar="COLUMN", action="append", default=[], help="column to leave out (repeatable)")
    rates.add_argument("--task", choices=TASKS, help=_TASK_HELP)
    rates.add_argument("--backend", default="auto", choices=BACKENDS, help="what computes (default: the fastest here)")
    rates.add_argument("--set", metavar="FIELD=VALUE", action="append", default=[], help="change a field of the experiment")

    predict = commands.add_parser("predict", help="predict the rows of a table with a trained model")
    predict.add_argument("model", metavar="MODEL.safetensors")
    predict.add_argument("data", metavar="DATA.csv")
    predict.add_argument("--out", metavar="FILE.csv", help="file for the predictions (default: stdout)")

    export = commands.add_parser("export", help="write a trained model's weights in another format")
    export.add_argument("model", metavar="MODEL.safetensors")
    export.add_argument("file", metavar="FILE", help="FILE.npz or FILE.safetensors")

    bench = commands.add_parser("bench", help="measure how fast matrix products and training are here, beside other libraries")
    bench.add_argument("suite", nargs="?", choices=("matmul", "train"), help="what to measure (default: both)")
    bench.add_argument("--json", metavar="FILE", help="file for the results")
    bench.add_argument("--warm", action="store_true", help="only compile the kernels into the cache")
    bench.add_argument("--seconds", type=_seconds, default=0.03, metavar="S", help="budget of one measurement (default: 0.03)")
    bench.add_argument("--only", default="", metavar="TEXT", help="cases whose name contains the text, such as 128 or Adam")
    return top


def run(words: Sequence[str]) -> int:
    """Carry out a command line; never a traceback for what a user can mend.

    Returns
    -------
    code
        0 done, 1 diverged, 2 bad input, 130 interrupted.
    """
    _survive_a_narrow_console()
    try:
        options = parser().parse_args(words)
        if options.version:
            from playground import __version__

            print(f"Neural Playground {__version__}")
            return DONE
        commands = {
            "presets": _presets,
            "train": _train,
            "rates": _rates,
            "predict": _predict,
            "export": _export,
            "bench": _bench,
        }
        return commands.get(options.command, _window)(options)
    except SystemExit as stop:
        # argparse leaves this way: 0 after --help, 2 after a wrong word.
        return int(stop.code or 0)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (playground presets | head): nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (ValueError, RuntimeError) as error:
        from playground.experiment import ExperimentError
        from playground.kernels.cuda.target import GpuError
        from playground.storage import FileError

        if not isinstance(error, (ExperimentError, FileError, GpuError)):
            raise
        print(f"playground: {error}", file=sys.stderr)
        return BAD_INPUT


def _survive_a_narrow_console() -> None:
    """A console that can't show ² or − gets a substitute instead of an exception."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 10:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0, up to 10")
    return value


def _threads(text: str) -> int:
    number, most = _positive(text), THREADS_A_CORE * (os.cpu_count() or 1)
    if number > most:
        raise argparse.ArgumentTypeError(f"{number} threads would only wait for each other; {most} are the most here")
    return number


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 4294967295")
    return int(text)


def preset_names() -> list[str]:
    """Names of the presets, in alphabetical order."""
    from playground.storage import resource

    return sorted(path.stem for path in resource("presets").glob("*.json"))


def _window(options: argparse.Namespace) -> int:
    file = getattr(options, "file", None)
    if not _has_display():
        print("There is no display, so the welcome experiment is trained here in the terminal.", file=sys.stderr)
        return _train(parser().parse_args(["train", WELCOME]), explain=True)
    from playground.gui.libraries import provide

    missing = provide()
    if missing:
        print(f"playground: {missing}", file=sys.stderr)
        return BAD_INPUT
    from playground.gui.app import main

    return main(file)


def _has_display() -> bool:
    """Whether a window can appear: Linux needs a display server, unless Qt is told to draw elsewhere."""
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _presets(options: argparse.Namespace) -> int:
    from playground.data.sources import load_dataset
    from playground.experiment import decode
    from playground.storage import resource

    names = preset_names()
    width = max(map(len, names))
    for name in names:
        experiment = decode(resource("presets", f"{name}.json").read_bytes())
        dataset = load_dataset(experiment.data, experiment.training.task)
        print(f"{name:{width}}  {experiment.name}: {dataset.description}")
    return DONE


def _train(options: argparse.Namespace, explain: bool = False) -> int:
    from playground.cli.training_run import TrainingRun

    experiment, parameters = _what(options)
    for change in getattr(options, "set", []):
        experiment = _changed(experiment, change)
    if options.seed is not None:
        for field in ("data.seed", "network.seed", "training.seed"):
            experiment = _changed(experiment, f"{field}={options.seed}")
    if options.epochs is not None:
        experiment = _changed(experiment, f"training.epochs={options.epochs}")
    _provide_kernels(options.backend)
    recover = getattr(options, "recover", False)
    run = TrainingRun(
        experiment, parameters, options.backend, options.out, options.overwrite, options.threads, recover, _say_compiling
    )
    code = run.train(show_progress=not options.quiet)
    for path, words in run.write().items():
        if explain:
            print(f"{path}  {words}")
        elif not options.quiet:
            print(f"wrote {path}", file=sys.stderr)
    for sentence in run.warnings():
        print(f"playground: {sentence}", file=sys.stderr)
    for name, value in run.results().items():
        print(f"{name} {value}")
    for line in run.report_lines():
        print(line)
    return code


def _rates(options: argparse.Namespace) -> int:
    from playground.storage import atomic_write
    from playground.training.rate_finder import find_rate
    from playground.training.trainer import Trainer

    experiment, parameters = _what(options)
    for change in options.set:
        experiment = _changed(experiment, change)
    _provide_kernels(options.backend)
    test = find_rate(Trainer(experiment, options.backend, parameters, before_compiling=_say_compiling))
    lines = ["learning_rate,loss", *(f"{rate:.6g},{loss:.6g}" for rate, loss in zip(test.rates, test.losses, strict=True))]
    if options.out:
        atomic_write(Path(options.out), ("\n".join(lines) + "\n").encode())
    print(test.sentence, file=sys.stderr)
    if not math.isfinite(test.suggestion):
        return DIVERGED
    print(f"learning_rate {test.suggestion:.4g}")
    return DONE


def _provide_kernels(backend: str) -> None:
    """Have the kernels compiled before the run; the first time on a machine that takes about a minute, and is said."""
    if backend == "reference":
        return
    from playground.kernels import cache
    from playground.kernels.cpu import warm

    if backend == "cuda":
        from playground.kernels.cuda import warm as cuda_warm
        from playground.training.backends import load_backend

        # Says why, where there is no GPU to compile for.
        load_backend(backend)
        if not cuda_warm.is_warm():
            _say_compiling()
            cuda_warm.start_warming().wait()
    elif not warm.is_warm():
        print("Compiling the kernels (once; about a minute) …", file=sys.stderr)
        warm.start_warming().wait()
    if notice := cache.notice():
        print(f"playground: {notice}", file=sys.stderr)


def _say_compiling() -> None:
    print("Compiling the GPU's kernels (once; about a minute) …", file=sys.stderr)


def _what(options: argparse.Namespace):  # type: ignore[no-untyped-def]
    """The experiment that WHAT names, and a model's parameters to go on from (or None)."""
    from playground.data.suggest import suggest
    from playground.experiment import ExperimentError, decode
    from playground.storage import FileError, read_bytes, resource

    what = options.what
    if Path(what).suffix.lower() in (".json", ".safetensors"):
        _refuse_table_options(options)
    path = Path(what)
    # Path.exists raises for a name that is too long or a folder that may not be entered.
    if os.path.exists(path):
        if path.suffix.lower() == ".json":
            try:
                return decode(read_bytes(path)), None
            except ExperimentError as error:
                raise FileError(f"{path}: {error}") from None
        if path.suffix.lower() == ".safetensors":
            from playground.model import load

            model = load(path)
            return model.experiment, model.parameters
        return suggest(path, tuple(options.target), tuple(options.ignore), options.task), None
    _refuse_table_options(options)
    names = preset_names()
    if what in names:
        return decode(resource("presets", f"{what}.json").read_bytes()), None
    close = difflib.get_close_matches(what, names, 1)
    hint = f"did you mean {close[0]!r}?" if close else "`playground presets` lists the presets."
    raise FileError(f"{what}: there is no such file, and no preset of that name; {hint}")


def _refuse_table_options(options: argparse.Namespace) -> None:
    """--target and the like say what the columns of a table are; silently passing them over would mislead."""
    from playground.experiment import ExperimentError

    for name in ("target", "ignore", "task"):
        if getattr(options, name):
            raise ExperimentError(f"--{name}: {options.what} is no table, so its data are settled already; leave --{name} out.")


def _changed(experiment, change: str):  # type: ignore[no-untyped-def]
    from playground.experiment import ExperimentError, set_field

    field, equals, value = change.partition("=")
    if not equals or not field.strip():
        raise ExperimentError(f"--set {change}: write it as FIELD=VALUE, such as training.optimizer.learning_rate=0.01.")
    return set_field(experiment, field.strip(), value.strip())


def _predict(options: argparse.Namespace) -> int:
    from playground.data.columns import feature_rows
    from playground.data.readers import read_table
    from playground.formats.predictions import prediction_table
    from playground.model import load
    from playground.storage import FileError, atomic_write

    if options.out and any(os.path.exists(f) and _same_file(options.out, f) for f in (options.model, options.data)):
        raise FileError(f"{options.out}: predictions would take the place of what they are made from; name another file.")
    model = load(options.model)
    preprocessing = model.preprocessing
    rows = feature_rows(read_table(options.data), preprocessing.columns, options.data, preprocessing.categories)
    text = prediction_table(model, rows)
    if options.out:
        atomic_write(options.out, text.encode())
        print(f"wrote {options.out}", file=sys.stderr)
    else:
        sys.stdout.write(text)
    return DONE


def _same_file(first: str, second: str) -> bool:
    return os.path.realpath(first) == os.path.realpath(second)


def _export(options: argparse.Namespace) -> int:
    from playground.formats import format_for
    from playground.model import load

    path = Path(options.file)
    form = format_for(path)
    model = load(options.model)
    form.save(model, path)
    print(f"{path}  {form.note(model) or form.description}")
    return DONE


def _bench(options: argparse.Namespace) -> int:
    from playground.bench.command import bench, warm_up

    return warm_up() if options.warm else bench(options.suite, options.only, options.json, options.seconds)


_COMMANDS = {
    "presets": _presets,
    "train": _train,
    "rates": _rates,
    "predict": _predict,
    "export": _export,
    "bench": _bench,
}
