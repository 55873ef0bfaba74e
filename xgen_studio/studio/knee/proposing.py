"""Propose the mask of the radiograph that lies under the drawing."""

from __future__ import annotations

from collections.abc import Callable

from xgen_studio.document import Document, Picture
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import Failed, Propose, Proposed

PROPOSER = "knee-xray"  # the bundle that holds the mask network


class Proposing:
    """Asks the worker, and puts its answer into the document as one change."""

    def __init__(
        self, engine: Engine, document: Document, can: bool, say: Callable[[str], None]
    ) -> None:
        self.engine, self.document, self._can, self._say = engine, document, can, say
        self._number: int | None = None
        self._picture: Picture | None = None
        engine.proposed.connect(self._proposed)
        engine.failed.connect(self._failed)

    def close(self) -> None:
        """Let the engine go."""
        self.engine.proposed.disconnect(self._proposed)
        self.engine.failed.disconnect(self._failed)

    def ask(self) -> None:
        """Propose the mask of the picture that was kept or opened."""
        picture = self.document.picture
        if not self._can:
            self._say("Masks are proposed for AP radiographs only.")
        elif picture is None:
            self._say("There is no radiograph to propose a mask of: open one, or keep one (Y).")
        else:
            self._number, self._picture = self.engine.number(), picture
            self._say("Proposing the mask ...")
            self.engine.send(Propose(self._number, picture.pixels, PROPOSER))

    def _proposed(self, proposed: Proposed) -> None:
        if proposed.number != self._number or self.document.picture is not self._picture:
            return
        changed = self.document.put_mask(proposed.labels, "Propose mask")
        if proposed.doubt:
            self._say(f"The proposed mask is doubtful: {proposed.doubt}. Look at it closely.")
        else:
            self._say("Mask proposed: check its edges." if changed else "It is that mask already.")

    def _failed(self, failure: Failed) -> None:
        if failure.number == self._number:
            self._say(failure.message)
