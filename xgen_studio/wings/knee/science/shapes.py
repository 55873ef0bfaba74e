"""Bone surfaces of the knee as signed distances (mm, negative inside) in a left-knee bone frame.

Frame of every bone: x lateral, y posterior, z proximal, in mm.  The tibia, fibula and patella are
Visible Human surfaces (Andreassen et al., Scientific Data 2022, CC BY 4.0) kept as distance grids
in data/templates.npz and morphed; the tibia's joint line follows the modes of 748
radiographs (KNEEL landmarks, Tiulpin et al. 2019).  The femur is built from solids, its condyles
set by hand to the mean of the same landmarks.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage
from scipy.interpolate import PchipInterpolator

from xgen_studio.errors import InputError
from xgen_studio.wings.knee.science.files import DATA

TEMPLATES = DATA / "templates.npz"
STEP = 2.0  # mm between stored samples
TIBIA_WIDTH, FEMUR_WIDTH = 76.3, 82.0  # mm at scale 1
PATELLA_HEIGHTS = (46.6, 45.0, 42.3, 46.5)  # mm, of the four templates in patella()'s order


@lru_cache(maxsize=1)
def templates() -> dict[str, np.ndarray]:
    """Distance grids (z, y, x) at 1 mm, their lower corners (x, y, z), and joint-line modes."""
    if not TEMPLATES.is_file():
        raise InputError(f"knee templates not found: {TEMPLATES}; reinstall XGen Studio")
    with np.load(TEMPLATES) as f:
        store = {k: f[k] for k in f.files}
    for name, packed in store.items():
        if packed.dtype == np.uint8:
            grid = np.cumsum(packed, axis=0, dtype=np.uint8).view(np.int8).astype(np.float32) / 10
            for axis in range(3):
                grid = _halve_step(grid, axis)
            store[name] = grid
    return store


def _halve_step(grid: np.ndarray, axis: int) -> np.ndarray:
    """Cubic midpoints (-1, 9, 9, -1) / 16 between the samples of one axis: n becomes 2 n - 1."""
    g = np.moveaxis(grid, axis, 0)
    out = np.empty((2 * len(g) - 1, *g.shape[1:]), np.float32)
    out[::2] = g
    e = np.concatenate([g[:1], g, g[-1:]])
    out[1::2] = (9 * (e[1:-2] + e[2:-1]) - e[:-3] - e[3:]) / 16
    return np.ascontiguousarray(np.moveaxis(out, 0, axis))


def smooth_min(a: np.ndarray, b: np.ndarray, k: float) -> np.ndarray:
    """Union of two distances blended over `k` mm (Quilez's polynomial minimum)."""
    h = np.maximum(k - np.abs(a - b), 0) / k
    return np.minimum(a, b) - h * h * (k / 4)


def smooth_max(a: np.ndarray, b: np.ndarray, k: float) -> np.ndarray:
    """Intersection of two distances blended over `k` mm."""
    return -smooth_min(-a, -b, k)


def round_cone(u, v, ca, ra, cb, rb):
    """Plane distance to the convex hull of two circles (centres `ca`, `cb`, radii `ra`, `rb`)."""
    du, dv = cb[0] - ca[0], cb[1] - ca[1]
    length = float(np.hypot(du, dv))
    eu, ev = du / length, dv / length
    along = (u - ca[0]) * eu + (v - ca[1]) * ev
    across = np.abs((u - ca[0]) * -ev + (v - ca[1]) * eu)
    s = np.clip((ra - rb) / length, -0.99, 0.99)
    c = float(np.sqrt(1 - s * s))
    t = np.clip((along + across * s / c) / length, 0, 1)
    pu, pv = along - t * length, across
    return np.hypot(pu, pv) - (ra + t * (rb - ra))


def slab_round(profile, x, half, r):
    """Extrude a plane distance over |x| < half with edges rounded by `r` mm."""
    a, b = profile + r, np.abs(x) - (half - r)
    return np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0) - r


def table(z: np.ndarray, knots, values) -> np.ndarray:
    """Smooth (monotone cubic) interpolation of a profile along z, float32."""
    fine = np.linspace(knots[0], knots[-1], 512)
    return np.interp(z, fine, PchipInterpolator(knots, values)(fine)).astype(np.float32)


