"""A training run of the command line: progress on the terminal, and its files in a folder."""

from __future__ import annotations

import csv
import io
import math
import os
import sys
from pathlib import Path
from typing import Any

from playground.experiment import Experiment, encode
from playground.formats import safetensors
from playground.storage import FileError, atomic_write, explain
from playground.trainer import History, Trainer

FILES = {
    "experiment.json": "what was trained: open it in the window, or train it again",
    "model.safetensors": "the trained weights: open it in the window, predict with it, or load it in PyTorch",
    "history.csv": "loss and metrics after each epoch",
    "loss.png": "the loss curves",
}
DONE, DIVERGED, INTERRUPTED = 0, 1, 130


class TrainingRun:
    """Trains one experiment and writes what comes out of it.

    Parameters
    ----------
    experiment
        What to train.
    parameters
        Start values, or None.
    backend
        ``auto``, ``cpu`` or ``reference``.
    folder
        Where the files go; None for the first free NAME-1, NAME-2, … in the present folder.
    overwrite
        Whether the folder may hold other things.
    threads
        How many threads may compute; None for one a core.

    Raises
    ------
    FileError
        Before anything is trained, if the folder can't be used.
    """

    def __init__(
        self,
        experiment: Experiment,
        parameters: Any,
        backend: str,
        folder: str | None,
        overwrite: bool,
        threads: int | None = None,
    ) -> None:
        self.experiment = experiment
        self.trainer = Trainer(experiment, backend, parameters, threads=threads)
        self.folder = _prepare_folder(experiment, self.trainer.run.data.dataset.name, folder, overwrite)

    def train(self, show_progress: bool) -> int:
        """Train to the last epoch; the exit code: 0 done, 1 diverged, 130 interrupted."""
        trainer, epochs = self.trainer, self.experiment.training.epochs
        trainer.record()
        try:
            with _Progress(self.experiment.name, epochs, show_progress) as progress:
                for _ in range(epochs):
                    if not trainer.train_epochs():
                        break
                    trainer.record()
                    if trainer.diverged:
                        break
                    progress.show(trainer.history)
        except KeyboardInterrupt:
            # It may have come after training and before measuring: the last row is that of the weights that are saved.
            if not trainer.diverged and trainer.epoch != trainer.history.last().get("epoch"):
                trainer.record()
            print("Interrupted: what was trained so far is kept.", file=sys.stderr)
            return INTERRUPTED
        if trainer.diverged:
            rate = self.experiment.training.optimizer.learning_rate
            print(
                f"playground: the loss stopped being a number in epoch {trainer.epoch:.0f}; the last good weights are kept. "
                f"Try --set training.optimizer.learning_rate={rate / 10:g}.",
                file=sys.stderr,
            )
            return DIVERGED
        return DONE

    def write(self) -> dict[Path, str]:
        """Write the files; each path with a few words on what it is."""
        atomic_write(self.folder / "experiment.json", encode(self.experiment))
        safetensors.save(self.trainer.model(), self.folder / "model.safetensors")
        atomic_write(self.folder / "history.csv", history_table(self.trainer.history).encode())
        written = ["experiment.json", "model.safetensors", "history.csv"]
        if self._draw(self.folder / "loss.png"):
            written.append("loss.png")
        return {self.folder / name: FILES[name] for name in written}

    def results(self) -> dict[str, str]:
        """The last measurement, for stdout: ``test_accuracy 0.9708``."""
        row = self.trainer.measurement
        # Without test rows there is nothing to say about them.
        row = {name: value for name, value in row.items() if math.isfinite(value)}
        return {name: f"{value:.0f}" if name == "epoch" else f"{value:.4f}" for name, value in row.items()}

    def _draw(self, path: Path) -> bool:
        """The window's own plot, off screen; False where Qt can't load."""
        from playground.gui.libraries import complaint

        missing = complaint(screen=False)
        if missing:
            print(f"loss.png is left out: {missing}", file=sys.stderr)
            return False
        from playground.gui.loss_plot import save_png

        save_png(path, self.trainer.history)
        return True


def history_table(history: History) -> str:
    """The history as CSV: a header, then a row a measurement."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(history.columns)
    for row in history.rows[: history.length]:
        writer.writerow([f"{row[0]:g}", *(f"{value:.9g}" for value in row[1:])])
    return out.getvalue()


def _prepare_folder(experiment: Experiment, data_name: str, folder: str | None, overwrite: bool) -> Path:
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
    except OSError as error:
        raise FileError(f"{path}: the folder can't be used: {explain(error)}; choose another with --out.") from None
    if not overwrite and (others or ours):
        holds = others[0] if others else "results of another run"
        raise FileError(f"{path}: the folder holds {holds}; choose an empty one, or add --overwrite.")
    if not os.access(path, os.W_OK):
        raise FileError(f"{path}: this account may not write there; choose another folder with --out.")
    return path


class _Progress:
    """A live line on stderr: epochs, losses and the task's metric."""

    def __init__(self, name: str, epochs: int, show: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.table import Column

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            # Eighty columns hold it all.
            TextColumn("{task.fields[losses]}", table_column=Column(no_wrap=True)),
            console=Console(stderr=True),
            disable=not show,
        )
        short = name if len(name) <= 24 else name[:23] + "…"
        self._task = self._progress.add_task(short, total=epochs, losses="")

    def __enter__(self) -> _Progress:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def show(self, history: History) -> None:
        """Show the newest row."""
        row = history.last()
        metric = history.columns[4] if len(history.columns) > 4 else history.columns[2]
        words = f"loss {row['train_loss']:.4f} test {row['test_loss']:.4f}  {metric.replace('_', ' ')} {row[metric]:.4g}"
        self._progress.update(self._task, advance=1, losses=words)
