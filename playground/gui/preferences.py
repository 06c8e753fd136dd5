"""Remembers what the user has set between starts: theme, recent files, speed and the window's place."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

from playground.storage import config_folder

RECENT_FILES = 8
THEME_MODES = ("light", "dark", "system")


class Preferences:
    """A few named values in one readable ini file; a damaged file only means the defaults.

    Parameters
    ----------
    path
        The ini file; by default ``settings.ini`` in the program's configuration folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._settings = QSettings(str(path or config_folder() / "settings.ini"), QSettings.Format.IniFormat)

    @property
    def theme(self) -> str:
        """``light``, ``dark`` or ``system``."""
        value = str(self._settings.value("theme", "system"))
        return value if value in THEME_MODES else "system"

    @theme.setter
    def theme(self, mode: str) -> None:
        self._settings.setValue("theme", mode)

    @property
    def geometry(self) -> QByteArray | None:
        """Size and place of the window, as Qt packs them; ``None`` on the first start."""
        value = self._settings.value("geometry")
        return value if isinstance(value, QByteArray) and not value.isEmpty() else None

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._settings.setValue("geometry", value)

    @property
    def recent_files(self) -> list[Path]:
        """Files opened or saved, newest first; files that have gone are left out."""
        value = self._settings.value("recent_files", [])
        names = [value] if isinstance(value, str) else list(value or []) if isinstance(value, list | tuple) else []
        return [path for path in (Path(str(name)) for name in names) if path.is_file()][:RECENT_FILES]

    def add_recent_file(self, path: Path) -> None:
        """Put a file at the head of the recent ones."""
        path = path.resolve()
        others = [str(known) for known in self.recent_files if known != path]
        self._settings.setValue("recent_files", [str(path), *others][:RECENT_FILES])

    def save(self) -> None:
        """Write to the disk now."""
        self._settings.sync()
