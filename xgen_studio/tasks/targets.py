"""Where results go: nothing is overwritten or mixed unasked, nothing is written through a link, and
no text from outside becomes a path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from xgen_studio.errors import CallError, InputError

UNFIT = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')  # in no name of a file, on some system
LONGEST_NAME = 200  # bytes; file systems take 255 with what is put behind


def plain_name(name: str) -> str:
    """The text as what stands before a file's ending; InputError where it is none: empty, hidden,
    too long, with a path in it."""
    if (
        not name
        or name.startswith(".")
        or UNFIT.search(name)
        or len(name.encode(errors="replace")) > LONGEST_NAME
    ):
        raise InputError(f"'{name}' is no name for files; use letters, digits, - and _")
    return name


def check_no_link(path: Path) -> None:
    """CallError where a result would be written through a symbolic link, dangling ones included."""
    if path.is_symlink():
        raise CallError(
            f"{path}: is a link, and what it points to would be written; remove it, or name another"
            " with -o"
        )


def check_free(paths: Iterable[Path], overwrite: bool, reads: Iterable[Path] = ()) -> None:
    """CallError where a file is written over: one that is read, one behind a link, or any without
    `overwrite`."""
    sources = {path.resolve() for path in reads}
    there = []
    for path in paths:
        if path.resolve() in sources:
            raise CallError(f"{path}: is read, and would be overwritten; name another with -o")
        check_no_link(path)
        if path.exists():
            there.append(path)
    if there and not overwrite:
        others = len(there) - 1
        more = f" (and {others} more {'file' if others == 1 else 'files'})" if others else ""
        raise CallError(
            f"{there[0]}: is there already{more}; add --overwrite to replace it, or name another"
            " with -o"
        )


def numbered(
    folder: Path,
    count: int,
    overwrite: bool,
    append: bool,
    reads: Iterable[Path] = (),
    endings: Sequence[str] = (".png", ".json"),
) -> frozenset[int]:
    """Which of the pictures 000.png, 001.png, ... of a folder are there and stay. CallError where
    there are some, and nobody said what to do with them. `endings` are of the files that are
    written of each."""
    if overwrite and append:
        raise CallError("--overwrite and --append: choose one of them")
    targets = [folder / f"{i:03d}{end}" for i in range(count) for end in endings]
    check_free(targets, True, reads)
    numbers = [p.stem for p in folder.glob("*.png")]
    there = sorted(int(n) for n in numbers if re.fullmatch(r"[0-9]{3,}", n))
    if not there:
        return frozenset()
    if there[-1] >= count:
        raise CallError(
            f"{folder}: holds pictures up to {there[-1]:03d}, and -n {count} ends before: two runs"
            f" would be mixed; ask for -n {there[-1] + 1} or more, or name another folder with -o"
        )
    if overwrite:
        return frozenset()
    if not append:
        pictures = "1 picture" if len(there) == 1 else f"{len(there)} pictures"
        raise CallError(
            f"{folder}: holds {pictures} already; add --append to draw those that are missing,"
            " --overwrite to draw them anew, or name another folder with -o"
        )
    return frozenset(there)
