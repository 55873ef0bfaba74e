"""The kinds of works that files may hold: masks, labelled volumes, and what wings bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xgen_studio.document.document import Document
from xgen_studio.document.volume import VolumeWork
from xgen_studio.document.work import Arrays, Work
from xgen_studio.errors import InputError
from xgen_studio.registry import registered
from xgen_studio.wing import resolve

OF_THE_HOUSE: dict[str, type[Work]] = {work.kind: work for work in (Document, VolumeWork)}


def restore(kind: str, card: Mapping[str, Any], arrays: Arrays) -> Work:
    """The work of that kind; InputError where it cannot be one."""
    if kind in OF_THE_HOUSE:
        work = OF_THE_HOUSE[kind].restore(card, arrays)
    else:
        places = registered("works")
        if kind not in places:
            known = ", ".join([*OF_THE_HOUSE, *places])
            raise InputError(
                f"{arrays.where}: holds '{kind}', which this XGen Studio does not know (it knows"
                f" {known}); update, or install the wing it belongs to"
            )
        work = resolve(places[kind]).restore(card, arrays)
    arrays.nothing_left()
    return work
