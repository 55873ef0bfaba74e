"""What a user works on: mask, labels and pictures, every change of them undoable. Knows no Qt."""

from xgen_studio.document.document import Document, LabelState, Made, Picture
from xgen_studio.document.editing import MaskEditor, Rules
from xgen_studio.document.history import Change, History
from xgen_studio.document.regions import Region

__all__ = [
    "Change",
    "Document",
    "History",
    "LabelState",
    "Made",
    "MaskEditor",
    "Picture",
    "Region",
    "Rules",
]
