"""Hand radiographs as training arrays: on one grid, with bent copies of the training images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.errors import InputError
from xgen_studio.imaging import read_image
from xgen_studio.wings.hand.science.data import GRID
from xgen_studio.wings.hand.science.landmarks import OUTSIDE_FOLDS, Points, check_inside, read_table
from xgen_studio.wings.hand.science.warping import bend, other_shape

TEST_FOLD = "fold1_test_ids.txt"
SHARES = (0.5, 1.0)  # how far towards the other hand's shape


def letterboxed(
    pixels: NDArray[np.generic], grid: tuple[int, int] = GRID
) -> tuple[NDArray[np.float32], float, tuple[float, float]]:
    """The picture on a grid (rows, columns), aspect kept, black around it; its scale and offset:
    grid point = scale * picture point + offset (x, y)."""
    height, width = pixels.shape
    scale = min(grid[0] / height, grid[1] / width)
    left, top = (grid[1] - scale * width) / 2, (grid[0] - scale * height) / 2
    soft = ndimage.gaussian_filter(pixels.astype(np.float32), max(0.0, 0.4 / scale - 0.4))
    ys = (np.arange(grid[0]) + 0.5 - top) / scale - 0.5
    xs = (np.arange(grid[1]) + 0.5 - left) / scale - 0.5
    at = np.meshgrid(ys, xs, indexing="ij")
    made: NDArray[np.float32] = ndimage.map_coordinates(soft, at, order=1, mode="constant")
    return made, scale, (left, top)


def read_fold(path: Path) -> frozenset[str]:
    """The ids of a fold's test images."""
    try:
        return frozenset(path.read_text(encoding="utf-8").split())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def training_shapes(folder: Path) -> dict[str, Points]:
    """Landmarks, in full-size pixels, of all hands that may be learned from (fold 1)."""
    test = read_fold(folder / TEST_FOLD)
    table = read_table(folder / "landmarks_all.csv")
    return {id: p for id, p in table.items() if id not in test and id not in OUTSIDE_FOLDS}


def prepare_hands(
    folder: Path, copies: int, progress: Callable[[int, int], None], seed: int = 0
) -> dict[str, np.ndarray]:
    """Arrays of `folder`/images with their landmarks: images (N, H, W) uint8, points (N, 37, 2) in
    px of the grid, id (N,), bent (N,) bool, held_out (N,) bool.

    Each training image comes also in `copies` bent versions whose bones have the shape of other
    training hands, or lie half way there. Test images are never bent, nor is anything bent towards
    a test hand.
    """
    table = read_table(folder / "landmarks_images.csv")
    test = read_fold(folder / TEST_FOLD)
    shapes = list(training_shapes(folder).values())
    rng = np.random.default_rng(seed)
    rows: dict[str, list[np.ndarray | str | bool]] = {
        key: [] for key in ("images", "points", "id", "bent", "held_out")
    }

    def keep(image: np.ndarray, points: Points, id: str, bent: bool) -> None:
        for key, value in (
            ("images", image),
            ("points", points.astype(np.float32)),
            ("id", id),
            ("bent", bent),
            ("held_out", id in test),
        ):
            rows[key].append(value)

    for done, (id, points) in enumerate(sorted(table.items())):
        progress(done, len(table))
        file = folder / "images" / f"{id}.jpg"
        pixels = read_image(file).pixels
        check_inside(points, pixels.shape[1], pixels.shape[0], str(file))
        made, scale, offset = letterboxed(pixels)
        image = np.clip(np.rint(made), 0, 255).astype(np.uint8)
        own = (points + 0.5) * scale + offset  # pixel centres in the table, edges on the grid
        keep(image, own, id, False)
        if id in test:
            continue
        made_copies = 0
        for _ in range(4 * copies):  # some shapes lie too far away
            if made_copies == copies:
                break
            other = shapes[rng.integers(len(shapes))]
            wanted = other_shape(own, other, SHARES[made_copies % len(SHARES)])
            result = bend(image, own - 0.5, wanted - 0.5)
            if result is not None:
                keep(result[0], result[1] + 0.5, id, True)
                made_copies += 1
    progress(len(table), len(table))
    return {key: np.asarray(values) for key, values in rows.items()}
