"""The journal: what is on a desk, so that it survives a kill, and who has it open.

A folder holds `ID.json` (process, the user's file) and `ID.journal` for each open work. The journal
grows by a frame at a time: the card, and the tiles that changed since the frame before; an array
that is new comes whole. A frame that was cut off does not count. A clean close takes both away;
what a dead process left is offered for recovery.

Nothing is copied while the window waits: a thread reads the arrays as they are. A stroke may go on
meanwhile and be written in part; its tiles are marked again and come with the next frame.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import struct
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from xgen_studio.document.files import (
    LARGEST_CARD,
    from_bytes,
    layout_of,
    load_document,
    read_layout,
)
from xgen_studio.document.kinds import restore
from xgen_studio.document.work import Array, Arrays, Layout, Tile, Work, tile_of, tiles_of
from xgen_studio.errors import InputError
from xgen_studio.foreign import parse_json, read_json
from xgen_studio.imaging import make_folder
from xgen_studio.private import Claim, open_private, write_private
from xgen_studio.processes import alive, birth
from xgen_studio.tables import from_table

T = TypeVar("T")
JOURNAL, OLD = ".journal", ".xgen"  # the ending of today, and of copies of before
HEAD = struct.Struct("<4sIII")  # magic, bytes of JSON, bytes of tiles, their checksum
MAGIC = b"XGJ2"
LARGEST_OWNER = 2**16  # bytes
GROWN = 64 * 2**20  # bytes of frames after which the journal is begun anew ...
TIMES = 4  # ... when it is so many times its first frame, too


@dataclass(frozen=True)
class Left:
    """A work that a process left without closing it."""

    id: str
    copy: Path
    file: Path | None  # the user's own file, where it has one

    def read(self) -> tuple[Work, dict[str, Any]]:
        """The work as it was, and the settings; InputError where nothing can be read."""
        return read_journal(self.copy) if self.copy.suffix == JOURNAL else load_document(self.copy)


@dataclass(frozen=True)
class _Owner:
    """The process that has a work open, and the user's file."""

    pid: int
    started: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.pid < 2**31 or "\0" in self.file:
            raise ValueError("no process and file are called so")


@dataclass(frozen=True)
class _Frame:
    """What is to be written: decided at once, read from the arrays later."""

    head: dict[str, Any]
    parts: list[tuple[str, Array, list[Tile]]]
    anew: bool  # it holds everything, and begins the file
    round: int  # a later one makes it void


