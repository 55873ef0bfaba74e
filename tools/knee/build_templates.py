"""Distil the Visible Human surfaces and KNEEL landmarks into templates.npz (run once, by hand).

usage: build_templates.py DATA_DIR OUT.npz, DATA_DIR holding visible_human/*.stl and kneel/*.csv.
Every bone becomes a signed distance grid (2 mm, int8 in 0.1 mm, differenced along z to compress),
in a left-knee frame: x lateral, y posterior, z proximal, mm; z = 0 at the tibial plateau.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

FINE, STEP = 0.5, 2.0


def read_stl(path: Path) -> np.ndarray:
    """Triangles (n, 3 corners, 3 coordinates) of a binary STL."""
    raw = path.read_bytes()
    kind = np.dtype([("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")])
    count = int.from_bytes(raw[80:84], "little")
    return np.frombuffer(raw, dtype=kind, count=count, offset=84)["v"].astype(np.float64)


def signed_distance(tri: np.ndarray, low, high) -> np.ndarray:
    """Distance grid (z, y, x) at STEP mm, negative inside, from crossings along z."""
    size = np.ceil((np.array(high) - low) / FINE).astype(int) + 1
    t = (tri - low) / FINE + 1e-4
    flips = np.zeros((size[0], size[1], size[2] + 1), np.int32)
    for a, b, c in t:
        x0, x1 = int(np.ceil(min(a[0], b[0], c[0]))), int(max(a[0], b[0], c[0]))
        y0, y1 = int(np.ceil(min(a[1], b[1], c[1]))), int(max(a[1], b[1], c[1]))
        det = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if det == 0:
            continue
        for x in range(max(x0, 0), min(x1, size[0] - 1) + 1):
            for y in range(max(y0, 0), min(y1, size[1] - 1) + 1):
                u = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / det
                v = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / det
                if u >= 0 and v >= 0 and u + v <= 1:
                    z = a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2])
                    flips[x, y, int(np.clip(np.ceil(z), 0, size[2]))] += 1
    mask = (np.cumsum(flips, axis=2)[:, :, :-1] % 2).astype(bool)
    mask = ndimage.median_filter(mask, 3)
    dist = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)
    dist = ndimage.gaussian_filter(dist * FINE, 1.2)
    every = int(STEP / FINE)
    return dist[::every, ::every, ::every].transpose(2, 1, 0)


def pack(dist: np.ndarray) -> np.ndarray:
    """int8 tenths of mm, differenced along z modulo 256."""
    q = np.clip(np.rint(dist * 10), -127, 127).astype(np.int8)
    return np.diff(q.view(np.uint8), axis=0, prepend=np.uint8(0))


def main(data: Path, out: Path) -> None:
    """Write the templates."""
    store: dict[str, np.ndarray] = {}
    folder = data / "visible_human"
    for side in ("Left", "Right"):
        flip = np.array([-1.0 if side == "Left" else 1.0, -1.0, 1.0])
        tibia = read_stl(folder / f"VHF_{side}_Bone_Tibia_smooth.stl") * flip
        fibula = read_stl(folder / f"VHF_{side}_Bone_Fibula_smooth.stl") * flip
        v = tibia.reshape(-1, 3)
        top = v[:, 2].max()

        def centre(depth, v=v, top=top):
            q = v[np.abs(v[:, 2] - top + depth) < 1.5]
            return (q.min(0) + q.max(0)) / 2

        mid = (centre(60) + centre(75)) / 2
        axis = mid - (centre(180) + centre(200)) / 2
        axis /= np.linalg.norm(axis)
        plate = v[np.abs(v[:, 2] - top + 13) < 2][:, :2]
        _, vec = np.linalg.eigh(np.cov(plate.T))
        ml = vec[:, 1] * np.sign(vec[0, 1])
        ex = np.array([ml[0], ml[1], 0.0])
        ex -= axis * (ex @ axis)
        ex /= np.linalg.norm(ex)
        rot = np.stack([ex, np.cross(axis, ex), axis])
        local = v @ rot.T
        rim = local[np.abs(local[:, 2] - local[:, 2].max() + 13) < 2]
        origin = (rim.min(0) + rim.max(0)) / 2
        facet = []
        for sign in (-1, 1):
            near = np.hypot(local[:, 0] - origin[0] - sign * 20, local[:, 1] - origin[1]) < 6
            facet.append(np.median(local[near & (local[:, 2] > local[:, 2].max() - 30)][:, 2]))
        origin[2] = np.mean(facet)
        print(
            side,
            "facets",
            facet,
            "top",
            local[:, 2].max() - origin[2],
            "rim",
            rim.ptp(0) if hasattr(rim, "ptp") else np.ptp(rim, axis=0),
        )
        for name, tri, low, high in (
            ("tibia", tibia, (-50, -44, -136), (50, 40, 18)),
            ("fibula", fibula, (0, -20, -136), (60, 52, 14)),
        ):
            store[f"{name}_{side.lower()}"] = pack(
                signed_distance(tri @ rot.T - origin, np.array(low, float), high)
            )
            store[f"{name}_low"] = np.array(low, np.float32)
    for who, flip_z in (("VHF", 1.0), ("VHM", -1.0)):
        for side in ("Left", "Right"):
            lateral = (1.0 if side == "Left" else -1.0) * (-1.0 if who == "VHF" else 1.0)
            tri = read_stl(folder / f"{who}_{side}_Bone_Patella_smooth.stl")
            tri = tri * np.array([lateral, -1.0, flip_z])
            v = tri.reshape(-1, 3)
            _, vec = np.linalg.eigh(np.cov(v.T))
            ap = vec[:, 0] * np.sign(vec[1, 0])
            yaw = np.arctan2(ap[0], ap[1])
            pitch = np.arctan2(ap[2], np.hypot(ap[0], ap[1]))
            cz, sz, cx, sx = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
            rot = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]]) @ np.array(
                [[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]]
            )
            tri = tri @ rot.T
            v = tri.reshape(-1, 3)
            tri = tri - (v.min(0) + v.max(0)) / 2
            print(who, side, "patella", np.ptp(tri.reshape(-1, 3), axis=0).round(1))
            store[f"patella_{who.lower()}_{side.lower()}"] = pack(
                signed_distance(tri, np.array([-32.0, -22, -32]), (32, 22, 32))
            )
    store["patella_low"] = np.array([-32, -22, -32], np.float32)
    with open(data / "kneel" / "bf_landmarks_1_0.3.csv") as f:
        rows = list(csv.DictReader(f))
    for bone in ("tibia", "femur"):
        p = np.array([[float(t) for t in r[bone].split(",")] for r in rows]).reshape(
            len(rows), -1, 2
        )
        a, b = p[:, 0], p[:, -1]
        e = (b - a) / np.linalg.norm(b - a, axis=1, keepdims=True)
        n = np.stack([e[:, 1], -e[:, 0]], 1)  # image rows point down, so this is proximal
        rel = p - ((a + b) / 2)[:, None]
        width = np.linalg.norm(b - a, axis=1)
        q = np.stack([np.einsum("npk,nk->np", rel, e), np.einsum("npk,nk->np", rel, n)], 2)
        q /= width[:, None, None]  # in widths; crops are all flipped to one side by KNEEL
        # the crops show the right knee as seen by the reader: x = 0 is lateral or medial
        mean = q.mean(0)
        _, s, vt = np.linalg.svd((q - mean).reshape(len(q), -1), full_matrices=False)
        print(bone, mean.round(3).tolist(), (s[:6] ** 2 / (s**2).sum()).round(2))
        store[f"{bone}_line_mean"] = mean.astype(np.float32)
        store[f"{bone}_line_modes"] = (
            (vt[:5] * (s[:5, None] / np.sqrt(len(q)))).reshape(5, -1, 2).astype(np.float32)
        )
    np.savez_compressed(out, **store)
    print(out.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
