"""Where the knee's own data lie: shapes, outlines, sample cases."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
CASES = DATA.parent / "cases"
