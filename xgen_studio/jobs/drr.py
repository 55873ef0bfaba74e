"""DRRs of a CT file: pictures, masks and what they were made with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xgen_studio.anatomy.knee.labels import BONE, TABLE
from xgen_studio.anatomy.knee.simulation import radiograph
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import (
    Mask,
    Volume,
    make_folder,
    read_volume,
    write_json,
    write_mask,
    write_png16,
)
from xgen_studio.imaging.projection import ConeBeam, Projector
from xgen_studio.jobs.devices import pick_device
from xgen_studio.jobs.job import Monitor
from xgen_studio.networks.memory import memory_guard


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


def project_files(
    ct: Path,
    out: Path,
    views: int,
    geometry: ConeBeam,
    bone_threshold: float,
    spectrum: str = "70kV",
    device: str = "cpu",
    monitor: Monitor | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> int:
    """Write `NNN.png` (16 bit), `NNN_mask.png` and `NNN.json` for evenly spaced angles.

    `note` hears what the user should know beside the pictures.
    """
    monitor = monitor or Monitor()
    if views < 1:
        raise CallError(f"--views {views}: at least one view")
    place = pick_device(device)
    volume = read_volume(ct)
    check_ct(volume)
    bones = 0
    with memory_guard(place):
        projector = Projector(
            volume, geometry, bone_threshold=bone_threshold, spectrum=spectrum, device=str(place)
        )
        for i in range(views):
            angle = 360.0 * i / views
            image, labels = radiograph(projector, angle)
            spacing = (projector.pixel, projector.pixel)
            bones += int((labels == BONE).sum())
            provenance = {
                "synthetic": True,
                "kind": "digitally reconstructed radiograph",
                "ct": str(ct),
                "ct_axes": volume.axis_codes,
                "ct_spacing_mm": list(volume.spacing),
                "angle_deg": angle,
                "source_to_axis_mm": geometry.source_to_axis,
                "source_to_detector_mm": geometry.source_to_detector,
                "detector_pixel_mm": projector.pixel,
                "spectrum": spectrum,
                "bone_threshold_hu": bone_threshold,
                "bone_share": round(float((labels == BONE).mean()), 5),
            }
            make_folder(out)
            write_png16(out / f"{i:03d}.png", image, provenance, spacing)
            write_mask(out / f"{i:03d}_mask.png", Mask(labels, TABLE, spacing))
            write_json(out / f"{i:03d}.json", provenance)
            monitor.report(i + 1, views, f"view {angle:.0f} degrees")
    if not bones:
        note(
            f"no bone above {bone_threshold:g} HU: the masks hold the contour alone;"
            " lower --bone-threshold"
        )
    return views
