"""The run folder: the contract between a training and whoever watches it. Loads no torch.

recipe.toml            what is trained
status.json            who trains, how far, how it ended
pulse                  empty; its time is the last sign of life
events.jsonl           one line a logged step
ask                    what a watcher wants: stop, pause or resume
log.txt                what the process said
checkpoint.safetensors, samples/STEP.png
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

from xgen_studio.errors import InputError
from xgen_studio.foreign import parse_json, read_json
from xgen_studio.imaging.atomic import atomic_write, make_folder, write_json
from xgen_studio.processes import alive, birth
from xgen_studio.tables import from_table

RECIPE, STATUS, PULSE, EVENTS = "recipe.toml", "status.json", "pulse", "events.jsonl"
ASK, LOG, LOCK, SAMPLES = "ask", "log.txt", "lock", "samples"
CHECKPOINT = "checkpoint.safetensors"
STARTING, RUNNING, PAUSED = "starting", "running", "paused"
FINISHED, STOPPED, FAILED, LOST = "finished", "stopped", "failed", "lost"
OVER = (FINISHED, STOPPED, FAILED, LOST)
STOP, PAUSE, RESUME = "stop", "pause", "resume"
BEAT = 1.0  # seconds between signs of life
SILENT = 60.0  # seconds without one, after which a training on another machine counts as lost


@dataclass(frozen=True)
class Status:
    """Where a training stands. `seconds` are those spent training, over all sittings."""

    state: str
    pid: int = 0
    host: str = ""
    born: str = ""  # tells the process from a later one of the same number
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    device: str = ""  # in words
    devices: str = "cpu"  # as a call names them
    data: str = ""  # the folder of its arrays
    processes: int = 1
    reason: str = ""  # how it ended, in words
    exit_code: int = 0
    facts: dict[str, Any] = field(default_factory=dict)  # of the data: examples, unconditional


class RunFolder:
    """A training as others see it; any number may look, and ask."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether a training began here, or is about to."""
        return any((self.path / name).is_file() for name in (RECIPE, STATUS))

    @property
    def trained(self) -> bool:
        """Whether it holds a checkpoint to go on from."""
        return (self.path / CHECKPOINT).is_file()

    def status(self) -> Status:
        """Where it stands; `lost` where the process is gone without a word. A folder of before
        status files counts as stopped."""
        try:
            if not (self.path / STATUS).exists():
                return Status(STOPPED if self.trained else LOST, step=self._last_step())
            table = read_json(self.path / STATUS)
            status = from_table(Status, table, str(self.path / STATUS))
        except InputError:
            return Status(LOST, reason=f"{STATUS} cannot be read")
        if status.state in OVER or self._lives(status):
            return status
        return replace(status, state=LOST, reason="the process is gone without a word")

    def _lives(self, status: Status) -> bool:
        if status.host == socket.gethostname():
            return alive(status.pid, status.born)
        return self.silence() < SILENT

    def silence(self) -> float:
        """Seconds since the last sign of life; infinite where there never was one."""
        try:
            return max(0.0, time.time() - (self.path / PULSE).stat().st_mtime)
        except OSError:
            return float("inf")

    def events(self, after: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Events behind a byte of the file, and the byte to ask behind the next time; a line that
        is still being written is left for then."""
        try:
            with open(self.path / EVENTS, "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(after if after <= size else 0)  # a resumed training forgot some
                start = file.tell()
                content = file.read()
        except OSError:
            return [], 0
        whole = content.rfind(b"\n") + 1
        found = []
        for line in content[:whole].splitlines():
            with suppress(InputError):
                event = parse_json(line, EVENTS)
                if isinstance(event, dict):
                    found.append(event)
        return found, start + whole

    def events_size(self) -> int:
        """Bytes of events so far."""
        try:
            return (self.path / EVENTS).stat().st_size
        except OSError:
            return 0

    def _last_step(self) -> int:
        events, _ = self.events()
        return int(events[-1].get("step", 0)) if events else 0

    def samples(self) -> list[Path]:
        """Its sample pictures, oldest first."""
        return sorted((self.path / SAMPLES).glob("*.png"))

    def log(self, lines: int = 200) -> list[str]:
        """The last lines of what the process said."""
        try:
            return (
                (self.path / LOG)
                .read_text(encoding="utf-8", errors="replace")
                .splitlines()[-lines:]
            )
        except OSError:
            return []

    def check_resume(self, resume: bool) -> None:
        """InputError where a training that is there would be lost by a forgotten flag."""
        if self.trained and not resume:
            raise InputError(
                f"{self.path}: holds a training already; add --resume, or name another run folder"
            )

    def announce(self, pid: int, devices: str) -> None:
        """Somebody started a process that will train here, and takes some seconds to say so."""
        status = replace(self.status(), state=STARTING, devices=devices, reason="", exit_code=0)
        write_json(self.path / STATUS, asdict(_of_process(status, pid)))

    def ask(self, what: str) -> None:
        """Ask the training to stop, pause or resume; it hears it between two steps."""
        with atomic_write(self.path / ASK) as temporary:
            temporary.write_text(what, encoding="utf-8")


def _of_process(status: Status, pid: int) -> Status:
    """A status, and which process it speaks of."""
    return replace(status, pid=pid, host=socket.gethostname(), born=birth(pid))


class Training:
    """A training's own end of the folder: the one process that writes there.

    `status` is written when it changes, and at most once a second while the step does.
    """

    def __init__(self, folder: RunFolder, status: Status) -> None:
        self.folder = folder
        self.status = _of_process(status, os.getpid())
        self._written = 0.0

    def say(self, **values: Any) -> None:
        """Change the status, on the disk, too; by nothing, it is only written."""
        self.status = replace(self.status, **values)
        self._written = time.monotonic()
        write_json(self.folder.path / STATUS, asdict(self.status))

    def stepped(self, step: int, seconds: float) -> None:
        """One step further."""
        self.status = replace(self.status, step=step, seconds=round(seconds, 2))
        if time.monotonic() - self._written > BEAT:
            self.say()

    def log(self, event: dict[str, Any]) -> None:
        """Append an event."""
        with open(self.folder.path / EVENTS, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    def forget_events_after(self, step: int) -> None:
        """A killed training may have logged steps that its checkpoint does not hold."""
        path = self.folder.path / EVENTS
        events, _ = self.folder.events()
        if events:
            kept = [json.dumps(e) + "\n" for e in events if e.get("step", step + 1) <= step]
            with atomic_write(path) as temporary:
                temporary.write_text("".join(kept), encoding="utf-8")

    def asked(self) -> str:
        """What a watcher asked for: stop, pause, resume, or ''."""
        try:
            return (self.folder.path / ASK).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder: nobody else trains here meanwhile, and a pulse tells that we live."""
        path = make_folder(self.folder.path)
        over = Event()

        def beat() -> None:
            while not over.wait(BEAT):
                with suppress(OSError):
                    (path / PULSE).touch()

        with locked(path / LOCK, f"{path}: another process trains here; name another run folder"):
            (path / PULSE).touch()
            pulse = Thread(target=beat, daemon=True, name="pulse")
            pulse.start()
            try:
                yield
            finally:
                over.set()
                pulse.join()
                (path / ASK).unlink(missing_ok=True)  # it was heard, or came too late


@contextmanager
def locked(path: Path, trouble: str) -> Iterator[None]:
    """Hold a lock that ends with its process, however it ends; InputError where another has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            _lock(handle)
        except OSError as error:
            raise InputError(trouble) from error
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    if os.name == "posix":
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