def femur(x, y, z, p: dict) -> np.ndarray:
    """Distance to the distal femur; origin under the notch on the distal condylar line.

    `p` holds the shape draws (see phantom.draw): scale, widths, notch, shaft size, valgus.
    """
    s = p["femur_scale"]
    sap = s * p["femur_ap_ratio"]
    x, yy, z = x / s, y / sap, z / s
    med = p["medial_condyle_depth_mm"]
    # condyles: hulls of circles in the sagittal plane, diverging backwards
    medial = smooth_min(
        round_cone(yy, z, (15.5, 20.5), 20.5, (4.0, 26.0), 26.0 + med),
        round_cone(yy, z, (4.0, 26.0), 26.0 + med, (-8.0, 30.0), 19.0),
        4,
    )
    lateral = smooth_min(
        round_cone(yy, z, (14.0, 20.0), 19.2, (2.0, 27.5), 27.0),
        round_cone(yy, z, (2.0, 27.5), 27.0, (-10.0, 29.0), 20.5),
        4,
    )
    half = p["condyle_half_width_mm"] - 1.5 * np.clip(yy / 25, 0, 1)
    away = np.clip(yy, -22, 22)
    u, v = x + 22.6 + 0.18 * away, x - 22.6 - 0.10 * away
    d_med = slab_round(medial, u, half, 10.5 + 2.5 * np.tanh(u / 4))  # rounder towards the notch
    d_lat = slab_round(lateral, v, half, 10.5 - 2.5 * np.tanh(v / 4))
    # the trochlea and the roof of the notch between them
    bridge = round_cone(yy, z, (2.0, 28.0), 25.0, (-9.0, 30.0), p["groove_radius_mm"])
    roof = p["notch_height_mm"] - z + 0.75 * (yy + 6.0)
    d_mid = smooth_max(slab_round(bridge, x - 1.0, 20.0, 4.0), 0.8 * roof, 5)
    d = smooth_min(smooth_min(d_med, d_lat, 4), d_mid, 6)
    # flare and shaft: superellipses whose centre leans laterally by the anatomical valgus
    zz = np.clip(z, 14, 200)
    k = [14, 26, 36, 46, 58, 72, 90, 115, 200]
    sh = p["shaft_half_width_mm"]
    a = table(zz, k, [32, 36.5, 37.5, 35, 28, sh * 1.42, sh * 1.14, sh, sh])
    b = table(zz, k, [16, 19, 21.5, 21, 18.5, 16.5, 15.5, sh * 1.03, sh * 1.03])
    cy = table(zz, k, [-4, -3, -1, -1.5, -3.5, -5, -5.5, -5, -1])
    lean = np.tan(np.radians(p["femur_valgus_deg"])) * np.maximum(z - 25, 0)
    qx, qy = np.abs(x - lean) / a, np.abs(yy - cy) / b
    power = 2.0 + 0.4 * np.clip((70 - zz) / 40, 0, 1)
    rho = (qx**power + qy**power) ** (1 / power) + 1e-6
    shaft = (rho - 1) * np.minimum(np.hypot(x - lean, yy - cy) / rho + 1e-3, 60)
    shaft = smooth_max(shaft, 20 - z, 12)
    d = smooth_min(d, shaft, 9)
    for sign, cz, r in ((-1, 30.0, 7.5), (1, 27.0, 7.0)):
        knob = np.sqrt((x - sign * 31.8) ** 2 + ((yy - 5) / 1.5) ** 2 + ((z - cz) / 1.5) ** 2)
        d = smooth_min(d, knob - r, 7)
    return (d * min(s, sap)).astype(np.float32)


def _sample(grid, low, x, y, z):
    """Trilinear look-up of a 1 mm grid at bone coordinates; outside, the nearest sample."""
    at = np.stack(np.broadcast_arrays(z - low[2], y - low[1], x - low[0]))
    return ndimage.map_coordinates(grid, at.astype(np.float32), order=1, mode="nearest")


@lru_cache(maxsize=4)
def _blend(bone: str, w: float) -> np.ndarray:
    """Mean of the left and the right template, `w` of the right."""
    t = templates()
    return (1 - w) * t[f"{bone}_left"] + np.float32(w) * t[f"{bone}_right"]


# The Visible Human female's plateau falls medially and has low spines; these heights (mm, at x mm)
# bring its coronal outline to the mean of the KNEEL landmarks.
_OUTLINE = (
    (-38, -26, -14, -6, -1, 5, 13, 26, 38),
    (3.6, 2.9, 1.6, 3.0, 1.8, 2.8, -0.4, -1.3, -0.6),
)


def joint_line(bone: str, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where (x, widths, lateral positive) and how far (widths, proximal) modes move the line.

    weights: five KNEEL mode scores in standard deviations.
    """
    t = templates()
    move = np.tensordot(weights, t[f"{bone}_line_modes"], 1)[:, 1]
    return -t[f"{bone}_line_mean"][::-1, 0], move[::-1]


def shank(x, y, z, p: dict, bone: str) -> np.ndarray:
    """Distance to the "tibia" or the "fibula"; origin at the centre of the plateau."""
    t = templates()
    s, sap, sz = p["tibia_scale"], p["tibia_scale"] * p["tibia_ap_ratio"], p["tibia_z_scale"]
    at, move = joint_line("tibia", np.asarray(p["tibia_line_modes"]))
    fade = np.exp(-np.maximum(-z, 0) / 14)
    width = TIBIA_WIDTH * s
    rise = np.interp(x / width, at, move) * width + np.interp(x / s, *_OUTLINE)
    z = (z - rise.astype(np.float32) * fade) / sz
    lean = np.tan(np.radians(p["tibia_varus_deg"])) * np.minimum(z + 15, 0)
    x, y = (x + lean) / s, y / sap
    w = p["tibia_blend"]
    if bone == "fibula":
        x, y = x + p["fibula_shift_mm"], y - 2.0
    d = _sample(_blend(bone, w), t[f"{bone}_low"], x, y, z)
    return d * np.float32((s + sap) / 2)


def patella(x, y, z, p: dict) -> np.ndarray:
    """Distance to the patella; origin at its centre."""
    t = templates()
    w = np.asarray(p["patella_blend"], np.float32)
    names = ("vhf_left", "vhf_right", "vhm_left", "vhm_right")
    grid = sum(wi * t[f"patella_{n}"] for wi, n in zip(w, names, strict=True))
    s = p["patella_scale"]
    return _sample(grid, t["patella_low"], x / s, y / s, z / s) * np.float32(s)
