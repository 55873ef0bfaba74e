"""Find landmarks in radiographs of hands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from xgen_studio.bundles import open_bundle
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import read_image, spelled
from xgen_studio.networks.memory import memory_guard
from xgen_studio.tasks.ask import Note, told
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.targets import check_free, check_no_link
from xgen_studio.wings.hand.science.gate import load_gate
from xgen_studio.wings.hand.science.landmarks import read_table
from xgen_studio.wings.hand.science.localiser import checked
from xgen_studio.wings.hand.science.localising import locate
from xgen_studio.wings.hand.science.writing import put_in_table, write_table
from xgen_studio.wings.hand.tasks.asks import Locate, LocatedHand

METHOD = "landmarks"


def find_landmarks(ask: Locate, bench: Bench) -> Iterator[LocatedHand | Note]:
    """The landmarks of each radiograph."""
    device = bench.device(ask.device)
    bundle = open_bundle(ask.model)
    if METHOD not in bundle.methods:
        raise CallError(f"{bundle.name}: finds no landmarks; a model with '{METHOD}' does")
    network = bench.kept(
        ("localiser", ask.model, str(device)),
        lambda: checked(bundle.model(METHOD, device), bundle.name),
    )
    gate = load_gate()
    with memory_guard(device):
        for done, path in enumerate(ask.images):
            bench.report(done, len(ask.images), path.name)
            image = read_image(path)
            found = locate(network, gate, image)
            yield from told(path.name, image.notes)
            yield LocatedHand(path, found.points, found.flipped, found.doubt)


def check_table(out: Path, images: Sequence[Path], overwrite: bool, append: bool) -> None:
    """CallError where a table cannot be written: no name of one, or there already, and nobody said
    what to do; InputError where ids would collide."""
    if out.suffix.lower() != ".csv" or out.is_dir():
        raise CallError(f"{out}: landmarks are written as a table; name a file that ends in .csv")
    check_no_link(out)
    if not images:
        raise CallError("no image is named")
    ids = [id_of(image) for image in images]
    if twice := {id for id in ids if ids.count(id) > 1}:
        raise InputError(f"{sorted(twice)[0]}: two images have this name; ids would be the same")
    if not (append and out.exists()):
        check_free([out], overwrite)
    elif both := sorted(set(read_table(out)) & set(ids)):
        raise CallError(
            f"{out}: holds landmarks of {both[0]} already; leave that image out, or add --overwrite"
            " without --append to write the whole table anew"
        )


def write_found(out: Path, found: Sequence[LocatedHand], append: bool) -> None:
    """Write a table `id,x0,y0,...,x36,y36` (px, pixel centres at whole numbers), or (`append`) put
    the rows into one that stays as it is."""
    write = put_in_table if append else write_table
    write(out, {id_of(one.file): one.points for one in found})


def id_of(image: Path) -> str:
    """What a table calls an image: its name without folder and ending."""
    return spelled(image.stem)
