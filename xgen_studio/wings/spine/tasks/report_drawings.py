"""Drawings of the report in millimetres of paper: one list of strokes, put into a page as SVG or
into a PDF. Lengths are mm, x to the right, y down."""

from __future__ import annotations

import base64
import html
import io
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.spine.science.findings import COVERAGE, HeightMap
from xgen_studio.wings.spine.science.levels import in_order

Points = tuple[tuple[float, float], ...]
Colour = tuple[int, int, int]  # 0 to 255

INK, FAINT, LINE = (38, 42, 48), (128, 134, 142), (200, 204, 210)
LOSS_LINE, LOSS_BAND = (176, 32, 36), (230, 120, 100)
UNGRADED: Colour = (120, 126, 134)
# dark enough for white letters, and each darker than the one before on a grey printer
GRADE_COLOURS: tuple[Colour, ...] = ((58, 150, 94), (196, 145, 10), (204, 92, 14), (164, 22, 34))
THRESHOLDS = (20, 25, 40)  # % of Genant's grades
FULL_SCALE = 50.0  # % of loss that the map's colours end at, one scale for all vertebrae
# ColorBrewer's YlOrRd, nine classes: light paper is no loss
_LOSS = np.array(
    [
        *((255, 255, 204), (255, 237, 160), (254, 217, 118), (254, 178, 76), (253, 141, 60)),
        *((252, 78, 42), (227, 26, 28), (189, 0, 38), (128, 0, 38)),
    ],
    dtype=np.float64,
)
_Z = NormalDist().inv_cdf((1 + COVERAGE) / 2)
TEXT = 2.4  # mm, 7 points
LABELLED = 40.0  # mm of height from which a curve has room for the names of the grades


@dataclass(frozen=True)
class Stroke:
    """A line through points, or the area they enclose where `filled`."""

    points: Points
    colour: Colour = INK
    width: float = 0.25
    dashed: bool = False
    filled: bool = False
    opacity: float = 1.0


@dataclass(frozen=True)
class Words:
    """A text whose base line begins, centres or ends at (x, y)."""

    x: float
    y: float
    text: str
    anchor: str = "start"  # or 'middle', 'end'
    size: float = TEXT
    colour: Colour = INK
    bold: bool = False


@dataclass(frozen=True, eq=False)
class Raster:
    """Pixels (H, W, 3) uint8 in a rectangle; their edges stay sharp unless `smooth`."""

    x: float
    y: float
    width: float
    height: float
    pixels: NDArray[np.uint8]
    smooth: bool = True


@dataclass(eq=False)
class Drawing:
    """What is drawn on `width` x `height` mm, first things below."""

    width: float
    height: float
    items: list[Stroke | Words | Raster] = field(default_factory=list)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A picture (H, W[, 3]) uint8 as a PNG file's bytes."""
    from PIL import Image as pillow

    buffer = io.BytesIO()
    pillow.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def raster_png(item: Raster) -> bytes:
    """The PNG of a raster; few pixels with sharp edges come as many, for printers and readers blur
    what they enlarge."""
    pixels = item.pixels
    if not item.smooth:
        times = max(1, 400 // max(pixels.shape[:2]))
        pixels = pixels.repeat(times, axis=0).repeat(times, axis=1)
    return png(pixels)


def as_svg(drawing: Drawing, label: str) -> str:
    """The drawing as an element for an HTML page."""
    size = f"{drawing.width:.2f} {drawing.height:.2f}"
    parts = [
        f'<svg viewBox="0 0 {size}" style="width:{drawing.width:.1f}mm" role="img"'
        f' aria-label="{html.escape(label)}">'
    ]
    parts += [_svg_item(item) for item in drawing.items]
    return "".join([*parts, "</svg>"])


def _svg_item(item: Stroke | Words | Raster) -> str:
    if isinstance(item, Raster):
        data = base64.b64encode(raster_png(item)).decode()
        return (
            f'<image x="{item.x:.2f}" y="{item.y:.2f}" width="{item.width:.2f}"'
            f' height="{item.height:.2f}" preserveAspectRatio="none"'
            f' href="data:image/png;base64,{data}"/>'
        )
    colour = "#{:02x}{:02x}{:02x}".format(*item.colour)
    if isinstance(item, Words):
        weight = ' font-weight="bold"' if item.bold else ""
        return (
            f'<text x="{item.x:.2f}" y="{item.y:.2f}" font-size="{item.size:.2f}" fill="{colour}"'
            f' text-anchor="{item.anchor}"{weight}>{html.escape(item.text)}</text>'
        )
    points = " ".join(f"{x:.2f},{y:.2f}" for x, y in item.points)
    if item.filled:
        return f'<polygon points="{points}" fill="{colour}" fill-opacity="{item.opacity:g}"/>'
    dashes = ' stroke-dasharray="1 .8"' if item.dashed else ""
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}"'
        f' stroke-width="{item.width:g}" stroke-linejoin="round"{dashes}/>'
    )


