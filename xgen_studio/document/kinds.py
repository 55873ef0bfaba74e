"""The kinds of works that files may hold: masks, and what wings bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xgen_studio.document.document import Document
from xgen_studio.document.work import Arrays, Work
from xgen_studio.errors import InputError
from xgen_studio.registry import registered
from xgen_studio.wing import resolve


def restore(kind: str, card: Mapping[str, Any], arrays: Arrays) -> Work:
    """The work of that kind; InputError where it cannot be one."""
    if kind == Document.kind:
        work: Work = Document.restore(card, arrays)
    else:
        places = registered("works")
        if kind not in places:
            known = ", ".join([Document.kind, *places])
            raise InputError(
                f"{arrays.where}: holds '{kind}', which this XGen Studio does not know (it knows"
                f" {known}); update, or install the wing it belongs to"
            )
        work = resolve(places[kind]).restore(card, arrays)
    arrays.nothing_left()
    return work
