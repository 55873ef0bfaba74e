"""A kind of document: lines of text."""

import numpy as np

from xgen_studio.document import Replace, Work


class Notes(Work):
    """What somebody wrote."""

    kind = "elbow-notes"

    def __init__(self, lines=()):
        super().__init__()
        self.wing, self.lines = "elbow", tuple(lines)
        self.counts = np.zeros((3, 5), np.int32)

    def write(self, line):
        before, self.lines = self.lines, (*self.lines, line)
        self.history.did(Replace(f"Write {line}", self._put, before, self.lines))

    def count(self, row, column):
        self.counts[row, column] += 1
        self.mark_edited("counts", [(0, 0)])

    def _put(self, lines):
        self.lines = lines

    def card(self, file=None):
        return {"lines": list(self.lines)}

    def arrays(self):
        return {"counts": self.counts}

    @classmethod
    def restore(cls, card, arrays):
        notes = cls(card["lines"])
        notes.counts[...] = arrays.take("counts", "<i4", (3, 5))
        return notes
