"""A document and its settings without the window, and how a user works them."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel

from playground.experiment.fields import (
    Number,
    Words,
    Yes,
    fields_of,
)
from playground.experiment.paths import value_at
from playground.gui.document import Document
from playground.gui.forms.settings_panel import SettingsPanel
from playground.gui.widgets.theme import Theme


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
