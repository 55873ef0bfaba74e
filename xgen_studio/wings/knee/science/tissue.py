"""What the knee is filled with: bone density from depth, muscles, fat, tendons and skin, in HU.

Values: cortical 1200-1900, trabecular 150-450, muscle 40-70, fat -110, skin 50 HU (Schneider,
Bortfeld & Schlegel 2000, Phys. Med. Biol. 45).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .shapes import smooth_min, table

AIR, FAT, MARROW = -1000.0, -110.0, -60.0  # HU
COARSE = 3  # voxels between samples of the soft-tissue fields


def strut_noise(shape, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Trabecular texture (z, y, x), unit variance: struts along z, with fewer cross ties."""
    white = rng.standard_normal(shape, dtype=np.float32)
    mm = 1 / spacing
    fine = ndimage.gaussian_filter(white, (4.0 * mm, 1.1 * mm, 0.45 * mm), truncate=2.5)
    fine -= ndimage.gaussian_filter(fine, (0, 1.5 * mm, 1.6 * mm), truncate=2.0)
    ties = ndimage.gaussian_filter(white[::-1], (0.5 * mm, 1.6 * mm, 1.6 * mm), truncate=2.5)
    ties -= ndimage.uniform_filter1d(ties, 5, axis=0)
    fine /= fine.std() + 1e-6
    ties /= ties.std() + 1e-6
    return (fine + 0.35 * ties) / np.float32(1.06)


def bone_hu(dist, thickness, trabecular, cortical, spacing):
    """HU of bone voxels (..) from surface distance, with partial volume over one voxel.

    dist mm (negative inside), thickness mm of the cortical shell, the other two HU.
    Returns HU and the share of the voxel that is bone.
    """
    h = np.float32(spacing)
    depth = -dist
    share = np.clip(depth / h + 0.5, 0, 1)
    shell = np.minimum(depth + h / 2, thickness) - np.maximum(depth - h / 2, 0)
    shell = np.clip(shell / h, 0, share) / np.maximum(share, 1e-3)
    return trabecular + (cortical - trabecular) * shell, share


def upsample(coarse: np.ndarray, step: int, shape) -> np.ndarray:
    """Linear interpolation of samples every `step` voxels back to `shape`, axis by axis."""
    out = coarse
    for axis, n in enumerate(shape):
        at = np.arange(n, dtype=np.float32) / step
        i = np.minimum(at.astype(int), out.shape[axis] - 2)
        f = (at - i).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
        a, b = np.take(out, i, axis=axis), np.take(out, i + 1, axis=axis)
        b -= a
        b *= f
        b += a
        out = b
    return out


def _ellipse(x, y, a, front, back):
    """Approximate distance to an egg: half axes a (x), front (y < 0), back (y > 0), mm."""
    rho = np.hypot(x / a, y / np.where(y < 0, front, back)) + 1e-4
    return (rho - 1) * np.hypot(x, y) / rho


# muscle bellies: centre (x lateral, y posterior), radius, and knots of strength along z (mm)
_BELLIES = (
    ("vastus medialis", -34, -14, 26, (10, 45, 200), (0, 1, 1)),
    ("vastus lateralis", 36, -16, 26, (25, 70, 200), (0, 1, 1)),
    ("rectus and intermedius", 0, -30, 22, (40, 75, 200), (0, 1, 1)),
    ("biceps femoris", 33, 36, 19, (-10, 25, 200), (0, 0.9, 1)),
    ("semimembranosus", -26, 40, 21, (-15, 15, 200), (0.3, 1, 1)),
    ("sartorius and gracilis", -44, 28, 13, (-40, 0, 200), (0, 1, 1)),
    ("gastrocnemius medial", -21, 42, 24, (-200, -20, 30), (1, 1, 0)),
    ("gastrocnemius lateral", 21, 42, 22, (-200, -20, 30), (1, 1, 0)),
    ("soleus and popliteus", 2, 24, 24, (-200, -50, -10), (1, 1, 0)),
    ("tibialis anterior", 30, -6, 17, (-200, -45, -18), (1, 1, 0)),
    ("peronei", 44, 14, 15, (-200, -50, -25), (1, 1, 0)),
)


