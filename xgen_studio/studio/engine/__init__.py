"""Tasks in a process of their own: the window never waits for torch, not even for its import."""

from xgen_studio.studio.engine.client import Engine

__all__ = ["Engine"]
