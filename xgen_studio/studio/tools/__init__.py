"""The tools of the canvas, a file for each kind of gesture."""

from xgen_studio.studio.tools.brush import Brush
from xgen_studio.studio.tools.centres import CentreTool
from xgen_studio.studio.tools.easel import Easel, Strokes
from xgen_studio.studio.tools.fill import Fill, Pick, Wand
from xgen_studio.studio.tools.measure import Angle, Ruler
from xgen_studio.studio.tools.outline import Lasso, PolygonTool
from xgen_studio.studio.tools.pan import Pan
from xgen_studio.studio.tools.plane_easel import PlaneEasel, easels
from xgen_studio.studio.tools.region import RegionTool
from xgen_studio.studio.tools.shape import ShapeTool

__all__ = [
    "Angle",
    "Brush",
    "CentreTool",
    "Easel",
    "Fill",
    "Lasso",
    "Pan",
    "Pick",
    "PlaneEasel",
    "PolygonTool",
    "RegionTool",
    "Ruler",
    "ShapeTool",
    "Strokes",
    "Wand",
    "easels",
]
