"""The editors of single fields in a form that aren't choices: on or off, words, files, rows of numbers, runs of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import structs
from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from playground.catalog import activations
from playground.experiment.fields import Field, Layers, Number, Numbers, Option, Words, Yes, kind_title
from playground.gui.widgets.choices import ChoiceBox, MoreButton
from playground.gui.widgets.controls import IconButton
from playground.gui.widgets.number_field import NumberField, number_of
from playground.gui.widgets.sliders import Switch
from playground.gui.widgets.theme import Theme
from playground.words import plain_number, tr


def pick_model(parent: QWidget) -> str:
    """Let the user pick a saved model; an empty text if none was picked."""
    path, _ = QFileDialog.getOpenFileName(parent, tr("Weights of a saved model"), "", tr("Models (*.safetensors)"))
    return path


class Editor(QWidget):
    """Shows one value and lets the user change it.

    Signals
    -------
    edited(value)
        The user changed it.
    """

    edited = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(6)

    def show_value(self, value: Any) -> None:
        """Show a value; nothing is emitted."""
        raise NotImplementedError


class NumberEditor(Editor):
    """One number."""

    def __init__(self, theme: Theme, field: Field) -> None:
        super().__init__()
        assert isinstance(field.kind, Number)
        self.field = NumberField(theme, field.kind)
        self.row.addWidget(self.field)
        self.field.chosen.connect(self.edited)
        self.setFocusProxy(self.field)

    def show_value(self, value: Any) -> None:
        self.field.show_value(value)

    def show_left_to_data(self) -> None:
        """Show that the number is found in the data, until one is typed."""
        self.field.show_none(tr("from the data"))


class SwitchEditor(Editor):
    """On or off."""

    def __init__(self, theme: Theme, field: Field) -> None:
        super().__init__()
        self.switch = Switch(theme, "", field.description)
        self.switch.setFixedWidth(40)
        self.row.addWidget(self.switch)
        self.switch.clicked.connect(lambda on: self.edited.emit(on))
        self.setFocusProxy(self.switch)

    def show_value(self, value: Any) -> None:
        self.switch.setChecked(value)


class WordsEditor(Editor):
    """A line of text; a path can also be picked."""

    def __init__(self, theme: Theme, field: Field) -> None:
        super().__init__()
        self._value = ""
        self.line = QLineEdit()
        self.line.setFont(theme.font(12, 500))
        self.row.addWidget(self.line, 1)
        self.line.editingFinished.connect(self._typed)
        self.setFocusProxy(self.line)
        if field.name == "path":
            self.button = IconButton(theme, "open", tr("Pick the file…"), size=30)
            self.button.clicked.connect(self._pick)
            self.row.addWidget(self.button)

    def show_value(self, value: Any) -> None:
        self._value = value
        if self.line.text() != value:
            self.line.setText(value)
        self.line.setToolTip(value)

    def _typed(self) -> None:
        if self.line.text() != self._value:
            self._value = self.line.text()
            self.edited.emit(self._value)

    def _pick(self) -> None:
        path = pick_model(self)
        if path:
            self.edited.emit(path)


class NumbersEditor(Editor):
    """A row of numbers with commas between them."""

    def __init__(self, theme: Theme, kind: Numbers) -> None:
        super().__init__()
        self._kind = kind.item
        self._value: tuple[float, ...] = ()
        self.line = QLineEdit()
        self.line.setFont(theme.font(12, 600, tabular=True))
        self.row.addWidget(self.line, 1)
        self.line.editingFinished.connect(self._typed)
        self.setFocusProxy(self.line)

    def show_value(self, value: Any) -> None:
        self._value = tuple(value)
        self.line.setText(", ".join(plain_number(number).replace(",", "") for number in value))

    def _typed(self) -> None:
        numbers = [number_of(part) for part in self.line.text().replace(";", ",").split(",") if part.strip()]
        taken = tuple(number for number in numbers if number is not None and self._kind.admits(number))
        if len(taken) < len(numbers) or not taken:
            # Not all of it are numbers that can be: what holds comes back.
            self.show_value(self._value)
        elif taken != self._value:
            self._value = taken
            self.edited.emit(taken)


class LayersEditor(Editor):
    """A run of layers: each a button to its own settings, with ways to move it up and to take it out; more can be added.

    Signals
    -------
    opened(int)
        The settings of a layer are wanted, by its position.
    """

    opened = Signal(int)

    def __init__(self, theme: Theme, kind: Layers, refusal: Callable[[Any], str]) -> None:
        super().__init__()
        self._theme = theme
        self.kind = kind
        self._refusal = refusal
        self._layers: tuple[Any, ...] = ()
        self.rows: list[LayerRow] = []
        self._column = QVBoxLayout()
        self._column.setSpacing(2)
        self.row.addLayout(self._column)
        self.add_box = ChoiceBox(theme, tr("Add a layer"), tr("A layer more, after the others. Starts again."))
        self.add_box.setPlaceholderText(tr("Add a layer…"))
        self.add_box.offer((option.title, option.description) for option in kind.item.options)
        self.add_box.setCurrentIndex(-1)
        self.add_box.opening.connect(self._refuse_unfit)
        self.add_box.activated.connect(self._add)
        self._column.addWidget(self.add_box)

    def show_value(self, value: Any) -> None:
        self._layers = tuple(value)
        while len(self.rows) < len(self._layers):
            self._add_row(len(self.rows))
        for index, row in enumerate(self.rows):
            row.setVisible(index < len(self._layers))
            if index < len(self._layers):
                row.show_layer(index, self._layers[index], len(self._layers))
        self.add_box.setEnabled(len(self._layers) < self.kind.most)

    def _add_row(self, index: int) -> None:
        row = LayerRow(self._theme)
        row.title.clicked.connect(lambda: self.opened.emit(index))
        row.up_button.clicked.connect(lambda: self._move_up(index))
        row.remove_button.clicked.connect(lambda: self.edited.emit((*self._layers[:index], *self._layers[index + 1 :])))
        self._column.insertWidget(index, row)
        self.rows.append(row)

    def _move_up(self, index: int) -> None:
        layers = list(self._layers)
        layers[index - 1 : index + 1] = layers[index], layers[index - 1]
        self.edited.emit(tuple(layers))

    def _add(self, index: int) -> None:
        with QSignalBlocker(self.add_box):
            self.add_box.setCurrentIndex(-1)
        self.edited.emit((*self._layers, self.kind.item.options[index].value))

    def _refuse_unfit(self) -> None:
        for index, option in enumerate(self.kind.item.options):
            self.add_box.refuse(index, self._refusal((*self._layers, option.value)))


class LayerRow(QWidget):
    """One layer of a run."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.title = MoreButton(theme, "", "", 12, 500, "text")
        self.up_button = IconButton(theme, "up", "", size=26)
        self.remove_button = IconButton(theme, "close", "", size=26)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.title)
        row.addStretch(1)
        row.addWidget(self.up_button)
        row.addWidget(self.remove_button)

    def show_layer(self, index: int, layer: Any, count: int) -> None:
        """Show which layer it is."""
        words = f"{index + 1}  {kind_title(layer)}"
        activation = getattr(layer, "activation", "identity")
        if activation != "identity":
            words += f" · {activations.resolve(activation)[0].title}"
        self.title.setText(words)
        for button, tip in (
            (self.title, tr("{0}: all settings")),
            (self.up_button, tr("{0}: move it up. Starts again.")),
            (self.remove_button, tr("Remove {0}. Starts again.")),
        ):
            button.setToolTip(tip.format(words))
            button.setAccessibleName(tip.format(words))
        self.up_button.setEnabled(index > 0)
        self.remove_button.setEnabled(count > 0)


def simple_editor(theme: Theme, field: Field) -> Editor:
    """The editor of a field that is no choice and no run of layers."""
    if isinstance(field.kind, Number):
        return NumberEditor(theme, field)
    if isinstance(field.kind, Yes):
        return SwitchEditor(theme, field)
    if isinstance(field.kind, Numbers):
        return NumbersEditor(theme, field.kind)
    assert isinstance(field.kind, Words), field
    return WordsEditor(theme, field)


def chosen_value(option: Option, old: Any, parent: QWidget) -> Any:
    """What an experiment is to hold when an option is chosen; None as well where a file should have been picked and wasn't.

    What the user set in the old choice stays where the new one has it too.
    """
    if option.needs_path:
        path = pick_model(parent)
        assert option.spec is not None
        return option.spec(path=path) if path else None
    value = option.value
    if option.spec is None or isinstance(value, str) or not hasattr(old, "__struct_fields__"):
        return value
    usual = {field.name: field.default for field in structs.fields(old)}
    kept = {name: getattr(old, name) for name in old.__struct_fields__ if getattr(old, name) != usual[name]}
    return structs.replace(value, **{name: kept[name] for name in kept if name in value.__struct_fields__})
