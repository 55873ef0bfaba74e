"""Digitally reconstructed radiographs: cone-beam projection of a CT on a flat detector.

The source turns about the patient's long axis. In that geometry trilinear interpolation factors:
every depth plane is sampled in-plane along the fan (one bilinear look-up for all slices at once)
and then stretched along z by its own magnification. The result is what a ray-by-ray trilinear
projector gives, at a fraction of its cost, on any torch device.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging.geometry import closest_axes
from xgen_studio.imaging.image import Volume
from xgen_studio.imaging.itk import straightened
from xgen_studio.imaging.limits import check_bytes

if TYPE_CHECKING:
    import torch

# Mass attenuation in cm^2/g of water and cortical bone (NIST XCOM, ICRU-44): keV -> (water, bone)
ATTENUATION = {
    30: (0.3756, 1.331),
    40: (0.2683, 0.6655),
    50: (0.2269, 0.4242),
    60: (0.2059, 0.3148),
    70: (0.1929, 0.2620),
    80: (0.1837, 0.2229),
}
CT_KEV = 60  # energy at which a CT's HU are taken to be exact

# Shares of the detected photons in bins of 10 keV, tungsten anode behind 3 mm aluminium
SPECTRA = {
    "60keV": {60: 1.0},
    "70kV": {30: 0.18, 40: 0.30, 50: 0.27, 60: 0.18, 70: 0.07},
    "90kV": {30: 0.10, 40: 0.23, 50: 0.24, 60: 0.19, 70: 0.14, 80: 0.10},
}

BONE_FROM_HU, BONE_PURE_HU = 150.0, 1500.0  # between them a voxel is part water, part bone


@dataclass(frozen=True)
class ConeBeam:
    """Geometry of one acquisition; lengths in mm. InputError where it is impossible.

    At 0 degrees the source stands anterior of the patient (an AP view); at 90 on the patient's
    left. The detector's rows run from superior to inferior.
    """

    source_to_axis: float = 1000.0
    source_to_detector: float = 1300.0
    detector: tuple[int, int] = (256, 256)  # rows, columns
    pixel: float | None = None  # detector pixel; None: the volume's extent just fits

    def __post_init__(self) -> None:
        lengths = [self.source_to_axis, self.source_to_detector]
        if self.pixel is not None:
            lengths.append(self.pixel)
        if not all(np.isfinite(x) and x > 0 for x in lengths):
            raise InputError("projection: distances and pixel must be positive lengths in mm")
        if self.source_to_detector <= self.source_to_axis:
            raise InputError(
                f"projection: the detector ({self.source_to_detector:g} mm from the source) stands"
                f" before the axis ({self.source_to_axis:g} mm); move it behind the patient"
            )
        if not all(1 <= n <= 4096 for n in self.detector):
            raise InputError(f"projection: a detector of {self.detector} pixels; 1 to 4096 a side")


@dataclass(frozen=True)
class Drr:
    """Projections of one CT.

    attenuation: (V, rows, columns) float32 line integrals -ln(I / I0), no unit.
    bone: (V, rows, columns) float32 length of bone along the ray, mm.
    angles: (V,) degrees; pixel: detector pixel, mm.
    """

    attenuation: NDArray[np.float32]
    bone: NDArray[np.float32]
    angles: NDArray[np.float64]
    pixel: float


AIR_HU = -1024.0


def upright(volume: Volume) -> Volume:
    """The volume with its axes along the patient's, x to the left, y to the back, z to the head.

    Axes are swapped and flipped; a grid oblique to the patient by more than half a voxel at its
    edge is resampled (linear, at its smallest spacing, air around it), because the beam turns about
    the patient and not about the grid.
    """
    lps = volume.to_lps()
    axes, signs = closest_axes(lps.direction)
    ideal = np.zeros((3, 3))
    for k in range(3):
        ideal[axes[k], k] = signs[k]
    half = (np.array(lps.shape[::-1]) - 1) / 2 * np.array(lps.spacing)
    drift = float(np.linalg.norm((lps.direction - ideal) * half, axis=0).max())
    if drift <= 0.5 * min(lps.spacing):
        return lps
    voxels, spacing, origin = straightened(
        lps.voxels, lps.spacing, lps.origin, lps.direction, AIR_HU
    )
    said = f"its grid is oblique to the patient ({tilt(lps):.1f} degrees); it was straightened"
    meta = {**lps.meta, "notes": [*lps.notes, said]}
    return replace(
        lps, voxels=voxels, spacing=spacing, origin=origin, direction=np.eye(3), meta=meta
    )


def tilt(volume: Volume) -> float:
    """The greatest angle, in degrees, between an axis of the grid and one of the patient."""
    axes, _ = closest_axes(volume.direction)
    cosines = [abs(float(volume.direction[axes[k], k])) for k in range(3)]
    return float(np.degrees(np.arccos(min(1.0, min(cosines)))))


def fitted_pixel(lps: Volume, geometry: ConeBeam) -> float:
    """Detector pixel (mm) at which a magnified upright volume just fits on the detector at any
    angle."""
    depth, rows, columns = lps.voxels.shape
    sx, sy, sz = lps.spacing
    radius = _radius(rows * sy, columns * sx, geometry)
    magnification = geometry.source_to_detector / (geometry.source_to_axis - radius)
    across = 2 * radius * magnification / geometry.detector[1]
    along = depth * sz * magnification / geometry.detector[0]
    return max(across, along)


def _radius(height: float, width: float, geometry: ConeBeam) -> float:
    radius = 0.5 * float(np.hypot(height, width))
    if geometry.source_to_axis <= radius:
        raise InputError(
            f"projection: the source ({geometry.source_to_axis:g} mm from the axis) is inside the"
            f" volume (radius {radius:.0f} mm); move it away"
        )
    return radius


def basis_materials(hu: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """HU -> densities of water and of cortical bone in g/cm^3, each voxel a mixture of both."""
    bone = ((hu - BONE_FROM_HU) / (BONE_PURE_HU - BONE_FROM_HU)).clamp(0, 1)
    relative = (1 + hu / 1000).clamp(min=0)
    mu_water, mu_bone = ATTENUATION[CT_KEV]
    # keep the CT's own attenuation: at CT_KEV water and bone together give 1 + HU / 1000
    return (1 - bone) * relative, bone * relative * mu_water / mu_bone


class Projector:
    """A CT made ready for projection at one angle after another."""

    def __init__(
        self,
        volume: Volume,
        geometry: ConeBeam | None = None,
        *,
        bone_threshold: float = 250.0,
        spectrum: str = "70kV",
        device: str = "cpu",
    ) -> None:
        """Bone is where HU > `bone_threshold` (Mei 2024, section II-C).

        InputError where the geometry cannot see the volume, or for an unknown spectrum.
        """
        import torch

        if spectrum not in SPECTRA:
            raise InputError(f"spectrum '{spectrum}': there is {', '.join(SPECTRA)}")
        if not np.isfinite(bone_threshold):
            raise InputError(f"bone threshold {bone_threshold}: a number of HU is needed")
        self.geometry = geometry or ConeBeam()
        self.spectrum = SPECTRA[spectrum]
        lps = self.volume = upright(volume)
        sx, sy, _ = self.spacing = lps.spacing
        _radius(lps.voxels.shape[1] * sy, lps.voxels.shape[2] * sx, self.geometry)
        self.pixel = self.geometry.pixel or fitted_pixel(lps, self.geometry)
        # HU, and the three fields that are projected, as float32
        check_bytes(4 * 4 * lps.voxels.size, lps.voxels.nbytes, str(volume.source or "volume"))
        hu = torch.from_numpy(np.ascontiguousarray(lps.voxels, dtype=np.float32)).to(device)
        hu = hu.flip(0)  # first slice superior, as the detector's first row
        hu, self.centre = _without_air(hu, sx, sy)
        self._fields = [(hu > bone_threshold).float(), *basis_materials(hu)]

        rows, columns = self.geometry.detector
        u = (torch.arange(columns, device=device) - (columns - 1) / 2) * self.pixel
        v = (torch.arange(rows, device=device) - (rows - 1) / 2) * self.pixel
        step = min(sx, sy)
        extent = 0.5 * float(np.hypot(hu.shape[1] * sy, hu.shape[2] * sx))
        planes = int(np.ceil(2 * (float(np.hypot(*self.centre)) + extent) / step))
        offsets = (torch.arange(planes, device=device) - (planes - 1) / 2) * step
        self._distance = self.geometry.source_to_axis + offsets  # of each depth plane
        self._tan_u = u / self.geometry.source_to_detector
        self._tan_v = v / self.geometry.source_to_detector
        self._path = (1 + self._tan_v[:, None] ** 2 + self._tan_u[None, :] ** 2).sqrt() * step

    def view(self, angle: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Attenuation and bone length (mm), each (rows, columns), at an angle in degrees."""
        bone, water_path, bone_path = (
            _fan_sums(
                field,
                float(np.deg2rad(angle)),
                self.geometry.source_to_axis,
                self._distance,
                self._tan_u,
                self._tan_v,
                self.spacing,
                self.centre,
            )
            * self._path
            for field in self._fields
        )
        return _beer_lambert(water_path, bone_path, self.spectrum).cpu().numpy(), bone.cpu().numpy()


