"""A drawn examination, T11-L4: L1 a severe wedge, L3 mild, L2 not evaluable, L4 doubtful."""

import numpy as np

from xgen_studio.wings.spine.science.findings import THIRDS, Examination, Finding, Grade, HeightMap
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.tasks.grading_file import Method
from xgen_studio.wings.spine.tasks.report_blocks import Picture, Pictures, Views

LEVELS = ("T11", "T12", "L1", "L2", "L3", "L4")
LOSSES = {
    "T11": (0.04, 0.03, 0.01),
    "T12": (-0.02, 0.05, 0.0),
    "L1": (0.46, 0.31, 0.06),
    "L3": (0.12, 0.22, 0.08),
    "L4": (0.03, 0.06, 0.02),
}
GRADES = {"L1": Grade.SEVERE, "L3": Grade.MILD}
HEALTHY = {"T11": 23.0, "T12": 24.5, "L1": 25.5, "L3": 27.0, "L4": 27.2}
METHOD = Method(
    "Healthy heights from the neighbours by the level-aware shape model, refined by the network;"
    " columns along the normal of the healthy endplates.",
    {"model": "spine-healthy", "weights_sha256": "0123456789abcdef" * 4},
    "2026-11-25T10:00:00Z",
)


def columns(level: str) -> HeightMap:
    """An oval of columns with the level's losses from front to back; the right side loses more."""
    a, length = np.mgrid[0:32, 0:44]
    oval = ((a - 16) / 15.5) ** 2 + ((length - 22) / 21.5) ** 2 <= 1
    healthy = np.where(oval, HEALTHY[level], np.nan)
    along = np.interp(np.arange(32), (5, 16, 27), LOSSES[level])
    side = 0.02 * (22 - length) / 22
    return HeightMap(
        healthy * (1 - along[:, None] - side), healthy, np.where(oval, 0.9, np.nan), 1.0, 1.0
    )


def finding(level: str, with_columns: bool = True) -> Finding:
    healthy = {t: HEALTHY[level] + 0.4 * i for i, t in enumerate(THIRDS)}
    rhlv = dict(zip(THIRDS, LOSSES[level], strict=True))
    heights = {t: healthy[t] * (1 - rhlv[t]) for t in THIRDS}
    grade = GRADES.get(level, Grade.NORMAL)
    ratios = {
        "Ha/Hp": heights["anterior"] / heights["posterior"],
        "Hm/Hp": heights["middle"] / heights["posterior"],
        "Hp/Hp above": 1.01,
    }
    if level not in ("L4",):
        ratios["Hp/Hp below"] = 0.97
    doubtful = level == "L4"
    return Finding(
        level=level,
        label=LABELS[level],
        heights_mm=heights,
        healthy_mm=healthy,
        expected_mm=healthy,
        healthy_interval_mm={t: (healthy[t] - 1.4, healthy[t] + 1.3) for t in THIRDS},
        rhlv=rhlv,
        rhlv_interval={t: (rhlv[t] - 0.06, rhlv[t] + 0.05) for t in THIRDS},
        endplate_mm={"upper": 8.7 if level == "L1" else 0.4, "lower": 0.6},
        released_rhlv={t: 0.9 * rhlv[t] for t in THIRDS},
        six_point_mm=dict(zip(("Ha", "Hm", "Hp"), heights.values(), strict=True)),
        ratios=ratios,
        voxel_sensitivity={"grown": -0.037, "shrunk": 0.041},
        grade=grade,
        grade_rule=Grade.MODERATE if level == "L3" else grade,
        grade_svm=grade,
        probabilities=tuple(0.91 if g == grade else 0.03 for g in range(4)),
        reason={
            "L1": "The anterior third lost 46 % of its healthy height, the posterior wall 6 %.",
            "L3": "The middle third lost 22 %; the front lost less than a grade needs.",
        }.get(level, "No third lost 20 %."),
        type={"L1": "wedge", "L3": "biconcave"}.get(level, ""),
        flags=(
            ("The neighbour L1 is fractured, too",)
            if level == "T12"
            else ("The mask touches the edge of the scan: the vertebra is partly seen",) * doubtful
        ),
        confidence="none" if doubtful else "low" if level == "L3" else "high",
        references=("T11", "T12") if level == "L1" else ("T12", "L4"),
        columns=columns(level) if with_columns else None,
    )


def examination(with_columns: bool = True) -> Examination:
    return Examination(
        tuple(finding(level, with_columns) for level in LEVELS if level in LOSSES),
        {"L2": "a screw in its body: metal of more than 2500 HU in 14 % of the voxels"},
        "proposed by spine-mask 0.3, edited by the user at L3",
        0.18,
        ("resampled from 2.5 mm slices", "left out 3 (another series): scout 1.dcm, scout 2.dcm"),
        "/home/someone/Doe^Jane/ct <3>.nii.gz",
        r"C:\scans\Jane Doe\labels.nii.gz",
    )


def _body(loss: tuple[float, float, float], shape=(110, 130), shade=True) -> np.ndarray:
    """A sagittal body, front at the left, on soft tissue; its upper endplate has sunk by `loss`."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    front, back, foot, high = 25, 95, 84, 54
    top = foot - high * (1 - np.interp(np.arange(shape[1]), (front + 10, 60, back - 10), loss))
    inside = (cols > front) & (cols < back) & (rows < foot) & (rows > top[None])
    edge = inside & ~((cols > front + 3) & (cols < back - 3) & (rows < foot - 3) & (rows > top + 3))
    noise = np.random.default_rng(3).normal(0, 9, shape) if shade else 0
    return np.clip(70 + 80 * inside + 60 * edge + noise, 0, 255).astype(np.uint8)


def views(level: str) -> Views:
    real, healthy = _body(LOSSES[level]), _body((0.0, 0.0, 0.0))
    overlay = np.repeat(real[..., None], 3, axis=2)
    clean = _body((0.0, 0.0, 0.0), shade=False) > 100
    overlay[clean & (real < 110)] = (225, 92, 60)
    return Views(*(Picture(p, 0.45) for p in (real, healthy, overlay)))


def pictures() -> Pictures:
    rows, cols = np.mgrid[:420, :260]
    spine = np.full((420, 260, 3), 45, np.uint8)
    marks = {}
    for i, level in enumerate(LEVELS):
        y, x = 40 + 66 * i, 120 + 18 * np.sin(i / 2)
        spine[(abs(rows - y) < 25) & (abs(cols - x) < 32)] = 170
        marks[level] = (x, y)
    views_of = {level: views(level) for level in LOSSES}
    return Pictures(Picture(spine, 0.6), marks, views_of)
