"""A parametric CT of the knee in HU: no public leg CT exists, so anatomy is drawn from a seed.

Axes are LPS: volume[z, y, x] with z from distal (index 0) to proximal, y from anterior to
posterior, x from patient right to left.  The joint line lies near the middle of z.
Sizes: Dargel et al. 2011 and Bellemans et al. 2010 (femur and plateau widths), Yoo et al. 2007
(patella height), Hsu et al. 1990 (valgus); shapes.py and tissue.py say more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xgen_studio.errors import InputError

from . import shapes, tissue

LABELS = {"air": 0, "soft": 1, "femur": 3, "tibia": 4, "fibula": 5, "patella": 6}
LENGTH = 240.0  # mm along the leg
CLIP = 14.0  # mm beyond which distance to bone is not kept


@dataclass
class KneePhantom:
    """One knee: `volume_hu` (D, H, W) float32 HU and `labels` uint8 (see LABELS), LPS axes.

    spacing: mm per voxel, the same on every axis.  side: 'L' or 'R'.  parameters: every draw, its
    unit in its name; fractions, scales and mode scores are without unit.
    """

    volume_hu: np.ndarray
    labels: np.ndarray
    spacing: float
    side: str
    parameters: dict = field(default_factory=dict)


def draw(rng: np.random.Generator) -> dict:
    """Draw a subject: sizes, pose, tissue."""

    def normal(mean, sd, low, high):
        return float(np.clip(rng.normal(mean, sd), low, high))

    male = bool(rng.random() < 0.5)
    p: dict = {"sex": "M" if male else "F", "side": "L" if rng.random() < 0.5 else "R"}
    width = normal(77.5, 3.2, 69, 83.5) if male else normal(70.0, 2.8, 66, 77)
    p["plateau_width_mm"] = width
    p["femur_width_mm"] = float(np.clip(width * normal(1.06, 0.02, 1.01, 1.1), 71, 89))
    p["patella_height_mm"] = normal(45.0 if male else 41.0, 1.8, 38.8, 47.2)
    p["age_years"] = float(rng.uniform(20, 80))
    p["bmi_kg_m2"] = normal(26, 4.5, 18.5, 38)
    # bones
    p["tibia_scale"] = width / shapes.TIBIA_WIDTH
    p["tibia_ap_ratio"] = normal(1, 0.035, 0.93, 1.07)
    p["tibia_z_scale"] = p["tibia_scale"] * normal(1.0, 0.05, 0.9, 1.1)
    p["tibia_blend"] = float(rng.random())
    p["tibia_line_modes"] = np.clip(rng.normal(0, 0.8, 5), -1.8, 1.8).tolist()
    p["tibia_varus_deg"] = normal(1.5, 1.5, -1.5, 4.5)
    p["fibula_shift_mm"] = normal(3.0, 1.0, 0.5, 5.0)  # medially, from where the template has it
    p["femur_scale"] = p["femur_width_mm"] / shapes.FEMUR_WIDTH
    p["femur_ap_ratio"] = normal(1.0, 0.03, 0.94, 1.06)
    p["medial_condyle_depth_mm"] = normal(0.0, 0.7, -1.5, 1.5)
    p["condyle_half_width_mm"] = normal(15.2, 0.7, 13.8, 16.6)
    p["groove_radius_mm"] = normal(15.2, 0.9, 13.2, 17)
    p["notch_height_mm"] = normal(14.5, 1.5, 12, 18)
    p["shaft_half_width_mm"] = normal(14.3, 0.8, 12.5, 16.2)
    p["varus_valgus_deg"] = normal(0, 2.5, -6, 6)
    p["femur_valgus_deg"] = 6.0 + 0.5 * p["varus_valgus_deg"]
    p["tibia_varus_deg"] -= 0.5 * p["varus_valgus_deg"]
    p["patella_blend"] = rng.dirichlet(np.full(4, 0.7)).tolist()
    blended = float(np.dot(p["patella_blend"], shapes.PATELLA_HEIGHTS)) - 0.7  # means are smaller
    p["patella_scale"] = p["patella_height_mm"] / blended
    # pose
    p["flexion_deg"] = float(rng.uniform(0, 15))
    p["rotation_deg"] = normal(0, 3.5, -8, 8)
    p["gap_medial_mm"] = normal(4.0, 0.7, 3.0, 5.6)
    p["gap_lateral_mm"] = normal(4.6, 0.7, 3.0, 6.0)
    p["patella_gap_mm"] = normal(3.1, 0.5, 2.2, 4.5)
    p["patella_pole_mm"] = normal(11, 4, 3, 20)
    p["patella_shift_mm"] = normal(1.5, 1.5, -2, 5)
    p["patella_tilt_deg"] = normal(5, 4, -4, 14)
    # bone density
    old = max(0.0, p["age_years"] - 45) / 35
    p["cortical_hu"] = normal(1620 - 180 * old, 90, 1250, 1850)
    p["trabecular_hu"] = normal(330 - 110 * old, 45, 170, 440)
    p["texture_hu"] = normal(125 + 45 * old, 25, 80, 220)
    p["cortex_mm"] = normal(5.0 - 1.0 * old, 0.6, 3.2, 6.6)
    p["plate_mm"] = normal(1.1, 0.15, 0.8, 1.5)
    p["scar"] = float(rng.uniform(0, 1) * (rng.random() < 0.7))
    # soft tissue
    heavy = (p["bmi_kg_m2"] - 26) / 10
    p["limb_scale"] = width / 75
    p["muscle_scale"] = normal(1.0 + 0.05 * heavy, 0.06, 0.86, 1.16)
    p["fat_mm"] = float(
        np.clip((6 if male else 10) * np.exp(0.8 * heavy + rng.normal(0, 0.2)), 3, 22)
    )
    p["muscle_hu"] = normal(56 - 6 * old, 4, 42, 68)
    p["muscle_fat"] = normal(0.06 + 0.1 * old, 0.03, 0.01, 0.25)
    p["septum_width"] = normal(0.09, 0.02, 0.05, 0.15)
    p["skin_mm"] = normal(1.7, 0.12, 1.5, 2.0)
    return p


def _rx(deg: float) -> np.ndarray:
    """Turn about x that takes proximal (z) towards posterior (y)."""
    c, s = np.cos(np.radians(deg)), np.sin(np.radians(deg))
    return np.array([[1, 0, 0], [0, c, s], [0, -s, c]])


def _ry(deg: float) -> np.ndarray:
    """Turn about y that takes proximal (z) towards lateral (x)."""
    c, s = np.cos(np.radians(deg)), np.sin(np.radians(deg))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _rz(deg: float) -> np.ndarray:
    c, s = np.cos(np.radians(deg)), np.sin(np.radians(deg))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


@dataclass
class _Pose:
    """leg = turn @ bone + shift."""

    turn: np.ndarray
    shift: np.ndarray

    def local(self, x, y, z):
        """Bone coordinates of leg points, float32."""
        r, (a, b, c) = self.turn.T.astype(np.float32), self.shift.astype(np.float32)
        x, y, z = x - a, y - b, z - c
        return tuple(r[i, 0] * x + r[i, 1] * y + r[i, 2] * z for i in range(3))

    def leg(self, points: np.ndarray) -> np.ndarray:
        return points @ self.turn.T + self.shift


def _articulate(p: dict) -> tuple[_Pose, _Pose, _Pose]:
    """Seat the femur on the plateau and the patella on the femur with the drawn gaps."""
    bend = p["flexion_deg"]
    tibia = _Pose(_rx(-0.4 * bend), np.zeros(3))
    # the upper face of the plateau, as points
    gx, gy = np.meshgrid(np.arange(-36, 37, 2.0), np.arange(-22, 25, 2.0))
    gz = np.arange(-10, 13, 0.5)
    cols = np.broadcast_arrays(gx[None], gy[None], gz[:, None, None])
    inside = shapes.shank(*(c.astype(np.float32) for c in cols), p, "tibia") < 0
    has = inside.any(0)
    top = gz[len(gz) - 1 - np.argmax(inside[::-1], axis=0)]
    plateau = tibia.leg(np.stack([gx[has], gy[has], top[has]], 1))
    medial, lateral = gx[has] < -10, gx[has] > 10
    middle = ~(medial | lateral)
    z, roll = 4.0, 0.0
    y = -9.0 * p["femur_scale"]
    hinge = np.array([0, 12.0, 21.0]) * p["femur_scale"]
    for _ in range(10):
        turn = _ry(roll) @ _rx(0.6 * bend)
        femur = _Pose(turn, hinge - turn @ hinge + [0, y, z])
        d = shapes.femur(*femur.local(*plateau.T), p)
        em = p["gap_medial_mm"] - d[medial].min()
        el = p["gap_lateral_mm"] - d[lateral].min()
        if max(abs(em), abs(el)) < 0.03:
            break
        z += 0.5 * (em + el)
        roll = float(np.clip(roll + np.degrees((em - el) / 46), -6, 6))
    spine = float(d[middle].min())
    if spine < 1.6:
        femur.shift = femur.shift + [0, 0, 1.6 - spine]
    p["femur_roll_deg"] = roll
    # patella: on the trochlea, lower pole at its height over the plateau
    grid = shapes.templates()["patella_low"]
    axes = [np.arange(lo, -lo + 1, 2.0) for lo in grid]
    pts = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3) * p["patella_scale"]
    skin = shapes.patella(*pts.T.astype(np.float32), p)
    pts = pts[(skin < 0.3) & (skin > -2.5)]
    tilt = _rz(-p["patella_tilt_deg"]) @ _rx(0.5 * bend)
    at = np.array([p["patella_shift_mm"], -60.0, p["patella_pole_mm"] - pts[:, 2].min()])
    for _ in range(25):
        pat = _Pose(tilt, at.copy())
        d = shapes.femur(*femur.local(*pat.leg(pts).T), p).min()
        step = d - p["patella_gap_mm"]
        if abs(step) < 0.05:
            break
        at[1] += 0.9 * step
    return tibia, femur, pat


def _box(x, y, z, low, high):
    """Slices of the voxels whose coordinates lie between two corners (x, y, z)."""
    found = []
    for axis, lo, hi in ((z, low[2], high[2]), (y, low[1], high[1]), (x, low[0], high[0])):
        i = np.searchsorted(axis, [lo, hi])
        found.append(slice(int(i[0]), max(int(i[1]), int(i[0]) + 1)))
    return tuple(found)


def _fill(bone: str, local, dist, p: dict, spacing: float, rng):
    """HU and bone share inside one bone's box from its local z and distance."""
    x, _, z = local
    if bone == "femur":
        k = [-5, 12, 30, 50, 75, 105, 200]
        shell = [1.1, 1.0, 0.9, 1.2, 0.55, 0.85, 1.0]
        trab = [1.3, 1.2, 1.0, 0.6, 0.15, 0, 0]
        u = z / p["femur_scale"]
    elif bone in ("tibia", "fibula"):
        k = [-200, -105, -75, -48, -25, -10, 5, 20]
        shell = [1.0, 0.9, 0.65, 1.0, 0.85, 1.0, 1.3, 1.2]
        trab = [0, 0, 0.12, 0.4, 0.65, 0.95, 1.25, 1.25]
        u = z / p["tibia_scale"]
    else:
        k, shell, trab, u = [-60, 60], [1.0, 1.0], [0.75, 0.75], z
    # the shell table mixes plates (epiphysis, in plate_mm) and cortex (shaft, in cortex_mm)
    shaft = {"femur": (50, 80), "tibia": (-42, -80), "fibula": (-30, -60)}.get(bone, (900, 999))
    mix = np.clip((u - shaft[0]) / (shaft[1] - shaft[0]), 0, 1)
    thick = {"fibula": 0.5, "tibia": 0.95}.get(bone, 1.0) * p["cortex_mm"]
    level = shapes.table(u, k, shell) if len(k) > 2 else np.float32(shell[0])
    shell_mm = level * (p["plate_mm"] * (1 - mix) + thick * mix)
    dense = shapes.table(u, k, trab) if len(k) > 2 else np.float32(trab[0])
    base = tissue.MARROW + dense * (p["trabecular_hu"] - tissue.MARROW)
    noise = tissue.strut_noise(dist.shape, spacing, rng)
    base = base + noise * p["texture_hu"] * (0.15 + 0.85 * np.minimum(dense, 1.1))
    # bone thickens under the plates: a soft ramp a few mm deep
    base = base + 260 * np.exp(dist / 2.2) * np.minimum(dense, 1)
    if bone in ("femur", "tibia") and p["scar"] > 0:
        level0 = 27 - 0.004 * x * x if bone == "femur" else -17 + 0.004 * x * x
        base = base + 220 * p["scar"] * np.exp(-(((u - level0) / 1.1) ** 2))
    cortical = p["cortical_hu"] - 320 * (1 - mix)
    return tissue.bone_hu(dist, shell_mm, np.clip(base, -110, 1100), cortical, spacing)