def project(
    volume: Volume,
    angles: NDArray[np.float64],
    geometry: ConeBeam | None = None,
    *,
    bone_threshold: float = 250.0,
    spectrum: str = "70kV",
    device: str = "cpu",
) -> Drr:
    """Project a CT in HU at each angle (degrees); see `Projector`."""
    projector = Projector(
        volume, geometry, bone_threshold=bone_threshold, spectrum=spectrum, device=device
    )
    views = [projector.view(float(angle)) for angle in angles]
    attenuation, bone = (np.stack(part) for part in zip(*views, strict=True))
    return Drr(attenuation, bone, np.asarray(angles, dtype=np.float64), projector.pixel)


def _without_air(
    hu: torch.Tensor, sx: float, sy: float
) -> tuple[torch.Tensor, tuple[float, float]]:
    """The slices cropped to the body, and the crop's centre (x, y) in mm from the volume's."""
    body = (hu > -900).any(0)
    if not bool(body.any()):
        return hu, (0.0, 0.0)
    ys, xs = body.any(1).nonzero()[:, 0], body.any(0).nonzero()[:, 0]
    y0, y1 = max(0, int(ys[0]) - 1), min(hu.shape[1], int(ys[-1]) + 2)
    x0, x1 = max(0, int(xs[0]) - 1), min(hu.shape[2], int(xs[-1]) + 2)
    centre = (((x0 + x1) - hu.shape[2]) / 2 * sx, ((y0 + y1) - hu.shape[1]) / 2 * sy)
    return hu[:, y0:y1, x0:x1].contiguous(), centre


