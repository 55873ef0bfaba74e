"""DRRs of a CT file: pictures, masks and what they were made with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import (
    Mask,
    Volume,
    make_folder,
    read_volume,
    together,
    write_json,
    write_mask,
    write_png16,
)
from xgen_studio.imaging.names import base_name
from xgen_studio.imaging.projection import Projector
from xgen_studio.networks.memory import memory_guard
from xgen_studio.tasks.ask import Note, told
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.provenance import named
from xgen_studio.tasks.targets import check_free
from xgen_studio.wings.knee.science.labels import BONE, TABLE
from xgen_studio.wings.knee.science.simulation import radiograph
from xgen_studio.wings.knee.tasks.asks import Project


def check_ct(volume: Volume) -> None:
    """InputError where a volume cannot be a CT in HU: nothing near air, or another modality."""
    name = volume.source or "volume"
    if volume.modality not in ("", "CT"):
        raise InputError(f"{name}: is {volume.modality}, not CT; DRRs need Hounsfield units")
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    if low >= -200 or high < 100:
        raise InputError(
            f"{name}: values from {low:g} to {high:g} are not Hounsfield units (air is about"
            " -1000, bone above 250): apply the rescale slope and intercept first"
        )


def project(ask: Project, bench: Bench) -> Iterator[Path | Note]:
    """Write `NNN.png` (16 bit), `NNN_mask.png` and `NNN.json` of each angle; tells the pictures."""
    if ask.views < 1:
        raise CallError(f"--views {ask.views}: at least one view")
    names = [f"{i:03d}" for i in range(ask.views)]
    endings = (".png", "_mask.png", ".json")
    check_free([ask.out / f"{n}{e}" for n in names for e in endings], ask.overwrite)
    device = bench.device(ask.device)
    volume = read_volume(ask.ct)
    check_ct(volume)
    ct = named("ct", ask.ct)
    bones, geometry = 0, ask.geometry
    with memory_guard(device):
        projector = Projector(
            volume,
            geometry,
            bone_threshold=ask.bone_threshold,
            spectrum=ask.spectrum,
            device=str(device),
        )
        yield from told(base_name(str(ask.ct)), projector.volume.notes)
        for i, name in enumerate(names):
            angle = 360.0 * i / ask.views
            image, labels = radiograph(projector, angle)
            spacing = (projector.pixel, projector.pixel)
            bones += int((labels == BONE).sum())
            provenance = {
                "synthetic": True,
                "kind": "digitally reconstructed radiograph",
                **ct,
                "ct_axes": volume.axis_codes,
                "ct_spacing_mm": list(volume.spacing),
                "angle_deg": angle,
                "source_to_axis_mm": geometry.source_to_axis,
                "source_to_detector_mm": geometry.source_to_detector,
                "detector_pixel_mm": projector.pixel,
                "spectrum": ask.spectrum,
                "bone_threshold_hu": ask.bone_threshold,
                "bone_share": round(float((labels == BONE).mean()), 5),
                "notes": list(projector.volume.notes),
            }
            make_folder(ask.out)
            picture = ask.out / f"{name}.png"
            with together(proof=picture):
                write_mask(ask.out / f"{name}_mask.png", Mask(labels, TABLE, spacing))
                write_json(ask.out / f"{name}.json", provenance)
                write_png16(picture, image, provenance, spacing)
            yield picture
            bench.report(i + 1, ask.views, f"view {angle:.0f} degrees")
    if not bones:
        yield Note(
            f"no bone above {ask.bone_threshold:g} HU: the masks hold the contour alone;"
            " lower --bone-threshold"
        )
