"""Every field of the specs and every record of the catalog can be reached in the settings, changes the experiment, and undoes."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QScrollBar, QWidget

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.initializers import INITIALIZERS
from playground.catalog.losses import LOSSES
from playground.catalog.optimizers import OPTIMIZERS
from playground.catalog.schedules import SCHEDULES
from playground.catalog.tasks import TASKS
from playground.experiment import (
    DataSpec,
    Dense,
    Experiment,
    NetworkSpec,
    Residual,
    SyntheticSource,
    TrainingSpec,
    output_activation,
    warnings,
)
from playground.experiment.fields import (
    LEFT_TO_DATA,
    REGISTRIES,
    Choice,
    Layers,
    Names,
    Number,
    Numbers,
    Words,
    Yes,
    field_of,
    fields_of,
)
from playground.experiment.paths import value_at
from playground.experiment.presets import preset
from playground.gui.document import Document
from playground.gui.forms import editors as form_editors
from playground.gui.forms.curves import activation_curves, activation_picture, schedule_curve, schedule_picture
from playground.gui.forms.editors import LayersEditor
from playground.gui.forms.settings_panel import OUTPUTS, SettingsPanel, layer_path, settings_path
from playground.gui.widgets.number_field import NumberField, number_of
from playground.gui.widgets.theme import Theme
from playground.network.layers import LAYERS

# Presets whose task and data a choice of each kind needs.
WITH_TASK = {"binary": "circle", "multiclass": "iris", "multilabel": "multilabel", "regression": "plane", "bounded": "plane"}
# Fields that have views of their own: data panel, canvas, the tables' columns.
ELSEWHERE = {"data.source", "data.features"}


class Drawer:
    """A document and its settings, wired as in the window."""

    def __init__(self, qtbot, experiment):
        self.qtbot = qtbot
        self.document = Document(experiment)
        self.panel = SettingsPanel(Theme("light"))
        self.refused = []
        self.panel.setting_chosen.connect(lambda label, path, value: self.document.edit(label, {path: value}))
        self.document.changed.connect(lambda _before, now: self.panel.show_experiment(now))
        self.document.refused.connect(self.refused.append)
        qtbot.addWidget(self.panel)
        self.panel.show_experiment(self.document.experiment)
        self.panel.resize(268, 700)
        self.panel.show()

    @property
    def experiment(self):
        return self.document.experiment

    def row(self, path):
        self.panel.open_at(path)
        return self.panel.page.row_at(path)

    def choose(self, editor, name):
        """Pick an option as a click in the list does, if it isn't grayed out."""
        index = [option.name for option in editor.kind.options].index(name)
        editor.box.opening.emit()
        model = editor.box.model()
        assert isinstance(model, QStandardItemModel)
        assert model.item(index).isEnabled(), model.item(index).toolTip()
        editor.box.setCurrentIndex(index)
        editor.box.activated.emit(index)

    def undoes_to(self, before):
        after = self.experiment
        assert after != before and not self.refused
        self.document.undo_stack.undo()
        assert self.experiment == before
        self.document.undo_stack.redo()
        assert self.experiment == after


@pytest.fixture
def drawer(qtbot):
    return lambda experiment="circle": Drawer(qtbot, preset(experiment) if isinstance(experiment, str) else experiment)


def other_value(field, value):
    """Another value that fits the field, as text to type or the thing itself."""
    kind = field.kind
    if isinstance(kind, Number):
        return next(v for v in (0.25, 0.5, 2, 3, 20) if kind.admits(v) and v != value and (not kind.whole or v == int(v)))
    if isinstance(kind, Yes):
        return not value
    assert isinstance(kind, Words)
    return "something else"


def use(drawer, row, value):
    """Enter a value through the row's editor as a user would."""
    editor, qtbot = row.editor, drawer.qtbot
    if isinstance(row.field.kind, Number):
        editor.field.selectAll()
        qtbot.keyClicks(editor.field, str(value))
        qtbot.keyClick(editor.field, Qt.Key.Key_Return)
    elif isinstance(row.field.kind, Yes):
        qtbot.mouseClick(editor.switch, Qt.MouseButton.LeftButton)
    else:
        editor.line.selectAll()
        qtbot.keyClicks(editor.line, value)
        qtbot.keyClick(editor.line, Qt.Key.Key_Return)


def simple_fields(spec, path):
    return [
        (f"{path}{field.name}", field)
        for field in fields_of(spec)
        if isinstance(field.kind, (Number, Yes, Words)) and f"{path}{field.name}" not in ELSEWHERE
    ]


TOP = [
    (Experiment, ""),
    (DataSpec, "data."),
    (SyntheticSource, "data.source."),
    (NetworkSpec, "network."),
    (TrainingSpec, "training."),
]


