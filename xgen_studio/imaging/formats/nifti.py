"""NIfTI-1 and -2, one file or a pair, packed or not: nibabel reads the header."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging.formats.content import GZIP, first_bytes
from xgen_studio.imaging.formats.payload import Encoding, Payload, first_unpacked, within_folder
from xgen_studio.imaging.geometry import Floats, Triple, from_columns
from xgen_studio.imaging.grey import rescaled
from xgen_studio.imaging.grid import SQUARE_TOLERANCE, TELL_FROM, Grid, off_square_note, unit_note

SYNTHETIC_NOTE = "SYNTHETIC XGen Studio"  # in `descrip`: NIfTI has no free keys

_UNIT_MM = {0: 1.0, 1: 1e3, 2: 1.0, 3: 1e-3}  # xyzt_units: unknown, metre, mm, micron
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


def read_nifti(path: Path) -> Grid:
    """The image in a NIfTI file, intensities scaled, place in LPS mm; InputError, one line.

    The sform is taken where it is set, else the qform; one that is not quite square is squared up
    where no voxel moves noticeably, else the other one is taken, and a sheared grid is refused.
    """
    start = first_bytes(path)
    encoding: Encoding = "raw"
    if start.startswith(GZIP):
        encoding = "deflate"
        start = first_unpacked(path)
    header = _header(path, start)
    shape = _shape(path, header)
    dtype = _dtype(path, header)
    spacing, origin, direction, notes = _geometry(path, header, shape)
    offset = float(header["vox_offset"])
    if not (math.isfinite(offset) and 0 <= offset < 2**31):
        raise InputError(f"{path}: its header is damaged (vox_offset {offset:g}); export it again")
    if bytes(header["magic"].tobytes()).startswith(b"n+"):
        voxels, least = path, 352 if header.sizeof_hdr == 348 else 544
    else:
        voxels, least = _other_half(path), 0
        encoding = "deflate" if first_bytes(voxels).startswith(GZIP) else "raw"
    skip = max(int(offset), least)
    stored = Payload(path, (voxels,), dtype, shape, encoding, skip=skip).read()
    return Grid(
        _scaled(path, header, stored),
        spacing,
        origin,
        direction,
        synthetic=SYNTHETIC_NOTE.encode() in bytes(header["descrip"].tobytes()),
        notes=notes,
        source=path,
    )


def _header(path: Path, start: bytes) -> Any:
    import nibabel

    version1 = start[344:346] in (b"n+", b"ni")
    if len(start) < (348 if version1 else 540):
        raise InputError(f"{path}: is cut short within its header; copy or export it again")
    kind = nibabel.Nifti1Header if version1 else nibabel.Nifti2Header
    try:
        return kind(start[: 348 if version1 else 540], check=False)  # without its extensions
    # nibabel answers damage with HeaderDataError, ValueError, KeyError, OverflowError, ...
    except Exception as error:
        raise InputError(f"{path}: its NIfTI header is damaged; export it again") from error


def _other_half(path: Path) -> Path:
    """The file of voxels that belongs to a header of its own (.hdr and .img)."""
    stem = path.name.lower().removesuffix(".gz").removesuffix(".hdr")
    for name in (f"{path.name[: len(stem)]}.img", f"{path.name[: len(stem)]}.img.gz"):
        if (path.parent / name).is_file():
            return within_folder(path, name)
    raise InputError(
        f"{path}: is one half of a NIfTI pair, and its .img is not beside it; copy both together"
    )


def _shape(path: Path, header: Any) -> tuple[int, int, int]:
    """Voxels (z, y, x); axes of one voxel beyond the third do not count."""
    dim = [int(n) for n in header["dim"]]
    axes = dim[0]
    if not 1 <= axes <= 7 or min(dim[1 : axes + 1]) < 1:
        raise InputError(f"{path}: its header declares no image (dim {dim}); export it again")
    sizes = dim[1 : axes + 1]
    if any(n > 1 for n in sizes[3:]):
        count = math.prod(sizes[3:])
        raise InputError(f"{path}: holds {count} volumes (4-D); split it and open one of them")
    x, y, z = (sizes + [1, 1])[:3]
    return z, y, x


def _dtype(path: Path, header: Any) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = header.get_data_dtype()
    except Exception as error:
        raise InputError(f"{path}: stores voxels of an unknown type; export it again") from error
    if dtype.fields or dtype.kind not in "iuf":
        raise InputError(f"{path}: holds colours or complex values, not one grey value per voxel")
    return dtype


def _geometry(
    path: Path, header: Any, shape: tuple[int, int, int]
) -> tuple[Triple, Floats, Floats, tuple[str, ...]]:
    """Spacing, origin and direction in LPS mm, and what is to be told of them."""
    unit = _UNIT_MM.get(int(header["xyzt_units"]) & 7)
    if unit is None:
        raise InputError(f"{path}: its unit of length is unknown; set xyzt_units in the header")
    notes = [] if unit == 1.0 else [unit_note(unit)]
    codes = int(header["sform_code"]), int(header["qform_code"])
    found: list[tuple[str, Triple, Floats, Floats, float]] = []
    for name, code in zip(("sform", "qform"), codes, strict=True):
        if code <= 0:
            continue
        affine = _affine(header, name)
        if affine is None:
            continue
        lps = _RAS_TO_LPS @ affine[:3] * unit
        try:
            spacing, direction, moved = from_columns(lps[:, :3], shape)
        except ValueError:
            continue
        if np.all(np.isfinite(lps)):
            found.append((name, spacing, lps[:, 3], direction, moved))
    if not found and max(codes) <= 0:
        return _without_forms(path, header, unit, notes)
    for name, spacing, origin, direction, moved in found:
        if moved > SQUARE_TOLERANCE * min(spacing):
            notes.append(f"its {name} is sheared by up to {moved:.2g} mm and is passed over")
            continue
        if moved > TELL_FROM:
            notes.append(off_square_note(moved))
        return spacing, origin, direction, tuple(notes)
    if found:
        raise InputError(
            f"{path}: its axes are sheared or scaled (up to {found[0][4]:.2g} mm); resample it to a"
            " rectangular grid first"
        )
    raise InputError(
        f"{path}: does not say its voxel size (sform and qform are empty); set it in the header"
    )


def _affine(header: Any, name: str) -> Floats | None:
    if abs(header["pixdim"][0]) != 1:  # qfac: the standard takes 1 for whatever is not -1
        header["pixdim"][0] = 1
    with np.errstate(all="ignore"):
        try:
            found = header.get_sform() if name == "sform" else header.get_qform()
        except Exception:  # a quaternion of no length, an axis of none
            return None
    return np.asarray(found, dtype=np.float64)


def _without_forms(
    path: Path, header: Any, unit: float, notes: list[str]
) -> tuple[Triple, Floats, Floats, tuple[str, ...]]:
    """Method 1 of the standard: voxel sizes alone; the axes are taken as right, front, head."""
    x, y, z = (float(v) * unit for v in np.abs(header["pixdim"][1:4]))
    if not all(math.isfinite(v) and v > 0 for v in (x, y)):
        raise InputError(
            f"{path}: does not say its voxel size (pixdim is zero); set it in the header"
        )
    if not (math.isfinite(z) and z > 0):
        if int(header["dim"][0]) > 2 and int(header["dim"][3]) > 1:
            raise InputError(
                f"{path}: does not say its voxel size (pixdim is zero); set it in the header"
            )
        z = 1.0
    notes.append("it does not say how the patient lies; axes are taken as right, front, head")
    return (x, y, z), np.zeros(3), _RAS_TO_LPS.copy(), tuple(notes)


def _scaled(path: Path, header: Any, stored: NDArray[Any]) -> NDArray[Any]:
    """Intensities: stored * scl_slope + scl_inter; whole numbers stay whole."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not math.isfinite(slope):
        slope, inter = 1.0, 0.0  # the standard: the values are not scaled
    inter = inter if math.isfinite(inter) else 0.0
    return rescaled(stored, slope, inter)
