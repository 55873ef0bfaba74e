"""A short fuzz of every reader; `make fuzz` is the long one."""

from __future__ import annotations

import time

import pytest

from tests.fuzz import run
from tests.fuzz_seeds import readers

COUNT = 40


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="fuzzes in forked processes")
@pytest.mark.parametrize("reader", readers(), ids=lambda reader: reader.name)
def test_damaged_files_are_read_or_refused_in_one_line(reader):
    first = 1_000_000  # others than those of `make fuzz`
    bad = [
        (number, found, text)
        for number, found, text in run(reader, first, COUNT, time.monotonic() + 60)
        if found not in ("read", "refused")
    ]
    assert not bad