@pytest.mark.parametrize(
    ("path", "field"), [pytest.param(*pair, id=pair[0]) for spec, at in TOP for pair in simple_fields(spec, at)]
)
def test_every_number_switch_and_text_of_the_specs(drawer, path, field):
    shown = drawer()
    before = shown.experiment
    row = shown.row(path)
    assert row is not None
    value = other_value(field, value_at(before, path))
    use(shown, row, value)
    assert value_at(shown.experiment, path) == value
    shown.undoes_to(before)


def test_every_field_of_the_specs_has_a_row_or_a_view_of_its_own(drawer):
    shown = drawer()
    for spec, path in ((DataSpec, "data."), (NetworkSpec, "network."), (TrainingSpec, "training.")):
        for name in spec.__struct_fields__:
            if path + name not in ELSEWHERE:
                assert shown.row(path + name) is not None, path + name
    assert set(Experiment.__struct_fields__) == {"version", "name", "data", "network", "training"}
    assert shown.row("name") is not None


def test_every_row_is_explained_and_named(drawer):
    shown = drawer()
    for path in ("training", "network", "data", layer_path((0,)), OUTPUTS):
        shown.panel.open_at(path)
        for widget in shown.panel.page.findChildren(QWidget):
            if widget.isVisible() and widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not isinstance(widget, QScrollBar):
                assert widget.accessibleName() and widget.toolTip(), (path, widget)
    for spec in (DataSpec, NetworkSpec, TrainingSpec, SyntheticSource, *LAYERS.values()):
        for field in fields_of(spec):
            assert field.title
            if (spec, field.name) == (SyntheticSource, "name"):
                # Its choices are the gallery's pictures.
                continue
            if isinstance(field.kind, Choice):
                assert all(option.title for option in field.kind.options)
                assert field.description or all(option.description for option in field.kind.options if option.name)
            else:
                assert field.description, (spec, field.name)


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


def edit_all_parts(shown, editor, path):
    """Change every number of a choice through its own form."""
    spec = type(value_at(shown.experiment, path))
    for field in fields_of(spec) if spec is not str else ():
        before = shown.experiment
        row = editor.form.rows[field.name]
        value = other_value(field, getattr(value_at(before, path), field.name))
        use(shown, row, value)
        assert getattr(value_at(shown.experiment, path), field.name) == value, field.name
        shown.undoes_to(before)


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


@pytest.mark.parametrize("name", list(LAYERS))
def test_every_layer_with_all_its_fields(drawer, name):
    experiment = {"embedding": "ratings"}.get(name, "digits")
    shown = drawer(experiment)
    layer = LAYERS[name]()
    if name == "embedding":
        layers = (layer, Dense(units=4))
    elif name in ("conv2d", "max_pool2d", "average_pool2d"):
        layers = (layer, LAYERS["flatten"](), Dense(units=8))
    else:
        layers = (Dense(units=8, activation="tanh"), layer)
    assert shown.document.edit("layers", {"network.layers": layers}), shown.refused
    place = layers.index(layer)
    shown.panel.open_at(layer_path((place,)))
    editor = shown.panel.page.choice
    assert editor.box.currentText() == layer.title and layer.description in editor.about.words.text()
    form = editor.form
    assert set(form.rows if form else ()) == set(type(layer).__struct_fields__)
    for field in fields_of(type(layer)):
        before, row = shown.experiment, shown.panel.page.choice.form.rows[field.name]
        if isinstance(field.kind, Choice) and field.name == "activation":
            shown.choose(row.editor, "sine")
        elif isinstance(field.kind, Choice):
            shown.choose(row.editor, next(o.name for o in field.kind.options if o.name != getattr(layer, field.name)))
        elif isinstance(field.kind, Layers):
            row.editor.add_box.activated.emit(list(LAYERS).index("dropout"))
        else:
            use(shown, row, other_value(field, getattr(layer, field.name)))
        assert getattr(shown.experiment.network.layers[place], field.name) != getattr(layer, field.name), field.name
        shown.undoes_to(before)
        shown.document.undo_stack.undo()


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "embedding"])
def test_a_layer_becomes_one_of_another_kind(drawer, name):
    shown = drawer("digits")
    images = name in ("conv2d", "max_pool2d", "average_pool2d")
    first = Dense(units=8, activation="tanh") if not images else LAYERS["dropout"](rate=0.5)
    if name == "dense":
        first = LAYERS["dropout"]()
    layers = (first, LAYERS["flatten"](), Dense(units=4)) if images else (Dense(units=8), first)
    shown.document.edit("layers", {"network.layers": layers})
    place = layers.index(first)
    before = shown.experiment
    shown.panel.open_at(layer_path((place,)))
    shown.choose(shown.panel.page.choice, name)
    assert type(shown.experiment.network.layers[place]) is LAYERS[name]
    shown.undoes_to(before)


