"""What one can do on the spine page: its actions, their keys, and the menu of a vertebra."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QWidget

from xgen_studio.studio.actions import Actions, Entry
from xgen_studio.studio.workspace import Menus
from xgen_studio.wings.spine.pages.tools import Toolbox
from xgen_studio.wings.spine.science.levels import ORDER

if TYPE_CHECKING:
    from xgen_studio.wings.spine.pages.page import SpinePage

MENUS: Menus = (
    ("&Edit", ("edit.",)),
    ("&View", ("view.",)),
    ("&Tools", ("tool.", "brush.")),
    ("&Mask", ("mask.",)),
    ("&Vertebra", ("spine.",)),
)
TOOLS = (
    Entry("tool.look", "Look", ("Z", "6"), "look", True, "Look: click a vertebra, scroll slices"),
    Entry("tool.centres", "Move centres", ("C",), "shape", True, "Drag the centres of vertebrae"),
    Entry("tool.brush", "Brush", ("B", "2"), "brush", True, "Brush: right drag erases"),
    Entry("tool.eraser", "Eraser", ("E", "1"), "eraser", True),
)
TOOL_IDS = tuple(entry.id for entry in TOOLS)
EDIT_IDS = ("mask.between", "mask.largest", "mask.remove")


def add_actions(page: SpinePage) -> None:
    """Make the page's actions; what stands before the point of an id is the menu."""
    add, files, editing = page.actions_.add, page.files, page.editing
    for entry in TOOLS:
        action = add(entry, partial(_toggled, page.actions_, page.toolbox, entry.id))
        # a tool in use stays in use when its key is pressed again
        action.triggered.connect(partial(action.setChecked, True))
    for entry, call in (
        (Entry("file.ct", "Open CT or mask ...", ("Ctrl+Shift+O",), "open"), files.ask_scan),
        (Entry("file.folder", "Open folder of DICOM ..."), files.ask_folder),
        (Entry("file.mask", "Open mask ..."), files.ask_mask),
        (Entry("file.alone", "Open mask without its CT ..."), files.ask_mask_alone),
        (Entry("file.find", "Find the CT of this document ..."), files.ask_found),
        (Entry("file.prior", "Compare with an earlier grading ..."), files.ask_prior),
        (Entry("file.no_prior", "Compare with none"), files.no_prior),
        (Entry("file.report", "Report ...", ("Ctrl+E",), "export"), files.ask_report),
        (Entry("edit.undo", "Undo", ("Ctrl+Z",), "undo"), page.undo),
        (Entry("edit.redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo"), page.redo),
        (Entry("view.fit", "Fit to the window", ("Ctrl+0",), "fit"), page.fit),
        (Entry("view.fainter", "Masks fainter", ("A",)), lambda: page.view_bar.step_opacity(-1)),
        (Entry("view.stronger", "Masks stronger", ("D",)), lambda: page.view_bar.step_opacity(1)),
        (Entry("view.invert", "Invert", ("I",)), lambda: page.view_bar.inverted.toggle()),
        (Entry("view.outline", "Outlines", ("O",)), lambda: page.view_bar.outlined.toggle()),
        (Entry("brush.larger", "Larger brush", ("]", "+")), lambda: page.toolbox.resize(1)),
        (Entry("brush.smaller", "Smaller brush", ("[", "-")), lambda: page.toolbox.resize(-1)),
        (
            Entry(
                "mask.between",
                "Fill between",
                ("F",),
                tip="Fill between the painted slices of the plane that was painted on last",
            ),
            editing.fill_between,
        ),
        (
            Entry("mask.largest", "Keep largest", tip="Take away all pieces but the largest"),
            editing.keep_largest,
        ),
        (Entry("mask.remove", "Remove", tip="Take this vertebra's mask away"), editing.remove),
        (Entry("mask.measure", "Measure again", ("Ctrl+M",)), page.measuring.measure),
        (Entry("spine.previous", "Vertebra above", ("Ctrl+Up",)), lambda: page.step(-1)),
        (Entry("spine.next", "Vertebra below", ("Ctrl+Down",)), lambda: page.step(1)),
        (Entry("spine.mark", "Mark at the cursor", ("M",), "pick"), page.mark),
        (Entry("spine.propose", "Propose", ("Ctrl+P",), "wand"), page.asking.propose),
        (Entry("spine.up", "All names one up", ("Alt+Up",)), lambda: editing.shift_names(-1)),
        (Entry("spine.down", "All names one down", ("Alt+Down",)), lambda: editing.shift_names(1)),
        (Entry("spine.t13", "This is a T13"), lambda: editing.name_as("T13")),
        (Entry("spine.l6", "This is an L6"), lambda: editing.name_as("L6")),
        (Entry("spine.overrule", "Overrule the grade ...", ("G",)), page.ask_overrule),
    ):
        add(entry, lambda *_, call=call: call())


def _toggled(actions: Actions, toolbox: Toolbox, id: str, on: bool) -> None:
    if on:
        for other in TOOL_IDS:
            actions[other].setChecked(other == id)
        toolbox.take(id)


def vertebra_menu(
    actions: Actions, level: str, name_as: Callable[[str], None], parent: QWidget
) -> QMenu:
    """What can be said of a vertebra."""
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.addSection(level)
    names = menu.addMenu(f"{level} is")
    for name in ORDER:
        action = names.addAction(name)
        action.setEnabled(name != level)
        action.triggered.connect(lambda _=False, n=name: name_as(n))
    menu.addActions([actions[id] for id in ("spine.up", "spine.down", "spine.t13", "spine.l6")])
    menu.addSeparator()
    menu.addActions([actions[id] for id in ("spine.overrule", *EDIT_IDS)])
    return menu
