"""A training run of the command line: progress on the terminal, and its files in a folder."""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from playground.arrays import Float32
from playground.catalog.tasks import TASKS
from playground.cli.parsing import DIVERGED, DONE, INTERRUPTED
from playground.experiment import Experiment, encode
from playground.experiment.places import stored
from playground.formats import safetensors
from playground.insight.evaluation import Report, evaluate_outputs, report_json, report_lines
from playground.insight.heads import head_warnings
from playground.storage import FileError, explain, refuse_unwritable, write_together
from playground.training.diagnosis import measure_health
from playground.training.history import History, history_table
from playground.training.trainer import Trainer
from playground.words import one_line, tr

FILES = {
    "experiment.json": tr("what was trained: open it in the window, or train it again"),
    "model.safetensors": tr("the trained weights: open it in the window, predict with it, or load it in PyTorch"),
    "history.csv": tr("loss and metrics after each epoch"),
    "report.json": tr("every metric on the test rows (without any, on the training rows), with the confusion matrix"),
    "loss.png": tr("the loss curves"),
}
# With --recover, a run that diverges goes on with a tenth of the rate, so many times at most.
MOST_RECOVERIES = 5
# Epochs from one look at dead neurons and gradients to the next.
HEALTH_EVERY = 10


class TrainingRun:
    """Trains one experiment and writes what comes out of it.

    Parameters
    ----------
    experiment
        What to train.
    parameters
        float32, flat: where it starts from, or None for first weights.
    backend
        One of `BACKEND_CHOICES`.
    folder
        Where the files go; None for the first free NAME-1, NAME-2, … in the present folder.
    overwrite
        Whether the folder may hold other things.
    threads
        How many threads may compute; None for one a core.
    recover
        Whether to go on by itself after a divergence, from the last good weights with a tenth of the learning rate.
    before_compiling
        Called if the GPU's kernels must be compiled first.

    Raises
    ------
    FileError
        Before anything is trained, if the folder can't be used.
    """

    def __init__(
        self,
        experiment: Experiment,
        parameters: Float32 | None = None,
        *,
        backend: str = "auto",
        folder: str | None = None,
        overwrite: bool = False,
        threads: int | None = None,
        recover: bool = False,
        before_compiling: Callable[[], None] = lambda: None,
    ) -> None:
        self.experiment = experiment
        self.trainer = Trainer(experiment, backend, parameters, threads=threads, before_compiling=before_compiling)
        self._recoveries_left = MOST_RECOVERIES if recover else 0
        self._said: set[str] = set()
        self.folder = _prepare_folder(self.trainer.run.data.dataset.name, folder, overwrite)

    def train(self, show_progress: bool) -> int:
        """Train to the last epoch, or until the trainer is stopped; the exit code: 0 done, 1 diverged, 130 interrupted."""
        trainer, epochs = self.trainer, self.experiment.training.epochs
        if show_progress and trainer.choice.reason:
            print(trainer.choice.reason, file=sys.stderr)
        trainer.record()
        with _Progress(self.experiment, show_progress) as progress:
            while trainer.steps_until(epochs) > 0 and not trainer.stopped and not trainer.asked_to_stop:
                # Stopped in the middle of an epoch, the last row is still that of the weights that are saved.
                if trainer.train_epochs() and not trainer.measured:
                    trainer.record()
                if trainer.diverged and not self._recover():
                    break
                progress.show(trainer.history)
                self._say_once(trainer.compute.notice)
                if show_progress:
                    self._say_what_is_wrong()
        if trainer.stopped and show_progress:
            print(trainer.stopped, file=sys.stderr)
        if trainer.trouble is not None and trainer.diverged:
            sentence, rate = trainer.trouble.sentence, trainer.trouble.rate
            kept = tr(
                " The last good weights are kept; try --recover, or --set training.optimizer.learning_rate={rate:g}."
            ).format(rate=rate)
            print(f"playground: {sentence}{kept if rate else ''}", file=sys.stderr)
            return DIVERGED
        if trainer.asked_to_stop and trainer.steps_until(epochs) > 0:
            print(tr("Interrupted: what was trained so far is kept."), file=sys.stderr)
            return INTERRUPTED
        return DONE

    def _recover(self) -> bool:
        """Go on after a divergence, if that was asked for; says what happened."""
        trainer = self.trainer
        # Where the first weights were no good already, there is nothing to go back to.
        if not self._recoveries_left or trainer.trouble is None or not trainer.trouble.rate:
            return False
        self._recoveries_left -= 1
        sentence = trainer.trouble.sentence
        self.experiment = trainer.recover()
        rate = self.experiment.training.optimizer.learning_rate
        print(tr("playground: {sentence} Going on with {rate:g}.").format(sentence=sentence, rate=rate), file=sys.stderr)
        return True

    def _say_once(self, sentence: str) -> None:
        if sentence and sentence not in self._said:
            self._said.add(sentence)
            print(f"playground: {sentence}", file=sys.stderr)

    def _say_what_is_wrong(self) -> None:
        """Once for each layer and kind of trouble: dead neurons, saturation, gradients that vanish or explode."""
        # Dead layers show at once, others after some epochs; looking at every epoch would cost more than it tells.
        epochs = self.trainer.history.length - 1
        if epochs != 1 and epochs % HEALTH_EVERY and self.trainer.steps_until(self.experiment.training.epochs):
            return
        for layer in measure_health(self.trainer.run, self.trainer.compute):
            # The numbers in the sentence change; its mend doesn't.
            key = f"{layer.name} {layer.words.rpartition(';')[2]}"
            if layer.words and key not in self._said:
                self._said.add(key)
                print(f"{layer.name}: {layer.words}", file=sys.stderr)

    def write(self) -> dict[Path, str]:
        """Write the files, so that those of another run never lie beside them; each path with a few words on what it is."""
        model = self.trainer.model()
        contents = {
            # The first is there whatever happens, and holds the experiment as well.
            "model.safetensors": safetensors.to_bytes(model, self.folder / "model.safetensors"),
            "experiment.json": encode(stored(self.experiment, self.folder / "experiment.json")),
            "history.csv": history_table(self.trainer.history).encode(),
            "report.json": json.dumps(report_json(self.report, self._judged), indent=2, ensure_ascii=False).encode(),
        }
        if picture := self._picture():
            contents["loss.png"] = picture
        files = {self.folder / name: content for name, content in contents.items()}
        try:
            # It may have gone since.
            self.folder.mkdir(parents=True, exist_ok=True)
            write_together(files, gone=[self.folder / name for name in FILES if name not in contents])
        except (FileError, OSError) as error:
            raise _kept_elsewhere(contents, error) from None
        safetensors.refuse_another(model, self.folder / "model.safetensors")
        return {self.folder / name: words for name, words in FILES.items() if name in contents}

    @cached_property
    def report(self) -> Report:
        """Every metric of the trained model: on the test rows, or on the training rows where there are none."""
        data = self.trainer.run.data
        rows = data.test_rows if self._judged == "test" else data.train_rows
        return evaluate_outputs(self.trainer.outputs[rows], data.dataset.targets[rows], data.preprocessing)

    @property
    def _judged(self) -> str:
        """The rows that the report is about."""
        return "test" if len(self.trainer.run.data.test_rows) else "training"

    def warnings(self) -> list[str]:
        """What was probably not meant, with the data's own numbers."""
        data = self.trainer.run.data
        return head_warnings(self.experiment, data, self.trainer.outputs, data.train_rows)

    def report_lines(self) -> list[str]:
        """What `results` doesn't say, for stdout: ``test_f1 0.9640``."""
        part = {"test": "test", "training": "train"}[self._judged]
        known = [name.removeprefix(f"{part}_") for name in self.results()]
        return report_lines(self.report, f"{part}_", known)

    def results(self) -> dict[str, str]:
        """The last measurement, for stdout: ``test_accuracy 0.9708``."""
        row = self.trainer.measurement
        # Without test rows there is nothing to say about them.
        row = {name: value for name, value in row.items() if math.isfinite(value)}
        whole = row.get("epoch", 0.0).is_integer()
        return {name: f"{value:.0f}" if name == "epoch" and whole else f"{value:.4f}" for name, value in row.items()}

    def _picture(self) -> bytes | None:
        """The window's own plot as a PNG; None where Qt can't load."""
        from playground.gui.libraries import complaint

        missing = complaint(screen=False)
        if missing:
            print(tr("loss.png is left out: {missing}").format(missing=missing), file=sys.stderr)
            return None
        from playground.gui.views.loss.picture import loss_png

        return loss_png(self.trainer.history)


