"""The gallery's buttons: a little picture of each data set, or of what a preset does with it, over its name."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from playground.catalog.datasets import SYNTHETIC
from playground.catalog.tasks import TASKS
from playground.data.gallery import description_of, real_sets, title_of
from playground.data.synthetic import draw
from playground.gui.widgets.controls import painting
from playground.gui.widgets.pictures import as_image, ink
from playground.gui.widgets.theme import Theme
from playground.words import tr

LABEL_HEIGHT = 20
SAMPLES = 220


_pictures: dict[tuple[str, int, int, str], QPixmap] = {}


class Thumbnail(QAbstractButton):
    """A data set to choose: its points or images over its title; checked where it is the present one."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, checkable=True, cursor=Qt.CursorShape.PointingHandCursor)
        self.name = name
        self._theme = theme
        self._picture: QPixmap | None = None
        self.setText(title_of(name))
        self.setToolTip(description_of(name))
        self.setAccessibleName(tr("Data set {0}").format(title_of(name)))
        # By Tab alone: after a click Space still plays and pauses.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(74)
        theme.changed.connect(self._forget)

    def sizeHint(self) -> QSize:
        return QSize(70, 74)

    def nextCheckState(self) -> None:
        """A click asks for the set; only the experiment decides which one is checked."""

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._picture = None

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, on = self._theme, self.isChecked()
        with painting(self) as painter:
            if self._picture is None:
                self._picture = self._draw_picture()
            marked = on or self.hasFocus()
            painter.setPen(QPen(theme.color("accent" if marked else "border"), 2 if marked else 1))
            painter.setBrush(theme.color("accent_soft" if on else "hover" if self.underMouse() else "lane"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 10, 10)
            painter.drawPixmap(0, 0, self._picture)
            painter.setFont(theme.font(11, 600 if on else 500))
            if painter.fontMetrics().horizontalAdvance(self.text()) > self.width() - 4:
                painter.setFont(theme.font(10, 600 if on else 500))
            painter.setPen(theme.color("accent" if on else "text_muted"))
            place = QRectF(0, self.height() - LABEL_HEIGHT - 2, self.width(), LABEL_HEIGHT)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, self.text())

    def _forget(self) -> None:
        self._picture = None
        self.update()

    def _draw_picture(self) -> QPixmap:
        """The picture, drawn once for each size and palette in the life of the program."""
        key = (self.name, self.width(), self.height(), self._theme.palette.name)
        if key not in _pictures:
            _pictures[key] = self._draw()
        return _pictures[key]

    def _draw(self) -> QPixmap:
        ratio = 2.0
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(5, 6, self.width() - 10, self.height() - LABEL_HEIGHT - 9)
        if self.name in SYNTHETIC:
            dataset = draw(self.name, SAMPLES, SYNTHETIC[self.name].picture_noise, 3)
            scale = np.abs(dataset.targets).max()
            classes = len(dataset.class_names)
            values = dataset.targets[:, 0] * 2 - 1 if classes else dataset.targets[:, 0] / scale
            side = min(area.width(), area.height())
            points = np.column_stack([dataset.features / dataset.extent, values])
            self._draw_points(painter, area, side / 2, side / 2, points, 2 if classes else 0)
        else:
            self._draw_real(painter, area, real_sets()[real_sets()[self.name]["data"]])
        painter.end()
        return pixmap

    def _draw_real(self, painter: QPainter, area: QRectF, picture: dict[str, Any]) -> None:
        if "images" in picture:
            self._draw_images(painter, area, picture["images"])
        elif "cells" in picture:
            self._draw_cells(painter, area, picture["cells"])
        else:
            points = np.array(picture["points"])
            classes = int(points[:, 2].max()) + 1 if TASKS[picture["task"]].classes else 0
            if classes == 2:
                points[:, 2] = points[:, 2] * 2 - 1
            self._draw_points(painter, area, area.width() / 2.3, area.height() / 2.3, points, classes)

    def _draw_points(
        self, painter: QPainter, area: QRectF, half_width: float, half_height: float, points: Any, classes: int
    ) -> None:
        theme, center = self._theme, area.center()
        painter.setPen(Qt.PenStyle.NoPen)
        for x, y, value in points.tolist():
            if classes > 2:
                color = theme.class_color(int(value), classes)
            else:
                color = theme.color("positive" if value > 0 else "negative")
                color.setAlphaF(0.35 + 0.6 * min(1.0, abs(value)))
            painter.setBrush(color)
            painter.drawEllipse(QPointF(center.x() + x * half_width, center.y() - y * half_height), 1.5, 1.5)

    def _draw_images(self, painter: QPainter, area: QRectF, images: list[list[int]]) -> None:
        """Four images, each ink on the card's own color."""
        count, side = 4, (min(area.width(), area.height()) - 4) / 2
        for place, pixels in enumerate(images[2 : 2 + count]):
            gray = np.array(pixels, np.uint32).reshape(8, 8) * 255 // 16
            inked = ink(gray, self._theme.color("text"))
            x = area.center().x() + (2 if place % 2 else -2 - side)
            y = area.center().y() + (2 if place // 2 else -2 - side)
            painter.drawImage(QRectF(x, y, side, side), as_image(inked, QImage.Format.Format_ARGB32))

    def _draw_cells(self, painter: QPainter, area: QRectF, cells: list[list[float | None]]) -> None:
        """A table with gaps: a square where there is a value, in the color of its size."""
        scale = self._theme.colors()
        side = min(area.width() / len(cells[0]), area.height() / len(cells))
        left, top = area.center().x() - side * len(cells[0]) / 2, area.center().y() - side * len(cells) / 2
        painter.setPen(Qt.PenStyle.NoPen)
        for line, row in enumerate(cells):
            for column, value in enumerate(row):
                gap = self._theme.color("sunken")
                painter.setBrush(gap if value is None else QColor.fromRgb(int(scale[int(127.5 + 127.5 * value)])))
                painter.drawRect(QRectF(left + column * side, top + line * side, side - 0.6, side - 0.6))
