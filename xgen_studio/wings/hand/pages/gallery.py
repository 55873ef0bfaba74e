"""The gallery: thousands of hands, of which only those in sight are loaded and painted."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from xgen_studio.errors import InputError
from xgen_studio.imaging import read_image
from xgen_studio.studio.threads import Reply
from xgen_studio.wings.hand.pages.colours import SIGN, STATE, of_landmark
from xgen_studio.wings.hand.tasks.review import Review

Index = QModelIndex | QPersistentModelIndex
KEPT = 3000  # thumbnails in memory, about 100 kB each at 144 px
CAPTION = 34  # px below a thumbnail
PADDING = 6
NOTHING = "No hand matches the filter."
HAND = Qt.ItemDataRole.UserRole  # the number of the hand in its review


# No Qt on these threads: QRunnables and QImageReader crashed the window, seldom and without a word
READERS = ThreadPoolExecutor(2, thread_name_prefix="thumbnails")


def read_small(file: str, width: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """A picture's grey values (H, W), so wide, and the file's own (width, height), px; one black
    pixel where it cannot be read."""
    try:
        pixels = read_image(file).pixels
    except InputError:
        return np.zeros((1, 1), np.uint8), (1, 1)
    height, own_width = pixels.shape[:2]
    low, high = (
        (0, np.iinfo(pixels.dtype).max)
        if pixels.dtype.kind == "u"
        else (float(pixels.min()), float(pixels.max()))
    )
    grey = ((pixels - low) * (255.0 / max(high - low, 1e-9))).astype(np.uint8)
    size = (width, max(1, round(height * width / own_width)))
    small = Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.ascontiguousarray(small), (own_width, height)


def _load(file: str, width: int, then: Reply) -> None:
    then(file, *read_small(file, width))


class Thumbnails(QObject):
    """Small pictures by file, loaded on other threads, the longest unseen forgotten."""

    arrived = Signal(str)

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self._known: OrderedDict[str, tuple[QImage, QSize]] = OrderedDict()
        self._asked: set[str] = set()

    def get(self, file: str) -> tuple[QImage, QSize] | None:
        """The picture and the file's own size, or None until it has arrived."""
        if file in self._known:
            self._known.move_to_end(file)
            return self._known[file]
        if file not in self._asked:
            self._asked.add(file)
            READERS.submit(_load, file, self.width, Reply(self._keep))
        return None

    def _keep(self, file: str, grey: NDArray[np.uint8], own: tuple[int, int]) -> None:
        self._asked.discard(file)
        height, width = grey.shape
        picture = QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8)
        self._known[file] = (picture.copy(), QSize(*own))
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        self.arrived.emit(file)


class HandModel(QAbstractListModel):
    """The hands of a review that a filter lets through, in an order."""

    def __init__(self) -> None:
        super().__init__()
        self.review: Review | None = None
        self.numbers: list[int] = []  # hands of the review, as shown
        self.passed: list[bool] = []  # the gate's verdict on each hand of the review

    def show(self, review: Review | None, numbers: list[int]) -> None:
        """Show these hands."""
        self.beginResetModel()
        self.review, self.numbers = review, numbers
        self.passed = [] if review is None else review.by_gate().tolist()
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.numbers)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if self.review is None or not index.isValid():
            return None
        number = self.numbers[index.row()]
        if role == HAND:
            return number
        if role == Qt.ItemDataRole.DisplayRole:
            return self.review.ids[number]
        if role == Qt.ItemDataRole.ToolTipRole:
            hand = self.review.judged(number)
            state = self.review.state(number, self.passed[number])
            return "\n".join([f"{hand.id}: {state}", *hand.details])
        if role == Qt.ItemDataRole.AccessibleTextRole:
            state = self.review.state(number, self.passed[number])
            return f"hand {self.review.ids[number]}, {state}"
        return None


