"""The tools of the canvas, a file for each kind of gesture."""

from xgen_studio.studio.tools.brush import Brush
from xgen_studio.studio.tools.fill import Fill, Pick, Wand
from xgen_studio.studio.tools.measure import Angle, Ruler
from xgen_studio.studio.tools.outline import Lasso, PolygonTool
from xgen_studio.studio.tools.paint import Paint
from xgen_studio.studio.tools.region import RegionTool
from xgen_studio.studio.tools.shape import ShapeTool
from xgen_studio.studio.tools.view import Look

__all__ = [
    "Angle",
    "Brush",
    "Fill",
    "Lasso",
    "Look",
    "Paint",
    "Pick",
    "PolygonTool",
    "RegionTool",
    "Ruler",
    "ShapeTool",
    "Wand",
]