def _box(x: float, y: float, width: float, height: float) -> Points:
    return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def _mean_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(A, L) to (A,): mean of each row's columns of bone, NaN where there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a row beside the bone is no surprise
        return np.asarray(np.nanmean(np.where(np.isfinite(values), values, np.nan), axis=1))


@dataclass(frozen=True, eq=False)
class Curve:
    """Height loss along the vertebra, averaged from right to left.

    depth      (A,) mm behind the front edge
    loss       (A,) %, of the mean heights; `low` and `high` the ends of its 90 % interval, for
               which the healthy height's error is taken as one for the whole row
    """

    depth: NDArray[np.float64]
    loss: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def curve_of(columns: HeightMap) -> Curve:
    """The AP curve of a height map; rows without bone are left out."""
    both = np.isfinite(columns.real) & np.isfinite(columns.healthy)
    real, healthy, sd = (
        _mean_rows(np.where(both, v, np.nan)) for v in (columns.real, columns.healthy, columns.sd)
    )
    rows = np.flatnonzero(np.isfinite(real) & np.isfinite(healthy) & (healthy > 0))
    real, healthy, sd = real[rows], healthy[rows], np.nan_to_num(sd[rows])
    shorter, taller = np.maximum(healthy - _Z * sd, 1e-6), healthy + _Z * sd
    first = rows[0] if len(rows) else 0
    return Curve(
        (rows - first + 0.5) * columns.depth,
        100 * (1 - real / healthy),
        100 * np.maximum(1 - real / shorter, -1.0),
        100 * (1 - real / taller),
    )


def curve_drawing(columns: HeightMap, width: float, height: float) -> Drawing:
    """The curve with its interval, the thirds, and the thresholds of the grades."""
    curve, drawing = curve_of(columns), Drawing(width, height)
    left, right, top, bottom = 6.0, 1.5, 4.5, 4.0
    w, h = width - left - right, height - top - bottom
    if not len(curve.depth):
        drawing.items.append(Words(width / 2, height / 2, "no columns", "middle", colour=FAINT))
        return drawing
    length = float(curve.depth[-1] + columns.depth / 2)
    peak = max(45.0, float(curve.high.max()))
    floor = min(0.0, float(curve.low.min()))
    ceiling, floor = 10 * np.ceil(peak / 10), 10 * np.floor(max(floor, -30.0) / 10)

    def at(depth: float, loss: float) -> tuple[float, float]:
        inside = min(max(loss, floor), ceiling)
        return left + w * depth / length, top + h * (ceiling - inside) / (ceiling - floor)

    for value in range(20 * math.ceil(floor / 20), int(ceiling) + 1, 20):
        drawing.items += [
            Stroke((at(0, value), at(length, value)), LINE, 0.1),
            Words(left - 1, at(0, value)[1] + 0.9, str(value), "end", colour=FAINT),
        ]
    for grade, value in enumerate(THRESHOLDS, 1):
        ends = at(0, value), at(length, value)
        drawing.items.append(Stroke(ends, FAINT, 0.15, dashed=True))
        if height >= LABELLED:
            x, y = ends[1]
            drawing.items.append(Words(x, y - 0.5, f"grade {grade}", "end", 2.1, FAINT))
    for third, name in enumerate(("anterior", "middle", "posterior")):
        x = left + w * third / 3
        if third:
            drawing.items.append(Stroke(((x, top), (x, top + h)), INK, 0.2, dashed=True))
        drawing.items.append(Words(x + w / 6, top - 1.4, name, "middle", colour=FAINT))
    band = [at(*p) for p in zip(curve.depth, curve.high, strict=True)]
    band += [at(*p) for p in zip(curve.depth[::-1], curve.low[::-1], strict=True)]
    line = [at(*p) for p in zip(curve.depth, curve.loss, strict=True)]
    drawing.items += [
        Stroke(tuple(band), LOSS_BAND, filled=True, opacity=0.35),
        Stroke(tuple(line), LOSS_LINE, 0.45),
        Stroke(((left, top), (left, top + h), (left + w, top + h)), INK, 0.2),
        Words(left - 1, top - 1.4, "%", "end", colour=FAINT),
        Words(left, height - 0.8, "front"),
        Words(left + w / 2, height - 0.8, f"{length:.0f} mm", "middle", colour=FAINT),
        Words(left + w, height - 0.8, "back", "end"),
    ]
    return drawing