class HandDelegate(QStyledItemDelegate):
    """Paints a thumbnail with its landmarks, framed in the colour of its decision."""

    def __init__(self, thumbnails: Thumbnails, model: HandModel) -> None:
        super().__init__()
        self.thumbnails, self.model = thumbnails, model
        self.dots = True

    def size(self) -> QSize:
        """Of a thumbnail with its caption, px."""
        width = self.thumbnails.width
        return QSize(width + 2 * PADDING, round(width * 4 / 3) + CAPTION + 2 * PADDING)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self.size()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        review = self.model.review
        if review is None:
            return
        number = self.model.numbers[index.row()]
        hand = review.shown[review.ids[number]]
        state = review.state(number, self.model.passed[number])
        rect = option.rect.adjusted(PADDING, PADDING, -PADDING, -PADDING)
        room = QRect(rect.left(), rect.top(), rect.width(), rect.height() - CAPTION)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            tint = option.palette.highlight().color()
            tint.setAlpha(90)  # the caption stays readable in both themes
            painter.fillRect(option.rect, tint)
        painter.fillRect(room, QColor(0, 0, 0))
        found = self.thumbnails.get(str(review.folder / f"{hand.id}.png"))
        if found is not None:
            picture, own = found
            size = picture.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(
                room.left() + (room.width() - size.width()) // 2,
                room.top() + (room.height() - size.height()) // 2,
                size.width(),
                size.height(),
            )
            painter.drawImage(target, picture)
            if self.dots:
                scale = target.width() / max(own.width(), 1)
                painter.setPen(Qt.PenStyle.NoPen)
                for landmark, (x, y) in enumerate(hand.landmarks):
                    if x == x and hand.labels.peaks[landmark] >= 0:
                        painter.setBrush(of_landmark(landmark))
                        at = QPointF(target.left() + x * scale, target.top() + y * scale)
                        painter.drawEllipse(at, 1.7, 1.7)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(STATE[state], 3))
        painter.drawRoundedRect(QRectF(room).adjusted(-1, -1, 1, 1), 4, 4)
        self._caption(painter, option, rect, hand.id, state, review.reasons(number))
        painter.restore()

    def _caption(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        rect: QRect,
        id: str,
        state: str,
        reasons: tuple[str, ...],
    ) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        line = QRect(rect.left(), rect.bottom() - CAPTION + 3, rect.width(), CAPTION // 2)
        metrics = painter.fontMetrics()
        painter.setPen(option.palette.text().color())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, id)
        painter.setPen(STATE[state].lighter(125))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, SIGN[state])
        if reasons:
            line.translate(0, CAPTION // 2 - 1)
            text = metrics.elidedText(" ".join(reasons), Qt.TextElideMode.ElideRight, line.width())
            ink = option.palette.text() if selected else option.palette.placeholderText()
            painter.setPen(ink.color())
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft, text)


class Gallery(QListView):
    """Thumbnails in rows. Enter or a double click opens one."""

    opened = Signal(int)  # the number of a hand

    def __init__(self) -> None:
        super().__init__()
        self.hands = HandModel()
        self.thumbnails = Thumbnails(132)
        self.drawer = HandDelegate(self.thumbnails, self.hands)
        self.setModel(self.hands)
        self.setItemDelegate(self.drawer)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setBatchSize(400)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # always on: were it to come and go, the columns would follow, then the rows, then the bar
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName("gallery of hands")
        self.activated.connect(self._open)
        self.thumbnails.arrived.connect(lambda _file: self.viewport().update())

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hands.review is not None and not self.hands.numbers:
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().placeholderText().color())
            text = NOTHING if len(self.hands.review) else "The first hands are being drawn."
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many columns as there is room for, spread over the whole width."""
        one = self.drawer.size()
        columns = max(1, self.viewport().width() // one.width())
        self.setGridSize(QSize((self.viewport().width() - 1) // columns, one.height()))
        super().resizeEvent(event)

    def _open(self, index: QModelIndex) -> None:
        self.opened.emit(self.hands.numbers[index.row()])

    def chosen(self) -> list[int]:
        """The numbers of the selected hands."""
        rows = sorted(index.row() for index in self.selectedIndexes())
        return [self.hands.numbers[row] for row in rows]

    def select(self, number: int) -> None:
        """Select a hand and bring it into sight, if it is shown."""
        if number in self.hands.numbers:
            index = self.hands.index(self.hands.numbers.index(number))
            self.selectionModel().setCurrentIndex(
                index, QItemSelectionModel.SelectionFlag.ClearAndSelect
            )
            self.scrollTo(index)

    def first_row(self) -> int:
        """The first selected row, 0 without one."""
        return min((index.row() for index in self.selectedIndexes()), default=0)

    def select_row(self, row: int) -> None:
        """Select the hand in that place, or the last one."""
        if self.hands.numbers:
            self.select(self.hands.numbers[min(row, len(self.hands.numbers) - 1)])

    def show_review(self, review: Review | None, numbers: list[int]) -> None:
        """Show hands; what was selected stays so."""
        same = self.hands.review is review
        kept = set(self.chosen()) if same else set()
        current = self.currentIndex()
        at = self.hands.numbers[current.row()] if same and current.isValid() else -1
        place = self.verticalScrollBar().value()
        self.hands.show(review, numbers)
        selection = self.selectionModel()
        for row, number in enumerate(numbers):
            if number in kept:
                selection.select(self.hands.index(row), QItemSelectionModel.SelectionFlag.Select)
        if at in numbers:
            index = self.hands.index(numbers.index(at))
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
        self.verticalScrollBar().setValue(place)
