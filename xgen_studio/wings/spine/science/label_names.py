"""What a label map's own file, or a file beside it, calls its ids.

TotalSegmentator writes a table of names into its NIfTI (a `CaretExtension` in XML), 3D Slicer one
into the header of `.seg.nrrd`, nnU-Net a `dataset.json` beside the folder of its masks.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json
from xgen_studio.imaging.formats.content import GZIP, first_bytes, kind_of
from xgen_studio.imaging.formats.payload import first_unpacked

_HEAD = 256 * 1024  # bytes in which such a table ends: 117 names take 12 KiB
# no part of them can run to the end of a damaged table again and again
_NIFTI_NAME = re.compile(
    rb'<Label\s[^<>]{0,200}?Key="(\d{1,5})"[^<>]{0,200}>\s{0,20}'
    rb"(?:<!\[CDATA\[([^\]<>]{1,200})\]\]>|([^<>]{1,200}))"
)
_NRRD_NAME = re.compile(r"^Segment(\d{1,5})_(Name|LabelValue)[ \t]{0,9}:=(.*)$", re.MULTILINE)
_NUMBER = re.compile(r"[0-9]{1,5}")


def names_inside(path: Path) -> dict[int, str]:
    """Names by id as the NIfTI or NRRD file itself says them; empty where it does not."""
    start = first_bytes(path, _HEAD)
    if start.startswith(GZIP):
        start = first_unpacked(path, _HEAD)
    kind = kind_of(path)
    if kind == "nifti" and b"CaretExtension" in start:
        return {
            int(id): html.unescape((cdata or plain).decode("utf-8", "replace")).strip()
            for id, cdata, plain in _NIFTI_NAME.findall(start)
        }
    if kind == "nrrd":
        return _slicer(start.partition(b"\n\n")[0].decode("utf-8", "replace"))
    return {}


def _slicer(header: str) -> dict[int, str]:
    """Slicer's segments. Two that share a value lie in two layers, which a map has not."""
    segments: dict[str, dict[str, str]] = {}
    for number, key, value in _NRRD_NAME.findall(header.replace("\r\n", "\n")):
        segments.setdefault(number, {})[key] = value.strip()
    return {
        int(found["LabelValue"]): found["Name"]
        for found in segments.values()
        if _NUMBER.fullmatch(found.get("LabelValue", "")) and "Name" in found
    }


def names_beside(path: Path) -> tuple[dict[int, str], str]:
    """Names by id of nnU-Net's `dataset.json` in the file's folder or the one above, and that
    file's name; empty where there is none. Both directions of its `labels` are understood:
    `{"L1": 1}` (version 2) and `{"1": "L1"}` (version 1)."""
    for folder in (path.parent, path.parent.parent):
        file = folder / "dataset.json"
        if not file.is_file():
            continue
        try:
            table = read_json(file)
        except InputError:  # another program's file of this name does not spoil the mask
            continue
        labels = table.get("labels") if isinstance(table, dict) else None
        if isinstance(labels, dict) and (names := _either_way(labels)):
            return names, f"{folder.name}/{file.name}"
    return {}, ""


def _either_way(labels: dict[str, Any]) -> dict[int, str]:
    names: dict[int, str] = {}
    for key, value in labels.items():
        if isinstance(value, str) and _NUMBER.fullmatch(key):
            names[int(key)] = value
        elif isinstance(value, int) and not isinstance(value, bool):
            names[value] = key
    return {id: name for id, name in names.items() if id > 0}