def _kept_elsewhere(contents: dict[str, bytes], error: FileError | OSError) -> FileError:
    """What to say where a run's folder takes nothing any more, once its files lie in a temporary one."""
    sentence = str(error) if isinstance(error, FileError) else explain(error)
    try:
        folder = Path(tempfile.mkdtemp(prefix="neural-playground-run-"))
        write_together({folder / name: content for name, content in contents.items()})
    except (FileError, OSError):
        return FileError(sentence)
    return FileError(tr("{sentence} What was trained lies in {folder}.").format(sentence=sentence, folder=folder))


def _prepare_folder(data_name: str, folder: str | None, overwrite: bool) -> Path:
    """Make the folder for the results, or find that it can be used."""
    if folder is None:
        name = data_name.replace("_", "-")
        number = 1
        while Path(f"{name}-{number}").exists():
            number += 1
        path = Path(f"{name}-{number}")
    else:
        path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        others = sorted(entry.name for entry in path.iterdir() if entry.name not in FILES)
        ours = any(entry.name in FILES for entry in path.iterdir())
    except (OSError, ValueError) as error:
        raise FileError(
            tr("{path}: the folder can't be used: {error}; choose another with --out.").format(path=path, error=explain(error))
        ) from None
    if not overwrite and (others or ours):
        holds = others[0] if others else tr("results of another run")
        raise FileError(
            tr("{path}: the folder holds {holds}; choose an empty one, or add --overwrite.").format(path=path, holds=holds)
        )
    if not os.access(path, os.W_OK):
        raise FileError(tr("{path}: this account may not write there; choose another folder with --out.").format(path=path))
    for name in FILES:
        refuse_unwritable(path / name)
    return path


class _Progress:
    """A live line on stderr: epochs, losses and the task's metric."""

    def __init__(self, experiment: Experiment, show: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.table import Column

        self._progress = Progress(
            # A name and what it holds is nobody's markup.
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            # Eighty columns hold it all.
            TextColumn("{task.fields[losses]}", markup=False, table_column=Column(no_wrap=True)),
            console=Console(stderr=True),
            disable=not show,
        )
        training = experiment.training
        self._task = self._progress.add_task(one_line(experiment.name, 24), total=training.epochs, losses="")
        self._metric = f"test_{TASKS[training.task].metrics[0]}"

    def __enter__(self) -> _Progress:
        self._progress.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._progress.stop()

    def show(self, history: History) -> None:
        """Show the newest row."""
        row, metric = history.last(), self._metric
        words = tr("loss {train:.4f} test {test:.4f}  {metric} {value:.4g}").format(
            train=row["train_loss"], test=row["test_loss"], metric=metric.replace("_", " "), value=row[metric]
        )
        self._progress.update(self._task, advance=1, losses=words)
