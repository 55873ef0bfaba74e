"""Which landmark is set next: template order, but for what people choose, take away, leave out."""

from __future__ import annotations

from xgen_studio.anatomy.hand.annotation import Annotation, State


class Order:
    """`due` is the landmark that comes next, None where none does.

    One that was left out is not asked for again: a click that is meant for a later one would set
    it. One that is taken away comes at once; when it is set again, things go on where they were.
    """

    def __init__(self) -> None:
        self.due: int | None = 0
        self._left_out: set[int] = set()
        self._waiting: list[int] = []  # what was due when one was taken away, the last one last

    def begin(self, now: Annotation) -> None:
        """With the landmarks of another hand: its first absent one."""
        self._left_out.clear()
        self._waiting.clear()
        self.due = self._behind(now, -1)

    def choose(self, landmark: int) -> None:
        """An absent landmark that a person takes in hand."""
        self._left_out.discard(landmark)
        self._waiting.clear()
        self.due = landmark

    def after_set(self, now: Annotation, landmark: int) -> None:
        """A landmark has its place."""
        self._left_out.discard(landmark)
        self._go_on(now, landmark)

    def leave_out(self, now: Annotation, landmark: int) -> None:
        """An absent landmark is absent for good."""
        self._left_out.add(landmark)
        self._go_on(now, landmark)

    def take_away(self, landmark: int) -> None:
        """A landmark lost its place, and may get another one."""
        if self.due is not None:
            self._waiting.append(self.due)
        self.due = landmark

    def follow(self, before: Annotation, now: Annotation) -> bool:
        """After undo or redo: what was taken back comes next, or what follows what was set again.
        Whether landmarks came or went."""
        absent = [[s is State.ABSENT for s in a.states] for a in (before, now)]
        changed = [n for n, (was, is_) in enumerate(zip(*absent, strict=True)) if was != is_]
        if not changed:
            return False
        if absent[1][changed[0]]:
            self._waiting.clear()
            self.due = changed[0]
        else:
            self._go_on(now, changed[-1])
        return True

    def _go_on(self, now: Annotation, landmark: int) -> None:
        while self._waiting:
            self.due = self._waiting.pop()
            if now.states[self.due] is State.ABSENT:
                return
        self.due = self._behind(now, landmark)

    def _behind(self, now: Annotation, landmark: int) -> int | None:
        following = now.next_absent(landmark)
        while following in self._left_out:
            following = now.next_absent(following)
        return following