def test_what_the_user_set_is_kept_in_another_kind_of_layer(drawer):
    shown = drawer("digits")
    shown.document.edit("layers", {"network.layers": (Dense(units=8), Dense(units=4, activation="sine"))})
    shown.panel.open_at(layer_path((1,)))
    shown.choose(shown.panel.page.choice, "layer_norm")
    assert shown.experiment.network.layers[1].activation == "sine"


def test_layers_of_a_run_are_added_moved_opened_and_removed(drawer):
    shown = drawer()
    shown.document.edit("layers", {"network.layers": (Dense(units=3), Dense(units=5))})
    editor = shown.row("network.layers").editor
    assert isinstance(editor, LayersEditor)
    editor.add_box.opening.emit()
    gray = {option.name for i, option in enumerate(editor.kind.item.options) if not editor.add_box.model().item(i).isEnabled()}
    assert gray >= {"conv2d", "max_pool2d", "average_pool2d", "embedding"} and "dense" not in gray
    before = shown.experiment
    editor.add_box.activated.emit(list(LAYERS).index("batch_norm"))
    assert type(shown.experiment.network.layers[2]) is LAYERS["batch_norm"]
    shown.undoes_to(before)
    shown.qtbot.mouseClick(editor.rows[1].up_button, Qt.MouseButton.LeftButton)
    assert [getattr(layer, "units", None) for layer in shown.experiment.network.layers] == [5, 3, None]
    shown.qtbot.mouseClick(editor.rows[1].remove_button, Qt.MouseButton.LeftButton)
    assert [getattr(layer, "units", None) for layer in shown.experiment.network.layers] == [5, None]
    shown.qtbot.mouseClick(editor.rows[1].title, Qt.MouseButton.LeftButton)
    assert shown.panel.title.text() == "Layer 2: BatchNorm"


def test_layers_within_a_skip_have_pages_of_their_own(drawer):
    shown = drawer()
    shown.document.edit("layers", {"network.layers": (Dense(units=8), Residual(layers=(Dense(units=8),)))})
    shown.panel.open_at(layer_path((1,)))
    inner = shown.panel.page.choice.form.rows["layers"].editor
    shown.qtbot.mouseClick(inner.rows[0].title, Qt.MouseButton.LeftButton)
    assert shown.panel.title.text() == "Layer 2.1: Dense"
    before = shown.experiment
    shown.choose(shown.panel.page.choice.form.rows["activation"].editor, "mish")
    assert shown.experiment.network.layers[1].layers[0].activation == "mish"
    shown.undoes_to(before)
    shown.qtbot.mouseClick(shown.panel.back_button, Qt.MouseButton.LeftButton)
    assert shown.row("network.layers").isVisible()


def test_a_layer_that_goes_takes_its_page_along(drawer):
    shown = drawer()
    shown.document.edit("layers", {"network.layers": (Dense(units=3), Dense(units=5))})
    shown.panel.open_at(layer_path((1,)))
    shown.document.edit("layers", {"network.layers": (Dense(units=3),)})
    assert shown.panel.place == "network"


def test_class_weights_balanced_and_by_hand(drawer):
    shown = drawer()
    before = shown.experiment
    editor = shown.row("training.class_weights").editor
    shown.choose(editor, "balanced")
    assert shown.experiment.training.class_weights == "balanced"
    shown.undoes_to(before)
    shown.choose(editor, "numbers")
    assert shown.experiment.training.class_weights == (1.0, 1.0)
    line = editor.numbers.line
    line.selectAll()
    shown.qtbot.keyClicks(line, "1, 4.5")
    shown.qtbot.keyClick(line, Qt.Key.Key_Return)
    assert shown.experiment.training.class_weights == (1.0, 4.5)
    line.selectAll()
    shown.qtbot.keyClicks(line, "1, many")
    shown.qtbot.keyClick(line, Qt.Key.Key_Return)
    assert shown.experiment.training.class_weights == (1.0, 4.5)
    assert line.text() == "1, 4.5"


def test_early_stopping_gets_rows_to_watch_and_loses_them(drawer):
    shown = drawer()
    before = shown.experiment
    editor = shown.row("training.early_stopping").editor
    shown.choose(editor, "EarlyStopping")
    assert shown.experiment.training.early_stopping is not None
    assert shown.experiment.data.validation_fraction == 0.2
    shown.undoes_to(before)
    edit_all_parts(shown, editor, "training.early_stopping")
    use(shown, shown.row("data.validation_fraction"), 0)
    assert shown.experiment.training.early_stopping is None


