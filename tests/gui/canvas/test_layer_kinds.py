"""Layers of every kind on the canvas: what is drawn for each, and what the +, its menu, drags and keys do with them."""

from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu

from playground.experiment import Dense, Dropout, ExperimentError, Inputs, NetworkSpec, build_plan, checked
from playground.experiment.presets import preset
from playground.gui.canvas.lanes import contents_of, dropped, links, looks, title_of, words
from playground.gui.canvas.layout import MOST_MAPS, Size, lay_out, minimum_width
from playground.kernels.dropping import drop_key
from playground.kernels.reference.layers import Batch, forward
from playground.network.layers import LAYERS
from playground.training import parts
from playground.training.diagnosis import LayerHealth
from playground.training.trainer import Trainer

Left = Qt.MouseButton.LeftButton
DENSE = {"type": "dense", "units": 8, "activation": "tanh"}
CONVOLUTIONS = [
    {"type": "conv2d", "filters": 16},
    {"type": "max_pool2d"},
    {"type": "conv2d", "filters": 32},
    {"type": "average_pool2d"},
    {"type": "flatten"},
]
BLOCK = [
    DENSE,
    {"type": "batch_norm", "activation": "tanh"},
    {"type": "residual", "layers": [DENSE, {"type": "dropout", "rate": 0.25}, DENSE]},
    {"type": "layer_norm", "trainable": False},
]


def experiment_of(name, layers):
    """A preset with other layers."""
    found = preset(name)
    network = msgspec.convert({"layers": layers}, NetworkSpec)
    return checked(msgspec.structs.replace(found, network=msgspec.structs.replace(found.network, layers=network.layers)))


def show(driver, layers):
    """Put these layers into the window's experiment."""
    driver.window.document.load(experiment_of(driver.name, layers))
    driver.settle()


@pytest.fixture
def planar(open_window):
    driver = open_window("circle")
    driver.name = "circle"
    return driver


@pytest.fixture
def images(open_window):
    driver = open_window("digits")
    driver.name = "digits"
    return driver


def kinds(driver):
    return [layer.__struct_config__.tag for layer in driver.experiment.network.layers]


def color_at(canvas, x, y):
    picture = canvas.grab().toImage()
    ratio = picture.devicePixelRatio()
    return picture.pixelColor(round(x * ratio), round(y * ratio))


# What is drawn


def test_feature_maps_show_the_values_of_the_row_that_is_looked_at(images):
    show(images, CONVOLUTIONS)
    canvas, probe = images.canvas, images.snapshot.parts[parts.probe]
    assert [content.kind for content in canvas.contents] == ["inputs", *(layer["type"] for layer in CONVOLUTIONS), "outputs"]
    lane = canvas.lanes[1]
    assert (lane.units, lane.shown) == (16, MOST_MAPS)
    maps = probe[1].reshape(8, 8, 16)
    number = int(maps.max(axis=(0, 1))[: lane.shown].argmax())
    row, column = np.unravel_index(maps[:, :, number].argmax(), (8, 8))
    x, y, width, height = (float(value) for value in lane.nodes[number])
    strong = color_at(canvas, x + (column + 0.5) * width / 8, y + (row + 0.5) * height / 8)
    row, column = np.unravel_index(maps[:, :, number].argmin(), (8, 8))
    weak = color_at(canvas, x + (column + 0.5) * width / 8, y + (row + 0.5) * height / 8)
    assert strong.blue() - strong.red() > weak.blue() - weak.red() + 20, "the strongest pixel is the bluest"


