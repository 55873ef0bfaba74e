"""One hand: radiograph, heatmap and what the gate found, with every metric beside its limit."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSlider,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.errors import XGenError
from xgen_studio.imaging import read_image
from xgen_studio.studio.canvas import Canvas, HeatLayer, Tool, Touch
from xgen_studio.studio.words import Words
from xgen_studio.wings.hand.pages.colours import SIGN, STATE
from xgen_studio.wings.hand.pages.picture import HandPicture
from xgen_studio.wings.hand.science.landmarks import NAMES
from xgen_studio.wings.hand.science.wording import TIPS, TITLES, sign_of, with_unit
from xgen_studio.wings.hand.tasks.review import STATES, Review
from xgen_studio.wings.hand.tasks.screening import HEATMAP, read_heatmap

GRIP = 12.0  # widget px about a landmark that take it


class Relabel(Tool):
    """Click a landmark to see it; drag it to another peak to relabel."""

    cursor = Qt.CursorShape.ArrowCursor

    def __init__(self, detail: Detail) -> None:
        self.detail = detail
        self._held = False

    def press(self, canvas: Canvas, touch: Touch) -> None:
        picture = self.detail.picture
        hand = picture.hand
        if hand is None:
            return
        off = np.hypot(*((hand.landmarks - touch.point) * canvas.view.scale).T)
        nearest = int(np.nanargmin(off)) if not np.isnan(off).all() else 0
        picture.selected = nearest if off[nearest] < GRIP else None
        self._held = picture.selected is not None
        self.detail.selected.emit(picture.selected)
        canvas.update()

    def move(self, canvas: Canvas, touch: Touch) -> None:
        if self._held:
            self.detail.picture.dragged = touch.point
            canvas.update()

    def release(self, canvas: Canvas, touch: Touch) -> None:
        picture, hand = self.detail.picture, self.detail.picture.hand
        dragged = self._held and picture.dragged is not None
        self._held, picture.dragged = False, None
        canvas.update()
        if not dragged or hand is None or picture.selected is None or not len(hand.peaks):
            return
        off = np.hypot(*((hand.peaks.places - touch.point) * canvas.view.scale).T)
        peak = int(off.argmin())
        if off[peak] >= 2 * GRIP:
            self.detail.said.emit("There is no peak: labels sit on peaks. Delete takes one away")
        elif peak != hand.labels.peaks[picture.selected]:
            self.detail.moved.emit(picture.selected, peak)


class Detail(QWidget):
    """The hand under review; emits what the user does."""

    moved = Signal(int, int)  # landmark, peak
    selected = Signal(object)  # landmark or None
    said = Signal(str)  # for the status line
    back = Signal()
    decided = Signal(object)  # True, False, or None: leave it to the gate

    def __init__(self) -> None:
        super().__init__()
        self.review: Review | None = None
        self.number = -1
        self.picture = HandPicture()
        self.canvas = Canvas(192, 256)
        self.glow = HeatLayer()
        self.canvas.layers += [self.glow, self.picture]
        self.canvas.use_tool(Relabel(self))
        self.title, self.why = Words(), Words()
        self.title.setProperty("role", "heading")
        self.why.setWordWrap(True)
        self.why.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["", "value", "limit"])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.setAccessibleName("metrics")
        self.landmark = QLabel()
        self.landmark.setWordWrap(True)
        self.landmark.setTextFormat(Qt.TextFormat.RichText)
        self._arrange()
        self.selected.connect(self._say_landmark)

    def _arrange(self) -> None:
        self.heat = QSlider(Qt.Orientation.Horizontal, minimum=0, maximum=100, value=0)
        self.heat.setMaximumWidth(260)
        self.heat.setAccessibleName("heatmap opacity")
        self.heat.valueChanged.connect(self._blend)
        bar = QGridLayout()  # in two rows, for small screens
        self.to_gallery = QPushButton("‹ Gallery")
        self.to_gallery.setToolTip("Back to the gallery (Esc)")
        self.to_gallery.clicked.connect(self.back)
        bar.addWidget(self.to_gallery, 0, 0, 2, 1)
        self.switches = {}
        for number, (name, title, tip) in enumerate(
            (
                ("labels", "Labels", "Which peak is which landmark"),
                ("names", "No.", "The landmarks' numbers"),
                ("edges", "Edges", "Edges of the random field: green as usual, red unusual"),
                ("ghost", "Mean", "The mean shape laid over this hand"),
                ("bones", "Bones", "Bones whose length is beyond the limit"),
            )
        ):
            box = QCheckBox(title)
            box.setChecked(getattr(self.picture.shown, name))
            box.setToolTip(tip)
            box.toggled.connect(lambda on, name=name: self._switch(name, on))
            self.switches[name] = box
            bar.addWidget(box, number % 2, 1 + number // 2)
        self.table.verticalHeader().setDefaultSectionSize(22)
        bar.setColumnStretch(4, 1)
        blend = QHBoxLayout()
        for widget in (QLabel("Radiograph"), self.heat, QLabel("Heatmap")):
            blend.addWidget(widget)
        blend.addStretch()
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(bar)
        column.addWidget(self.canvas, 1)
        column.addLayout(blend)
        buttons = QHBoxLayout()
        for title, tip, verdict in (
            ("Accept", "Accept by hand (A)", True),
            ("Reject", "Reject by hand (R)", False),
            ("Gate", "Take back the decision: as the gate says (U)", None),
        ):
            button = QPushButton(title)
            button.setToolTip(tip)
            button.clicked.connect(lambda _=False, verdict=verdict: self.decided.emit(verdict))
            buttons.addWidget(button)
        right = QWidget()
        side = QVBoxLayout(right)
        side.addWidget(self.title)
        side.addLayout(buttons)  # above the words, or they would move with their number
        side.addWidget(self.why)
        side.addWidget(self.table, 1)
        side.addWidget(self.landmark)
        splitter = QSplitter()
        splitter.addWidget(left)
        splitter.addWidget(right)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setChildrenCollapsible(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(6, 6, 6, 6)
        whole.addWidget(splitter)

    def show_hand(self, review: Review, number: int) -> None:
        """Show a hand of a review."""
        fresh = (review, number) != (self.review, self.number)
        self.review, self.number = review, number
        id = review.ids[number]
        hand = review.shown[id]
        if fresh:
            self.picture.selected = None
            self._load(review, id)
        self.picture.put(hand, review.gate)
        state = review.state(number, bool(review.by_gate()[number]))
        self.title.setText(f"Hand {id}: {SIGN[state][0]} {state}")
        self.title.setStyleSheet(f"color: {STATE[state].name()}")
        words = ["labels moved by hand"] if review.edited(id) else []
        failing = set(review.reasons(number))
        judged = review.judged(number)
        told = dict(zip(judged.reasons, judged.details, strict=True))
        words += [told.get(code, TIPS[code]) for code in review.reasons(number)]
        mark = review.mark_of(id)
        if mark is not None and mark.accepted and failing:
            words.append(f"accepted all the same by {mark.by}")
        self.why.setText("\n".join(f"• {w}" for w in words) or "Every check is passed.")
        self._fill_table(failing)
        self._say_landmark(self.picture.selected)
        self.canvas.update()

    def _load(self, review: Review, id: str) -> None:
        try:
            image = read_image(review.folder / f"{id}.png")
            heat = read_heatmap(review.folder / f"{id}{HEATMAP}")
        except XGenError as error:
            self.canvas.hint = str(error)
            self.canvas.picture.put(None)
            self.glow.put(None)
            return
        self.canvas.hint = ""
        full = float(np.iinfo(image.pixels.dtype).max) if image.pixels.dtype.kind == "u" else 1.0
        pixels = (image.pixels / full).astype(np.float32)
        if pixels.shape != (self.canvas.view.rows, self.canvas.view.columns):
            self.canvas.view.rows, self.canvas.view.columns = pixels.shape
            self.canvas.fit()
        self.canvas.picture.put(pixels)
        self.glow.put(heat.astype(np.float32))
        self._blend(self.heat.value())

    def _fill_table(self, failing: set[str]) -> None:
        assert self.review is not None
        checks = self.review.gate.checks
        hand = self.review.shown[self.review.ids[self.number]]
        self.table.setRowCount(len(checks))
        for row, check in enumerate(checks):
            value = hand.metrics[check.metric]
            said = "not measured" if np.isnan(value) else with_unit(check.metric, value)
            limit = f"{sign_of(check)} {check.limit:.3g}"
            for column, text in enumerate((TITLES[check.code], said, limit)):
                item = QTableWidgetItem(text)
                item.setToolTip(TIPS[check.code])
                if check.code in failing:
                    item.setForeground(STATE[STATES[1]])
                self.table.setItem(row, column, item)

    def _say_landmark(self, landmark: int | None) -> None:
        """Why this label: the peaks nearest to where the mean hand has the landmark."""
        hand, gate = self.picture.hand, self.picture.gate
        if landmark is None or hand is None or gate is None or np.isnan(hand.landmarks).any():
            self.landmark.setText("Click a landmark; drag it to another peak to relabel it.")
            return
        onto, _ = gate.norms.shape.robust_fit(hand.landmarks, hand.labels.peaks >= 0)
        places = hand.peaks.places @ onto[:, :2].T + onto[:, 2]
        off = np.hypot(*(places - gate.norms.shape.mean[landmark]).T)
        owner = {int(p): k for k, p in enumerate(hand.labels.peaks) if p >= 0}
        rows = "".join(
            f"<tr><td>{'●' if hand.labels.peaks[landmark] == p else ''}</td>"
            f"<td>{off[p]:.1f} mm</td><td>{hand.peaks.heights[p]:.2f}</td>"
            f"<td>{NAMES[owner[int(p)]] if int(p) in owner else 'nobody'}</td></tr>"
            for p in np.argsort(off)[:4]
        )
        self.landmark.setText(
            f"<b>{landmark} {NAMES[landmark]}</b><table cellspacing=6><tr><td></td>"
            f"<td>from mean</td><td>height</td><td>taken by</td></tr>{rows}</table>"
        )

    def _switch(self, name: str, on: bool) -> None:
        setattr(self.picture.shown, name, on)
        self.canvas.update()

    def _blend(self, percent: int) -> None:
        """0: the radiograph; 100: the heatmap alone."""
        self.glow.set_opacity(min(1.0, percent / 50))
        self.canvas.picture.opacity = min(1.0, 2 - percent / 50)
        self.canvas.update()
