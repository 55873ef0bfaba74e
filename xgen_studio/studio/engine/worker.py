"""The worker process: owns the device, draws the newest mask, answers over a pipe."""

from __future__ import annotations

import contextlib
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its threads spin otherwise

from xgen_studio.errors import XGenError
from xgen_studio.studio.engine.protocol import (
    Draw,
    Drawn,
    Failed,
    Open,
    Opened,
    Ready,
    Stepped,
    Stop,
)

NICENESS = 5  # the window comes first


def serve(pipe: Connection, threads: int) -> None:
    """Answer requests until the window closes the pipe."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICENESS)
    import torch

    torch.set_num_threads(threads)
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        Worker(pipe).run()


class Worker:
    """Draws the newest request; older ones that wait are dropped."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self._waiting: Draw | None = None
        self._orders: list[Open] = []  # done one after the other, before anything is drawn
        self._generators: dict[tuple[str, str], object] = {}

    def run(self) -> None:
        """Wait, draw, answer."""
        self.pipe.send(Ready())
        while True:
            if self._waiting is None and not self._orders:
                self._hear(self.pipe.recv())
            self._drain()
            if self._orders:
                self._answer(self._orders.pop(0))
                continue
            request, self._waiting = self._waiting, None
            if request is not None:
                self._answer(request)

    def _hear(self, message: object) -> None:
        if isinstance(message, Open):
            self._orders.append(message)
        else:
            self._waiting = message if isinstance(message, Draw) else None

    def _drain(self) -> None:
        while self.pipe.poll():
            self._hear(self.pipe.recv())

    def _answer(self, request: Draw | Open) -> None:
        number = -request.number if isinstance(request, Open) else request.number
        try:
            if isinstance(request, Open):
                self._open(request)
            else:
                self._draw(request)
        except XGenError as error:
            self.pipe.send(Failed(number, str(error)))
        except (EOFError, BrokenPipeError):
            raise
        except Exception as error:  # a worker that dies tells nobody why
            text = f"this failed ({type(error).__name__}: {error}); try again or another device"
            self.pipe.send(Failed(number, " ".join(text.split())))

    def _generator(self, model: str, device: str):  # type: ignore[no-untyped-def]
        from xgen_studio.jobs.generate import Generator
        from xgen_studio.jobs.models import open_bundle

        key = (model, device)
        if key not in self._generators:
            self._generators.clear()  # one model at a time on the device
            self._generators[key] = Generator(open_bundle(model), device)
        return self._generators[key]

    def _open(self, request: Open) -> None:
        from xgen_studio.jobs.opening import open_radiograph

        proposer = self._generator(request.model, "cpu").denoiser("masks")
        found = open_radiograph(Path(request.path), proposer, request.grid)
        self.pipe.send(
            Opened(request.number, request.path, found.pixels, found.labels, found.spacing,
                   found.doubt)
        )  # fmt: skip

    def _draw(self, request: Draw) -> None:
        from xgen_studio.jobs.generate import Generated, Settings

        began = time.perf_counter()
        generator = self._generator(request.model, request.device)
        settings = Settings(
            request.method, request.sampler, request.steps, request.seed, request.options
        )
        for step in generator.steps(request.mask, settings):
            if isinstance(step, Generated):
                self.pipe.send(
                    Drawn(request.number, request.final, step.pixels, step.provenance,
                          time.perf_counter() - began)
                )  # fmt: skip
                return
            if request.final:
                self.pipe.send(Stepped(request.number, step.index, step.total))
                while self.pipe.poll():
                    message = self.pipe.recv()
                    self._hear(message)
                    if isinstance(message, (Draw, Stop)):
                        return
