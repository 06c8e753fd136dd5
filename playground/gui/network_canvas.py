"""The network as lanes of neurons that can be dragged; every neuron a live picture, every edge a weight."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from playground.catalog.activations import resolve
from playground.experiment import FEATURES, Experiment, SyntheticSource, output_activation
from playground.gui.controls import number, painting
from playground.gui.lane_controls import (
    FeatureButton,
    InsertButton,
    LaneHandle,
    LaneHeader,
    OutputActivationBox,
    ParameterField,
    ValueEditor,
)
from playground.gui.network_layout import HEADER, Edges, Lane, Size, edges_between, lay_out, minimum_width
from playground.gui.network_painter import NetworkPainter, Preview
from playground.gui.pictures import edge_height
from playground.gui.rasterizer import Rasterizer
from playground.gui.theme import Theme
from playground.session import Snapshot
from playground.trainer import RunInfo

FEATURE_NAMES = {
    "x1": "x₁",
    "x2": "x₂",
    "x1_squared": "x₁²",
    "x2_squared": "x₂²",
    "x1_times_x2": "x₁x₂",
    "sin_x1": "sin x₁",
    "sin_x2": "sin x₂",
}
PIXELS_PER_NEURON = 20
REORDER_FROM = 48
REMOVE_BEYOND = 40
FIELD = 36


class NetworkCanvas(QWidget):
    """Shows and changes the network.

    Signals
    -------
    units_chosen(int layer, int units), activation_chosen(int layer, spec)
        For a hidden layer, counted from 0.
    layer_inserted(int position), layer_removed(int layer), layer_moved(int start, int end)
        The chain of hidden layers.
    output_activation_chosen(name or None)
        None: what fits the task.
    feature_toggled(str, bool)
        An input of planar data.
    value_edited(str parameter, tuple index, float)
        A weight or bias was set by hand.
    """

    units_chosen = Signal(int, int)
    activation_chosen = Signal(int, object)
    layer_inserted = Signal(int)
    layer_removed = Signal(int)
    layer_moved = Signal(int, int)
    output_activation_chosen = Signal(object)
    feature_toggled = Signal(str, bool)
    value_edited = Signal(str, object, float)

    def __init__(self, theme: Theme, rasterizer: Rasterizer, parent: QWidget | None = None) -> None:
        super().__init__(parent, mouseTracking=True)
        self.setAccessibleName(self.tr("Network"))
        # The canvas paints all of itself: what lies behind it need not be painted first.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(420, 330)
        self._theme = theme
        self._experiment: Experiment | None = None
        self._run: RunInfo | None = None
        self._snapshot: Snapshot | None = None
        self.lanes: list[Lane] = []
        self.edges: Edges | None = None
        self._sources: list[NDArray[np.int64]] = []
        self._painter = NetworkPainter(theme, rasterizer)
        self._hovered_edge: int | None = None
        self._hovered_node: tuple[int, int] | None = None
        self._preview: Preview | None = None
        self.headers: list[LaneHeader] = []
        self.handles: list[LaneHandle] = []
        self.parameter_fields: list[ParameterField] = []
        self.insert_buttons: list[InsertButton] = []
        self.feature_buttons: dict[str, FeatureButton] = {}
        self._make_feature_buttons()
        self.output_box = OutputActivationBox(theme, self)
        self.output_box.chosen.connect(self.output_activation_chosen)
        self.editor = ValueEditor(theme, self)
        self.editor.entered.connect(self._finish_editing)
        self.editor.cancelled.connect(self._stop_editing)
        self._edited: tuple[str, tuple[int, ...]] | None = None
        theme.changed.connect(self._refresh)
        theme.changed.connect(self.update)

    # What is shown

    def needs_parts(self) -> frozenset[str]:
        """Names of the parts of a snapshot that the canvas draws."""
        return frozenset({"neurons"}) if self._planar else frozenset()

    def show_experiment(self, experiment: Experiment) -> None:
        """Show a network's structure; nothing is emitted."""
        self._experiment = experiment
        self._arrange()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the newest weights and activations."""
        if self.editor.isVisible():
            return
        self._snapshot = snapshot
        if snapshot.run is not self._run:
            self._run = snapshot.run
            self._arrange()
        self._refresh()

    @property
    def _planar(self) -> bool:
        return self._experiment is not None and isinstance(self._experiment.data.source, SyntheticSource)

    @property
    def _current(self) -> bool:
        """Whether the newest snapshot belongs to the structure on the canvas."""
        snapshot, run = self._snapshot, self._run
        return snapshot is not None and run is not None and snapshot.run is run and run.plan.widths == self._widths(run)

    def _widths(self, run: RunInfo | None) -> tuple[int, ...]:
        experiment = self._experiment
        assert experiment is not None
        inputs = len(experiment.data.features) if self._planar else run.plan.widths[0] if run else 1
        return (inputs, *(layer.units for layer in experiment.network.layers), run.plan.widths[-1] if run else 1)

    def _arrange(self) -> None:
        """Place everything anew: structure, data or size have changed."""
        experiment = self._experiment
        if experiment is None:
            return
        # What the pointer was on, and what a drag was about to do, may be gone.
        self._hovered_node = self._hovered_edge = self._preview = None
        self._stop_editing()
        widths = self._widths(self._run)
        dataset = self._run.data.dataset if self._run is not None else None
        columns = dataset.image_shape[1] if dataset is not None and dataset.image_shape and not self._planar else 0
        # Switched-off features stay on the lane, to be switched on again.
        shown = (len(FEATURES), *widths[1:]) if self._planar else widths
        self._painter.name_nodes(*self._node_names(shown))
        room, output_room = self._painter.label_room(0), self._painter.label_room(-1)
        self.setMinimumWidth(minimum_width(len(shown), columns, room, output_room))
        has_field = any(resolve(layer.activation)[0].parameter for layer in experiment.network.layers)
        size = Size(shown, self.width(), self.height(), columns, room, output_room, FIELD if has_field else 0)
        self.lanes = lay_out(size)
        active = [FEATURES.index(name) for name in experiment.data.features] if self._planar else range(widths[0])
        self._sources = [np.array(active, np.int64), *(np.arange(units) for units in widths[1:-1])]
        self._place_controls(experiment)
        self._painter.set_layout(self.lanes, set(active) if self._planar else None)
        self._refresh()
        self.update()

    def _node_names(self, shown: tuple[int, ...]) -> tuple[list[str], list[str]]:
        """What is written beside inputs and outputs; nothing beside folded lanes."""
        dataset = self._run.data.dataset if self._run is not None else None
        if self._planar:
            inputs = [FEATURE_NAMES[name] for name in FEATURES]
        else:
            inputs = list(dataset.feature_names) if dataset is not None and len(dataset.feature_names) == shown[0] else []
        outputs: list[str] = []
        if dataset is not None and shown[-1] > 1:
            outputs = list(dataset.class_names or dataset.target_names)
        return inputs, outputs if len(outputs) == shown[-1] else []

    # Controls on the canvas

    def _make_feature_buttons(self) -> None:
        for name in FEATURES:
            button = FeatureButton(self._theme, name, self.tr("Input {0}").format(FEATURE_NAMES[name]), self)
            button.clicked.connect(
                lambda _checked=False, name=name, button=button: self.feature_toggled.emit(name, not button.isChecked())
            )
            self.feature_buttons[name] = button

    def _place_controls(self, experiment: Experiment) -> None:
        layers = experiment.network.layers
        while len(self.headers) < len(layers):
            self._add_lane_controls(len(self.headers))
        for index, (header, handle, field) in enumerate(zip(self.headers, self.handles, self.parameter_fields, strict=True)):
            for widget in (header, handle, field):
                widget.setVisible(index < len(layers))
            if index < len(layers):
                lane, layer = self.lanes[index + 1], layers[index]
                header.show_layer(index + 1, layer.units, layer.activation)
                header.move(round(lane.center - header.width() / 2), 0)
                handle.setGeometry(round(lane.left), round(lane.top), round(lane.width), 24)
                field.move(round(lane.center - field.width() / 2), round(lane.top + lane.height) - 32)
                field.show_activation(layer.activation)
                title = resolve(layer.activation)[0].title
                handle.setAccessibleName(self.tr("Hidden {0}: {1} neurons, {2}").format(index + 1, layer.units, title))
        while len(self.insert_buttons) < len(layers) + 1:
            self._add_insert_button(len(self.insert_buttons))
        for position, button in enumerate(self.insert_buttons):
            button.setVisible(position <= len(layers))
            if position <= len(layers):
                left, right = self.lanes[position], self.lanes[position + 1]
                x = (left.left + left.width + right.left) / 2
                # Between two headers there is less room than between their lanes.
                beside_headers = right.center - left.center >= 136
                button.move(round(x - 13), 26 if beside_headers else round(left.top) + 4)
        for name, feature in self.feature_buttons.items():
            feature.setVisible(self._planar)
            feature.setChecked(name in experiment.data.features)
            if self._planar:
                x, y, width, height = self.lanes[0].nodes[FEATURES.index(name)]
                feature.setGeometry(round(x) - 2, round(y) - 2, round(width) + 4, round(height) + 4)
        self.output_box.show_experiment(experiment)
        self.output_box.move(round(self.lanes[-1].center - 48), 59)

    def _add_lane_controls(self, index: int) -> None:
        header, handle = LaneHeader(self._theme, self), LaneHandle(self._theme, self)
        header.units_chosen.connect(lambda units: self.units_chosen.emit(index, units))
        header.activation_chosen.connect(lambda spec: self.activation_chosen.emit(index, spec))
        header.removed.connect(lambda: self.layer_removed.emit(index))
        handle.stepped.connect(lambda change: header.units_chosen.emit(max(1, self.lanes[index + 1].units + change)))
        handle.shifted.connect(lambda change: self._shift(index, change))
        handle.removed.connect(lambda: self.layer_removed.emit(index))
        handle.asked.connect(header.ask_for_units)
        handle.dragged.connect(lambda offset, here: self._drag(index, offset, here))
        handle.dropped.connect(lambda offset, here: self._drop(index, offset, here))
        handle.cancelled.connect(lambda: self._show_preview(None))
        field = ParameterField(self._theme, self)
        field.activation_chosen.connect(lambda spec: self.activation_chosen.emit(index, spec))
        self.parameter_fields.append(field)
        self.headers.append(header)
        self.handles.append(handle)

    def _add_insert_button(self, position: int) -> None:
        button = InsertButton(self._theme, self)
        button.clicked.connect(lambda: self.layer_inserted.emit(position))
        self.insert_buttons.append(button)

    # Dragging

    def _shift(self, index: int, change: int) -> None:
        end = index + change
        if self._experiment is not None and 0 <= end < len(self._experiment.network.layers):
            self.layer_moved.emit(index, end)

    def _preview_of(self, index: int, offset: QPoint, here: QPoint) -> Preview:
        """What a drag so far would do."""
        lane = self.lanes[index + 1]
        local = self.mapFromGlobal(here)
        if not self.rect().adjusted(-REMOVE_BEYOND, -REMOVE_BEYOND, REMOVE_BEYOND, REMOVE_BEYOND).contains(local):
            return Preview("remove", index + 1, 0, local)
        if abs(offset.x()) > REORDER_FROM:
            hidden = self.lanes[1:-1]
            end = sum(other.center < local.x() for other in hidden if other is not lane)
            return Preview("move", index + 1, end, local)
        units = min(4096, max(1, lane.units + round(offset.y() / PIXELS_PER_NEURON)))
        return Preview("units", index + 1, units, local)

    def _drag(self, index: int, offset: QPoint, here: QPoint) -> None:
        self._show_preview(self._preview_of(index, offset, here))

    def _drop(self, index: int, offset: QPoint, here: QPoint) -> None:
        preview = self._preview_of(index, offset, here)
        self._show_preview(None)
        if preview.kind == "remove":
            self.layer_removed.emit(index)
        elif preview.kind == "move" and preview.value != index:
            self.layer_moved.emit(index, preview.value)
        elif preview.kind == "units" and preview.value != self.lanes[index + 1].units:
            self.units_chosen.emit(index, preview.value)

    def _show_preview(self, preview: Preview | None) -> None:
        self._preview = preview
        self.update()

    # Under the pointer

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(event.position())

    def leaveEvent(self, _event: Any) -> None:
        self._hover(QPointF(-100, -100))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._hover(event.position())
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        named = self._parameter_under_pointer()
        if named is not None:
            self._edit(*named, event.position().toPoint())

    def _hover(self, position: QPointF) -> None:
        node = self._node_at(position)
        edge = self._edge_at(position) if node is None else None
        if (node, edge) != (self._hovered_node, self._hovered_edge):
            self._hovered_node, self._hovered_edge = node, edge
            self.setCursor(Qt.CursorShape.PointingHandCursor if self._parameter_under_pointer() else Qt.CursorShape.ArrowCursor)
            self.update()

    def _node_at(self, position: QPointF) -> tuple[int, int] | None:
        x, y = position.x(), position.y()
        for lane in self.lanes:
            if lane.left <= x <= lane.left + lane.width and lane.shown:
                inside = (
                    (lane.nodes[:, 0] <= x)
                    & (x <= lane.nodes[:, 0] + lane.nodes[:, 2])
                    & (lane.nodes[:, 1] <= y)
                    & (y <= lane.nodes[:, 1] + lane.nodes[:, 3])
                )
                if inside.any():
                    return lane.number, int(inside.argmax())
        return None

    def _edge_at(self, position: QPointF, reach: float = 5.0) -> int | None:
        """The drawn edge nearest to a position, if one is near."""
        if self.edges is None:
            return None
        scale = self._painter.scale
        x, y = position.x() * scale, position.y() * scale
        curves = self.edges.curves
        near = np.flatnonzero((curves[:, 0] < x) & (x < curves[:, 2]))
        distances = [abs(edge_height(curves[edge], x) - y) for edge in near]
        best = int(np.argmin(distances)) if distances else -1
        return int(near[best]) if best >= 0 and distances[best] <= reach * scale else None

    def _parameter_under_pointer(self) -> tuple[str, tuple[int, ...]] | None:
        """Name and index of the weight or bias under the pointer."""
        if not self._current:
            return None
        if self._hovered_edge is not None and self.edges is not None:
            gap = int(self.edges.gaps[self._hovered_edge])
            row = int(np.flatnonzero(self._sources[gap] == self.edges.sources[self._hovered_edge])[0])
            return f"layers.{gap}.weight", (row, int(self.edges.targets[self._hovered_edge]))
        if self._hovered_node is not None and self._hovered_node[0] > 0:
            return f"layers.{self._hovered_node[0] - 1}.bias", (self._hovered_node[1],)
        return None

    def value_of(self, name: str, index: tuple[int, ...]) -> float:
        """The present value of a weight or bias."""
        assert self._snapshot is not None and self._run is not None
        return float(self._run.plan.view(self._snapshot.parameters, name)[index])

    def _edit(self, name: str, index: tuple[int, ...], place: QPoint) -> None:
        self._edited = (name, index)
        self.editor.setPrefix("w = " if name.endswith("weight") else "b = ")
        self.editor.setAccessibleName(self.tr("Weight") if name.endswith("weight") else self.tr("Bias"))
        self.editor.setValue(self.value_of(name, index))
        x = min(max(4, place.x() - 55), self.width() - 114)
        self.editor.move(x, min(max(4, place.y() + 10), self.height() - 34))
        self.editor.show()
        self.editor.raise_()
        self.editor.setFocus()
        self.editor.selectAll()

    def _finish_editing(self) -> None:
        if self._edited is None:
            return
        (name, index), self._edited = self._edited, None
        value = self.editor.value()
        self.editor.hide()
        if not self._current:
            return
        if abs(value - self.value_of(name, index)) > 5e-5:
            self.value_edited.emit(name, index, value)

    def _stop_editing(self) -> None:
        """Close the editor; the value stays as it was."""
        self._edited = None
        self.editor.hide()

    # Painting

    def _refresh(self) -> None:
        """Draw the newest snapshot into the painter's images."""
        self.edges = None
        if self._current and self._snapshot is not None and self._run is not None and self.lanes:
            plan, experiment = self._run.plan, self._run.experiment
            weights = [plan.view(self._snapshot.parameters, f"layers.{gap}.weight") for gap in range(len(self.lanes) - 1)]
            self._painter.scale = self.devicePixelRatioF()
            self.edges = edges_between(self.lanes, weights, self._sources, self._painter.scale)
            records = [resolve(layer.activation)[0] for layer in experiment.network.layers]
            ranges = [record.range for record in records]
            low, high = resolve(output_activation(experiment))[0].range
            # Several probabilities start from nothing; a single one is undecided in the middle.
            ranges.append((-high, high) if low == 0.0 and self.lanes[-1].units > 1 else (low, high))
            part = "neurons" if self._planar else "probe"
            self._painter.draw_edges(self.edges, self.size())
            self._painter.draw_nodes(self._snapshot.parts.get(part), ranges)
            if self._hovered_edge is not None and self._hovered_edge >= len(self.edges.values):
                self._hovered_edge = None
        else:
            self._painter.clear()
            self._hovered_edge = None
        # Headers lie above the lanes and don't change with the weights.
        self.update(0, HEADER, self.width(), self.height() - HEADER)

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self.lanes:
            return
        with painting(self) as painter:
            self._painter.paint(painter, self.size(), self.devicePixelRatioF())
            for field in (self.editor, *self.parameter_fields):
                if field.isVisible():
                    self._painter.paint_frame(painter, QRectF(field.geometry()), field.hasFocus())
            if self._preview is not None:
                self._painter.paint_preview(painter, self._preview)
            elif self._hovered_edge is not None and self.edges is not None:
                self._painter.paint_edge(painter, self.edges, self._hovered_edge, self._edge_words(self._hovered_edge))
            elif self._hovered_node is not None and not self.editor.isVisible():
                self._painter.paint_enlarged(painter, *self._hovered_node, self._node_words(*self._hovered_node), self.size())

    def _edge_words(self, edge: int) -> str:
        edges = self.edges
        assert edges is not None
        named = self._parameter_under_pointer()
        row, column = named[1] if named is not None else (0, 0)
        return f"w  {row + 1} → {column + 1}   {number(float(edges.values[edge]), 4)}"

    def _node_words(self, lane: int, node: int) -> list[str]:
        """Lines about a neuron: its name, its activation, bias and value."""
        words = [self._painter.node_name(lane, node) or self.tr("Neuron {0}").format(node + 1)]
        if lane > 0 and self._current and self._experiment is not None:
            layers = self._experiment.network.layers
            spec = layers[lane - 1].activation if lane <= len(layers) else output_activation(self._experiment)
            words.append(resolve(spec)[0].title)
            words.append(self.tr("bias {0}").format(number(self.value_of(f"layers.{lane - 1}.bias", (node,)), 4)))
        value = self._painter.value(lane, node)
        if value is not None:
            words.append(self.tr("value {0}").format(number(value, 4)))
        return words

    def describe(self) -> str:
        """Say in words what the canvas shows, for screen readers."""
        if self._experiment is None:
            return ""
        lanes = [self.tr("{0} inputs").format(self._widths(self._run)[0])]
        words, layers = self.tr("{0} neurons {1}"), self._experiment.network.layers
        lanes += [words.format(layer.units, resolve(layer.activation)[0].title) for layer in layers]
        lanes.append(self.tr("{0} outputs").format(self._widths(self._run)[-1]))
        return ", ".join(lanes)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._arrange()

    def sizeHint(self) -> QSize:
        return QSize(900, 560)