def test_hinge_brings_an_output_it_works_with_and_cross_entropy_the_usual_one(drawer):
    shown = drawer()
    shown.document.edit("smooth", {"training.loss": "binary_cross_entropy"})
    shown.document.edit("smooth", {"network.output_activation": None})
    shown.document.edit("smooth", {"training.label_smoothing": 0.1})
    editor = shown.row("training.loss").editor
    shown.choose(editor, "hinge")
    assert shown.experiment.network.output_activation in LOSSES["hinge"].outputs
    assert shown.experiment.training.label_smoothing == 0
    shown.choose(editor, "binary_cross_entropy")
    assert shown.experiment.network.output_activation is None


def test_each_field_says_whether_it_keeps_the_weights(drawer):
    shown = drawer()
    for path in ("training.optimizer", "training.l2", "training.batch_size", "training.label_smoothing"):
        row = shown.row(path)
        assert "Keeps the weights" in row.editor.toolTip() and "Starts again" not in row.help.text(), path
    for path in ("network.initializer", "network.seed", "data.test_fraction", "data.standardize"):
        assert "Starts again" in shown.row(path).help.text(), path
    # Hinge wants the classes as −1 and 1, squared error doesn't.
    assert "Some choices start again" in shown.row("training.loss").help.text()


def test_a_number_out_of_range_never_leaves_its_field(drawer):
    shown = drawer()
    before = shown.experiment
    field = shown.row("training.label_smoothing").editor.field
    for text in ("7", "some", "-1", "nan"):
        field.selectAll()
        shown.qtbot.keyClicks(field, text)
        shown.qtbot.keyClick(field, Qt.Key.Key_Return)
        assert shown.experiment == before
        assert field.text() == "0"
    assert "0 … 0.9" in shown.row("training.label_smoothing").help.text().replace("\N{NO-BREAK SPACE}", " ")


def test_arrow_keys_step_and_escape_takes_back(qtbot):
    field = NumberField(Theme("light"), Number(whole=False, low=0, high=10))
    qtbot.addWidget(field)
    chosen = []
    field.chosen.connect(chosen.append)
    field.show_value(0.003)
    qtbot.keyClick(field, Qt.Key.Key_Up)
    qtbot.keyClick(field, Qt.Key.Key_Down)
    assert chosen == [0.0031, 0.003]
    field.selectAll()
    qtbot.keyClicks(field, "9")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "0.003" and len(chosen) == 2


@pytest.mark.parametrize(
    ("text", "whole", "value"),
    [
        ("0,5", False, 0.5),
        ("−1", False, -1),
        ("4,096", True, 4096),
        ("1e-8", False, 1e-8),
        ("x", False, None),
        ("inf", False, None),
    ],
)
def test_numbers_as_people_write_them(text, whole, value):
    assert number_of(text, whole) == value


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_the_plots_show_the_functions_themselves(qapp, name):
    record = ACTIVATIONS[name]
    parameter = record.parameters[0].default if record.parameters else 0.0
    z, value, slope = activation_curves(name, parameter)
    if slope is not None:
        rise = np.gradient(value, z)
        bends = np.abs(np.gradient(rise)) > 0.03
        assert np.allclose(rise[1:-1][~bends[1:-1]], slope[1:-1][~bends[1:-1]], atol=0.07)
    light = activation_picture(Theme("light"), name, parameter, 44, 26)
    assert activation_picture(Theme("light"), name, parameter, 44, 26) is light
    dark = activation_picture(Theme("dark"), name, parameter, 44, 26)
    assert light.toImage() != dark.toImage()
    assert len({light.toImage().pixel(x, y) for x in range(88) for y in range(52)}) > 8


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_the_schedules_plot_ends_where_the_schedule_does(qapp, name):
    spec = SCHEDULES[name].spec()
    at, factor = schedule_curve(spec, 40)
    assert at[0] == 0 and at[-1] == 40
    assert (name == "constant") == (np.ptp(factor) == 0)
    assert not schedule_picture(Theme("light"), spec, 40, 200, 60).isNull()


def test_every_registry_and_every_kind_of_field_is_walked():
    """What the tests above go over is all there is."""
    assert len(REGISTRIES) == 7
    kinds = {type(field.kind) for spec in (DataSpec, NetworkSpec, TrainingSpec, *LAYERS.values()) for field in fields_of(spec)}
    assert kinds <= {Number, Yes, Names, Layers, Choice}
    assert isinstance(field_of(TrainingSpec, "class_weights").kind.options[2].numbers, Numbers)
    assert settings_path("outputs") == OUTPUTS and settings_path((1, 0)) == "network.layers.1.layers.0"
