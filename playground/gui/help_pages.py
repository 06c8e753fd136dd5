"""The pages of the Help menu: what to try first, all keys, and about the program."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from playground import __version__
from playground.gui.widgets.theme import Theme
from playground.words import tr

# Title and text of each step of the walk.
WALK = (
    (
        tr("Watch it learn"),
        tr(
            "The network in the middle learns to tell the two colors apart. Every square is one neuron: its picture shows "
            "what that neuron answers for every point of the plane, blue for plus and orange for minus. Space stops and goes on."
        ),
    ),
    (
        tr("Take something away"),
        tr(
            "Press − above a hidden layer until one neuron is left. One neuron draws one straight line: the circle can't be "
            "closed. Ctrl+Z brings the neurons back, trained weights and all."
        ),
    ),
    (
        tr("Pick a harder puzzle"),
        tr(
            "Choose Spiral at the left. Widen the layers to 8, insert one more with the dashed +, and set the activation to "
            "ReLU. Watch the test loss: it counts on points that were never trained on."
        ),
    ),
    (
        tr("Break it"),
        tr(
            "Set the learning rate to 3 or more. The loss jumps or the run stops: steps that long overshoot. "
            "Nothing is lost; take a tenth of "
            "the rate and press R to begin from the same weights."
        ),
    ),
    (
        tr("Real data"),
        tr(
            "Under Real choose digits: 8 × 8 pictures of handwritten numbers. "
            "Click a picture to see how sure the network is of each digit."
        ),
    ),
    (
        tr("Take it away"),
        tr(
            "Ctrl+E writes the trained weights for PyTorch or NumPy. Drop a table of your own (CSV) anywhere on the window to "
            "train on it."
        ),
    ),
)


def walk_page() -> str:
    """The five-minute walk as rich text."""
    steps = "".join(f"<h3>{number}. {escape(title)}</h3><p>{escape(text)}</p>" for number, (title, text) in enumerate(WALK, 1))
    return f"<h2>{escape(tr('A five-minute walk'))}</h2>{steps}"


def shortcuts_page(shortcuts: list[tuple[str, str]]) -> str:
    """All keys as rich text, given as (key, meaning)."""
    on_canvas = [
        (tr("Tab, arrow keys"), tr("Go from lane to lane and neuron to neuron")),
        (tr("+ and −"), tr("One neuron more or less in the lane")),
        (tr("Alt+Left, Alt+Right"), tr("Move the lane")),
        (tr("Del"), tr("Remove the lane")),
    ]
    rows = "".join(
        f"<tr><td style='padding:3px 28px 3px 0'><b>{escape(key)}</b></td><td style='padding:3px 0'>{escape(meaning)}</td></tr>"
        for key, meaning in [*shortcuts, *on_canvas]
    )
    return f"<h2>{escape(tr('Shortcuts'))}</h2><table>{rows}</table>"


def about_page() -> str:
    """Name, version and license as rich text."""
    return (
        f"<h2>Neural Playground {escape(__version__)}</h2>"
        f"<p>{escape(tr('Build a small network, watch it learn, take the weights away.'))}</p>"
        f"<p>{escape(tr('All arithmetic of training is our own code, compiled by Numba; no deep-learning library is used.'))}</p>"
        f"<p>{escape(tr('Typeface: Inter, under the SIL Open Font License 1.1.'))}</p>"
    )


class PageDialog(QDialog):
    """Shows one page beside the program, which goes on training."""

    def __init__(self, theme: Theme, title: str, page: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, windowTitle=title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 620)
        browser = QTextBrowser(accessibleName=title, openExternalLinks=True)
        browser.setFont(theme.font(13))
        browser.document().setDocumentMargin(20)
        browser.setHtml(page)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 12)
        layout.addWidget(browser)
        row = QVBoxLayout()
        row.setContentsMargins(16, 0, 16, 0)
        row.addWidget(buttons)
        layout.addLayout(row)
