"""The canvas: layers of one grid, zoomed, panned and painted on."""

from xgen_studio.studio.canvas.canvas import Canvas
from xgen_studio.studio.canvas.layers import HeatLayer, Layer, MaskLayer, PictureLayer
from xgen_studio.studio.canvas.tool import Tool, Touch
from xgen_studio.studio.canvas.viewport import Viewport

__all__ = ["Canvas", "HeatLayer", "Layer", "MaskLayer", "PictureLayer", "Tool", "Touch", "Viewport"]
