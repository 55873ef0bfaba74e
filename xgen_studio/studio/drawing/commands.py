"""What one can do on a drawing page: the tools, and the actions of its menus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xgen_studio.studio.actions import Entry
from xgen_studio.studio.canvas import Tool
from xgen_studio.studio.drawing.label_work import clear_label, lock_label, reshape_label, step_label
from xgen_studio.studio.shortcuts import label_keys
from xgen_studio.studio.tools import (
    Angle,
    Brush,
    Easel,
    Fill,
    Lasso,
    Pan,
    Pick,
    PolygonTool,
    Ruler,
    Wand,
)

if TYPE_CHECKING:
    from xgen_studio.studio.drawing.page import DrawingPage

TOOLS = (
    Entry("tool.brush", "Brush", ("B", "P", "2"), "brush", True, "Brush: right drag erases"),
    Entry("tool.eraser", "Eraser", ("E", "1"), "eraser", True),
    Entry("tool.lasso", "Outline", ("O",), "lasso", True, "Outline: drag around, it fills itself"),
    Entry("tool.polygon", "Polygon", ("G", "3"), "polygon", True, "Polygon: click, Enter closes"),
    Entry("tool.fill", "Fill", ("F", "4"), "fill", True, "Fill; Shift fills every such area"),
    Entry("tool.wand", "Wand", ("W", "5"), "wand", True, "Wand: like grey values, drag for more"),
    Entry("tool.pick", "Pick label", ("I",), "pick", True, "Pick label; or Alt + click"),
    Entry("tool.ruler", "Ruler", ("M",), "ruler", True),
    Entry("tool.angle", "Angle", ("Shift+M",), "angle", True),
    Entry("tool.look", "Move", ("Z", "6"), "look", True, "Move the picture"),
)


def tools_of(easel: Easel) -> tuple[Tool, ...]:
    """The tools, in the order of TOOLS."""
    return (
        Brush(easel),
        Brush(easel, erases=True),
        Lasso(easel),
        PolygonTool(easel),
        Fill(easel),
        Wand(easel),
        Pick(easel),
        Ruler(),
        Angle(),
        Pan(),
    )


def add_actions(page: DrawingPage) -> None:
    """Make the page's actions; what stands before the point of an id is the menu."""
    add, document, easel = page.actions_.add, page.document, page.easel
    drawing, bar, panel = page.drawing, page.brush_bar, page.panel
    for entry, call in (
        (Entry("edit.undo", "Undo", ("Ctrl+Z",), "undo"), page.tools.undo),
        (Entry("edit.redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo"), document.history.redo),
        (Entry("view.fit", "Fit to the window", ("Ctrl+0",), "fit"), drawing.fit),
        (Entry("view.one", "One screen pixel for each", ("Ctrl+1",)), lambda: drawing.zoom_to(1.0)),
        (Entry("view.auto", "Automatic contrast", ("Ctrl+J",), "contrast"), page.auto_window),
        (Entry("view.full", "Full contrast range", ("Ctrl+Shift+J",)), page.full_window),
        (Entry("brush.larger", "Larger brush", ("]", "+")), lambda: easel.resize(1)),
        (Entry("brush.smaller", "Smaller brush", ("[", "-")), lambda: easel.resize(-1)),
        (Entry("tool.last", "Last two tools in turn", ("Q",)), page.tools.last),
        (Entry("mask.toggle", "Show or hide the mask", ("S",), "eye"), page.toggle_mask),
        (Entry("mask.fainter", "Mask fainter", ("A",)), lambda: bar.fade(-1)),
        (Entry("mask.stronger", "Mask stronger", ("D",)), lambda: bar.fade(1)),
        (Entry("label.previous", "Previous label", (",",)), lambda: step_label(easel, -1)),
        (Entry("label.next", "Next label", (".",)), lambda: step_label(easel, 1)),
        (
            Entry("label.lock", "Lock or unlock the label", ("Shift+B",), "lock"),
            lambda: lock_label(easel),
        ),
        (
            Entry("label.grow", "Grow the label", ("Ctrl+Shift+Up",)),
            lambda: reshape_label(easel, "grow"),
        ),
        (
            Entry("label.shrink", "Shrink the label", ("Ctrl+Shift+Down",)),
            lambda: reshape_label(easel, "shrink"),
        ),
        (
            Entry("label.smooth", "Smooth the label", ("Ctrl+Shift+L",)),
            lambda: reshape_label(easel, "smooth"),
        ),
        (Entry("label.clear", "Erase the label everywhere"), lambda: clear_label(easel)),
        (Entry("radiograph.reroll", "Another seed", ("R",), "dice"), panel.new_seed),
        (Entry("radiograph.now", "Draw now", ("Ctrl+Return",), "live"), page.draw_now),
        (Entry("radiograph.vary", "Variations", ("V",)), page.vary),
        (Entry("radiograph.keep", f"Keep this {page.setup.noun}", ("Y",), "accept"), page.keep),
        (Entry("radiograph.discard", "Discard the variation", ("N",)), page.strip.discard),
        (Entry("radiograph.region", "Edit a region", ("L",), "region"), page.take_region_tool),
        (Entry("radiograph.free", "Free the whole picture", ("Shift+L",)), page.region.tool.free),
        (Entry("radiograph.many", "Draw many ...", ()), page.draw_many),
        (Entry("radiograph.again", "Make the kept picture again", ()), page.make_again),
        (Entry("radiograph.export", "Export ...", ("Ctrl+E",), "export"), page.export),
    ):
        add(entry, lambda *_, call=call: call())
    under = Entry(
        "view.under", f"{page.setup.noun.capitalize()} under the drawing", ("U",), checkable=True
    )
    add(under, lambda _on: page.repicture()).setChecked(True)
    for i, state in enumerate(document.labels, start=1):
        add(
            Entry(f"label.{i}", f"Paint {state.label.name}", label_keys(i)),
            lambda _=False, id=state.label.id: easel.use(label=id),
        )
    for i, template in enumerate(page.setup.shapes):
        add(
            Entry(f"shape.{i}", template.title, icon="shape" if i == 0 else ""),
            lambda _=False, t=template: page.tools.drop_shape(t),
        )