def test_a_filter_under_the_pointer_shows_its_kernels(images):
    show(images, CONVOLUTIONS)
    canvas = images.canvas
    weights = images.snapshot.run.plan.view(images.snapshot.parameters, "layers.2.weight")
    kernels = canvas.painter.kernels_of(3, 5, weights)
    assert kernels.shape == (8, 3, 3), "one for each of the first eight maps that it looks at"
    strongest = np.abs(weights[:, 5]).argmax()
    channel = strongest % 16
    if channel < 8:
        place = np.unravel_index(strongest // 16, (3, 3))
        red, blue = (kernels[channel][place] >> 16) & 255, kernels[channel][place] & 255
        assert (blue > red) == (weights[strongest, 5] > 0)
    x, y, width, height = (float(value) for value in canvas.lanes[3].nodes[5])
    before = canvas.grab().toImage()
    canvas.point_at(QPointF(x + width / 2, y + height / 2))
    assert canvas.about(3, 5)[0] == "Feature map 6"
    assert "kernels: 8 of 16" in canvas.about(3, 5)
    assert canvas.grab().toImage() != before


def test_the_first_convolution_has_its_kernels_in_the_lane(images):
    show(images, CONVOLUTIONS)
    canvas = images.canvas
    lane = canvas.lanes[1]
    assert lane.look.beside > 0
    assert canvas.lanes[3].look.beside == 0
    weights = images.snapshot.run.plan.view(images.snapshot.parameters, "layers.0.weight")[:, : lane.shown]
    pixel, number = np.unravel_index(np.abs(weights).argmax(), weights.shape)
    place = canvas.painter.pictures.kernel_place(lane, int(number))
    row, column = divmod(int(pixel), 3)
    color = color_at(canvas, place.x() + (column + 0.5) * place.width() / 3, place.y() + (row + 0.5) * place.height() / 3)
    assert (color.blue() > color.red()) == (weights[pixel, number] > 0)


def test_dropout_strikes_out_what_was_really_dropped():
    experiment = experiment_of("circle", [DENSE, {"type": "dropout", "rate": 0.5}])
    plan = build_plan(experiment, 2, 1)
    content = contents_of(experiment, plan)[2]
    inputs = np.random.default_rng(0).normal(size=(5, 2))
    for step in (3, 4, 9):
        keys = [drop_key(7, step, index) for index in range(len(plan.instructions))]
        batch = Batch(inputs, training=True, drop_keys=keys)
        forward(plan, np.random.default_rng(1).normal(size=plan.parameter_size), batch)
        values = batch.values[content.stage.region.unit][0]
        # The step has been counted once it is done.
        assert ((values == 0) == dropped(plan, content, 7, step + 1)).all()


def test_a_block_has_its_layers_first_and_a_skip_above_them(planar):
    show(planar, BLOCK)
    canvas = planar.canvas
    assert [content.path for content in canvas.contents[1:-1]] == [(0,), (1,), (2, 0), (2, 1), (2, 2), (2,), (3,)]
    block = canvas.lanes[6]
    ink = QColor(canvas.controls._theme.palette.text)
    plus = color_at(canvas, block.center, block.top - 14)
    assert abs(plus.lightness() - ink.lightness()) < 60, "the plus stands above the block's own lane"
    assert canvas.lanes[1].top > 92, "the skips have room above the lanes"
    words = canvas.describe()
    for part in ("BatchNorm Tanh", "Dropout 25 %", "Residual: skip around 3 layers", "LayerNorm frozen"):
        assert part in words


def test_an_embedding_shows_its_tables_and_the_rows_that_were_picked(open_window):
    driver = open_window("ratings")
    canvas = driver.canvas
    lane = canvas.lanes[1]
    categories = driver.snapshot.run.data.preprocessing.categories
    assert len(lane.tables) == len(categories) == 2
    tables = canvas.painter.pictures.tables[1]
    probe = driver.snapshot.parts[parts.probe]
    for number, (picture, start, picked) in enumerate(tables):
        assert picked == probe[0][number]
        assert start <= picked < start + len(picture) <= categories[number]
    # The numbers beside the tables are the rows that were picked.
    units = driver.experiment.network.layers[0].units
    table = driver.snapshot.run.plan.view(driver.snapshot.parameters, "layers.0.table.1")
    assert np.allclose(probe[1][units:], table[int(probe[0][1])])
    assert canvas.painter.value(1, units) == pytest.approx(float(table[int(probe[0][1]), 0]))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", [name for name in LAYERS if name not in ("embedding",)])
def test_every_kind_is_drawn_and_described(images, name, theme):
    layers = {
        "dense": [DENSE],
        "flatten": [{"type": "flatten"}],
        "residual": [{"type": "residual", "layers": [{"type": "conv2d", "filters": 1}]}, {"type": "flatten"}],
    }.get(name, [{"type": name}, {"type": "flatten"}])
    images.window.set_theme(theme)
    show(images, layers)
    canvas = images.canvas
    lane = next(content for content in canvas.contents if content.kind == name)
    title = "neurons Tanh" if name == "dense" else LAYERS[name].title
    assert title in canvas.describe()
    header = "Hidden 1" if name == "dense" else LAYERS[name].title.removesuffix("2D")
    assert header in canvas.headers[lane.number - 1].title.text()
    assert canvas.handles[lane.number - 1].accessibleName() == f"{title_of(canvas.contents, lane)}: {words(lane)}"
    for number in range(len(canvas.lanes)):
        x, y, width, height = (float(value) for value in canvas.lanes[number].nodes[0])
        canvas.point_at(QPointF(x + width / 2, y + height / 2))
        canvas.grab()


@pytest.mark.parametrize("size", [(700, 500), (1000, 800), (1400, 700)])
@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("circle", BLOCK),
        ("circle", [{"type": "residual", "layers": [{"type": "residual", "layers": [{"type": "dense", "units": 2}]}]}]),
        ("digits", CONVOLUTIONS),
        ("digits", [{"type": "flatten"}, {"type": "dense", "units": 300}, {"type": "dropout"}]),
        ("digits", [{"type": "conv2d", "filters": 1}, {"type": "batch_norm"}, {"type": "layer_norm"}, {"type": "flatten"}]),
        ("ratings", [{"type": "embedding", "units": 32}, DENSE]),
        ("ratings", [{"type": "embedding", "units": 1}]),
    ],
)
def test_lanes_of_all_kinds_keep_apart_and_hold_what_they_show(name, layers, size):
    experiment = experiment_of(name, layers)
    inputs = {"digits": Inputs(64, (8, 8, 1)), "ratings": Inputs(2, (), (200, 150))}.get(name, Inputs(2))
    plan = build_plan(experiment, inputs, 3)
    shown = contents_of(experiment, plan)
    widths = tuple(content.units for content in shown)
    size = Size(widths, *size, image_columns=8 if name == "digits" else 0, looks=looks(shown), head=48)
    lanes = lay_out(replace(size, width=max(size.width, minimum_width(size))))
    for lane in lanes:
        nodes = lane.nodes
        assert lane.shown >= 1
        assert nodes[:, 0].min() - lane.look.beside >= lane.left - 1
        assert (nodes[:, 0] + nodes[:, 2]).max() <= lane.left + lane.width + 1
        assert nodes[:, 1].min() >= lane.top
        assert (nodes[:, 1] + nodes[:, 3]).max() <= lane.top + lane.height + 1
        assert (np.diff(nodes[:, 1]) >= -1e-3).all()
        for table in lane.tables:
            assert table[0] + table[2] < nodes[:, 0].min()
    for left, right in pairwise(lanes):
        assert left.left + left.width < right.left


