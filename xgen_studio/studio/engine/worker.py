"""The worker process: owns the device, answers requests between steps, and works off series."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its threads spin otherwise

from xgen_studio.errors import Cancelled, XGenError
from xgen_studio.studio.engine.protocol import (
    Again,
    Answer,
    Cancel,
    DeviceFound,
    Devices,
    Draw,
    Drawn,
    Ended,
    Failed,
    HandRun,
    Locate,
    Long,
    Look,
    Open,
    Opened,
    Pause,
    Propose,
    Proposed,
    Ready,
    Remade,
    Request,
    Series,
    Stepped,
    Stop,
)

if TYPE_CHECKING:
    from xgen_studio.jobs.generate import Generator

NICENESS = 5  # the window comes first
MODELS = 2  # kept loaded: the live one, and that of a series or an opened radiograph


def serve(pipe: Connection, threads: int) -> None:
    """Answer requests until the window closes the pipe."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICENESS)
    import torch

    torch.set_num_threads(threads)
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        Worker(pipe).run()


class Worker:
    """Draws the newest mask; answers other requests in order; a series takes what time is left."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self._newest: Draw | None = None
        self._stopped = False
        self._requests: deque[Open | Propose | Again | Look | Locate] = deque()
        self._series: deque[Long] = deque()
        self._held: set[int] = set()
        self._cancelled: set[int] = set()
        self._generators: dict[tuple[str, str], Generator] = {}

    def run(self) -> None:
        """Wait, work, answer."""
        self.pipe.send(Ready())
        while True:
            if not (self._newest or self._requests or self._series):
                self._hear(self.pipe.recv())
            self._drain()
            if self._newest or self._requests:
                self._answer_waiting()
            elif self._series:
                series = self._series.popleft()
                self._guard(series.number, self._run_long, series)

    # -- listening -------------------------------------------------------------------------------

    def _hear(self, message: object) -> None:
        if isinstance(message, Draw):
            self._newest = message
        elif isinstance(message, Stop):
            self._newest, self._stopped = None, True
        elif isinstance(message, Long):
            self._series.append(message)
        elif isinstance(message, Cancel):
            self._cancelled.add(message.number)
        elif isinstance(message, Pause):
            (self._held.add if message.held else self._held.discard)(message.number)
        elif isinstance(message, (Open, Propose, Again, Look, Locate)):
            self._requests.append(message)

    def _drain(self) -> None:
        while self.pipe.poll():
            self._hear(self.pipe.recv())

    def _answer_waiting(self) -> None:
        """All requests that wait: drawings first, because somebody is looking."""
        while self._newest or self._requests:
            request: Request
            if self._newest:
                request, self._newest = self._newest, None
                self._guard(request.number, self._draw, request)
            else:
                request = self._requests.popleft()
                self._guard(request.number, self._answer, request)
            self._drain()

    def _guard(self, number: int, call: Any, request: Request | Long) -> None:
        """Whatever goes wrong becomes one sentence, and the worker lives on."""
        try:
            call(request)
        except Cancelled:
            self._say(Ended(number, "cancelled"))
        except XGenError as error:
            self._say(Failed(number, str(error)))
        except (EOFError, BrokenPipeError):
            raise
        except Exception as error:  # a worker that dies tells nobody why
            text = f"this failed ({type(error).__name__}: {error}); try again or another device"
            self._say(Failed(number, " ".join(text.split())))

    def _say(self, answer: Answer) -> None:
        self.pipe.send(answer)

    # -- requests --------------------------------------------------------------------------------

    def _generator(self, model: str, device: str) -> Generator:
        from xgen_studio.jobs.generate import Generator
        from xgen_studio.jobs.models import open_bundle

        key = (model, device)
        if key in self._generators:
            self._generators[key] = self._generators.pop(key)  # used last
            return self._generators[key]
        while len(self._generators) >= MODELS:
            self._generators.pop(next(iter(self._generators)))
        self._generators[key] = Generator(open_bundle(model), device)
        return self._generators[key]

    def _answer(self, request: Open | Propose | Again | Look | Locate) -> None:
        if isinstance(request, Open):
            from xgen_studio.jobs.opening import open_radiograph

            proposer = self._generator(request.model, "cpu").denoiser("masks")
            found = open_radiograph(Path(request.path), proposer, request.grid)
            self._say(
                Opened(
                    request.number,
                    request.path,
                    found.pixels,
                    found.labels,
                    found.spacing,
                    found.doubt,
                    found.synthetic,
                )
            )
        elif isinstance(request, Propose):
            from xgen_studio.jobs.opening import propose_labels

            proposer = self._generator(request.model, "cpu").denoiser("masks")
            self._say(Proposed(request.number, *propose_labels(request.pixels, proposer)))
        elif isinstance(request, Again):
            from xgen_studio.jobs.again import make_again

            made = make_again(request.picture, self._generator, self._drain)
            self._say(Remade(request.number, made.equal, made.largest_difference))
        elif isinstance(request, Locate):
            from xgen_studio.studio.engine.hands import find_landmarks

            self._say(find_landmarks(request))
        else:
            from xgen_studio.jobs.devices import devices

            there = tuple(DeviceFound(d.name, d.title, d.free, d.total) for d in devices())
            self._say(Devices(request.number, there))

    def _steps(self, draw: Draw) -> Iterator[Any]:
        from xgen_studio.jobs.generate import Edit, Settings

        generator = self._generator(draw.model, draw.device)
        settings = Settings(draw.method, draw.sampler, draw.steps, draw.seed, draw.options)
        edit = None
        if draw.base is not None and draw.region is not None:
            edit = Edit(draw.base, draw.region)
        return generator.steps(draw.mask, settings, edit)

    def _draw(self, draw: Draw) -> None:
        from xgen_studio.jobs.generate import Generated

        began = time.perf_counter()
        self._stopped = False
        for step in self._steps(draw):
            if isinstance(step, Generated):
                self._say(
                    Drawn(
                        draw.number,
                        draw.final,
                        step.pixels,
                        step.provenance,
                        time.perf_counter() - began,
                    )
                )
            elif draw.final:
                self._say(Stepped(draw.number, step.index, step.total))
                self._drain()
                if self._newest or self._stopped:
                    return

    # -- series ----------------------------------------------------------------------------------

    def _run_long(self, request: Long) -> None:
        if isinstance(request, Series):
            self._run_series(request)
        else:
            from xgen_studio.studio.engine.hands import run_hands, run_screening

            if isinstance(request, HandRun):
                run_hands(request, self._say, self._between_steps)
            else:
                run_screening(request, self._say, self._between_steps)
        self._say(Ended(request.number, "done"))

    def _run_series(self, series: Series) -> None:
        from xgen_studio.jobs.generate import Generated, write_generated

        count = len(series.seeds)
        for i, seed in enumerate(series.seeds):
            began = time.perf_counter()
            for step in self._steps(replace(series.draw, seed=seed)):
                if isinstance(step, Generated):
                    if series.folder:
                        write_generated(Path(series.folder), i, step)
                    self._say(
                        Drawn(
                            series.number,
                            True,
                            step.pixels,
                            step.provenance,
                            time.perf_counter() - began,
                        )
                    )
                else:
                    done = i * step.total + step.index
                    self._say(Stepped(series.number, done, count * step.total))
                    self._between_steps(series.number)

    def _between_steps(self, number: int) -> None:
        """Answer what was asked meanwhile; wait here while held; leave when cancelled."""
        while True:
            self._drain()
            self._answer_waiting()
            if number in self._cancelled:
                self._cancelled.discard(number)
                self._held.discard(number)
                raise Cancelled("stopped; what was finished is kept")
            if number not in self._held:
                return
            self._hear(self.pipe.recv())
