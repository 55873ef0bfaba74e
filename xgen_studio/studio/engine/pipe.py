"""A pipe on which large arrays do not travel: they lie in shared memory, and their names do."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any

LARGE = 1 << 20  # bytes from which an array is shared


@dataclass(frozen=True)
class _Parcel:
    """A pickled message, and where its large arrays lie: (start, size) in one block."""

    message: bytes
    block: str
    places: tuple[tuple[int, int], ...]


def send(pipe: Connection, message: Any) -> None:
    """Send a message."""
    large: list[memoryview] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        """False takes the buffer out of the pickle."""
        view = buffer.raw()
        if view.nbytes < LARGE:
            return True
        large.append(view)
        return False

    file = io.BytesIO()
    pickle.Pickler(file, protocol=5, buffer_callback=keep).dump(message)
    if not large:
        pipe.send_bytes(file.getvalue())
        return
    try:
        block = SharedMemory(create=True, size=sum(view.nbytes for view in large))
    except OSError:  # there is none, or it is full: slower, through the pipe
        pipe.send_bytes(pickle.dumps(message, protocol=5))
        return
    try:
        places = _put(block, large)
        parcel = _Parcel(file.getvalue(), block.name, places)
        pipe.send_bytes(pickle.dumps(parcel))
    except BaseException:
        block.unlink()
        raise
    finally:
        block.close()  # whoever receives it takes it away


def _put(block: SharedMemory, large: Sequence[memoryview]) -> tuple[tuple[int, int], ...]:
    places, at = [], 0
    room = _room(block)
    for view in large:
        room[at : at + view.nbytes] = view.cast("B")
        places.append((at, view.nbytes))
        at += view.nbytes
    return tuple(places)


def _room(block: SharedMemory) -> memoryview:
    assert block.buf is not None
    return block.buf


def receive(pipe: Connection) -> Any:
    """The next message; waits for it. EOFError and OSError when the other end is gone."""
    message = pickle.loads(pipe.recv_bytes())
    if not isinstance(message, _Parcel):
        return message
    block = SharedMemory(message.block)
    try:
        # copied once: an array must not die with a block that somebody unlinks
        room = _room(block)
        arrays = [bytearray(room[at : at + size]) for at, size in message.places]
        del room  # a block cannot be closed while somebody looks into it
    finally:
        block.close()
        block.unlink()
    return pickle.loads(message.message, buffers=arrays)
