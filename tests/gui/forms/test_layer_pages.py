"""The settings of layers: every kind with all its fields, runs of layers, and pages that come and go."""

import pytest
from drawer import other_value, use
from PySide6.QtCore import Qt

from playground.experiment import (
    Dense,
    Residual,
)
from playground.experiment.fields import (
    Choice,
    Layers,
    fields_of,
)
from playground.gui.forms.editors import LayersEditor
from playground.gui.forms.settings_panel import layer_path
from playground.network.layers import LAYERS


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
