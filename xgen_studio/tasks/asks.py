"""Requests that every wing answers in its own way. Light: no torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from xgen_studio.tasks.ask import Ask, Lane


@dataclass(frozen=True)
class Prepare(Ask):
    """Write the training arrays of that name into the folder `out`; real images come from the data
    folder. With `held_out_only` a simulated set holds its test subjects alone, which is quick."""

    task: ClassVar[str] = "xgen_studio.tasks.prepare:prepare"
    lane: ClassVar[Lane] = Lane.LONG

    name: str
    out: Path
    data: Path | None = None
    held_out_only: bool = False
    overwrite: bool = False

    @property
    def writes(self) -> Path:
        return self.out


@dataclass(frozen=True)
class Evaluate(Ask):
    """Measure a model on held-out data: `table.json`, `table.md` and pictures in the folder `out`.

    With `record` the figures go into the model's card, too. `values` are the wing's options.
    """

    task: ClassVar[str] = "xgen_studio.tasks.evaluate:evaluate"
    lane: ClassVar[Lane] = Lane.LONG

    model: str
    out: Path
    data: Path | None = None
    device: str = "cpu"
    limit: int | None = None
    record: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False

    @property
    def writes(self) -> Path:
        return self.out

    def on(self, device: str) -> Evaluate:
        return replace(self, device=device)


@dataclass(frozen=True)
class Demo(Ask):
    """Every wing once on its sample cases, as pictures, JSON and one `index.html`."""

    task: ClassVar[str] = "xgen_studio.tasks.demo:run_demo"
    lane: ClassVar[Lane] = Lane.LONG

    out: Path

    @property
    def writes(self) -> Path:
        return self.out


@dataclass(frozen=True)
class Devices(Ask):
    """Say which devices there are: a tuple of `tasks.devices.Device`."""

    task: ClassVar[str] = "xgen_studio.tasks.bench:list_devices"
    lane: ClassVar[Lane] = Lane.SHORT