class Journal:
    """The journal entry of one open work; another work takes another one.

    It never stands in the way: what goes wrong is kept in `trouble`, in words for the user.
    """

    def __init__(self, folder: Path, file: Path | None = None) -> None:
        self.folder = folder
        self.id = secrets.token_hex(8)
        self.trouble = ""
        self._lock, self._closed = Lock(), False
        self._written: dict[str, Array] = {}  # arrays whose every tile is on the disk
        self._first = self._size = 0  # bytes of the first frame, and of all
        self._round, self._fresh = 0, True  # how often it began anew; the next frame does
        self._dropped = 0  # frames of earlier rounds must not come back
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._claim: Claim | None = None
        self.belongs_to(file)

    @property
    def path(self) -> Path:
        """Where the frames are."""
        return self.folder / f"{self.id}{JOURNAL}"

    def belongs_to(self, file: Path | None) -> None:
        """The user's file of this work, which now holds its newest state."""
        owner = {
            "pid": os.getpid(),
            "started": birth(os.getpid()),
            "file": str(file.resolve()) if file else "",
        }
        with self._lock:
            self._try(lambda: write_private(self.folder / f"{self.id}.json", owner))
            old, self._claim = self._claim, Claim(self.folder, file) if file else None
            if old is not None:  # not sooner: nobody comes between
                old.release()
        self.drop()

    @property
    def owns(self) -> bool:
        """Whether no other window had the user's file before."""
        return self._claim is None or self._claim.mine

    def drop(self) -> None:
        """Nothing is unsaved: the frames go."""
        with self._lock:
            self._begin_anew()
            self._dropped = self._round
            _unlink(self.path)

    def note(self, work: Work, settings: dict[str, Any] | None = None) -> Future[bool]:
        """Keep the newest state. Takes no longer than it takes to count the changed tiles; the
        thread that writes says, in the end, whether it is on the disk."""
        edited, arrays = work.take_edited(), work.arrays()
        parts = []
        with self._lock:
            if self._size > max(GROWN, TIMES * self._first):
                self._begin_anew()
            for name, array in arrays.items():
                whole = self._written.get(name) is not array
                tiles = [] if whole else sorted(edited.get(name, ()))
                if whole or tiles:
                    parts.append((name, array, tiles))
            self._written = dict(arrays)
            anew, self._fresh = self._fresh, False
            round = self._round
        head = {
            "kind": work.kind,
            "card": work.card(),
            "arrays": layout_of(arrays),
            "settings": settings or {},
        }
        return self._pool.submit(self._write, _Frame(head, parts, anew, round))

    def _begin_anew(self) -> None:
        """The next frame holds everything; those that wait to be written are void."""
        self._written, self._first, self._size = {}, 0, 0
        self._round, self._fresh = self._round + 1, True

    def _write(self, frame: _Frame) -> bool:
        """On the thread: one frame, at the end or in a journal begun anew."""
        tiles, blobs = [], []
        for name, array, some in frame.parts:
            for tile in some or tiles_of(array.shape):
                blob = zlib.compress(np.ascontiguousarray(tile_of(array, tile)).tobytes(), 1)
                tiles.append([name, list(tile), len(blob)])
                blobs.append(blob)
        head = {**frame.head, "tiles": tiles}
        # the window waits for the lock: nothing is written while this thread holds it
        void = self._void(frame)
        size = None if void else self._try(lambda: self._append(head, blobs, frame.anew))
        with self._lock:
            if self._closed or frame.round < self._dropped:
                _unlink(self.path)  # it was dropped meanwhile, and must not come back
            if self._void(frame):
                return False
            if size is None:  # half a frame may be there
                self._begin_anew()
                return False
            self._first = size if frame.anew else self._first
            self._size = size if frame.anew else self._size + size
            return True

    def _void(self, frame: _Frame) -> bool:
        return self._closed or frame.round != self._round

    def _append(self, head: dict[str, Any], blobs: list[bytes], anew: bool) -> int:
        """Write a frame; returns its bytes."""
        text, body = json.dumps(head, allow_nan=False).encode(), b"".join(blobs)
        checksum = zlib.crc32(body, zlib.crc32(text))
        frame = HEAD.pack(MAGIC, len(text), len(body), checksum) + text + body
        target = self.path.with_suffix(".new") if anew else self.path
        try:
            with open(target, "wb" if anew else "ab", opener=open_private) as file:
                file.write(frame)
                file.flush()
                os.fsync(file.fileno())
            if anew:
                target.replace(self.path)
        except OSError as error:
            raise InputError(f"{target}: cannot be written ({error.strerror})") from error
        return len(frame)

    def _try(self, call: Callable[[], T]) -> T | None:
        """What the call gives; None where it cannot be done, which `trouble` then says."""
        try:
            make_folder(self.folder)
            given = call()
        except (InputError, ValueError, TypeError, MemoryError) as error:
            self.trouble = f"Without a journal there is nothing to recover from: {error}"
            return None
        self.trouble = ""
        return given

    def close(self) -> None:
        """The work was saved or given up: nothing is left to recover."""
        with self._lock:
            self._closed = True
            forget(self.folder, self.id)
            if self._claim is not None:
                self._claim.release()
        self._pool.shutdown(wait=False, cancel_futures=True)