def make_knee(seed: int, spacing: float = 1.0) -> KneePhantom:
    """Draw one knee from `seed` at `spacing` mm (0.5 to 4); the same seed gives the same knee."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed must be a whole number of at least 0, not {seed!r}")
    if not isinstance(spacing, (int, float, np.floating)) or not 0.5 <= spacing <= 4:
        raise InputError(f"spacing must be 0.5 to 4 mm, not {spacing!r}")
    rng = np.random.default_rng([int(seed), 77])
    p = draw(rng)
    h = float(spacing)
    tibia, femur, pat = _articulate(p)
    wide = 2 * (62 * p["limb_scale"] * p["muscle_scale"] + 1.3 * p["fat_mm"]) + 24
    wide = float(np.clip(np.ceil(wide / 5) * 5, 160, 190))
    n, d = int(round(wide / h)), int(round(LENGTH / h))
    ax = ((np.arange(n) - (n - 1) / 2) * h).astype(np.float32)
    z = ((np.arange(d) - (d - 1) / 2) * h).astype(np.float32)
    # the leg sits with its middle, a little behind the plateau, at the middle of the image
    x, y = ax, ax + np.float32(6.0)
    c, s = np.cos(np.radians(p["rotation_deg"])), np.sin(np.radians(p["rotation_deg"]))
    lx = (c * x[None] + s * y[:, None]).astype(np.float32)[None]  # leg coordinates (1, H, W)
    ly = (c * y[:, None] - s * x[None]).astype(np.float32)[None]
    near = np.full((d, n, n), CLIP, np.float32)
    labels = np.zeros((d, n, n), np.uint8)
    bones = []
    lean = 25 + 0.25 * 120
    boxes = {
        "femur": ((-50 - 12, -62, -14), (50 + 22, 62 + lean / 3, 121)),
        "tibia": ((-58, -56, -121), (58, 62, 20)),
        "fibula": ((-12, -24, -121), (66, 76, 10)),
        "patella": (pat.shift - [34, 30, 36], pat.shift + [34, 30, 36]),
    }
    for bone, (low, high) in boxes.items():
        box = _box(x, y, z, low, high)
        bx, by, bz = lx[:, box[1], box[2]], ly[:, box[1], box[2]], z[box[0], None, None]
        pose = {"femur": femur, "patella": pat}.get(bone, tibia)
        local = pose.local(bx, by, bz)
        if bone == "femur":
            dist = shapes.femur(*local, p)
        elif bone == "patella":
            dist = shapes.patella(*local, p)
        else:
            dist = shapes.shank(*local, p, bone)
        hu, share = _fill(bone, local, dist, p, h, rng)
        part = labels[box]
        part[(dist < 0) & (part == 0)] = LABELS[bone]
        near[box] = np.minimum(near[box], dist)
        bones.append((box, hu, share))
    hu, skin_depth = _soft(lx, ly, z, near, (tibia, femur, pat), p, h, rng)
    for box, value, share in bones:
        hu[box] += (value - hu[box]) * share
    labels[(labels == 0) & (skin_depth > 0)] = LABELS["soft"]
    if p["side"] == "R":
        hu, labels = hu[:, :, ::-1], labels[:, :, ::-1]
    return KneePhantom(
        np.ascontiguousarray(hu, np.float32), np.ascontiguousarray(labels), h, p["side"], p
    )


def _soft(lx, ly, z, near, poses, p: dict, h: float, rng):
    """HU without bone, and depth under the skin (mm), both (D, H, W)."""
    tibia, femur, pat = poses
    k = max(1, int(round(tissue.COARSE / h)))
    cx_, cy_, cz = lx[:, ::k, ::k], ly[:, ::k, ::k], z[::k, None, None]
    bone = near[::k, ::k, ::k]
    # where the limb's middle runs: the shafts, a little behind them
    top = femur.leg(np.array([[np.tan(np.radians(p["femur_valgus_deg"])) * 95, 0.0, 120.0]]))[0]
    low = tibia.leg(np.array([[0.0, 4.0, -120.0]]))[0]
    knots = [-120, -15, 25, 120]
    lean = -np.tan(np.radians(p["tibia_varus_deg"])) * -105
    mx = np.interp(cz, knots, [low[0] + lean, 0, 0, 0.8 * top[0]]).astype(np.float32)
    my = np.interp(cz, knots, [low[1] - 4, 4, 4, top[1] + 4]).astype(np.float32)
    # the front of the limb runs from the quadriceps over the patella down to the tuberosity
    pz, face = pat.shift[2], 4 - (pat.shift[1] - 10)
    shin = 4 + 31 * p["tibia_scale"] - tibia.leg(np.array([[0.0, 0.0, -38.0]]))[0][1]
    knots = [-70, -38, -8, pz - 8, pz + 12, pz + 45, pz + 85, pz + 160]
    heights = [0, shin - 3, 0.5 * (shin + face), face, face, 0.93 * face, 0.88 * face, 0.95 * face]
    front = shapes.table(cz, knots, heights)
    depth, share = tissue.soft_fields(cx_, cy_, cz, bone, (mx, my), front, p, rng)
    depth = tissue.upsample(depth, k, near.shape)
    share = tissue.upsample(share, k, near.shape)
    hu = share
    hu *= np.float32(tissue.FAT - p["muscle_hu"])
    hu += np.float32(p["muscle_hu"])
    _tendons(hu, lx, ly, z, poses, p)
    rim = np.clip((p["skin_mm"] - depth) / h + 0.5, 0, 1)
    hu += (np.float32(48.0) - hu) * rim
    body = np.clip(depth / h + 0.5, 0, 1)
    hu += 1000
    hu *= body
    hu -= 1000
    return hu, depth


def _tendons(hu, lx, ly, z, poses, p: dict) -> None:
    """Quadriceps and patellar tendons, the fat pad behind, and joint cartilage, in place."""
    tibia, _, pat = poses
    s = p["tibia_scale"]
    r = p["patella_height_mm"] / 2
    apex, crown = pat.shift + [0, -3, -0.8 * r], pat.shift + [0, -2, 0.9 * r]
    tuber = tibia.leg(np.array([[6.0 * s, -27.0 * s, -36.0 * s]]))[0]
    boxes = (
        (apex + [0, 12, -14], 0.0, "pad"),
        (apex, 75.0, tuber),
        (crown, 70.0, crown + [0, 2, 70]),
    )
    ax = lx[0, lx.shape[1] // 2], ly[0, :, lx.shape[2] // 2]
    for at, value, to in boxes:
        if isinstance(to, str):
            box = _box(*ax, z, at - 34, at + 34)
            bx, by, bz = lx[:, box[1], box[2]], ly[:, box[1], box[2]], z[box[0], None, None]
            rho = np.sqrt(
                ((bx - at[0]) / 23) ** 2 + ((by - at[1]) / 13) ** 2 + ((bz - at[2]) / 19) ** 2
            )
            w, value = np.clip((1 - rho) * 5, 0, 1), -85.0
        else:
            low, high = np.minimum(at, to) - 22, np.maximum(at, to) + 22
            box = _box(*ax, z, low, high)
            bx, by, bz = lx[:, box[1], box[2]], ly[:, box[1], box[2]], z[box[0], None, None]
            wide = 13.0 if value > 72 else 16.0
            w = np.clip(0.5 - tissue.capsule(bx, by, bz, at, to, wide, 2.6), 0, 1)
        hu[box] += (np.float32(value) - hu[box]) * w
