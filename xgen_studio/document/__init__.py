"""What a user works on: works with one undo each, their files and journal. Knows no Qt."""

from xgen_studio.document.document import Document
from xgen_studio.document.editing import MaskEditor, Rules
from xgen_studio.document.history import Change, History, Replace
from xgen_studio.document.labelled import Labelled
from xgen_studio.document.picture import LabelState, Made, Picture
from xgen_studio.document.regions import Region
from xgen_studio.document.volume import VolumeWork
from xgen_studio.document.work import Work

__all__ = [
    "Change",
    "Document",
    "History",
    "LabelState",
    "Labelled",
    "Made",
    "MaskEditor",
    "Picture",
    "Region",
    "Replace",
    "Rules",
    "VolumeWork",
    "Work",
]
