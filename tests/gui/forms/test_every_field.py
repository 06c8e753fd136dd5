"""Every field of the specs can be reached in the settings, changes the experiment, undoes, and is explained."""

import pytest
from drawer import edit_all_parts, other_value, use
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollBar, QWidget

from playground.catalog.losses import LOSSES
from playground.experiment import (
    DataSpec,
    Experiment,
    NetworkSpec,
    SyntheticSource,
    TrainingSpec,
)
from playground.experiment.fields import (
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
from playground.gui.forms.settings_panel import OUTPUTS, layer_path, settings_path
from playground.network.layers import LAYERS

# Fields that have views of their own: data panel, canvas, the tables' columns.
ELSEWHERE = {"data.source", "data.features"}


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


def test_every_registry_and_every_kind_of_field_is_walked():
    """What the tests above go over is all there is."""
    assert len(REGISTRIES) == 7
    kinds = {type(field.kind) for spec in (DataSpec, NetworkSpec, TrainingSpec, *LAYERS.values()) for field in fields_of(spec)}
    assert kinds <= {Number, Yes, Names, Layers, Choice}
    assert isinstance(field_of(TrainingSpec, "class_weights").kind.options[2].numbers, Numbers)
    assert settings_path("outputs") == OUTPUTS and settings_path((1, 0)) == "network.layers.1.layers.0"
