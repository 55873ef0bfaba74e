"""Three linked planes of a volume, and room for a fourth widget of whoever shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from xgen_studio.document import LabelState, VolumeWork
from xgen_studio.imaging import Volume
from xgen_studio.studio.canvas.slice_layers import Centres, Marks, SliceMask
from xgen_studio.studio.canvas.slice_view import Cursor, Go, Plane, SliceView, Window
from xgen_studio.studio.canvas.tool import Tool

NOTHING = Volume(np.zeros((1, 1, 1), np.int16), (1.0, 1.0, 1.0))
CELLS = {Plane.AXIAL: (0, 0), Plane.SAGITTAL: (0, 1), Plane.CORONAL: (1, 0)}
BESIDE = (1, 1)  # the cell of the fourth widget


@dataclass(frozen=True)
class Preset:
    """A window of CT numbers: its middle and width in HU."""

    name: str
    level: float
    width: float

    @property
    def title(self) -> str:
        """Name and numbers, as a menu shows them."""
        return f"{self.name}  {self.level:g} / {self.width:g}"

    @property
    def range(self) -> tuple[float, float]:
        """HU shown black and white."""
        return self.level - self.width / 2, self.level + self.width / 2


PRESETS = (
    Preset("Bone", 400, 1800),
    Preset("Bone wide", 500, 3000),  # metal and dense bone, too
    Preset("Soft tissue", 50, 400),
    Preset("Bone narrow", 250, 1100),  # -300 to 800 HU, what published networks are trained on
)


class Planes(QWidget):
    """Axial, sagittal and coronal views of one volume with its labels and centres, in a grid.

    All follow one cursor, one window, one slab. It has no buttons: whoever shows it brings them,
    and may put a widget into the fourth cell by `set_beside`.
    """

    cursor_moved = Signal(tuple)  # z, y, x of the voxel
    window_changed = Signal(float, float)  # grey values shown black and white
    brush_resized = Signal(int)  # steps, by Shift + wheel
    enlarged = Signal(object)  # the Plane that fills the room, or None

    def __init__(self, volume: Volume = NOTHING) -> None:
        super().__init__()
        self.cursor_at = Cursor(volume.shape)
        self.cursor_at.setParent(self)
        self.views = {plane: SliceView(volume, plane, self.cursor_at) for plane in CELLS}
        self.alone: QWidget | None = None
        self.work: VolumeWork | None = None
        self._masks: dict[Plane, SliceMask] = {}
        self._centres: dict[Plane, Centres] = {}
        self._marks: dict[Plane, Marks] = {}
        self._opacity, self._outline = 0.45, False
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        for plane, view in self.views.items():
            self._grid.addWidget(view, *CELLS[plane])
            self._centres[plane], self._marks[plane] = Centres(view), Marks(view)
            view.layers += [self._centres[plane], self._marks[plane]]
            view.windowed.connect(self._windowed)
            view.brush_resized.connect(self.brush_resized)
            view.peeked.connect(self._peek)
            view.enlarged.connect(lambda p=plane: self.enlarge(p))
        self.beside = QWidget()
        self._grid.addWidget(self.beside, *BESIDE)
        for i in (0, 1):
            self._grid.setRowStretch(i, 1)
            self._grid.setColumnStretch(i, 1)
        self.cursor_at.moved.connect(lambda: self.cursor_moved.emit(self.cursor_at.at))
        self.show_preset(PRESETS[0])

    # -- what is shown ---------------------------------------------------------------------------

    @property
    def volume(self) -> Volume:
        """What is shown."""
        return self.views[Plane.AXIAL].volume

    def set_volume(self, volume: Volume) -> None:
        """Show a volume in LPS order; labels and centres of the one before are gone."""
        self.set_labels(None, ())
        self.set_centres({}, ())
        self.cursor_at.look_into(volume.shape)
        for view in self.views.values():
            view.put(volume)
        self.cursor_moved.emit(self.cursor_at.at)

    def set_labels(self, voxels: NDArray[np.uint8] | None, labels: Iterable[LabelState]) -> None:
        """Show labels (D, H, W) of the volume's shape, which are changed in place (`refresh`)."""
        for plane, mask in self._masks.items():
            self.views[plane].layers.remove(mask)
            mask.put_away()
        self._masks = {}
        if voxels is not None:
            if voxels.shape != self.volume.shape:
                raise ValueError(f"labels of {voxels.shape} over a volume of {self.volume.shape}")
            for plane, view in self.views.items():
                mask = self._masks[plane] = SliceMask(view, voxels)
                view.layers.insert(1, mask)
            self._restyle()
        self.set_label_states(labels)

    def set_label_states(self, labels: Iterable[LabelState]) -> None:
        """Other colours, or others shown."""
        states = tuple(labels)
        for mask in self._masks.values():
            mask.put_labels(states)
        self._repaint()

    def refresh(self, window: Window) -> None:
        """The labels changed in a box of voxels (slices of z, y, x)."""
        for mask in self._masks.values():
            mask.refresh(window)

    def set_centres(
        self, centres: Mapping[int, tuple[float, float, float]], labels: Iterable[LabelState]
    ) -> None:
        """Show points (x, y, z) in mm by label, with the labels' names and colours."""
        states = tuple(labels)
        for layer in self._centres.values():
            layer.put(centres, states)
        self._repaint()

    def centres_of(self, plane: Plane) -> Centres:
        """The layer that shows the centres in a plane: what can be picked up there."""
        return self._centres[plane]

    def lay(self, work: VolumeWork | None) -> None:
        """Show a work with its scan, or its mask on black where the scan is not there, and follow
        all that is done to it."""
        old, self.work = self.work, work
        for one, join in ((old, False), (work, True)):
            if one is None:
                continue
            for signal, heard in (
                (one.voxels_touched, self.refresh),
                (one.labels_changed, self._relabel),
                (one.centres_changed, self._recentre),
                (one.scan_changed, self._rescan),
                (one.settling, self._settle),
            ):
                if join:
                    signal.connect(heard)
                else:
                    signal.disconnect(heard)
        self._rescan()

    def _settle(self) -> None:
        for view in self.views.values():
            view.tool.put_down(view)

    def _rescan(self) -> None:
        work = self.work
        if work is None:
            self.set_volume(NOTHING)
            return
        self.set_volume(work.scan or work.grid)
        self.set_labels(work.mask, work.labels)
        self._recentre()

    def _relabel(self) -> None:
        if self.work is not None:
            self.set_label_states(self.work.labels)
            self._recentre()

    def _recentre(self) -> None:
        if self.work is not None:
            self.set_centres(self.work.centres, self.work.labels)

    # -- how it is shown -------------------------------------------------------------------------

    def show_preset(self, preset: Preset) -> None:
        """One of `PRESETS`, or another window."""
        self.set_window(*preset.range)

    def set_window(self, low: float, high: float) -> None:
        """Show grey values from `low` (black) to `high` (white)."""
        self.views[Plane.AXIAL].set_window(low, high)

    def _windowed(self, low: float, high: float) -> None:
        for view in self.views.values():
            view.show_window(low, high)
        self.window_changed.emit(low, high)

    def set_inverted(self, inverted: bool) -> None:
        """Whether bone is dark."""
        for view in self.views.values():
            view.picture.invert(inverted)
        self._repaint()

    def set_slab(self, how: str, mm: float) -> None:
        """The mean or the maximum (`slice_view.MEAN`, `MAXIMUM`) over so many mm; 0: one slice."""
        for view in self.views.values():
            view.set_slab(how, mm)

    def set_opacity(self, opacity: float) -> None:
        """Of the labels' colours, from 0 to 1."""
        self._opacity = opacity
        self._restyle()

    def set_outlined(self, outlined: bool) -> None:
        """Whether labels are shown by their borders alone."""
        self._outline = outlined
        self._restyle()

    def _restyle(self) -> None:
        for mask in self._masks.values():
            mask.set_opacity(self._opacity)
            mask.outline = self._outline
        self._repaint()

    def set_lines(self, shown: bool) -> None:
        """Whether the cursor's lines are shown."""
        for marks in self._marks.values():
            marks.lines = shown
        self._repaint()

    def _peek(self, held: bool) -> None:
        for mask in self._masks.values():
            mask.peeking = held
        self._repaint()

    def _repaint(self) -> None:
        for view in self.views.values():
            view.update()

    # -- where it looks, and with what -----------------------------------------------------------

    def go_to_mm(self, point: tuple[float, float, float]) -> None:
        """Look at a place (x, y, z) in mm."""
        index = np.rint(self.volume.mm_to_index(point)).astype(int).tolist()
        self.cursor_at.go_to(dict(enumerate(index)))

    def use_tools(self, tools: Mapping[Plane, Tool] | None = None) -> None:
        """A tool for each view; without any, the one that takes the cursor along."""
        for plane, view in self.views.items():
            view.use_tool(tools[plane] if tools else Go())

    def enlarge(self, plane: Plane | None) -> None:
        """Show one plane alone; the same once more, or None, shows all again."""
        view = self.views[plane] if plane else None
        self.alone = None if view is self.alone else view
        for widget in (*self.views.values(), self.beside):
            widget.setVisible(self.alone in (None, widget))
        cell = CELLS[plane] if plane and self.alone else None
        for i in (0, 1):  # an empty row or column with a stretch would still take its room
            self._grid.setRowStretch(i, int(cell is None or cell[0] == i))
            self._grid.setColumnStretch(i, int(cell is None or cell[1] == i))
        if view is not None:
            view.setFocus(Qt.FocusReason.OtherFocusReason)
        self.enlarged.emit(plane if self.alone else None)

    def set_beside(self, widget: QWidget) -> None:
        """The widget of the fourth cell."""
        self._grid.replaceWidget(self.beside, widget)
        self.beside.deleteLater()
        self.beside = widget
        widget.setVisible(self.alone is None)
