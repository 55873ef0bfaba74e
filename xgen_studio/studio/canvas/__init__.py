"""The canvas: pictures and masks, zoomed and painted on."""

from xgen_studio.studio.canvas.canvas import Canvas
from xgen_studio.studio.canvas.layers import MaskLayer, PictureLayer
from xgen_studio.studio.canvas.viewport import Viewport

__all__ = ["Canvas", "MaskLayer", "PictureLayer", "Viewport"]
