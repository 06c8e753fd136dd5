"""The network as lanes of layers that can be dragged; every neuron a live picture, every edge a weight."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from playground.catalog import activations, features
from playground.experiment import Experiment, ExperimentError, SyntheticSource, output_activation
from playground.experiment.layer_edits import with_layer, with_layer_moved, without_layer
from playground.gui.canvas import lanes as lane_contents
from playground.gui.canvas.controls import NOTE, CanvasControls
from playground.gui.canvas.drag import Preview, preview_of
from playground.gui.canvas.hit_testing import edge_at, node_at
from playground.gui.canvas.insert_menu import layer_menu, show_below
from playground.gui.canvas.lane_controls import ValueEditor
from playground.gui.canvas.lanes import Content, Link
from playground.gui.canvas.layer_pictures import MOST_KERNELS
from playground.gui.canvas.layout import HEADER, Edges, Lane, Size, edges_between, lay_out, minimum_width
from playground.gui.canvas.painter import NetworkPainter
from playground.gui.canvas.plan_shown import plan_to_show, same_structure
from playground.gui.canvas.rasterizer import Rasterizer
from playground.gui.canvas.signs import skip_room
from playground.gui.widgets.controls import painting
from playground.gui.widgets.theme import Theme
from playground.network.plan import Plan
from playground.training import parts
from playground.training.protocol import Part, Snapshot
from playground.training.run import RunInfo
from playground.words import number, tr

# A press and release that hardly move are a click.
CLICK = 4
FIELD = 36
# Layers whose neurons or filters have a bias that a click edits.
WITH_BIAS = ("dense", "conv2d", "outputs")
# Which neurons are struck out changes at most so often, or they would flicker.
STRIKE_SECONDS = 0.7


class NetworkCanvas(QWidget):
    """Shows and changes the network.

    Signals
    -------
    setting_chosen(str label, str path, value)
        A field of a layer, by its path in the experiment.
    structure_chosen(str label, Experiment)
        A layer was inserted, removed or moved.
    output_activation_chosen(name or None)
        None: what fits the task.
    feature_toggled(str, bool)
        An input of planar data.
    value_edited(str parameter, tuple index, float)
        A weight or bias was set by hand.
    layer_selected(tuple path or "outputs")
        All settings of a layer are asked for: ``(0,)`` the first one, ``(1, 0)`` the first within the block that is the second.
    """

    setting_chosen = Signal(str, str, object)
    structure_chosen = Signal(str, object)
    output_activation_chosen = Signal(object)
    feature_toggled = Signal(str, bool)
    value_edited = Signal(str, object, float)
    layer_selected = Signal(object)

    def __init__(self, theme: Theme, rasterizer: Rasterizer, parent: QWidget | None = None) -> None:
        super().__init__(parent, mouseTracking=True)
        self.setAccessibleName(tr("Network"))
        # The canvas paints all of itself: what lies behind it need not be painted first.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(420, 330)
        self._experiment: Experiment | None = None
        self._plan: Plan | None = None
        self._run: RunInfo | None = None
        self._snapshot: Snapshot | None = None
        self.lanes: list[Lane] = []
        self.shown: tuple[Content, ...] = ()
        self._links: tuple[Link, ...] = ()
        self.edges: Edges | None = None
        self._sources: list[NDArray[np.int64]] = []
        self._sentences: list[str] = []
        self._note_room = 0
        self._selected: object = None
        self._struck_at = 0.0
        self._struck: dict[int, NDArray[np.bool_]] = {}
        self._painter = NetworkPainter(theme, rasterizer)
        self._hovered_edge: int | None = None
        self._hovered_node: tuple[int, int] | None = None
        self._preview: Preview | None = None
        self.controls = controls = CanvasControls(theme, self)
        self.headers, self.handles, self.parameter_fields = controls.headers, controls.handles, controls.fields
        self.insert_buttons, self.feature_buttons = controls.insert_buttons, controls.feature_buttons
        self.output_box = controls.output_box
        controls.setting_chosen.connect(self.setting_chosen)
        controls.output_activation_chosen.connect(self.output_activation_chosen)
        controls.feature_toggled.connect(self.feature_toggled)
        controls.removed.connect(self._remove)
        controls.moved.connect(self._shift)
        controls.selected.connect(self._select)
        controls.dragged.connect(self._drag)
        controls.dropped.connect(self._drop)
        controls.cancelled.connect(lambda: self._show_preview(None))
        controls.insert_asked.connect(self._insert_dense)
        controls.menu_asked.connect(self._show_insert_menu)
        self.editor = ValueEditor(theme, self)
        self.editor.entered.connect(self._finish_editing)
        self.editor.cancelled.connect(self._stop_editing)
        self._edited: tuple[str, tuple[int, ...]] | None = None
        theme.changed.connect(self._refresh)
        theme.changed.connect(self.update)

    # What is shown

    def needs_parts(self) -> frozenset[Part]:
        return frozenset({parts.neurons, parts.health}) if self._planar else frozenset({parts.health})

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
        self._show_health()
        self._refresh()

    def show_selected(self, path: object) -> None:
        """Put an accent around the layer whose settings are shown, as `layer_selected` names it; None takes it away."""
        self._selected = path
        self._painter.select(next((content.number for content in self.shown if content.place == path), None))
        self.update()

    @property
    def _planar(self) -> bool:
        return self._experiment is not None and isinstance(self._experiment.data.source, SyntheticSource)

    @property
    def _current(self) -> bool:
        """Whether the newest snapshot belongs to the structure on the canvas."""
        snapshot, run = self._snapshot, self._run
        if snapshot is None or run is None or self._plan is None or snapshot.run is not run:
            return False
        return same_structure(run.plan, self._plan)

    def _arrange(self) -> None:
        """Place everything anew: structure, data or size have changed."""
        experiment = self._experiment
        if experiment is None:
            return
        # What the pointer was on, and what a drag was about to do, may be gone.
        self._hovered_node = self._hovered_edge = self._preview = None
        self._stop_editing()
        self._plan = plan = plan_to_show(experiment, self._run)
        self.shown = shown = lane_contents.contents(experiment, plan)
        self._links = lane_contents.links(shown, plan)
        if len(self._sentences) != len(shown):
            # They were about other layers.
            self._sentences = []
        self._note_room = NOTE if any(self._sentences) else 0
        dataset = self._run.data.dataset if self._run is not None else None
        columns = dataset.image_shape[1] if dataset is not None and dataset.image_shape and not self._planar else 0
        # Switched-off features stay on the lane, to be switched on again.
        inputs = len(features.FEATURES) if self._planar else shown[0].units
        widths = (inputs, *(content.units for content in shown[1:]))
        self._painter.name_nodes(*self._node_names(widths))
        has_field = any(activations.resolve(getattr(content.layer, "activation", "identity"))[0].parameters for content in shown)
        size = Size(
            widths,
            self.width(),
            self.height(),
            columns,
            self._painter.label_room(0),
            self._painter.label_room(-1),
            foot=FIELD if has_field else 0,
            head=skip_room(shown) + self._note_room,
            looks=lane_contents.looks(shown),
        )
        # This may widen the canvas at once.
        self.setMinimumWidth(minimum_width(size))
        self.lanes = lay_out(replace(size, width=self.width()))
        active = [list(features.FEATURES).index(name) for name in experiment.data.features] if self._planar else range(inputs)
        self._sources = [np.array(active, np.int64), *(np.arange(lane.units) for lane in self.lanes[1:-1])]
        self.controls.place(experiment, self.lanes, shown, self._planar)
        self.controls.show_health(self.lanes, self._sentences)
        self._painter.set_layout(self.lanes, shown, self._links, set(active) if self._planar else None)
        self._struck_at = 0.0
        self.show_selected(self._selected)
        self._refresh()

    def _node_names(self, widths: tuple[int, ...]) -> tuple[list[str], list[str]]:
        """What is written beside inputs and outputs; nothing beside folded lanes."""
        dataset = self._run.data.dataset if self._run is not None else None
        inputs: list[str] = []
        if self._planar:
            inputs = [feature.symbol for feature in features.FEATURES.values()]
        elif dataset is not None and not dataset.image_shape and len(dataset.feature_names) == widths[0]:
            inputs = list(dataset.feature_names)
        outputs: list[str] = []
        if dataset is not None and widths[-1] > 1:
            outputs = list(dataset.class_names or dataset.target_names)
        return inputs, outputs if len(outputs) == widths[-1] else []

    def _show_health(self) -> None:
        """Show what the session found wrong with layers, under their titles."""
        health = self._snapshot.parts.get(parts.health, ()) if self._snapshot is not None and self._current else ()
        by_stage = {found.name: found.words for found in health}
        sentences = [by_stage.get(content.stage.name, "") for content in self.shown] if health else []
        if sentences == self._sentences:
            return
        self._sentences = sentences
        # The lanes make room at once, but don't jump back as soon as a layer gets well.
        if any(sentences) and not self._note_room:
            self._arrange()
        else:
            self.controls.show_health(self.lanes, sentences)

    # Changing the structure

    def _select(self, lane: int) -> None:
        self.layer_selected.emit(self.shown[lane].place)

    def _remove(self, lane: int) -> None:
        if self._experiment is not None and 0 < lane < len(self.shown) - 1:
            self.structure_chosen.emit(tr("remove layer"), without_layer(self._experiment, self.shown[lane].path))

    def _move(self, lane: int, end: int) -> None:
        if self._experiment is not None:
            self.structure_chosen.emit(tr("move layer"), with_layer_moved(self._experiment, self.shown[lane].path, end))

    def _shift(self, lane: int, change: int) -> None:
        end = self.shown[lane].path[-1] + change
        if 0 <= end < len(lane_contents.siblings(self.shown, self.shown[lane])):
            self._move(lane, end)

    def _with_layer(self, gap: int, kind: str) -> Experiment:
        """The experiment with a layer after a lane; ExperimentError where it doesn't fit."""
        assert self._experiment is not None and self._plan is not None
        path = lane_contents.insertion_path(self.shown, gap)
        known = self._run is not None and self._current
        inputs = self._run.data.preprocessing.network_inputs if known and self._run is not None else None
        return with_layer(self._experiment, kind, path, self.shown[gap].shape, inputs, self._plan.widths[-1])

    def _insert(self, gap: int, kind: str) -> None:
        self.structure_chosen.emit(tr("insert layer"), self._with_layer(gap, kind))

    def _insert_dense(self, gap: int) -> None:
        """Insert a dense layer; where none fits, offer what does."""
        if self._refusal(gap, "dense"):
            self._show_insert_menu(gap)
        else:
            self._insert(gap, "dense")

    def _refusal(self, gap: int, kind: str) -> str:
        """Why a kind of layer can't go after a lane; empty if it can."""
        try:
            self._with_layer(gap, kind)
        except ExperimentError as error:
            # The path before the sentence says where the layer would stand: that is plain here.
            sentence = str(error).rpartition("layers.")[2].partition(": ")[2] or str(error)
            return sentence[:1].upper() + sentence[1:]
        return ""

    def _show_insert_menu(self, gap: int) -> None:
        menu = layer_menu(self, lambda kind: self._refusal(gap, kind), lambda kind: self._insert(gap, kind))
        show_below(menu, self.insert_buttons[gap])

    # Dragging

    def _preview_of(self, lane: int, offset: QPoint, here: QPoint) -> Preview:
        """What a drag of a lane so far would do; ``here`` is a global position."""
        return preview_of(self.lanes, self.shown, lane, offset, self.mapFromGlobal(here), self.rect())

    def _drag(self, lane: int, offset: QPoint, here: QPoint) -> None:
        if 0 < lane < len(self.shown) - 1:
            self._show_preview(self._preview_of(lane, offset, here))

    def _drop(self, lane: int, offset: QPoint, here: QPoint) -> None:
        if not 0 < lane < len(self.shown) - 1:
            return
        preview = self._preview_of(lane, offset, here)
        self._show_preview(None)
        if offset.manhattanLength() < CLICK:
            self._select(lane)
        elif preview.kind == "remove":
            self._remove(lane)
        elif preview.kind == "move" and preview.value != self.shown[lane].path[-1]:
            self._move(lane, preview.value)
        elif preview.kind == "units":
            self.controls.choose_size(lane, preview.value)

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

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click on a lane beside its neurons shows all settings of its layer."""
        x, y = event.position().x(), event.position().y()
        for lane in self.lanes[1:]:
            if lane.left <= x <= lane.left + lane.width and node_at(self.lanes, x, y) is None:
                self._select(lane.number)

    def _hover(self, position: QPointF) -> None:
        node = node_at(self.lanes, position.x(), position.y())
        edge = edge_at(self.edges, self._painter.scale, position.x(), position.y()) if node is None else None
        if (node, edge) != (self._hovered_node, self._hovered_edge):
            self._hovered_node, self._hovered_edge = node, edge
            self.setCursor(Qt.CursorShape.PointingHandCursor if self._parameter_under_pointer() else Qt.CursorShape.ArrowCursor)
            self.update()

    def _parameter_under_pointer(self) -> tuple[str, tuple[int, ...]] | None:
        """Name and index of the weight or bias under the pointer."""
        if not self._current:
            return None
        if self._hovered_edge is not None and self.edges is not None:
            gap = int(self.edges.gaps[self._hovered_edge])
            row = int(np.flatnonzero(self._sources[gap] == self.edges.sources[self._hovered_edge])[0])
            return self._links[gap].weight, (row, int(self.edges.targets[self._hovered_edge]))
        if self._hovered_node is not None and self.shown[self._hovered_node[0]].kind in WITH_BIAS:
            return f"{self.shown[self._hovered_node[0]].prefix}.bias", (self._hovered_node[1],)
        return None

    def value_of(self, name: str, index: tuple[int, ...]) -> float:
        """The present value of a weight or bias."""
        assert self._snapshot is not None and self._run is not None
        return float(self._run.plan.view(self._snapshot.parameters, name)[index])

    def _edit(self, name: str, index: tuple[int, ...], place: QPoint) -> None:
        self._edited = (name, index)
        self.editor.setPrefix("w = " if name.endswith("weight") else "b = ")
        self.editor.setAccessibleName(tr("Weight") if name.endswith("weight") else tr("Bias"))
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
            plan, snapshot = self._run.plan, self._snapshot
            weights = [plan.view(snapshot.parameters, link.weight) if link.kind == "weights" else None for link in self._links]
            self._painter.scale = self.devicePixelRatioF()
            self.edges = edges_between(self.lanes, weights, self._sources, self._painter.scale)
            self._painter.draw_edges(self.edges, self.size())
            values = snapshot.parts.get(parts.neurons if self._planar else parts.probe)
            columns = self._run.data.dataset.feature_names
            self._painter.draw_layers(plan, snapshot.parameters, values, columns, self._dropped(snapshot, plan))
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
                self._paint_hovered_node(painter, *self._hovered_node)

    def _dropped(self, snapshot: Snapshot, plan: Plan) -> dict[int, NDArray[np.bool_]]:
        """By lane, which neurons dropout switched off in a late step; all are on where nothing is trained."""
        now = time.perf_counter()
        if now - self._struck_at > STRIKE_SECONDS:
            self._struck_at = now
            seed = self._run.experiment.training.seed if self._run is not None else 0
            masks = {content.number: lane_contents.dropped(plan, content, seed, snapshot.step) for content in self.shown}
            self._struck = {lane: mask for lane, mask in masks.items() if mask is not None}
        return self._struck

    def _paint_hovered_node(self, painter: QPainter, lane: int, node: int) -> None:
        content, kernels = self.shown[lane], None
        if content.kind == "conv2d" and self._current and self._snapshot is not None and self._run is not None:
            weights = self._run.plan.view(self._snapshot.parameters, f"{content.prefix}.weight")
            kernels = self._painter.kernels_of(lane, node, weights)
        self._painter.paint_enlarged(painter, lane, node, self._node_words(lane, node), self.size(), kernels)

    def _edge_words(self, edge: int) -> str:
        edges = self.edges
        assert edges is not None
        named = self._parameter_under_pointer()
        row, column = named[1] if named is not None else (0, 0)
        return f"w  {row + 1} → {column + 1}   {number(float(edges.values[edge]), 4)}"

    def _node_words(self, lane: int, node: int) -> list[str]:
        """Lines about a neuron: its name, its activation, its parameters and value."""
        content = self.shown[lane]
        noun = tr("Feature map {0}") if content.is_image else tr("Neuron {0}")
        words = [self._painter.node_name(lane, node) or noun.format(node + 1)]
        if self._current and self._experiment is not None and self._run is not None:
            activation = getattr(content.layer, "activation", "identity")
            if content.kind == "outputs":
                activation = output_activation(self._experiment)
            if content.kind in WITH_BIAS or activations.resolve(activation)[0].name != "identity":
                words.append(activations.resolve(activation)[0].title)
            words += [
                f"{view.name.rpartition('.')[2].replace('_', ' ')} {number(self.value_of(view.name, (node,)), 4)}"
                for view in self._run.plan.parameters
                if view.layer == content.prefix and view.shape == (content.units,)
            ]
        if content.kind == "conv2d":
            channels = self.shown[lane - 1].shape[-1]
            words.append(tr("kernels: {0} of {1}").format(min(MOST_KERNELS, channels), channels))
        value = self._painter.value(lane, node)
        if value is not None:
            words.append(tr("value {0}").format(number(value, 4)))
        return words

    def describe(self) -> str:
        """Say in words what the canvas shows, for screen readers."""
        lanes = [lane_contents.words(content) for content in self.shown]
        return ", ".join(lanes + [sentence for sentence in self._sentences if sentence])

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._arrange()

    def sizeHint(self) -> QSize:
        return QSize(900, 560)
