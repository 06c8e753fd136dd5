"""A form that builds itself from a spec: a row per field with its name, value, range and explanation; choices open their own."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import msgspec
from msgspec import structs
from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from playground.catalog.activations import ACTIVATIONS, Activation
from playground.catalog.tasks import TASKS
from playground.experiment import Experiment, edits
from playground.experiment.fields import LEFT_TO_DATA, Choice, Field, Layers, Names, Number, Option, Yes, fields_of
from playground.gui.forms.about_choice import AboutChoice
from playground.gui.forms.activation_boxes import show_plots
from playground.gui.forms.editors import Editor, LayersEditor, NumberEditor, NumbersEditor, chosen_value, simple_editor
from playground.gui.forms.effects import effect_of, keeps
from playground.gui.widgets.choices import ChoiceBox, MoreButton
from playground.gui.widgets.controls import TextLabel
from playground.gui.widgets.theme import Theme
from playground.words import tr

# Fields whose value can be looked for: where that leads from the field, and the words of the button.
FINDERS = {
    "learning_rate": (
        "find",
        tr("Find a rate"),
        tr("Try learning rates on a copy of the run, and see where the loss falls fastest."),
    )
}

# The experiment with another value in one place; not checked.
Changed = Callable[[Any], Experiment]


class Form(QWidget):
    """The fields of one spec, one below the other; they are made when values are shown, or some of them later by `make`.

    Parameters
    ----------
    spec
        The struct type whose fields are shown.
    changed
        ``f(name, value)`` gives the whole experiment with that field changed: to say what can't be chosen, and what a change
        does to the weights.
    leave_out
        Names of fields that aren't shown.

    Signals
    -------
    edited(str label, str name, value)
        The user changed a field; the label is for the undo menu.
    opened(str path)
        The settings of a layer in a run are wanted: ``layers.0``; or help to find a value: ``learning_rate.find``.
    """

    edited = Signal(str, str, object)
    opened = Signal(str)

    def __init__(
        self,
        theme: Theme,
        spec: type[msgspec.Struct],
        changed: Callable[[str, Any], Experiment],
        leave_out: Collection[str] = (),
    ) -> None:
        super().__init__()
        self.spec = spec
        self.value: Any = None
        # Fields that the data decide until the user gives all of them.
        self._left: set[str] = set()
        self._theme = theme
        self._changed = changed
        self._experiment: Experiment | None = None
        self._rows: dict[str, Row] = {}
        self._to_make = deque(
            field for field in fields_of(spec) if field.name not in leave_out and not isinstance(field.kind, Names)
        )
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(14)

    @property
    def rows(self) -> dict[str, Row]:
        """All rows by the names of their fields."""
        self.make()
        return self._rows

    def make(self, until: float = math.inf) -> bool:
        """Make the rows that aren't there yet, until a time of ``time.perf_counter``; whether all are there."""
        while self._to_make and time.perf_counter() < until:
            field = self._to_make.popleft()
            row = Row(self._theme, field, partial(self._changed, field.name))
            row.edited.connect(lambda label, value, name=field.name: self._edit(label, name, value))
            row.opened.connect(lambda path, name=field.name: self.opened.emit(f"{name}.{path}"))
            self._rows[field.name] = row
            if self._experiment is not None:
                # Before it is in sight, where each part that comes and goes has everything laid out again.
                row.show_value(getattr(self.value, field.name), self._experiment)
            self._column.addWidget(row)
            if self.isVisible():
                # Now and not in a turn to come, so that the page can grow by it before it is painted.
                row.show()
        return not self._to_make

    def show_value(self, value: msgspec.Struct, experiment: Experiment, until: float = math.inf) -> None:
        """Show a spec of the form's type; nothing is emitted. ``until``: as of `make`."""
        self.value, self._experiment = value, experiment
        self._left = set()
        for name, row in self._rows.items():
            row.show_value(getattr(value, name), experiment)
        self.make(until)

    def show_left_to_data(self, value: msgspec.Struct, experiment: Experiment) -> None:
        """Show that the data decide all numbers; ``value`` has those that would stand there without data."""
        self.show_value(value, experiment)
        self._left = set(self.rows)
        for row in self.rows.values():
            if isinstance(row.editor, NumberEditor):
                row.editor.show_left_to_data()

    def _edit(self, label: str, name: str, value: Any) -> None:
        self._left.discard(name)
        self.value = structs.replace(self.value, **{name: value})
        # One end of a scale alone means nothing.
        if not self._left:
            self.edited.emit(label, name, value)


