"""The top bar: play, pause, step and reset, the epoch, and the settings of learning that keep the weights."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenuBar, QVBoxLayout, QWidget

from playground.catalog.activations import ACTIVATIONS, resolve
from playground.catalog.losses import LOSSES, Loss
from playground.catalog.optimizers import OPTIMIZERS, record_of
from playground.catalog.tasks import TASKS
from playground.experiment import Experiment, TrainingSpec, loss_of
from playground.experiment.edits import chosen_activations, with_field
from playground.experiment.fields import field_of
from playground.gui.forms.activation_boxes import show_plots
from playground.gui.forms.effects import effect_of, keeps
from playground.gui.widgets.choices import LabeledCombo
from playground.gui.widgets.controls import IconButton, NumberLabel, TextLabel
from playground.gui.widgets.theme import Theme
from playground.training.protocol import Part, Snapshot, Status
from playground.words import plain_number, tr

LEARNING_RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
PENALTIES = (0.0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
# Long names are cut in the bar, not in the lists: at 1280 pixels everything has its place.
LOSS_WIDTH, ACTIVATION_WIDTH, NUMBER_WIDTH = 118, 92, 66
# Epochs per frame of 1/60 s; None trains as fast as it goes.
SPEEDS: tuple[tuple[float | None, str], ...] = ((1 / 60, "1"), (5 / 60, "5"), (20 / 60, "20"), (1.0, "60"), (None, tr("Max")))


class TrainingBar(QFrame):
    """Runs the training and shows how it learns.

    Every setting here takes effect at the next batch; its tooltip says whether that keeps the weights.

    Signals
    -------
    play_clicked(), step_clicked(), reset_clicked(), settings_clicked(), help_clicked(), theme_clicked(), export_clicked()
        The buttons.
    speed_chosen(float or None)
        Epochs per frame of 1/60 s, or as fast as it goes.
    setting_chosen(str label, str path, value)
        A new value for a field of the experiment, and what the undo menu is to call it.
    activation_chosen(spec), optimizer_chosen(str)
        For all hidden layers; by catalog name.
    more_asked(str path)
        The user wants to see all settings around a field of the experiment.
    """

    play_clicked = Signal()
    step_clicked = Signal()
    reset_clicked = Signal()
    help_clicked = Signal()
    theme_clicked = Signal()
    export_clicked = Signal()
    speed_chosen = Signal(object)
    setting_chosen = Signal(str, str, object)
    activation_chosen = Signal(object)
    optimizer_chosen = Signal(object)
    settings_clicked = Signal()
    more_asked = Signal(str)

    def __init__(self, theme: Theme, menu_bar: QMenuBar | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent, objectName="training_bar", accessibleName=tr("Training"))
        self.setFixedHeight(72)
        self._theme = theme
        self._epoch: int | None = None
        self.running = False

        self._logo = QLabel()
        self._name = TextLabel(theme, tr("Neural Playground"), 15, 600, "text")
        self.reset_button = IconButton(theme, "reset", tr("Reset to the same initial weights (R)"), size=38)
        self.play_button = IconButton(theme, "play", tr("Train (Space)"), size=44, primary=True)
        self.step_button = IconButton(
            theme, "step", tr("One step (.): train on a single batch, one update of every weight"), size=38
        )
        self._epoch_caption = TextLabel(theme, tr("Epoch"), 11, 500, "text_faint")
        self.epoch_number = NumberLabel(theme, "000,000", 20, 600)
        self.epoch_number.setAccessibleName(tr("Epoch"))
        self.epoch_number.setToolTip(
            tr("How often every training row has been used. More epochs: more practice on the same examples.")
        )
        self.settings_button = IconButton(theme, "settings", tr("All settings of training, network and data (Ctrl+5)"), size=36)
        self.help_button = IconButton(theme, "help", tr("What to try first (F1)"), size=36)
        self.theme_button = IconButton(theme, "moon", tr("Switch between light and dark"), size=36)
        self.export_button = IconButton(theme, "export", tr("Export the trained weights, for PyTorch or NumPy (Ctrl+E)"), size=36)
        self._make_settings()
        self._lay_out(menu_bar)

        self.reset_button.clicked.connect(self.reset_clicked)
        self.play_button.clicked.connect(self.play_clicked)
        self.step_button.clicked.connect(self.step_clicked)
        self.settings_button.clicked.connect(self.settings_clicked)
        self.help_button.clicked.connect(self.help_clicked)
        self.theme_button.clicked.connect(self.theme_clicked)
        self.export_button.clicked.connect(self.export_clicked)
        theme.changed.connect(self._restyle)
        self._restyle()

    def _make_settings(self) -> None:
        theme = self._theme
        self.speed = LabeledCombo(
            theme,
            tr("Epochs/s"),
            [(speed, title, tr("As fast as this machine goes.") if speed is None else tr("At most.")) for speed, title in SPEEDS],
            tr("How many times a second the network sees all training rows: slow to watch, fast to get there.") + " " + keeps(),
        )
        self.learning_rate = LabeledCombo(
            theme,
            tr("Learning rate"),
            [(rate, plain_number(rate), "") for rate in LEARNING_RATES],
            tr("How far each step moves the weights: too small crawls, too large jumps about or blows up.") + " " + keeps(),
            editable_number=True,
            more=tr("Learning rate: let it change while training goes on, or clip long gradients"),
        )
        hidden = [name for name, record in ACTIVATIONS.items() if record.hidden]
        self.activation = LabeledCombo(
            theme,
            tr("Activation"),
            [(name, ACTIVATIONS[name].title, f"{ACTIVATIONS[name].formula}: {ACTIVATIONS[name].description}") for name in hidden],
            tr("What each neuron of all hidden layers does with its sum; without one, layers add nothing.") + " " + keeps(),
            width=ACTIVATION_WIDTH,
            more=tr("Activation: every layer with all its settings, and how its first weights are drawn"),
        )
        show_plots(self.activation.box, theme, lambda index: hidden[index])
        self.loss = LabeledCombo(
            theme,
            tr("Loss"),
            [],
            "",
            width=LOSS_WIDTH,
            more=tr("Loss: its numbers, class weights and label smoothing"),
        )
        self.optimizer = LabeledCombo(
            theme,
            tr("Optimizer"),
            [(name, record.title, record.description) for name, record in OPTIMIZERS.items()],
            tr("How a gradient becomes a step.") + " " + keeps(),
            more=tr("Optimizer: momentum and its other numbers"),
        )
        penalties = [(rate, plain_number(rate), "") for rate in PENALTIES]
        self.l1 = LabeledCombo(
            theme,
            "L1",
            penalties,
            tr("L1 regularization: pulls every weight toward zero, so needless ones vanish.") + " " + keeps(),
            editable_number=True,
            width=NUMBER_WIDTH,
            more=tr("L1 and all else that keeps weights small"),
        )
        self.l2 = LabeledCombo(
            theme,
            "L2",
            penalties,
            tr("L2 regularization: keeps all weights small, so the result is smoother and fits less noise.") + " " + keeps(),
            editable_number=True,
            width=NUMBER_WIDTH,
            more=tr("L2, weight decay and early stopping"),
        )
        self.speed.chosen.connect(self.speed_chosen)
        self.activation.chosen.connect(self.activation_chosen)
        self.optimizer.chosen.connect(self.optimizer_chosen)
        for combo, label, path in (
            (self.learning_rate, tr("learning rate"), "training.optimizer.learning_rate"),
            (self.loss, tr("loss"), "training.loss"),
            (self.l1, "L1", "training.l1"),
            (self.l2, "L2", "training.l2"),
        ):
            combo.chosen.connect(lambda value, label=label, path=path: self.setting_chosen.emit(label, path, value))
        for combo, path in (
            (self.learning_rate, "training.schedule"),
            (self.activation, "network.layers"),
            (self.loss, "training.loss"),
            (self.optimizer, "training.optimizer"),
            (self.l1, "training.l1"),
            (self.l2, "training.l2"),
        ):
            combo.more_asked.connect(lambda path=path: self.more_asked.emit(path))
        # The task whose losses are offered.
        self._loss_task = ""

    def _loss_items(self, task: str) -> list[tuple[Any, str, str]]:
        """Losses that fit the task, by names short enough for the bar."""
        usual = TASKS[task].loss
        return [
            (name, self._short_name(record, name == usual), f"{record.title}: {record.description}")
            for name, record in LOSSES.items()
            if task in record.tasks
        ]

    def _explain_loss(self, experiment: Experiment) -> None:
        """Some losses want targets of −1 and 1, with which a run has to start again: it depends on the task."""
        field, value = field_of(TrainingSpec, "loss"), experiment.training.loss
        effect = effect_of(field, value, experiment, lambda loss: with_field(experiment, "training.loss", loss))
        words = tr("What counts as wrong, and how much: the number that training makes small.") + " " + effect
        self.loss.box.setToolTip(words)
        self.loss.box.setStatusTip(words)

    def _short_name(self, record: Loss, usual: bool) -> str:
        """``Squared error`` for the mean squared error, ``Cross-entropy`` for the one that fits the task."""
        if usual and record.title.endswith("cross-entropy"):
            return tr("Cross-entropy")
        title = record.title.removeprefix("Mean ").replace("Half ", "½ ")
        return title[:1].upper() + title[1:]

    def _lay_out(self, menu_bar: QMenuBar | None) -> None:
        title = QHBoxLayout()
        title.setSpacing(10)
        title.addWidget(self._logo)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addStretch(1)
        words.addWidget(self._name)
        if menu_bar is not None:
            words.addWidget(menu_bar)
        words.addStretch(1)
        title.addLayout(words)

        epoch = QVBoxLayout()
        epoch.setSpacing(0)
        epoch.addStretch(1)
        epoch.addWidget(self._epoch_caption)
        epoch.addWidget(self.epoch_number)
        epoch.addStretch(1)

        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 0, 20, 0)
        layout.setSpacing(6)
        layout.addLayout(title)
        layout.addStretch(1)
        for button in (self.reset_button, self.play_button, self.step_button):
            layout.addWidget(button)
        layout.addSpacing(6)
        layout.addLayout(epoch)
        layout.addStretch(2)
        for combo in self.settings():
            layout.addWidget(combo)
        layout.addStretch(2)
        for button in (self.settings_button, self.help_button, self.theme_button, self.export_button):
            layout.addWidget(button)

    def settings(self) -> tuple[LabeledCombo, ...]:
        """The settings, left to right."""
        return (self.speed, self.learning_rate, self.activation, self.loss, self.optimizer, self.l1, self.l2)

    def show_experiment(self, experiment: Experiment) -> None:
        """Show the settings that hold; nothing is emitted."""
        training = experiment.training
        if training.task != self._loss_task:
            self._loss_task = training.task
            self.loss.set_items(self._loss_items(training.task))
            self._explain_loss(experiment)
        self.learning_rate.set_value(training.optimizer.learning_rate)
        self.loss.set_value(loss_of(experiment).name)
        self.optimizer.set_value(record_of(training.optimizer).name)
        self.l1.set_value(training.l1)
        self.l2.set_value(training.l2)
        names = {resolve(activation)[0].name for activation in chosen_activations(experiment.network.layers)}
        self.activation.setEnabled(bool(names))
        self.activation.set_value(names.pop() if len(names) == 1 else None)

    def show_speed(self, epochs_per_frame: float | None) -> None:
        """Show the speed that holds; nothing is emitted."""
        self.speed.set_value(epochs_per_frame)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the epoch and whether it runs."""
        epoch = int(snapshot.epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self.epoch_number.setText(f"{epoch:07,d}" if epoch < 1_000_000 else f"{epoch:,d}")
        self.show_running(snapshot.status is Status.RUNNING)

    def show_running(self, running: bool) -> None:
        """Show pause while it runs, else play."""
        if running == self.running:
            return
        self.running = running
        self.play_button.set_icon("pause" if running else "play")
        words = tr("Pause: the weights stay as they are (Space)") if running else tr("Train (Space)")
        self.play_button.setToolTip(words)
        self.play_button.setAccessibleName(words)

    def needs_parts(self) -> frozenset[Part]:
        """The bar needs only what every snapshot has."""
        return frozenset()

    def describe(self) -> str:
        """Say in words what the bar shows, for screen readers."""
        state = tr("Training") if self.running else tr("Paused")
        return tr("{state}, epoch {epoch}").format(state=state, epoch=self._epoch or 0)

    def _restyle(self) -> None:
        self._logo.setPixmap(self._theme.pixmap("logo", "accent", 28))
        self.theme_button.set_icon("sun" if self._theme.palette.name == "dark" else "moon")
