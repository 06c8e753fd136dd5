"""The window: lays the views out, wires them to document and session, and shows what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QResizeEvent,
    QStatusTipEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenuBar, QVBoxLayout, QWidget

from playground.experiment import FEATURES, Experiment, keeps_weights, warnings
from playground.gui import edits
from playground.gui.actions import build_actions, fill_menu_bar, shortcut_list
from playground.gui.banner import Banner
from playground.gui.document import Document, Parameters
from playground.gui.file_actions import FileActions, welcome_experiment
from playground.gui.frame_loop import FrameLoop
from playground.gui.help_pages import PageDialog, about_page, shortcuts_page, walk_page
from playground.gui.preferences import Preferences
from playground.gui.status_line import StatusLine
from playground.gui.theme import Theme
from playground.gui.training_bar import TrainingBar
from playground.session import Pause, Run, Snapshot, Status, TrainingSession, Use
