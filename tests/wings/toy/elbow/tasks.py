"""A task that streams: it counts, and tells each number."""

from dataclasses import dataclass
from typing import ClassVar

from xgen_studio.tasks.ask import Ask, Lane, Note


@dataclass(frozen=True)
class Count(Ask):
    task: ClassVar[str] = "elbow.tasks:count"
    lane: ClassVar[Lane] = Lane.LONG

    to: int


def count(ask, bench):
    for i in range(1, ask.to + 1):
        bench.report(i, ask.to, "counting")
        yield i
    yield Note(f"counted to {ask.to}")
