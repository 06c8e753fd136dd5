"""Every record of the catalog can be chosen in the settings, with all its numbers, and says why where it can't."""

import pytest
from drawer import edit_all_parts, use
from PySide6.QtCore import Qt

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.initializers import INITIALIZERS
from playground.catalog.losses import LOSSES
from playground.catalog.optimizers import OPTIMIZERS
from playground.catalog.schedules import SCHEDULES
from playground.catalog.tasks import TASKS
from playground.experiment import (
    Dense,
    output_activation,
    warnings,
)
from playground.experiment.fields import (
    LEFT_TO_DATA,
)
from playground.gui.forms import editors as form_editors
from playground.gui.forms.settings_panel import OUTPUTS, layer_path

# Presets whose task and data a choice of each kind needs.
WITH_TASK = {"binary": "circle", "multiclass": "iris", "multilabel": "multilabel", "regression": "plane", "bounded": "plane"}


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_with_all_its_numbers(drawer, name):
    shown = drawer()
    shown.document.edit("rate", {"training.optimizer": OPTIMIZERS["sgd" if name != "sgd" else "adam"].spec(learning_rate=0.05)})
    before = shown.experiment
    editor = shown.row("training.optimizer").editor
    shown.choose(editor, name)
    assert type(shown.experiment.training.optimizer) is OPTIMIZERS[name].spec
    assert shown.experiment.training.optimizer.learning_rate == 0.05
    shown.undoes_to(before)
    edit_all_parts(shown, editor, "training.optimizer")


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_every_schedule_with_its_numbers_and_its_plot(drawer, name):
    shown = drawer()
    shown.document.edit("schedule", {"training.schedule": SCHEDULES["cosine" if name != "cosine" else "step"].spec()})
    before = shown.experiment
    editor = shown.row("training.schedule").editor
    shown.choose(editor, name)
    shown.undoes_to(before)
    assert editor.about.picture.isVisibleTo(editor) and not editor.about.picture.pixmap().isNull()
    assert editor.about.formula.text() == SCHEDULES[name].formula
    edit_all_parts(shown, editor, "training.schedule")


@pytest.mark.parametrize(("task", "name"), [(task, name) for name, record in LOSSES.items() for task in record.tasks])
def test_every_loss_for_every_task_it_fits(drawer, task, name):
    shown = drawer(WITH_TASK[task])
    if shown.experiment.training.task != task:
        shown.document.edit("task", {"training.task": task})
    other = next(known for known in LOSSES if task in LOSSES[known].tasks and known != name and not LOSSES[known].outputs)
    shown.document.edit("loss", {"training.loss": other})
    before = shown.experiment
    editor = shown.row("training.loss").editor
    shown.choose(editor, name)
    assert editor.about.formula.text() == LOSSES[name].formula
    shown.undoes_to(before)
    if LOSSES[name].parameters:
        before = shown.experiment
        use(shown, editor.form.rows[LOSSES[name].parameters[0].name], 2.5)
        assert shown.experiment.training.loss == LOSSES[name].spec(**{LOSSES[name].parameters[0].name: 2.5})
        shown.undoes_to(before)


def test_losses_of_other_tasks_are_gray_and_say_why(drawer):
    shown = drawer("plane")
    editor = shown.row("training.loss").editor
    editor.box.opening.emit()
    for index, option in enumerate(editor.kind.options):
        item = editor.box.model().item(index)
        fits = "regression" in LOSSES[option.name].tasks
        assert item.isEnabled() == fits
        if not fits:
            assert "regression" in item.toolTip()


@pytest.mark.parametrize("name", list(INITIALIZERS))
def test_every_initializer(drawer, name, monkeypatch):
    monkeypatch.setattr(form_editors, "pick_model", lambda _parent: "/models/before.safetensors")
    shown = drawer()
    shown.document.edit("start", {"network.initializer": "ones" if name != "ones" else "zeros"})
    before = shown.experiment
    editor = shown.row("network.initializer").editor
    shown.choose(editor, name)
    shown.undoes_to(before)
    if name == "uniform":
        use(shown, editor.form.rows["low"], -0.25)
        assert shown.experiment.network.initializer == INITIALIZERS["uniform"].spec(low=-0.25)
    if name == "from_file":
        assert shown.experiment.network.initializer.path == "/models/before.safetensors"
        monkeypatch.setattr(form_editors, "pick_model", lambda _parent: "/models/other.safetensors")
        shown.qtbot.mouseClick(editor.form.rows["path"].editor.button, Qt.MouseButton.LeftButton)
        assert shown.experiment.network.initializer.path == "/models/other.safetensors"


def test_no_file_picked_changes_nothing(drawer, monkeypatch):
    monkeypatch.setattr(form_editors, "pick_model", lambda _parent: "")
    shown = drawer()
    before = shown.experiment
    editor = shown.row("network.initializer").editor
    shown.choose(editor, "from_file")
    assert shown.experiment == before
    assert editor.box.currentText() == INITIALIZERS[before.network.initializer].title