def _beer_lambert(
    water: torch.Tensor, bone: torch.Tensor, spectrum: dict[int, float]
) -> torch.Tensor:
    """Path densities in g/cm^3 mm -> -ln(I / I0) over the spectrum."""
    import torch

    log_terms = [
        -(water * ATTENUATION[kev][0] + bone * ATTENUATION[kev][1]) / 10 + float(np.log(share))
        for kev, share in spectrum.items()
    ]
    return -torch.logsumexp(torch.stack(log_terms), dim=0).clamp(max=0)


def _fan_sums(
    field: torch.Tensor,
    angle: float,
    source_to_axis: float,
    distance: torch.Tensor,
    tan_u: torch.Tensor,
    tan_v: torch.Tensor,
    spacing: tuple[float, float, float],
    centre: tuple[float, float],
    chunk: int = 32,
) -> torch.Tensor:
    """Sum of a field (D, H, W) over the depth planes of every detector pixel (rows, columns)."""
    import torch
    from torch.nn import functional as F

    depth, rows, columns = field.shape
    sx, sy, sz = spacing
    # LPS: x to the left, y to posterior. At angle 0 the source is anterior (-y) and looks to +y;
    # the detector's columns then run to the patient's left, as a radiograph is read.
    forward = (-float(np.sin(angle)), float(np.cos(angle)))
    across = (float(np.cos(angle)), float(np.sin(angle)))
    total = torch.zeros(len(tan_v), len(tan_u), device=field.device)
    for first in range(0, len(distance), chunk):
        d = distance[first : first + chunk]
        along = (d - source_to_axis)[:, None]
        sideways = d[:, None] * tan_u[None, :]
        x = along * forward[0] + sideways * across[0]
        y = along * forward[1] + sideways * across[1]
        x, y = x - centre[0], y - centre[1]
        grid = torch.stack([2 * x / (columns * sx), 2 * y / (rows * sy)], dim=-1)
        met = (grid.abs().amax(-1) < 1 + 2 / min(rows, columns)).any(0).nonzero()[:, 0]
        if len(met) == 0:
            continue  # planes in the corners, beyond the body
        seen = slice(int(met[0]), int(met[-1]) + 1)  # rays that meet the body at all
        grid = grid[None, :, seen]
        fan = F.grid_sample(field[None], grid, align_corners=False)[0]  # (D, planes, rays)
        z = d[:, None] * tan_v[None, :] / sz + (depth - 1) / 2  # (planes, rows) slice index
        low = z.floor()
        part = (z - low)[:, :, None]
        fan = fan.permute(1, 0, 2)  # (planes, D, rays)
        for offset, share in ((0, 1 - part), (1, part)):
            index = (low + offset).long()
            inside = ((index >= 0) & (index < depth))[:, :, None]
            index = index.clamp(0, depth - 1)[:, :, None].expand(-1, -1, fan.shape[2])
            total[:, seen] += (fan.gather(1, index) * (share * inside)).sum(0)
    return total