def loss_colours(loss: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Relative loss (...), a fraction, as (..., 3) colours: 0 and below light, `FULL_SCALE` % and
    above dark; white where there is no bone."""
    place = np.clip(np.nan_to_num(loss) * 100 / FULL_SCALE, 0, 1) * (len(_LOSS) - 1)
    steps = np.arange(len(_LOSS))
    colours = np.stack([np.interp(place, steps, _LOSS[:, c]) for c in range(3)], axis=-1)
    colours[~np.isfinite(loss)] = 255
    return np.rint(colours).astype(np.uint8)


def map_drawing(columns: HeightMap, width: float, height: float) -> Drawing:
    """The axial map of the loss, front above, the patient's right on the left, and its scale."""
    drawing = Drawing(width, height)
    bar, top, bottom = 12.5, 3.5, 3.5
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = columns.loss
    rows, cols = loss.shape
    zoom = min(
        (width - bar - 6) / (cols * columns.width), (height - top - bottom) / (rows * columns.depth)
    )
    w, h = cols * columns.width * zoom, rows * columns.depth * zoom
    x, y = 3 + (width - bar - 6 - w) / 2, top + (height - top - bottom - h) / 2
    drawing.items += [
        Raster(x, y, w, h, loss_colours(loss), smooth=False),
        Stroke((*_box(x, y, w, h), (x, y)), LINE, 0.15),
        Words(x + w / 2, y - 1, "front", "middle"),
        Words(x + w / 2, y + h + 2.6, "back", "middle"),
        Words(x - 0.8, y + h / 2 + 0.9, "R", "end"),
        Words(x + w + 0.8, y + h / 2 + 0.9, "L"),
    ]
    scale = np.linspace(FULL_SCALE / 100, 0, 64)[:, None]
    sx, sh = width - bar + 1.5, height - top - bottom
    drawing.items.append(Raster(sx, top, 2.6, sh, loss_colours(scale)))
    near = () if height >= LABELLED else THRESHOLDS[1:2]  # 20 and 25 would touch each other
    for value in (v for v in (0, *THRESHOLDS, FULL_SCALE) if v not in near):
        ty = top + sh * (1 - value / FULL_SCALE)
        said = f"{value:.0f} %" if value < FULL_SCALE else f"{value:.0f}+ %"
        drawing.items += [
            Stroke(((sx, ty), (sx + 3.1, ty)), INK, 0.12),
            Words(sx + 3.5, ty + 0.8, said, size=2.1),
        ]
    return drawing


def colour_of(grade: int | None) -> Colour:
    """The colour of a grade of 0 to 3; grey for None, not graded."""
    return UNGRADED if grade is None else GRADE_COLOURS[grade]


def overview_drawing(
    pixels: NDArray[np.uint8],
    mm: float,
    marks: Mapping[str, tuple[float, float]],
    grades: Mapping[str, int | None],
    width: float,
    height: float,
) -> Drawing:
    """The spine with the levels' names beside it in the colours of their grades.

    pixels  (H, W, 3) uint8, square pixels of `mm`; marks (x, y) px of the middles of the vertebrae;
    width, height  mm of paper that it may take
    """
    margin = 17.0 if marks else 0.0
    rows, cols = pixels.shape[:2]
    zoom = min((width - margin) / (cols * mm), height / (rows * mm))
    w, h = cols * mm * zoom, rows * mm * zoom
    drawing = Drawing(w + margin, h, [Raster(0, 0, w, h, pixels)])
    names = in_order(marks)
    wanted = [min(max(marks[n][1] * mm * zoom, 2.2), h - 2.2) for n in names]
    for name, y in zip(names, _apart(wanted, 4.2, h - 2.2), strict=True):
        x0, y0 = marks[name][0] * mm * zoom, marks[name][1] * mm * zoom
        grade = grades.get(name)
        colour = colour_of(grade)
        said = name if grade is None else f"{name}  {grade}"
        drawing.items += [
            Stroke(((x0, y0), (w, y0), (w + 3, y)), colour, 0.3),
            Stroke(_box(x0 - 0.9, y0 - 0.9, 1.8, 1.8), colour, filled=True),
            Stroke(_box(w + 3, y - 1.9, margin - 3, 3.8), colour, filled=True),
            Words(w + 3 + (margin - 3) / 2, y + 1, said, "middle", 2.8, (255, 255, 255), True),
        ]
    return drawing


def _apart(wanted: Sequence[float], step: float, last: float) -> list[float]:
    """Places near the wanted ones, `step` apart, the last not beyond `last`."""
    found: list[float] = []
    for y in wanted:
        found.append(max(y, found[-1] + step) if found else y)
    limit = last
    for i in range(len(found) - 1, -1, -1):
        found[i] = min(found[i], limit)
        limit = found[i] - step
    return found


def grey_to_colour(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3) uint8 as (H, W, 3)."""
    array = np.asarray(pixels, dtype=np.uint8)
    return np.repeat(array[..., None], 3, axis=-1) if array.ndim == 2 else array