class Row(QWidget):
    """One field: name, editor, and a sentence that says what it does, its range, and what a change does to the weights.

    Signals
    -------
    edited(str label, value)
        The user changed the field, or one within it, whose name the label is.
    opened(str path)
        As of `Form`, from this field on.
    """

    edited = Signal(str, object)
    opened = Signal(str)

    def __init__(self, theme: Theme, field: Field, changed: Changed) -> None:
        super().__init__()
        self.field = field
        self._changed = changed
        self._effect: str | None = None
        self.title = TextLabel(theme, field.title, 12, 500, "text")
        self.help = TextLabel(theme, "", 11, 400, "text_faint", wordWrap=True)
        self.editor = self._make_editor(theme)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        if isinstance(field.kind, (Number, Yes)):
            line = QHBoxLayout()
            line.addWidget(self.title)
            line.addStretch(1)
            line.addWidget(self.editor)
            column.addLayout(line)
        else:
            column.addWidget(self.title)
            column.addWidget(self.editor)
        if isinstance(self.editor, ChoiceEditor):
            # Before the fields of the choice, which have explanations of their own.
            self.editor.add_help(self.help)
        else:
            column.addWidget(self.help)
        if field.name in FINDERS:
            column.addWidget(self._make_finder(theme, *FINDERS[field.name]))
        self.title.setVisible(bool(field.title))
        self.title.setBuddy(self.editor)

    def _make_editor(self, theme: Theme) -> Editor:
        kind, label = self.field.kind, self.field.title.lower() if len(self.field.title) > 2 else self.field.title
        if isinstance(kind, Choice):
            choice = ChoiceEditor(theme, self.field, self._changed)
            choice.part_edited.connect(self.edited)
            choice.opened.connect(self.opened)
            editor: Editor = choice
        elif isinstance(kind, Layers):
            layers = LayersEditor(theme, kind, lambda value: edits.refusal(self._changed(value)))
            layers.opened.connect(lambda index: self.opened.emit(str(index)))
            editor = layers
        else:
            editor = simple_editor(theme, self.field)
        editor.edited.connect(lambda value: self.edited.emit(label, value))
        return editor

    def _make_finder(self, theme: Theme, path: str, words: str, tip: str) -> MoreButton:
        button = MoreButton(theme, words, tip, 12, 500, "accent")
        button.clicked.connect(lambda: self.opened.emit(path))
        return button

    def show_value(self, value: Any, experiment: Experiment) -> None:
        """Show the field's value; nothing is emitted."""
        if isinstance(self.editor, ChoiceEditor):
            self.editor.show_choice(value, experiment)
        else:
            self.editor.show_value(value)
        if self._effect is None:
            self._effect = effect_of(self.field, value, experiment, self._changed)
            self._explain()

    def _explain(self) -> None:
        field = self.field
        reach = field.kind.words if isinstance(field.kind, Number) else ""
        parts = [part for part in (field.description, f"{reach}." if reach else "", self._effect) if part]
        # That nothing is lost is the rule and goes without saying, but for the tooltip.
        shown = [part for part in parts if part != keeps()]
        self.help.setText(" ".join(shown))
        self.help.setVisible(bool(shown))
        words = " ".join(parts)
        # The editor's own parts are what the pointer and a screen reader meet.
        for widget in (self.title, self.editor, self.editor.focusProxy()):
            if widget is not None and not isinstance(self.editor, LayersEditor):
                widget.setToolTip(words or field.title)
                widget.setStatusTip(words or field.title)
                widget.setAccessibleName(field.title)
                widget.setAccessibleDescription(words)