def soft_fields(x, y, z, bone, centre, forward, p: dict, rng: np.random.Generator):
    """Depth under the skin (mm) and fat share (0..1) on a coarse grid (z, y, x).

    x, y, z: left-knee coordinates of the samples (mm); bone: distance to the nearest bone (mm);
    centre: (cx, cy) of the limb along z, forward: least reach in front of it, mm; p: the draws.
    """
    cx, cy = centre
    bone = bone + 5 * np.maximum(bone - 7, 0)  # the stored distance ends: let blends end before it
    s, lean, fat = p["limb_scale"], p["muscle_scale"], p["fat_mm"]
    u, v = x - cx, y - cy
    k = [-140, -110, -70, -35, 0, 30, 60, 90, 140]
    a = table(z, k, [46, 47, 49, 48, 46, 47, 50, 55, 62]) * s * lean
    front = table(z, k, [27, 29, 32, 34, 36, 37, 42, 49, 56]) * s * lean
    front = np.maximum(front, forward)
    back = table(z, k, [53, 54, 53, 48, 44, 46, 50, 55, 60]) * s * lean
    wobble = ndimage.gaussian_filter(rng.standard_normal(bone.shape, dtype=np.float32), 5)
    wobble *= 1.2 / (wobble.std() + 1e-6)
    fascia = _ellipse(u, v, a, front, back) + wobble
    fascia = smooth_min(fascia, bone - 2.5, 12)
    # subcutaneous fat: thin over the patella and the shin, thick medially and in the thigh
    angle = np.arctan2(v, u)
    around = 1 - 0.55 * np.exp(-(((angle + 1.7) / 0.8) ** 2)) - 0.2 * np.cos(angle)
    along = table(z, k, [0.75, 0.75, 0.75, 0.7, 0.65, 0.75, 0.9, 1.0, 1.1])
    layer = fat * around * along + 1.5
    skin = smooth_min(fascia - layer, bone - 5.5 - 0.15 * fat, 6)
    skin = np.minimum(ndimage.gaussian_filter(skin, 1.4), bone - 4.0)
    # muscles and the fat between them
    best = np.full(bone.shape, 9.0, np.float32)
    second = best.copy()
    for _, bx, by, r, kz, kv in _BELLIES:
        jx, jy, jr = rng.normal(0, 2.0), rng.normal(0, 2.0), rng.normal(1, 0.07)
        power = np.interp(z, kz, kv).astype(np.float32)
        d = np.hypot(u - (bx + jx) * s, v - (by + jy) * s) / (r * jr * s)
        d = d + 1.6 * (1 - power)
        second = np.minimum(second, np.maximum(best, d))
        best = np.minimum(best, d)
    septum = np.exp(-(((second - best) / p["septum_width"]) ** 2))
    loose = np.clip((best - 1.15) / 0.3, 0, 1)
    share = np.maximum(0.95 * septum * (best > 0.6), loose)
    # thigh and calf are packed: what no belly reaches there is still mostly muscle
    packed = np.clip((np.abs(z - 5) - 45) / 30, 0, 1) * 0.55
    share = share * (1 - packed)
    marble = ndimage.gaussian_filter(rng.standard_normal(bone.shape, dtype=np.float32), (2, 1, 1))
    share = share + p["muscle_fat"] * (1 + 1.2 * marble / (marble.std() + 1e-6))
    # capsule and ligaments hug the bone at the joint
    near = np.exp(-((np.maximum(bone, 0) / 5) ** 2)) * np.exp(-((z / 38) ** 2))
    share = np.clip(share, 0, 1) * (1 - 0.85 * near)
    share = np.maximum(share, np.clip(fascia + 0.5, 0, 1))
    return -skin.astype(np.float32), np.clip(share, 0, 1).astype(np.float32)


def capsule(x, y, z, a, b, half_x, half_y):
    """Distance to a flat band from point `a` to `b` (x, y, z mm), half widths in x and y."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    d = b - a
    t = np.clip((z - a[2]) / d[2], -0.05, 1.05)
    qx, qy = (x - a[0] - t * d[0]) / half_x, (y - a[1] - t * d[1]) / half_y
    rho = np.sqrt(qx**2 + qy**2) + 1e-4
    side = (rho - 1) * half_y
    return np.maximum(side, np.maximum((a[2] - z) * np.sign(d[2]), (z - b[2]) * np.sign(d[2])))
