"""Inference in a process of its own: the window never waits for torch, not even for its import."""

from xgen_studio.studio.engine.client import Engine
from xgen_studio.studio.engine.protocol import Draw

__all__ = ["Draw", "Engine"]
