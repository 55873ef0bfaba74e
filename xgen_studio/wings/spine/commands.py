"""The spine's own commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xgen_studio.cli.console import carry_out, say
from xgen_studio.cli.options import DeviceName, OutDir, Overwrite
from xgen_studio.errors import CallError


def add(app: typer.Typer) -> None:
    """Add them to the terminal's application."""
    app.command()(grade)


def grade(
    out: OutDir,
    ct: Annotated[
        Path | None, typer.Argument(help="CT: NIfTI, MHA, NRRD, or a folder of DICOM slices.")
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            help="Vertebra labels (VerSe, TotalSegmentator, SPINEPS, nnU-Net, DICOM SEG); without"
            " one, bodies are proposed and written as mask.nii.gz."
        ),
    ] = None,
    levels: Annotated[str, typer.Option(help="Only these, such as T12,L1.")] = "",
    top: Annotated[str | None, typer.Option(help="Name of the highest vertebra in sight.")] = None,
    anchor: Annotated[
        list[str] | None,
        typer.Option(help="A point in a named vertebra, LEVEL=x,y,z in mm LPS; may be repeated."),
    ] = None,
    extra: Annotated[str, typer.Option(help="Supernumerary levels the patient has: T13, L6.")] = "",
    prior: Annotated[
        Path | None, typer.Option(help="grading.json of an earlier scan, to compare with.")
    ] = None,
    model: Annotated[str, typer.Option(help="The model that proposes bodies.")] = "spine-proposal",
    device: DeviceName = "cpu",
    overwrite: Overwrite = False,
) -> None:
    """Grade vertebrae: healthy heights, relative height loss (RHLV), Genant grade, a report.
    Research use, not for diagnosis."""
    from xgen_studio.wings.spine.tasks.asks import GradeScan, Naming

    naming = Naming(_anchors(anchor or []), _level(top), tuple(_split(extra)))
    ask = GradeScan(out, ct, mask, tuple(_split(levels)), naming, prior, model, device, overwrite)
    [graded] = carry_out(ask, "grading")
    for line in graded.lines:
        say(line)
    say(f"report in {out / 'report.html'}")


def _split(text: str) -> list[str]:
    return [part.strip().upper() for part in text.split(",") if part.strip()]


def _level(name: str | None) -> str | None:
    return None if name is None else name.strip().upper()


def _anchors(texts: list[str]) -> dict[str, tuple[float, float, float]]:
    found = {}
    for text in texts:
        level, _, numbers = text.partition("=")
        try:
            x, y, z = (float(number) for number in numbers.split(","))
        except ValueError:
            raise CallError(
                f"--anchor {text}: is not LEVEL=x,y,z; write such as L3=12.5,-40,310 (mm, LPS)"
            ) from None
        found[level.strip().upper()] = (x, y, z)
    return found
