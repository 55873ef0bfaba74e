"""Nothing is overwritten or mixed unasked: what is there already is refused, with the word that
allows it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from xgen_studio.errors import CallError


def check_free(paths: Iterable[Path], overwrite: bool, reads: Iterable[Path] = ()) -> None:
    """CallError where a file is written over: one that is read, or any without `overwrite`."""
    sources = {path.resolve() for path in reads}
    there = []
    for path in paths:
        if path.resolve() in sources:
            raise CallError(f"{path}: is read, and would be overwritten; name another with -o")
        if path.exists():
            there.append(path)
    if there and not overwrite:
        more = f" (and {len(there) - 1} more files)" if len(there) > 1 else ""
        raise CallError(
            f"{there[0]}: is there already{more}; add --overwrite to replace it, or name another"
            " with -o"
        )


def numbered(
    folder: Path, count: int, overwrite: bool, append: bool, reads: Iterable[Path] = ()
) -> frozenset[int]:
    """Which of the pictures 000.png, 001.png, ... of a folder are there and stay. CallError where
    there are some, and nobody said what to do with them."""
    if overwrite and append:
        raise CallError("--overwrite and --append: choose one of them")
    targets = [folder / f"{i:03d}.png" for i in range(count)]
    check_free(targets, True, reads)
    there = sorted(folder.glob("[0-9][0-9][0-9]*.png"))
    if not there or overwrite:
        return frozenset()
    if not append:
        raise CallError(
            f"{folder}: holds {len(there)} pictures already; add --append to draw those that are"
            " missing, --overwrite to draw them anew, or name another folder with -o"
        )
    return frozenset(i for i, path in enumerate(targets) if path.exists())
