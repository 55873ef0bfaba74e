"""The hand's own commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xgen_studio.cli.console import carry_out, say
from xgen_studio.cli.options import DeviceName, Model, OutDir, Overwrite


def add(app: typer.Typer) -> None:
    """Add them to the terminal's application."""
    for command in (screen, finish, export, localize):
        app.command()(command)


def screen(
    out: OutDir,
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of pairs NAME.png and NAME_heatmap.png.")
    ] = None,
    landmarks: Annotated[
        Path | None,
        typer.Option(
            help="Judge real landmark sets instead, rendered as heatmaps: a table"
            " id,x0,y0,...,x36,y36, or COCO, Slicer, labelme or napari files."
        ),
    ] = None,
    gate: Annotated[
        str,
        typer.Option(
            help="calibrated, paper, paper-sum (equation 5 to the letter) or"
            " paper-rows (rows normalised)."
        ),
    ] = "calibrated",
    overwrite: Overwrite = False,
) -> None:
    """Judge synthetic hands: which landmark is which, and is the hand sound?"""
    from xgen_studio.wings.hand.tasks.asks import Screen

    [text] = carry_out(Screen(out, folder, landmarks, gate, overwrite), "screening")
    say(text)


def finish(
    run: Annotated[Path, typer.Argument(help="Folder of a run that was interrupted.")],
    device: DeviceName = "cpu",
) -> None:
    """Draw and judge the hands that an interrupted run lacks, as it was begun here or there."""
    from xgen_studio.wings.hand.tasks.runs import finishing

    ask = finishing(run, device)
    carry_out(ask, "generating")
    say(f"{ask.count - len(ask.have)} hand(s) more in {run}, {ask.count} in all")


def export(
    run: Annotated[Path, typer.Argument(help="Folder of pairs; screened now if it is not yet.")],
    out: OutDir,
    which: Annotated[
        str, typer.Option(help="accepted, rejected, 'accepted by hand' or all")
    ] = "accepted",
) -> None:
    """Take screened hands out as a training set: PNG, tables, COCO, arrays, manifest, report."""
    from xgen_studio.wings.hand.tasks.asks import Screen
    from xgen_studio.wings.hand.tasks.export import check_which, export_hands
    from xgen_studio.wings.hand.tasks.review import Review
    from xgen_studio.wings.hand.tasks.screening import FILE

    check_which(which)  # before a long screening
    if run.is_dir() and not (run / FILE).exists():
        [text] = carry_out(Screen(run, run), "screening")
        say(text)
    say(export_hands(Review.open(run), out, which).in_words())


def localize(
    model: Model,
    images: list[Path],
    out: Annotated[Path, typer.Option("-o", "--out", help="The table to write, FILE.csv.")],
    device: DeviceName = "cpu",
    overwrite: Overwrite = False,
    append: Annotated[
        bool, typer.Option("--append", help="Add rows to the table; those there stay.")
    ] = False,
) -> None:
    """Find the 37 landmarks of hand radiographs: id,x0,y0,...,x36,y36 in pixels."""
    from xgen_studio.wings.hand.tasks.asks import Locate
    from xgen_studio.wings.hand.tasks.localize import check_table, write_found

    check_table(out, images, overwrite, append)
    found = carry_out(Locate(model, tuple(images), device), "landmarks")
    write_found(out, found, append and out.exists())
    for one in found:
        if one.flipped:
            say(f"{one.file.name}: looks like a right hand; it was read flipped")
        if one.doubt:
            say(f"doubtful: {one.file.name}: {one.doubt}")
    say(f"landmarks of {len(found)} image(s) in {out}")
