"""Propose the mask of the radiograph that lies under the drawing."""

from __future__ import annotations

from collections.abc import Callable

from xgen_studio.document import Document, Picture
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import Answer, Failed, Told
from xgen_studio.wings.knee.pages.opening import PROPOSER
from xgen_studio.wings.knee.tasks.asks import ProposedMask, ProposeMask


class Proposing:
    """Asks the worker, and puts its answer into the document as one change."""

    def __init__(
        self, engine: Engine, document: Document, can: bool, say: Callable[[str], None]
    ) -> None:
        self.engine, self.document, self._can, self._say = engine, document, can, say
        self._number = 0
        self._picture: Picture | None = None

    def ask(self) -> None:
        """Propose the mask of the picture that was kept or opened."""
        picture = self.document.picture
        if not self._can:
            self._say("Masks are proposed for AP radiographs only.")
        elif picture is None:
            self._say("There is no radiograph to propose a mask of: open one, or keep one (Y).")
        else:
            self._picture = picture
            self._say("Proposing the mask ...")
            self._number = self.engine.ask(ProposeMask(picture.pixels, PROPOSER), self._heard)

    def _heard(self, answer: Answer) -> None:
        if answer.number != self._number:
            return
        if isinstance(answer, Told):
            self._proposed(answer.what)
        elif isinstance(answer, Failed):
            self._say(answer.message)

    def _proposed(self, proposed: ProposedMask) -> None:
        if self.document.picture is not self._picture:
            return
        changed = self.document.put_mask(proposed.labels, "Propose mask")
        if proposed.doubt:
            self._say(f"The proposed mask is doubtful: {proposed.doubt}. Look at it closely.")
        else:
            self._say("Mask proposed: check its edges." if changed else "It is that mask already.")