def test_many_weights_after_a_flatten_are_a_fan():
    wide = experiment_of("digits", [{"type": "conv2d", "filters": 16}, {"type": "flatten"}, {"type": "dense", "units": 8}])
    plan = build_plan(wide, Inputs(64, (8, 8, 1)), 10)
    assert [link.kind for link in links(contents_of(wide, plan), plan)] == ["ribbon", "ribbon", "fan", "weights"]
    narrow = experiment_of("digits", CONVOLUTIONS)
    plan = build_plan(narrow, Inputs(64, (8, 8, 1)), 10)
    assert [link.kind for link in links(contents_of(narrow, plan), plan)] == [
        "ribbon",
        "each",
        "ribbon",
        "each",
        "ribbon",
        "weights",
    ]


def test_a_weight_behind_a_flatten_is_named_as_it_is(images):
    show(images, CONVOLUTIONS)
    canvas = images.canvas
    canvas.pointed_edge = len(canvas.edges.values) - 1
    name, index = canvas.parameter_under_pointer()
    assert name == "layers.5.weight"
    assert canvas.value_of(name, index) == pytest.approx(float(canvas.edges.values[-1]))


# Inserting


def menu_of(driver, gap):
    """Open the menu of a place and return its actions by kind."""
    driver.canvas.insert_buttons[gap].menu_asked.emit()
    menu = driver.canvas.findChildren(QMenu)[-1]
    return menu, {action.data(): action for action in menu.actions()}


def close(menu):
    menu.close()
    QApplication.processEvents()


