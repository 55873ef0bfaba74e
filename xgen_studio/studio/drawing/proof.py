"""The proof that a kept picture can be made again."""

from __future__ import annotations

from collections.abc import Callable

from xgen_studio.document import Picture
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import Answer, Failed, Told
from xgen_studio.tasks.drawing import Again, MadeAgain


class Proof:
    """Asks the worker to walk a picture's recipe again, and says what came of it."""

    def __init__(self, engine: Engine, say: Callable[[str], None]) -> None:
        self.engine, self._say = engine, say
        self._number = 0

    def make(self, picture: Picture) -> None:
        """Walk the recipe anew and compare bit by bit."""
        self._say("Making the kept picture again ...")
        self._number = self.engine.ask(Again(picture), self._heard)

    def _heard(self, answer: Answer) -> None:
        if answer.number != self._number:
            return
        if isinstance(answer, Told):
            self._say(in_words(answer.what))
        elif isinstance(answer, Failed):
            self._say(answer.message)


def in_words(made: MadeAgain) -> str:
    """What came of it: equal, or by how much it differs, and what is not as it was then."""
    if made.equal:
        return "Made again: equal to the bit."
    text = f"Made again, but it differs by up to {made.largest_difference:.2g} of 1"
    if made.differs:
        return f"{text}. Not as it was then: {'; '.join(made.differs)}."
    return f"{text}, and nothing that was written down says why."
