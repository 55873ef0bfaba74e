"""A folder of DICOM slices as one `Volume`: grouped, sorted by position, refused when uneven."""

from __future__ import annotations

import warnings
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.imaging.dicom import (
    decoded,
    direction_of,
    is_synthetic,
    numbers,
    pixel_spacing,
    read_dataset,
    text,
)
from xgen_studio.imaging.geometry import Floats
from xgen_studio.imaging.image import Volume
from xgen_studio.imaging.limits import check_size

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# How far a slice may lie from its place on the even grid: scanners round positions to 0.1 mm.
POSITION_TOLERANCE_MM = 0.1
POSITION_TOLERANCE = 0.1  # of the slice distance
TILT_TOLERANCE = 0.01  # sideways drift per mm along the normal; a gantry tilt of 1 degree is 0.017


def read_series(folder: Path) -> Volume:
    """The largest series in `folder` and its sub-folders, voxels (D, H, W) in modality units.

    Slices are sorted along their common normal, whatever the file names say. A series is what has
    one Series Instance UID, size, spacing and orientation, so a localiser never joins the stack;
    `meta["other_files"]` counts what was left out. Raises InputError for a folder without DICOM
    images, a single slice, missing, doubled or uneven slices, and a tilted gantry.
    """
    series, files = _largest_series(folder)
    if len(series) == 1:
        raise InputError(f"{series[0][0]}: is a single slice, no volume; open it as an image")
    first = series[0][1]
    spacing_xy, _ = pixel_spacing(first, series[0][0])
    direction = direction_of(first)
    if spacing_xy is None:
        raise InputError(f"{folder}: its slices lack Pixel Spacing (0028,0030); export it again")
    if direction is None:
        raise InputError(
            f"{folder}: its slices lack a valid Image Orientation (Patient) (0020,0037); "
            "export it again"
        )
    order, spacing_z, origin = _stacked(folder, series, direction)
    check_size([int(first.Columns), int(first.Rows), len(series)], folder)
    slices = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k in order:
            path = series[k][0]
            pixels, from_colour = decoded(read_dataset(path), path)
            if from_colour:
                raise InputError(f"{path}: is a colour image, no slice of a volume")
            slices.append(pixels)
    return Volume(
        np.stack(slices),
        spacing=(*spacing_xy, spacing_z),
        origin=origin,
        direction=direction,
        modality=text(first, "Modality"),
        source=folder,
        meta={"series": text(first, "SeriesDescription"), "other_files": files - len(series)},
        synthetic=is_synthetic(first),
    )


def _largest_series(folder: Path) -> tuple[list[tuple[Path, Dataset]], int]:
    """The headers of the series with most slices, and the number of files in the folder."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    groups: dict[tuple[object, ...], list[tuple[Path, Dataset]]] = defaultdict(list)
    for path in paths:
        try:
            header = read_dataset(path, header_only=True)
        except InputError:
            continue  # a folder may hold reports and notes beside its slices
        if numbers(header, "Rows", 1) is None or numbers(header, "Columns", 1) is None:
            continue
        cosines = numbers(header, "ImageOrientationPatient", 6) or []
        key = (
            text(header, "SeriesInstanceUID"),
            int(header.Rows),
            int(header.Columns),
            tuple(numbers(header, "PixelSpacing", 2) or ()),
            tuple(round(c, 2) + 0.0 for c in cosines),
        )
        groups[key].append((path, header))
    if not groups:
        raise InputError(f"{folder}: holds no DICOM images; choose the folder of a series")
    return max(groups.values(), key=len), len(paths)


def _stacked(
    folder: Path, series: list[tuple[Path, Dataset]], direction: Floats
) -> tuple[list[int], float, tuple[float, float, float]]:
    """The order of the slices along the normal, their distance in mm, the first one's origin."""
    positions = []
    for path, header in series:
        position = numbers(header, "ImagePositionPatient", 3)
        if position is None:
            raise InputError(
                f"{path}: lacks Image Position (Patient) (0020,0032); export the series again"
            )
        positions.append(position)
    points = np.array(positions)
    normal = direction[:, 2]
    order = np.argsort(points @ normal, kind="stable")
    points = points[order]
    along = (points - points[0]) @ normal
    gaps = np.diff(along)
    if gaps.min() < 1e-3:
        k = int(gaps.argmin())
        raise InputError(
            f"{folder}: two slices lie at the same position ({series[order[k]][0].name}, "
            f"{series[order[k + 1]][0].name}); keep one phase or echo of the series"
        )
    typical = float(np.median(gaps))
    spacing = float(along[-1] / (len(along) - 1))
    stray = np.abs(along - spacing * np.arange(len(along))).max()
    if stray > max(POSITION_TOLERANCE_MM, POSITION_TOLERANCE * typical):
        k = int(np.argmax(gaps))
        missing = round(float(gaps[k]) / typical) - 1
        what = f"{missing} slices seem to be missing" if missing > 0 else "the distances are uneven"
        raise InputError(
            f"{folder}: {what} after {series[order[k]][0].name} ({gaps[k]:.2f} mm where "
            f"{typical:.2f} mm is usual); copy or export the whole series again"
        )
    sideways = np.linalg.norm(points - points[0] - np.outer(along, normal), axis=1).max()
    if sideways > max(POSITION_TOLERANCE_MM, TILT_TOLERANCE * along[-1]):
        raise InputError(
            f"{folder}: its slices are stacked at a slant (tilted gantry); resample it to a "
            "rectangular grid first"
        )
    x, y, z = points[0].tolist()
    return order.tolist(), spacing, (x, y, z)
