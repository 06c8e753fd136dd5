"""The network as lanes of layers that can be dragged; every neuron a live picture, every edge a weight."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from playground.experiment import Experiment, ExperimentError, SyntheticSource
from playground.experiment.layer_edits import with_layer, with_layer_moved, without_layer
from playground.gui.canvas import lanes as lane_contents
from playground.gui.canvas.arrangement import Arrangement, arrange
from playground.gui.canvas.controls import NOTE, CanvasControls
from playground.gui.canvas.drag import Preview, preview_of
from playground.gui.canvas.hit_testing import edge_at, node_at
from playground.gui.canvas.insert_menu import layer_menu, show_below
from playground.gui.canvas.lane_controls import ValueEditor
from playground.gui.canvas.lanes import WITH_BIAS, LaneContent, about_neuron
from playground.gui.canvas.layout import HEADER, Edges, Lane, edges_between, lay_out, minimum_width
from playground.gui.canvas.painter import NetworkPainter
from playground.gui.canvas.plan_shown import same_structure
from playground.gui.canvas.rasterizer import Rasterizer
from playground.gui.widgets.controls import painting
from playground.gui.widgets.theme import Theme
from playground.network.plan import Plan
from playground.training import parts
from playground.training.protocol import Part, Snapshot
from playground.training.run import RunInfo
from playground.words import number, tr

# A press and release that hardly move are a click.
CLICK = 4
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

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, mouseTracking=True)
        self.setAccessibleName(tr("Network"))
        # The canvas paints all of itself: what lies behind it need not be painted first.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(420, 330)
        self._experiment: Experiment | None = None
        self._arrangement: Arrangement | None = None
        self._run: RunInfo | None = None
        self._snapshot: Snapshot | None = None
        self.lanes: list[Lane] = []
        self.edges: Edges | None = None
        self._sources: list[NDArray[np.int64]] = []
        self._sentences: list[str] = []
        self._note_room = 0
        # Whether the canvas is being placed: what that does to its size is known.
        self._placing = False
        self._selected: object = None
        self._struck_at = 0.0
        self._struck: dict[int, NDArray[np.bool_]] = {}
        self.rasterizer = Rasterizer()
        self.painter = NetworkPainter(theme, self.rasterizer)
        self.pointed_edge: int | None = None
        self.pointed_node: tuple[int, int] | None = None
        self.preview: Preview | None = None
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
        self.edited: tuple[str, tuple[int, ...]] | None = None
        theme.changed.connect(self._draw)
        theme.changed.connect(self.update)

    # What is shown

    def needs_parts(self) -> frozenset[Part]:
        return frozenset({parts.neurons, parts.health}) if self._planar else frozenset({parts.health})

    def show_experiment(self, experiment: Experiment) -> None:
        """Show a network's structure; nothing is emitted."""
        self._experiment = experiment
        self._arrange()
        self._place()
        self._draw()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the newest weights and activations: what has to be placed anew is placed once, then all is drawn once."""
        if self.editor.isVisible():
            return
        self._snapshot = snapshot
        other = snapshot.run is not self._run
        if other:
            self._run = snapshot.run
            self._arrange()
        sentences, room = self._sentences, self._note_room
        self._sentences = self._found_wrong()
        if any(self._sentences):
            # The lanes make room at once, but don't jump back as soon as a layer gets well.
            self._note_room = NOTE
        if other or self._note_room != room:
            self._place()
        elif self._sentences != sentences:
            self.controls.show_health(self.lanes, self._sentences)
        self._draw()

    def show_selected(self, path: object) -> None:
        """Put an accent around the layer whose settings are shown, as `layer_selected` names it; None takes it away."""
        self._selected = path
        self.painter.select(next((content.number for content in self.contents if content.place == path), None))
        self.update()

    @property
    def contents(self) -> tuple[LaneContent, ...]:
        """What each lane holds."""
        return self._arrangement.contents if self._arrangement is not None else ()

    @property
    def _planar(self) -> bool:
        return self._experiment is not None and isinstance(self._experiment.data.source, SyntheticSource)

    @property
    def _current(self) -> bool:
        """Whether the newest snapshot belongs to the structure on the canvas."""
        snapshot, run, arrangement = self._snapshot, self._run, self._arrangement
        if snapshot is None or run is None or arrangement is None or snapshot.run is not run:
            return False
        return same_structure(run.plan, arrangement.plan)

    def _found_wrong(self) -> list[str]:
        """What the session found wrong with each layer, in words; empty if there is nothing to say."""
        health = self._snapshot.parts.get(parts.health, ()) if self._snapshot is not None and self._current else ()
        by_stage = {found.name: found.words for found in health}
        return [by_stage.get(content.stage.name, "") for content in self.contents] if health else []

    # Layout

    def _arrange(self) -> None:
        """Find what stands on the canvas anew: structure or data have changed."""
        if self._experiment is None:
            return
        self._arrangement = arrange(self._experiment, self._run)
        if len(self._sentences) != len(self.contents):
            # They were about other layers.
            self._sentences = []
        self._note_room = NOTE if any(self._sentences) else 0

    def _place(self) -> None:
        """Place everything anew: what stands here, or the room for it, has changed."""
        experiment, arrangement = self._experiment, self._arrangement
        if experiment is None or arrangement is None:
            return
        # What the pointer was on, and what a drag was about to do, may be gone.
        self.pointed_node = self.pointed_edge = self.preview = None
        self._stop_editing()
        self.painter.name_nodes(arrangement.input_names, arrangement.output_names)
        rooms = self.painter.label_room(0), self.painter.label_room(-1)
        # This may widen the canvas at once.
        self._placing = True
        self.setMinimumWidth(minimum_width(arrangement.size(self.width(), self.height(), rooms, self._note_room)))
        self._placing = False
        self.lanes = lay_out(arrangement.size(self.width(), self.height(), rooms, self._note_room))
        self._sources = arrangement.sources(self.lanes)
        self.controls.place(experiment, self.lanes, arrangement.contents, self._planar)
        self.controls.show_health(self.lanes, self._sentences)
        self.painter.set_layout(self.lanes, arrangement.contents, arrangement.links, arrangement.active)
        self._struck_at = 0.0
        self.show_selected(self._selected)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        if self._placing:
            return
        self._note_room = NOTE if any(self._sentences) else 0
        self._place()
        self._draw()

    # Changing the structure

    def _select(self, lane: int) -> None:
        self.layer_selected.emit(self.contents[lane].place)

    def _remove(self, lane: int) -> None:
        if self._experiment is not None and 0 < lane < len(self.contents) - 1:
            self.structure_chosen.emit(tr("remove layer"), without_layer(self._experiment, self.contents[lane].path))

    def _move(self, lane: int, end: int) -> None:
        if self._experiment is not None:
            self.structure_chosen.emit(tr("move layer"), with_layer_moved(self._experiment, self.contents[lane].path, end))

    def _shift(self, lane: int, change: int) -> None:
        end = self.contents[lane].path[-1] + change
        if 0 <= end < len(lane_contents.siblings(self.contents, self.contents[lane])):
            self._move(lane, end)

    def with_layer_after(self, gap: int, kind: str) -> Experiment:
        """The experiment with a layer after a lane; ExperimentError where it doesn't fit."""
        assert self._experiment is not None and self._arrangement is not None
        path = lane_contents.insertion_path(self.contents, gap)
        known = self._run is not None and self._current
        inputs = self._run.data.preprocessing.network_inputs if known and self._run is not None else None
        return with_layer(self._experiment, kind, path, self.contents[gap].shape, inputs, self._arrangement.plan.widths[-1])

    def _insert(self, gap: int, kind: str) -> None:
        self.structure_chosen.emit(tr("insert layer"), self.with_layer_after(gap, kind))

    def _insert_dense(self, gap: int) -> None:
        """Insert a dense layer; where none fits, offer what does."""
        if self.refusal(gap, "dense"):
            self._show_insert_menu(gap)
        else:
            self._insert(gap, "dense")

    def refusal(self, gap: int, kind: str) -> str:
        """Why a kind of layer can't go after a lane; empty if it can."""
        try:
            self.with_layer_after(gap, kind)
        except ExperimentError as error:
            # The path before the sentence says where the layer would stand: that is plain here.
            sentence = str(error).rpartition("layers.")[2].partition(": ")[2] or str(error)
            return sentence[:1].upper() + sentence[1:]
        return ""

    def _show_insert_menu(self, gap: int) -> None:
        menu = layer_menu(self, lambda kind: self.refusal(gap, kind), lambda kind: self._insert(gap, kind))
        show_below(menu, self.insert_buttons[gap])

    # Dragging

    def _preview_of(self, lane: int, offset: QPoint, here: QPoint) -> Preview:
        """What a drag of a lane so far would do; ``here`` is a global position."""
        return preview_of(self.lanes, self.contents, lane, offset, self.mapFromGlobal(here), self.rect())

    def _drag(self, lane: int, offset: QPoint, here: QPoint) -> None:
        if 0 < lane < len(self.contents) - 1:
            self._show_preview(self._preview_of(lane, offset, here))

    def _drop(self, lane: int, offset: QPoint, here: QPoint) -> None:
        if not 0 < lane < len(self.contents) - 1:
            return
        preview = self._preview_of(lane, offset, here)
        self._show_preview(None)
        if offset.manhattanLength() < CLICK:
            self._select(lane)
        elif preview.kind == "remove":
            self._remove(lane)
        elif preview.kind == "move" and preview.value != self.contents[lane].path[-1]:
            self._move(lane, preview.value)
        elif preview.kind == "units":
            self.controls.choose_size(lane, preview.value)

    def _show_preview(self, preview: Preview | None) -> None:
        self.preview = preview
        self.update()

    # Under the pointer

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.point_at(event.position())

    def leaveEvent(self, _event: QEvent) -> None:
        self.point_at(QPointF(-100, -100))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self.point_at(event.position())
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        named = self.parameter_under_pointer()
        if named is not None:
            self._edit(*named, event.position().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click on a lane beside its neurons shows all settings of its layer."""
        x, y = event.position().x(), event.position().y()
        for lane in self.lanes[1:]:
            if lane.left <= x <= lane.left + lane.width and node_at(self.lanes, x, y) is None:
                self._select(lane.number)

    def point_at(self, position: QPointF) -> None:
        """Take what lies at a position for what the pointer is on."""
        node = node_at(self.lanes, position.x(), position.y())
        edge = edge_at(self.edges, self.painter.scale, position.x(), position.y()) if node is None else None
        if (node, edge) != (self.pointed_node, self.pointed_edge):
            self.pointed_node, self.pointed_edge = node, edge
            self.setCursor(Qt.CursorShape.PointingHandCursor if self.parameter_under_pointer() else Qt.CursorShape.ArrowCursor)
            self.update()

    def parameter_under_pointer(self) -> tuple[str, tuple[int, ...]] | None:
        """Name and index of the weight or bias under the pointer."""
        if not self._current or self._arrangement is None:
            return None
        if self.pointed_edge is not None and self.edges is not None:
            gap = int(self.edges.gaps[self.pointed_edge])
            row = int(np.flatnonzero(self._sources[gap] == self.edges.sources[self.pointed_edge])[0])
            return self._arrangement.links[gap].weight, (row, int(self.edges.targets[self.pointed_edge]))
        if self.pointed_node is not None and self.contents[self.pointed_node[0]].kind in WITH_BIAS:
            return f"{self.contents[self.pointed_node[0]].prefix}.bias", (self.pointed_node[1],)
        return None

    def value_of(self, name: str, index: tuple[int, ...]) -> float:
        """The present value of a weight or bias."""
        assert self._snapshot is not None and self._run is not None
        return float(self._run.plan.view(self._snapshot.parameters, name)[index])

    def _edit(self, name: str, index: tuple[int, ...], place: QPoint) -> None:
        self.edited = (name, index)
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
        if self.edited is None:
            return
        (name, index), self.edited = self.edited, None
        value = self.editor.value()
        self.editor.hide()
        if not self._current:
            return
        if abs(value - self.value_of(name, index)) > 5e-5:
            self.value_edited.emit(name, index, value)

    def _stop_editing(self) -> None:
        """Close the editor; the value stays as it was."""
        self.edited = None
        self.editor.hide()

    # Painting

    def _draw(self) -> None:
        """Draw the newest snapshot into the painter's images."""
        self.edges = None
        arrangement, snapshot = self._arrangement, self._snapshot
        if self._current and arrangement is not None and snapshot is not None and self._run is not None and self.lanes:
            plan, links = self._run.plan, arrangement.links
            weights = [plan.view(snapshot.parameters, link.weight) if link.kind == "weights" else None for link in links]
            self.painter.scale = self.devicePixelRatioF()
            self.edges = edges_between(self.lanes, weights, self._sources, self.painter.scale)
            self.painter.draw_edges(self.edges, self.size())
            values = snapshot.parts.get(parts.neurons if self._planar else parts.probe)
            columns = self._run.data.dataset.feature_names
            self.painter.draw_layers(plan, snapshot.parameters, values, columns, self._dropped(snapshot, plan))
            if self.pointed_edge is not None and self.pointed_edge >= len(self.edges.values):
                self.pointed_edge = None
        else:
            self.painter.clear()
            self.pointed_edge = None
        # Headers lie above the lanes and don't change with the weights.
        self.update(0, HEADER, self.width(), self.height() - HEADER)

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self.lanes:
            return
        with painting(self) as painter:
            self.painter.paint(painter, self.size(), self.devicePixelRatioF())
            for field in (self.editor, *self.parameter_fields):
                if field.isVisible():
                    self.painter.paint_frame(painter, QRectF(field.geometry()), field.hasFocus())
            if self.preview is not None:
                self.painter.paint_preview(painter, self.preview)
            elif self.pointed_edge is not None and self.edges is not None:
                self.painter.paint_edge(painter, self.edges, self.pointed_edge, self.about_edge(self.pointed_edge))
            elif self.pointed_node is not None and not self.editor.isVisible():
                self._paint_hovered_node(painter, *self.pointed_node)

    def _dropped(self, snapshot: Snapshot, plan: Plan) -> dict[int, NDArray[np.bool_]]:
        """By lane, which neurons dropout switched off in a late step; all are on where nothing is trained."""
        now = time.perf_counter()
        if now - self._struck_at > STRIKE_SECONDS:
            self._struck_at = now
            seed = self._run.experiment.training.seed if self._run is not None else 0
            masks = {content.number: lane_contents.dropped(plan, content, seed, snapshot.step) for content in self.contents}
            self._struck = {lane: mask for lane, mask in masks.items() if mask is not None}
        return self._struck

    def _paint_hovered_node(self, painter: QPainter, lane: int, node: int) -> None:
        content, kernels = self.contents[lane], None
        if content.kind == "conv2d" and self._current and self._snapshot is not None and self._run is not None:
            weights = self._run.plan.view(self._snapshot.parameters, f"{content.prefix}.weight")
            kernels = self.painter.kernels_of(lane, node, weights)
        self.painter.paint_enlarged(painter, lane, node, self.about(lane, node), self.size(), kernels)

    def about_edge(self, edge: int) -> str:
        """One line about an edge: from where to where, and its weight."""
        assert self.edges is not None
        named = self.parameter_under_pointer()
        row, column = named[1] if named is not None else (0, 0)
        return f"w  {row + 1} → {column + 1}   {number(float(self.edges.values[edge]), 4)}"

    def about(self, lane: int, node: int) -> list[str]:
        """Lines about a neuron: its name, its activation, its parameters and value."""
        known = None
        if self._current and self._experiment is not None and self._run is not None and self._snapshot is not None:
            known = self._experiment, self._run.plan, self._snapshot.parameters
        words = about_neuron(self.contents, lane, node, self.painter.node_name(lane, node), known)
        value = self.painter.value(lane, node)
        return words if value is None else [*words, tr("value {0}").format(number(value, 4))]

    def describe(self) -> str:
        """Say in words what the canvas shows, for screen readers."""
        lanes = [lane_contents.words(content) for content in self.contents]
        return ", ".join(lanes + [sentence for sentence in self._sentences if sentence])

    def reset(self) -> None:
        """Edit no value, and mark no layer."""
        self._stop_editing()
        self.show_selected(None)

    def sizeHint(self) -> QSize:
        return QSize(900, 560)
