"""Where a task works: devices, models kept loaded, a way to say how far it is and to be stopped.

Light: torch is loaded when a device is asked for.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from xgen_studio.errors import Cancelled

if TYPE_CHECKING:
    import torch

    from xgen_studio.tasks.devices import Device

T = TypeVar("T")
KEPT = 4  # the model that draws live, that of a series or an opened picture; a scan, what is found


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of work; `text` says what is being done."""

    done: int
    total: int
    text: str = ""


Hears = Callable[[Progress], None]


class Bench:
    """A task reports between its units of work. Whoever listens may stop it there, hold it, or do
    something else first: reporting is the one place where a task gives way."""

    def __init__(self, hears: Hears = lambda progress: None, keeps: int = KEPT) -> None:
        self._hears, self._keeps = hears, keeps
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._stop = threading.Event()

    def heard_by(self, hears: Hears) -> Bench:
        """The same bench, models and all, for another task, which somebody else listens to."""
        other = Bench(hears, self._keeps)
        other._kept = self._kept
        return other

    def cancel(self) -> None:
        """Ask the task to stop at its next unit of work. Safe from any thread."""
        self._stop.set()

    def report(self, done: int, total: int, text: str = "") -> None:
        """Say how far the task is; raises Cancelled when it was asked to stop."""
        if self._stop.is_set():
            raise Cancelled("stopped; what was finished is kept")
        self._hears(Progress(done, total, text))

    def device(self, name: str) -> torch.device:
        """The device of that name ('cpu', 'cuda:0'), set so that it draws the same pixels each
        time; DeviceError says which there are."""
        from xgen_studio.tasks.devices import pick_device, same_pixels

        return same_pixels(pick_device(name))

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once and kept for the next task; the oldest goes."""
        if key not in self._kept:
            while len(self._kept) >= self._keeps:
                self._kept.popitem(last=False)
            self._kept[key] = make()
        self._kept.move_to_end(key)
        found: T = self._kept[key]
        return found


def list_devices(_ask: object, _bench: Bench) -> Iterator[tuple[Device, ...]]:
    """The task behind `Devices`."""
    from xgen_studio.tasks.devices import devices

    yield tuple(devices())
