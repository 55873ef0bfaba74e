"""Which landmark is set next: template order, but for what people choose, take away, leave out."""

from __future__ import annotations

from xgen_studio.wings.hand.science.annotation import Annotation


class Order:
    """`due` is the landmark that comes next, None where none does.

    One that was left out is not asked for again: a click that is meant for a later one would set
    it. One that is taken away comes at once; when it is set again, things go on where they were.
    """

    def __init__(self) -> None:
        self.due: int | None = 0
        self._waiting: list[int] = []  # what was due when one was taken away, the last one last

    def begin(self, now: Annotation) -> None:
        """With the landmarks of another hand: its first absent one."""
        self._waiting.clear()
        self.due = now.next_absent()

    def choose(self, landmark: int) -> None:
        """An absent landmark that a person takes in hand."""
        self._waiting.clear()
        self.due = landmark

    def take_away(self, landmark: int) -> None:
        """A landmark lost its place, and may get another one."""
        if self.due is not None:
            self._waiting.append(self.due)
        self.due = landmark

    def follow(self, before: Annotation, now: Annotation) -> bool:
        """After undo or redo: what was taken back comes next, or what follows what was set again.
        Whether landmarks came or went."""
        changed = sorted(before.due() ^ now.due())
        if not changed:
            return False
        if changed[0] in now.due():
            self._waiting.clear()
            self.due = changed[0]
        else:
            self.go_on(now, changed[-1])
        return True

    def go_on(self, now: Annotation, landmark: int) -> None:
        """A landmark has its place, or is absent on purpose."""
        while self._waiting:
            self.due = self._waiting.pop()
            if self.due in now.due():
                return
        self.due = now.next_absent(landmark)