def read_journal(path: Path) -> tuple[Work, dict[str, Any]]:
    """The newest whole state of a journal; InputError where there is none."""
    head: dict[str, Any] = {}
    arrays: dict[str, Array] = {}
    layout: Layout = {}
    try:
        for head, body in _frames(path):
            layout = read_layout(head.get("arrays"), str(path), _bytes_of(path))
            arrays = _replay(head, body, layout, arrays)
    except (KeyError, TypeError, ValueError, OverflowError, zlib.error, IndexError) as error:
        raise InputError(f"{path}: this journal is damaged ({error})") from error
    if not head:
        raise InputError(f"{path}: this journal holds nothing that is whole")
    kind, card, settings = head.get("kind"), head.get("card"), head.get("settings")
    if not (isinstance(kind, str) and isinstance(card, dict) and isinstance(settings, dict)):
        raise InputError(f"{path}: this journal is damaged")
    return restore(kind, card, Arrays(layout, arrays.__getitem__, str(path))), settings


def _frames(path: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The whole frames of a journal, oldest first."""
    try:
        with open(path, "rb") as file:
            while len(start := file.read(HEAD.size)) == HEAD.size:
                magic, text_size, body_size, checksum = HEAD.unpack(start)
                if magic != MAGIC or text_size > LARGEST_CARD:
                    return
                if text_size + body_size > _bytes_of(path):
                    return
                text, body = file.read(text_size), file.read(body_size)
                if zlib.crc32(body, zlib.crc32(text)) != checksum:
                    return
                head = parse_json(text, str(path))
                if not isinstance(head, dict):
                    raise InputError(f"{path}: this journal is damaged")
                yield head, body
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _bytes_of(path: Path) -> int:
    return path.stat().st_size


def _replay(
    head: dict[str, Any], body: bytes, layout: Layout, before: dict[str, Array]
) -> dict[str, Array]:
    """The arrays after a frame."""
    arrays = {}
    for name, (kind, shape) in layout.items():
        old = before.get(name)
        same = old is not None and layout_of({name: old})[name] == (kind, shape)
        arrays[name] = old if same and old is not None else np.zeros(shape, np.dtype(kind))
    at = 0
    for name, tile, size in head["tiles"]:
        part = tile_of(arrays[name], tuple(int(n) for n in tile))
        most = math.prod(part.shape) * part.dtype.itemsize
        raw = zlib.decompressobj().decompress(body[at : at + size], most + 1)
        part[...] = from_bytes(raw, layout[name][0]).reshape(part.shape)
        at += size
    return arrays


def _unlink(path: Path) -> None:
    """Take a file away, if the folder lets us: the journal never stands in the way."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def forget(folder: Path, id: str) -> None:
    """Take an entry away."""
    for ending in (JOURNAL, OLD, ".new", ".json"):
        _unlink(folder / f"{id}{ending}")


def left_behind(folder: Path) -> list[Left]:
    """Entries of processes that are gone, newest first; empty ones are swept away."""
    found = []
    for id, owner in _owners(folder):
        if alive(owner.pid, owner.started):
            continue
        copies = [folder / f"{id}{ending}" for ending in (JOURNAL, OLD)]
        if copy := next((path for path in copies if path.exists()), None):
            found.append(Left(id, copy, Path(owner.file) if owner.file else None))
        else:
            forget(folder, id)
    return sorted(found, key=lambda left: left.copy.stat().st_mtime, reverse=True)


def opened_elsewhere(folder: Path, file: Path) -> int | None:
    """The process that has this file open, other than ours."""
    for _, owner in _owners(folder):
        same = owner.file == str(file.resolve())
        if same and owner.pid != os.getpid() and alive(owner.pid, owner.started):
            return owner.pid
    return None


def _owners(folder: Path) -> list[tuple[str, _Owner]]:
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            owner = from_table(_Owner, read_json(path, LARGEST_OWNER), str(path))
        except InputError:
            continue  # half-written by a process that died, or damaged
        found.append((path.stem, owner))
    return found
