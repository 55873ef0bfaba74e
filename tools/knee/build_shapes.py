"""Trace the template outlines: python tools/knee/build_shapes.py

Silhouettes of the same parametric knees as the sample cases (build_cases.py):
our own drawings, traced and smoothed to a few dozen points each.
"""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage import measure

from xgen_studio.wings.knee.science.labels import FEMUR, FIBULA, LEG, PATELLA, TABLE, TIBIA
from xgen_studio.wings.knee.science.simulation import GEOMETRY
from xgen_studio.wings.knee.wing import WING

HERE = WING.folder / "data"
CASES = runpy.run_path(str(Path(__file__).parent / "build_cases.py"))
VIEWS = (  # view, seed, geometry, angle, parts beside the leg
    ("AP", 2010, CASES["XRAY"], 0.0, (FEMUR, TIBIA, FIBULA)),
    ("AP", 2002, GEOMETRY, 0.0, (FEMUR, TIBIA, FIBULA)),
    ("lateral", 2002, GEOMETRY, 90.0, (FEMUR, TIBIA, FIBULA, PATELLA)),
)
SPACING = 6.0  # px between points
BEYOND = 70  # px above and below the picture: a shape that is moved has more of the leg to show


def outline(inside: np.ndarray) -> list[list[float]]:
    """The longest contour of a region, in evenly spaced points, y from the picture's own top."""
    soft = ndimage.gaussian_filter(np.pad(inside.astype(float), 1, mode="edge"), 1.0)
    soft = np.pad(soft[1:-1, 1:-1], 2)  # outlines end at the edge of the picture
    rows, columns = max(measure.find_contours(soft, 0.5), key=len).T
    points = np.stack([columns - 1.5, rows - 1.5 - BEYOND], 1)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0, along[-1], max(12, round(along[-1] / SPACING)), endpoint=False)
    even = np.stack([np.interp(at, along, points[:, k]) for k in (0, 1)], 1)
    return np.round(even, 1).tolist()


def main() -> None:
    """Write shapes.json."""
    views = []
    for view, seed, geometry, angle, bones in VIEWS:
        parts = []
        rows, columns = geometry.detector
        tall = replace(geometry, detector=(rows + 2 * BEYOND, columns))
        whole = CASES["silhouettes"](seed, tall, angle, ())
        parts.append((TABLE[LEG].name, outline(whole == LEG)))
        for bone in bones:  # each alone: one bone hides no part of another
            alone = CASES["silhouettes"](seed, tall, angle, (bone,))
            parts.append((TABLE[bone].name, outline(alone == bone)))
        views.append({"view": view, "grid": list(geometry.detector), "parts": parts})
    (HERE / "shapes.json").write_text(json.dumps(views))


if __name__ == "__main__":
    main()
