"""The worker process: owns the device, draws the newest mask, answers over a pipe."""

from __future__ import annotations

import contextlib
import os
import time
from multiprocessing.connection import Connection

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its threads spin otherwise

from xgen_studio.errors import XGenError
from xgen_studio.studio.engine.protocol import Draw, Drawn, Failed, Ready, Stepped, Stop

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
        self._generators: dict[tuple[str, str], object] = {}

    def run(self) -> None:
        """Wait, draw, answer."""
        self.pipe.send(Ready())
        while True:
            if self._waiting is None:
                self._hear(self.pipe.recv())
            self._drain()
            request, self._waiting = self._waiting, None
            if request is not None:
                self._answer(request)

    def _hear(self, message: object) -> None:
        self._waiting = message if isinstance(message, Draw) else None

    def _drain(self) -> None:
        while self.pipe.poll():
            self._hear(self.pipe.recv())

    def _answer(self, request: Draw) -> None:
        try:
            self._draw(request)
        except XGenError as error:
            self.pipe.send(Failed(request.number, str(error)))
        except (EOFError, BrokenPipeError):
            raise
        except Exception as error:  # a worker that dies tells nobody why
            text = f"drawing failed ({type(error).__name__}: {error}); try again or another device"
            self.pipe.send(Failed(request.number, " ".join(text.split())))

    def _generator(self, model: str, device: str):  # type: ignore[no-untyped-def]
        from xgen_studio.jobs.generate import Generator
        from xgen_studio.jobs.models import open_bundle

        key = (model, device)
        if key not in self._generators:
            self._generators.clear()  # one model at a time on the device
            self._generators[key] = Generator(open_bundle(model), device)
        return self._generators[key]

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
