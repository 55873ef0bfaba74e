"""The knee's own commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xgen_studio.cli.console import carry_out, say
from xgen_studio.cli.options import DeviceName, Model, OutDir, Overwrite


def add(app: typer.Typer) -> None:
    """Add them to the terminal's application."""
    app.command()(mask)
    app.command()(drr)


def mask(
    model: Model,
    images: list[Path],
    out: OutDir,
    device: DeviceName = "cpu",
    overwrite: Overwrite = False,
) -> None:
    """Propose masks for real radiographs."""
    from xgen_studio.wings.knee.tasks.asks import MaskFiles

    masks = carry_out(MaskFiles(model, tuple(images), out, device, overwrite), "masks")
    for made in masks:
        if made.doubt:
            say(f"doubtful: {made.file.name}: {made.doubt}; look at its overlay")
    say(f"{len(masks)} mask(s) in {out}")


def drr(
    ct: Annotated[Path, typer.Argument(help="NIfTI, MHA, NRRD, or the folder of a DICOM series.")],
    out: OutDir,
    views: Annotated[int, typer.Option(help="Evenly spaced angles over 360 degrees.")] = 60,
    bone_threshold: Annotated[float, typer.Option(help="HU above which a voxel is bone.")] = 250.0,
    source_to_axis: Annotated[float, typer.Option(help="mm")] = 1000.0,
    source_to_detector: Annotated[float, typer.Option(help="mm")] = 1300.0,
    size: Annotated[int, typer.Option(help="Detector rows and columns.")] = 256,
    pixel: Annotated[float | None, typer.Option(help="Detector pixel, mm; default: fits.")] = None,
    spectrum: Annotated[str, typer.Option(help="70kV, 90kV or 60keV")] = "70kV",
    device: DeviceName = "cpu",
    overwrite: Overwrite = False,
) -> None:
    """Cone-beam radiographs and masks of a CT (file, or folder of a DICOM series)."""
    from xgen_studio.imaging.projection import ConeBeam
    from xgen_studio.wings.knee.tasks.asks import Project

    geometry = ConeBeam(source_to_axis, source_to_detector, (size, size), pixel)
    ask = Project(ct, out, views, geometry, bone_threshold, spectrum, device, overwrite)
    say(f"{len(carry_out(ask, 'projecting'))} radiographs in {out}")