def test_the_menu_offers_every_kind_and_says_why_one_does_not_fit(planar):
    menu, actions = menu_of(planar, 1)
    assert list(actions) == list(LAYERS)
    for kind, action in actions.items():
        assert action.text().startswith(LAYERS[kind].title)
        assert action.isEnabled() == (kind not in ("conv2d", "max_pool2d", "average_pool2d", "embedding"))
    assert "moves over an image" in actions["conv2d"].toolTip()
    assert "layers." not in actions["conv2d"].toolTip()
    assert actions["dropout"].toolTip() == LAYERS["dropout"].description
    actions["dropout"].trigger()
    close(menu)
    planar.settle()
    assert kinds(planar) == ["dense", "dropout", "dense"]
    planar.window.actions_by_name["undo"].trigger()
    assert kinds(planar) == ["dense", "dense"]


def test_a_convolution_before_a_dense_layer_brings_a_flatten_along(images):
    show(images, [DENSE])
    menu, actions = menu_of(images, 0)
    actions["conv2d"].trigger()
    close(menu)
    images.settle()
    assert kinds(images) == ["conv2d", "flatten", "dense"]
    # A second one needs no more.
    menu, actions = menu_of(images, 1)
    assert not actions["dense"].isEnabled()
    assert "Flatten before it" in actions["dense"].toolTip()
    actions["max_pool2d"].trigger()
    close(menu)
    images.settle()
    assert kinds(images) == ["conv2d", "max_pool2d", "flatten", "dense"]


def test_a_click_where_no_dense_layer_fits_offers_what_does(images):
    show(images, CONVOLUTIONS)
    images.qtbot.mouseClick(images.canvas.insert_buttons[1], Left, pos=QPoint(13, 13))
    menu = images.canvas.findChildren(QMenu)[-1]
    assert menu.isVisible()
    close(menu)
    assert kinds(images) == [layer["type"] for layer in CONVOLUTIONS]


@pytest.mark.parametrize("way", ["arrow", "right click", "long press", "key"])
def test_every_way_to_the_menu(planar, way):
    button = planar.canvas.insert_buttons[0]
    if way == "arrow":
        planar.qtbot.mouseClick(button, Left, pos=QPoint(13, 32))
    elif way == "right click":
        place = QPoint(13, 13)
        QApplication.sendEvent(button, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, button.mapToGlobal(place)))
    elif way == "long press":
        planar.qtbot.mousePress(button, Left, pos=QPoint(13, 13))
        planar.until(lambda: planar.canvas.findChildren(QMenu))
        planar.qtbot.mouseRelease(button, Left, pos=QPoint(13, 13))
    else:
        planar.qtbot.keyClick(button, Qt.Key.Key_Down)
    menus = planar.canvas.findChildren(QMenu)
    assert len(menus) == 1 and menus[0].isVisible()
    close(menus[0])
    assert len(planar.experiment.network.layers) == 2, "opening the menu inserts nothing"


@pytest.mark.parametrize(
    ("name", "layers"), [("circle", BLOCK), ("digits", CONVOLUTIONS), ("ratings", [{"type": "embedding"}, DENSE])]
)
def test_what_the_menu_offers_can_be_trained_and_what_it_refuses_cannot(open_window, name, layers):
    driver = open_window(name)
    driver.name = name
    show(driver, layers)
    canvas, data = driver.canvas, driver.snapshot.run.data
    offered = refused = 0
    for gap in range(len(canvas.lanes) - 1):
        for kind in LAYERS:
            if reason := canvas.refusal(gap, kind):
                assert reason.endswith(".") and reason[0].isupper()
                refused += 1
                continue
            changed = canvas.with_layer_after(gap, kind)
            assert changed != driver.experiment
            assert Trainer(changed, backend="reference", data=data).train_steps(1)
            offered += 1
    assert offered >= 5 * (len(canvas.lanes) - 1) - 3
    assert refused >= len(canvas.lanes) - 1


# Changing


