"""The canvas: pictures and masks, zoomed and painted on."""

from xgen_studio.studio.canvas.canvas import Canvas
from xgen_studio.studio.canvas.layers import (
    HeatLayer,
    Landmark,
    LandmarkLayer,
    MaskLayer,
    PictureLayer,
)
from xgen_studio.studio.canvas.viewport import Viewport

__all__ = [
    "Canvas",
    "HeatLayer",
    "Landmark",
    "LandmarkLayer",
    "MaskLayer",
    "PictureLayer",
    "Viewport",
]
