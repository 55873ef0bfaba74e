"""The proof that a kept picture can be made again."""

from __future__ import annotations

from collections.abc import Callable

from xgen_studio.document import Picture
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import Again, Failed, Remade


class Proof:
    """Asks the worker to walk a picture's recipe again, and says what came of it."""

    def __init__(self, engine: Engine, say: Callable[[str], None]) -> None:
        self.engine, self._say = engine, say
        self._number: int | None = None
        engine.remade.connect(self._remade)
        engine.failed.connect(self._failed)

    def close(self) -> None:
        """Let the engine go."""
        self.engine.remade.disconnect(self._remade)
        self.engine.failed.disconnect(self._failed)

    def make(self, picture: Picture) -> None:
        """Walk the recipe anew and compare bit by bit."""
        self._number = self.engine.number()
        self._say("Making the kept picture again ...")
        self.engine.send(Again(self._number, picture))

    def _remade(self, remade: Remade) -> None:
        if remade.number != self._number:
            return
        if remade.equal:
            self._say("Made again: equal to the bit.")
        else:
            self._say(
                f"Made again, but it differs by up to {remade.largest_difference:.2g} of 1: another"
                " device or library version."
            )

    def _failed(self, failure: Failed) -> None:
        if failure.number == self._number:
            self._say(failure.message)