def test_keys_work_on_lanes_of_every_kind(planar):
    show(planar, BLOCK)
    canvas, qtbot = planar.canvas, planar.qtbot
    # Within the block: its first layer goes after the dropout, and stays within.
    qtbot.keyClick(canvas.handles[2], Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    planar.settle()
    block = planar.experiment.network.layers[2]
    assert [type(layer) for layer in block.layers] == [Dropout, Dense, Dense]
    qtbot.keyClick(canvas.handles[3], Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    planar.settle()
    qtbot.keyClick(canvas.handles[2], Qt.Key.Key_Plus)
    planar.settle()
    assert planar.experiment.network.layers[2].layers[0].units == 9
    # A dropout has no size: + does nothing, Del removes it.
    before = planar.experiment
    qtbot.keyClick(canvas.handles[3], Qt.Key.Key_Plus)
    assert planar.experiment == before
    qtbot.keyClick(canvas.handles[3], Qt.Key.Key_Delete)
    planar.settle()
    assert [type(layer) for layer in planar.experiment.network.layers[2].layers] == [Dense, Dense]
    # The block as a whole, by its own lane.
    qtbot.keyClick(canvas.handles[4], Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    planar.settle()
    assert kinds(planar) == ["dense", "residual", "batch_norm", "layer_norm"]


def test_a_block_goes_with_its_last_layer(planar):
    show(planar, [DENSE, {"type": "residual", "layers": [DENSE]}])
    planar.qtbot.mouseClick(planar.canvas.headers[1].remove_button, Left)
    planar.settle()
    assert kinds(planar) == ["dense"]


def test_filters_are_dragged_like_neurons(images):
    show(images, CONVOLUTIONS)
    canvas = images.canvas
    here = canvas.mapToGlobal(QPoint(300, 200))
    canvas.controls.dragged.emit(1, QPoint(0, 40), here)
    assert canvas.preview.words == "18 filters"
    canvas.controls.dropped.emit(1, QPoint(0, 40), here)
    images.settle()
    assert images.experiment.network.layers[0].filters == 18
    assert canvas.headers[0].count.text() == "18"
    # A pool has no size, so dragging it down changes nothing.
    before = images.experiment
    canvas.controls.dropped.emit(2, QPoint(0, 40), here)
    assert images.experiment == before


def test_a_move_that_cannot_be_is_refused_in_one_sentence(images):
    show(images, CONVOLUTIONS)
    images.qtbot.keyClick(images.canvas.handles[4], Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert kinds(images) == [layer["type"] for layer in CONVOLUTIONS]
    assert images.window.banner.isVisible()
    images.window.banner.dismiss()


def test_a_layer_is_selected_by_title_click_and_key(planar):
    show(planar, BLOCK)
    canvas, heard = planar.canvas, []
    canvas.layer_selected.connect(heard.append)
    planar.qtbot.mouseClick(canvas.headers[2].title, Left)
    planar.qtbot.mouseClick(canvas.handles[5], Left)
    planar.qtbot.keyClick(canvas.handles[3], Qt.Key.Key_Return)
    planar.qtbot.mouseClick(canvas.controls.output_title, Left)
    assert heard == [(2, 0), (2,), (2, 1), "outputs"]
    marked = canvas.grab().toImage()
    planar.window.actions_by_name["settings"].setChecked(False)
    planar.settle()
    assert canvas.grab().toImage() != marked, "the accent goes with the settings"


# Health


def test_what_is_wrong_with_a_layer_stands_under_its_title(planar):
    canvas = planar.canvas
    top = canvas.lanes[1].top
    sentence = "2 of 2 neurons are dead: they give 0 whatever comes in."
    sick = tuple(
        LayerHealth(content.stage.name, 0, content.units, 0.0, 1.0, 0.1, sentence if content.number == 2 else "")
        for content in canvas.contents[1:]
    )
    planar.window.loop.stop()
    try:
        healthy = planar.snapshot
        canvas.show_snapshot(replace(healthy, parts=MappingProxyType({**healthy.parts, parts.health: sick})))
        notes = [note for note in canvas.controls.notes if note.isVisible()]
        assert [note.words for note in notes] == [sentence]
        assert abs(notes[0].geometry().center().x() - canvas.lanes[2].center) < 2
        assert notes[0].toolTip() == sentence
        assert canvas.lanes[1].top > top, "the lanes make room"
        assert sentence in canvas.describe()
        canvas.show_snapshot(healthy)
        assert not any(note.isVisible() for note in canvas.controls.notes)
        assert canvas.lanes[1].top > top, "they don't jump back at once"
        canvas.show_experiment(planar.experiment)
        assert canvas.lanes[1].top == top
        canvas.show_snapshot(replace(healthy, parts=MappingProxyType({**healthy.parts, parts.health: sick})))
        planar.canvas.headers[1].remove_button.click()
        assert not any(note.isVisible() for note in canvas.controls.notes), "the layer that it was about is gone"
    finally:
        planar.window.loop.start()


def test_layers_that_are_no_network_are_refused_before_anything_is_drawn():
    with pytest.raises(ExperimentError, match="Flatten"):
        experiment_of("digits", [{"type": "conv2d"}, DENSE])