@pytest.mark.parametrize("name", [name for name, record in ACTIVATIONS.items() if record.hidden])
def test_every_activation_of_a_layer_with_its_numbers(drawer, name):
    shown = drawer()
    shown.document.edit("start", {"network.layers": (Dense(units=3, activation="relu" if name != "relu" else "tanh"),)})
    before = shown.experiment
    shown.panel.open_at(layer_path((0,)))
    editor = shown.panel.page.choice.form.rows["activation"].editor
    shown.choose(editor, name)
    assert shown.experiment.network.layers[0].activation == name
    shown.undoes_to(before)
    about, record = editor.about, ACTIVATIONS[name]
    assert about.formula.text() == record.formula and about.source.text() == record.source
    assert record.description in about.words.text() and record.saturates in about.words.text()
    assert not about.picture.pixmap().isNull()
    for parameter in record.parameters:
        before = shown.experiment
        use(shown, editor.form.rows[parameter.name], 0.5)
        assert getattr(shown.experiment.network.layers[0].activation, parameter.name) == 0.5
        shown.undoes_to(before)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_every_output_activation_where_it_makes_sense(drawer, name):
    task = {"softmax": "multilabel", "scaled_sigmoid": "regression"}.get(name, "binary")
    shown = drawer(WITH_TASK[task])
    before = shown.experiment
    if output_activation(before) == name:
        shown.document.edit("start", {"network.output_activation": "tanh"})
        before = shown.experiment
    shown.panel.open_at(OUTPUTS)
    editor = shown.panel.page.row_at(OUTPUTS).editor
    shown.choose(editor, name)
    assert shown.experiment.network.output_activation == name
    shown.undoes_to(before)
    # Numbers that the data decide are given together; a test of their own does that.
    parameters = ACTIVATIONS[name].parameters if name not in LEFT_TO_DATA else ()
    for parameter in parameters:
        before, value = shown.experiment, 0.25
        use(shown, editor.form.rows[parameter.name], value)
        assert getattr(shown.experiment.network.output_activation, parameter.name) == value
        shown.undoes_to(before)


def test_the_ends_of_a_scale_are_the_datas_until_both_are_given(drawer):
    shown = drawer("plane")
    shown.document.edit("start", {"network.output_activation": "scaled_sigmoid"})
    before = shown.experiment
    shown.panel.open_at(OUTPUTS)
    editor = shown.panel.page.row_at(OUTPUTS).editor
    low, high = (editor.form.rows[name].editor.field for name in ("low", "high"))
    assert low.text() == high.text() == ""
    assert low.placeholderText() == high.placeholderText() == "from the data"
    assert low.fontMetrics().horizontalAdvance(low.placeholderText()) <= low.width() - 26, "nothing is cut"
    assert "of the data" in editor.about.words.text()
    use(shown, editor.form.rows["low"], 2)
    assert shown.experiment == before and low.text() == "2", "one end alone is no scale"
    use(shown, editor.form.rows["high"], 5)
    chosen = shown.experiment.network.output_activation
    assert (chosen.low, chosen.high) == (2, 5)
    assert (low.text(), high.text()) == ("2", "5") and "of the data" not in editor.about.words.text()
    use(shown, editor.form.rows["high"], 6)
    assert shown.experiment.network.output_activation.high == 6
    for _ in range(2):
        shown.document.undo_stack.undo()
    assert shown.experiment == before
    assert low.text() == high.text() == ""
    use(shown, editor.form.rows["low"], 9)
    use(shown, editor.form.rows["high"], 1)
    assert shown.experiment == before and "low must be below high" in shown.refused[-1]
    assert low.text() == high.text() == "", "what holds comes back"


@pytest.mark.parametrize("task", list(TASKS))
def test_the_head_is_chosen_with_its_reason_in_words(drawer, task):
    shown = drawer(WITH_TASK[task])
    if shown.experiment.training.task != task:
        editor = shown.row("training.task").editor
        shown.choose(editor, task)
    shown.panel.open_at(OUTPUTS)
    page = shown.panel.page
    assert page.reason.text() == TASKS[task].reason
    editor, usual = page.row_at(OUTPUTS).editor, ACTIVATIONS[TASKS[task].output_activation]
    assert editor.box.currentText() == f"As usual: {usual.title}"
    assert editor.about.formula.text() == usual.formula
    assert page.warning_line.isVisibleTo(page) == bool(warnings(shown.experiment))


def test_the_classic_mistake_is_warned_of_in_place(drawer):
    shown = drawer("multilabel")
    shown.panel.open_at(OUTPUTS)
    page = shown.panel.page
    assert not page.warning_line.isVisibleTo(page)
    shown.choose(page.row_at(OUTPUTS).editor, "softmax")
    assert "two labels" in page.warnings.text() and page.warning_line.isVisibleTo(page)
