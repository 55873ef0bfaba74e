"""Damage below a checksum: what is packed is unpacked, damaged, and packed again, so that it gets
past the first door."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

Damage = Callable[[bytes], bytes]


def inside(name: str, content: bytes, damage: Damage) -> bytes:
    """A file of that name, damaged inside; from outside where there is no inside."""
    for ending, repack in _REPACK.items():
        if name.endswith(ending):
            return repack(content, damage)
    return damage(content)


def _gzip(content: bytes, damage: Damage) -> bytes:
    return gzip.compress(damage(gzip.decompress(content)), 1)


def _png(content: bytes, damage: Damage) -> bytes:
    """One chunk damaged (the pixels unpacked), all checksums right."""
    chunks, at = [], 8
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        chunks.append((kind, content[at + 8 : at + 8 + length]))
        at += 12 + length
    chosen = sum(damage(bytes(range(64)))) % len(chunks)
    out = content[:8]
    for number, (kind, body) in enumerate(chunks):
        if number == chosen:
            packed = kind == b"IDAT"
            body = damage(zlib.decompress(body) if packed else body)
            body = zlib.compress(body) if packed else body
        checksum = zlib.crc32(body, zlib.crc32(kind))
        out += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)
    return out


def _zip(content: bytes, damage: Damage) -> bytes:
    """One entry damaged, its checksum right."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        names = archive.namelist()
        chosen = sum(damage(bytes(range(64)))) % len(names)
        for number, name in enumerate(names):
            body = archive.read(name)
            made.writestr(name, damage(body) if number == chosen else body)
    return out.getvalue()


def _journal(content: bytes, damage: Damage) -> bytes:
    """Text or tiles of every frame damaged, the checksums right."""
    from xgen_studio.document.journal import HEAD

    out, at = b"", 0
    while at < len(content):
        magic, text_size, body_size, _ = HEAD.unpack(content[at : at + HEAD.size])
        text = content[at + HEAD.size :][:text_size]
        body = content[at + HEAD.size + text_size :][:body_size]
        if sum(damage(bytes(range(64)))) % 2:
            text = damage(text)
        else:
            body = damage(body)
        checksum = zlib.crc32(body, zlib.crc32(text))
        out += HEAD.pack(magic, len(text), len(body), checksum) + text + body
        at += HEAD.size + text_size + body_size
    return out


_REPACK: dict[str, Callable[[bytes, Damage], bytes]] = {
    ".gz": _gzip,
    ".png": _png,
    ".xgen": _zip,
    ".npz": _zip,
    ".journal": _journal,
}