class ChoiceEditor(Editor):
    """A choice box; below it what the catalog says about the choice, and the form of its own fields.

    Signals
    -------
    part_edited(str label, value)
        A field of the choice was changed; the value is the whole choice.
    opened(str path)
        As of `Form`.
    """

    part_edited = Signal(str, object)
    opened = Signal(str)

    def __init__(self, theme: Theme, field: Field, changed: Changed) -> None:
        super().__init__()
        assert isinstance(field.kind, Choice)
        self._theme = theme
        self.kind = field.kind
        self._changed = changed
        self._value: Any = None
        self._usual = ""
        self.box = ChoiceBox(theme, field.title, field.description)
        self.box.offer((option.title, option.description) for option in self.kind.options)
        self.about = AboutChoice(theme)
        self.form: Form | None = None
        self.numbers: NumbersEditor | None = None
        self._column = QVBoxLayout()
        self._column.setSpacing(8)
        self._column.addWidget(self.box)
        self._column.addWidget(self.about)
        # What belongs to the choice stands a little in, along a line.
        self._nested = QFrame(objectName="nested")
        self._nest = QVBoxLayout(self._nested)
        self._nest.setContentsMargins(10, 2, 0, 2)
        self._nested.hide()
        self._column.addWidget(self._nested)
        self.row.addLayout(self._column)
        self.setFocusProxy(self.box)
        self._of_activations = any(isinstance(option.record, Activation) for option in self.kind.options)
        if self._of_activations:
            show_plots(self.box, theme, self._activation_at)
        self.box.opening.connect(self._refuse_unfit)
        self.box.activated.connect(self._picked)

    def add_help(self, label: QWidget) -> None:
        """Put words about the whole choice before its fields."""
        self._column.insertWidget(self._column.indexOf(self._nested), label)

    def show_choice(self, value: Any, experiment: Experiment) -> None:
        """Show what is chosen, and its fields; nothing is emitted."""
        self._value = value
        self._usual = TASKS[experiment.training.task].output_activation
        index = self.kind.index_of(value)
        with QSignalBlocker(self.box):
            self.box.setCurrentIndex(index)
        self.box.update()
        option = self.kind.options[index]
        self._show_about(option, value, experiment)
        self._show_form(option.spec)
        self._nested.setVisible(self.form is not None)
        if self.form is not None:
            # A name alone stands for the usual numbers, or for those of the data.
            named = not isinstance(value, msgspec.Struct)
            show = self.form.show_left_to_data if named and option.name in LEFT_TO_DATA else self.form.show_value
            show(option.spec_value if named else value, experiment)
        self._show_numbers(option.numbers, value)

    def _show_about(self, option: Option, value: Any, experiment: Experiment) -> None:
        if option.name is None and self._of_activations:
            # What is usual depends on the task: it is named, and explained in its own words.
            record = ACTIVATIONS[self._usual]
            self.box.setItemText(0, tr("As usual: {0}").format(record.title))
            self.about.show_record(record, record.description, record.name, experiment)
        else:
            # What is on or off is explained beside its name.
            words = "" if self.kind.is_switch else option.description
            if option.name in LEFT_TO_DATA and isinstance(value, str):
                words += " " + tr("Both ends are those of the data until both are given here.")
            self.about.show_record(option.record, words, value, experiment)

    def _show_form(self, spec: type[msgspec.Struct] | None) -> None:
        if self.form is not None and self.form.spec is not spec:
            self.form.hide()
            self.form.deleteLater()
            self.form = None
        if self.form is None and spec is not None and fields_of(spec):
            self.form = Form(self._theme, spec, self._changed_part)
            self.form.edited.connect(self._edit_part)
            self.form.opened.connect(self.opened)
            self._nest.addWidget(self.form)

    def _show_numbers(self, kind: Any, value: Any) -> None:
        if kind is not None and self.numbers is None:
            self.numbers = NumbersEditor(self._theme, kind)
            self.numbers.edited.connect(self.edited)
            self.numbers.line.setAccessibleName(self.box.accessibleName())
            self.numbers.line.setToolTip(tr("One number per class, with commas between them."))
            self._column.addWidget(self.numbers)
        if self.numbers is not None:
            self.numbers.setVisible(kind is not None)
            if kind is not None:
                self.numbers.show_value(value)

    def _changed_part(self, name: str, value: Any) -> Experiment:
        assert self.form is not None
        return self._changed(structs.replace(self.form.value, **{name: value}))

    def _edit_part(self, label: str, _name: str, _value: Any) -> None:
        assert self.form is not None
        self.part_edited.emit(label, self.form.value)

    def _picked(self, index: int) -> None:
        option = self.kind.options[index]
        if index == self.kind.index_of(self._value):
            return
        value = chosen_value(option, self._value, self)
        if value is None and option.name is not None:
            # No file was picked: what holds comes back.
            with QSignalBlocker(self.box):
                self.box.setCurrentIndex(self.kind.index_of(self._value))
            return
        self.edited.emit(value)

    def _refuse_unfit(self) -> None:
        """Gray out what can't be chosen now, and say why."""
        now = self.kind.index_of(self._value)
        for index, option in enumerate(self.kind.options):
            if not option.needs_path:
                self.box.refuse(index, "" if index == now else edits.refusal(self._changed(option.value)))

    def _activation_at(self, index: int) -> str:
        return self.kind.options[index].name or self._usual
