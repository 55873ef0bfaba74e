"""What the report of a spine says, in blocks that the HTML page and the PDF both lay out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import xgen_studio
from xgen_studio.imaging.names import base_name
from xgen_studio.wings.spine.science.findings import THIRDS, Examination, Finding, Grade, Range
from xgen_studio.wings.spine.science.levels import GENANT, in_order
from xgen_studio.wings.spine.science.summary import (
    NO_CONFIDENCE,
    SEVERITY,
    burden,
    changes,
    grade_in_words,
    headline,
    numbering_caveats,
    ranges,
)
from xgen_studio.wings.spine.tasks.grading_file import Method, without_folders
from xgen_studio.wings.spine.tasks.report_blocks import (
    Beside,
    Block,
    Bullets,
    Figure,
    Figures,
    Heading,
    Paragraph,
    Pictures,
    Table,
    Together,
    Views,
)
from xgen_studio.wings.spine.tasks.report_drawings import (
    Drawing,
    Raster,
    curve_drawing,
    grey_to_colour,
    map_drawing,
    overview_drawing,
)

TITLE = "Vertebral heights and fracture grades"
PAGE = 178.0  # mm between the margins of an A4 page
GAP = 4.0  # mm between pictures
TALLEST = 52.0  # mm that a picture of a vertebra may take on paper
COMPACT = 30.0  # the same of a vertebra without fracture
OVERVIEW = (82.0, 150.0)  # mm, the most that the picture of the whole spine takes

DIFFERENTIALS = (
    "Loss of height has other causes, which a reader must tell apart: Scheuermann's disease,"
    " Schmorl nodes, degenerative change, metastasis or myeloma, trauma, and normal variants such"
    " as mild anterior wedging at T11-L1 and short vertebrae.",
    "Whether a fracture is acute or old cannot be decided from its height.",
    "Bone density plays no part in the grades: low density alone is no fracture.",
)
ADVICE = (
    "For the reader to consider: a vertebral fracture of low energy is a reason to assess bone"
    " health (fracture liaison service, DXA)."
)


def compose(
    examination: Examination, pictures: Pictures, method: Method, prior: Examination | None = None
) -> list[Block]:
    """The report from its answer to its method. `prior` is the same patient's earlier scan."""
    blocks: list[Block] = [Paragraph(without_folders(headline(examination)), "answer")]
    facts = _facts(examination)
    overview = _overview(examination, pictures)
    blocks += [facts] if overview is None else [Beside(overview, (facts,))]
    if examination.findings:
        note = Paragraph(_grades_note(examination), "small")
        blocks.append(Together((Heading("Grades"), _grades(examination), note)))
        if flagged := _flagged(examination.findings):
            blocks.append(Together((Heading("What lowers the confidence", 3), flagged)))
        note = Paragraph(_measures_note(), "small")
        blocks.append(Together((Heading("Heights and ratios"), _measures(examination), note)))
    if prior is not None:
        blocks.append(_comparison(examination, prior))
    broken = [f for f in examination.findings if f.grade > Grade.NORMAL]
    others = [f for f in examination.findings if f.grade == Grade.NORMAL]
    blocks += _section(
        "Fractured vertebrae", [_card(f, pictures.views.get(f.level)) for f in broken]
    )
    shown = [f for f in others if f.level in pictures.views or f.columns is not None]
    blocks += _section("Other vertebrae", [_compact(f, pictures.views.get(f.level)) for f in shown])
    blocks += [Heading("What a reader has to decide"), _for_the_reader(examination)]
    blocks += [Heading("How this was made"), _making(examination, method)]
    if examination.notes:
        blocks.append(Bullets(tuple(map(without_folders, examination.notes))))
    return blocks


def _section(title: str, cards: list[Together]) -> list[Block]:
    """Cards under a title that stays with the first of them."""
    if not cards:
        return []
    return [Together((Heading(title), *cards[0].blocks)), *cards[1:]]


def _facts(examination: Examination) -> Table:
    sums = burden(examination)
    missing = [name for name in GENANT if name not in sums.counted]
    worst = "-" if sums.worst is None else f"{int(sums.worst)} ({SEVERITY[sums.worst]})"
    index = "-"
    if sums.counted:
        index = f"{sums.index} over {len(sums.counted)} of the {len(GENANT)} vertebrae T4-L4"
    if missing and sums.counted:
        index += f"; without {ranges(missing)}"
    seen = ranges([*(f.level for f in examination.findings), *examination.not_evaluable])
    rows = [
        ("Fractured vertebrae", str(sums.fractures)),
        ("Worst grade", worst),
        ("Spinal Deformity Index (sum of grades)", index),
        ("Levels seen", seen or "none"),
    ]
    for name in in_order(examination.not_evaluable):
        rows.append((f"{name} not evaluable", without_folders(examination.not_evaluable[name])))
    rows.append(("CT", base_name(examination.ct_name) or "none: graded from the mask alone"))
    rows.append(("Mask", base_name(examination.mask_name) or "-"))
    rows.append(("Mask from", without_folders(examination.mask_source) or "not said"))
    return Table((), tuple(rows), (0.34, 0.66))


def _overview(examination: Examination, pictures: Pictures) -> Figure | None:
    if pictures.overview is None:
        return None
    grades = _reliable(examination)
    drawn = overview_drawing(
        grey_to_colour(pictures.overview.pixels),
        pictures.overview.mm,
        pictures.marks,
        grades,
        *OVERVIEW,
    )
    return Figure(drawn, "The spine with its levels and grades; grey: no grade to rely on.")


def _reliable(examination: Examination) -> dict[str, int | None]:
    return {
        f.level: None if f.confidence == NO_CONFIDENCE else int(f.grade)
        for f in examination.findings
    }


def _grades(examination: Examination) -> Table:
    rows = []
    for f in examination.findings:
        loss = [_with_range(f.rhlv[t], f.rhlv_interval[t]) for t in THIRDS]
        others = f"{int(f.grade_rule)} / {int(f.grade_svm)}"
        chance = _fixed(100 * f.probabilities[f.grade], 0)
        rows.append((f.level, _grade(f), f.type or "-", *loss, chance, others, f.confidence))
    return Table(
        (
            *("Level", "Grade", "Type", "Loss anterior, %", "Loss middle, %"),
            *("Loss posterior, %", "Probability, %", "By rule / SVM", "Confidence"),
        ),
        tuple(rows),
        (0.06, 0.115, 0.105, 0.135, 0.135, 0.135, 0.115, 0.085, 0.115),
        tuple(_reliable(examination).values()),
    )


def _grade(finding: Finding) -> str:
    said = f"{int(finding.grade)} {SEVERITY[finding.grade]}"
    return f"({said})" if finding.confidence == NO_CONFIDENCE else said


def _grades_note(examination: Examination) -> str:
    said = (
        "Loss: relative height loss, (healthy - real) / healthy, with its 90 % interval."
        " Grades of Genant (1993): 1 from 20 %, 2 from 25 %, 3 from 40 %; here by an ordinal model,"
        " with its probability; beside it by these thresholds alone and by the support"
        " vector machine as published."
    )
    outside = [f.level for f in examination.findings if f.level not in GENANT]
    if outside:
        said += f" Genant's grades are defined for T4-L4, not for {ranges(outside)}."
    return said


def _flagged(findings: Iterable[Finding]) -> Bullets | None:
    items = tuple(f"{f.level}: {without_folders('; '.join(f.flags))}" for f in findings if f.flags)
    return Bullets(items) if items else None


def _measures(examination: Examination) -> Table:
    ratios = list(dict.fromkeys(key for f in examination.findings for key in f.ratios))
    rows = [
        (
            f.level,
            _three(f.heights_mm),
            _three(f.healthy_mm),
            " / ".join(_fixed(f.six_point_mm.get(k, math.nan), 1) for k in ("Ha", "Hm", "Hp")),
            *(_fixed(f.ratios.get(key, math.nan), 2) for key in ratios),
            " / ".join(_fixed(f.endplate_mm.get(k, math.nan), 1) for k in ("upper", "lower")),
            " / ".join(_points(f, k) for k in ("grown", "shrunk")),
        )
        for f in examination.findings
    ]
    widths = (0.06, 0.155, 0.155, 0.155, *(0.255 / max(len(ratios), 1) for _ in ratios), 0.1, 0.12)
    return Table(
        (
            *("Level", "Height, mm", "Healthy, mm", "Ha / Hm / Hp, mm"),
            *ratios,
            *("Endplate loss, mm", "One voxel, points"),
        ),
        tuple(rows),
        widths,
    )


def _measures_note() -> str:
    return (
        "Height and healthy: mean of the anterior, middle and posterior third along the normal of"
        " the endplates. Ha, Hm, Hp: six-point morphometry in the midsagittal plane. Endplate loss:"
        " upper / lower. One voxel: change of the worst third's loss, in percentage points, were"
        " the mask larger / smaller by one voxel."
    )


def _comparison(examination: Examination, prior: Examination) -> Block:
    def grade(value: Grade | None) -> str:
        return "-" if value is None else str(int(value))

    rows = [
        (
            c.level,
            f"{grade(c.grades[0])} to {grade(c.grades[1])}",
            *(_signed(c.heights_mm[t]) for t in THIRDS),
            *(_signed(c.points[t], 0) for t in THIRDS),
            c.in_words,
        )
        for c in changes(examination, prior)
    ]
    head = (
        *("Level", "Grade", "Anterior, mm", "Middle, mm", "Posterior, mm"),
        *("Anterior, points", "Middle, points", "Posterior, points", "Change"),
    )
    name = base_name(prior.ct_name) or base_name(prior.mask_name) or "an earlier examination"
    widths = (0.06, 0.075, 0.1, 0.085, 0.105, 0.1, 0.085, 0.105, 0.285)
    note = (
        f"Prior: {name}. Now minus prior: height of each third, and its relative loss in percentage"
        " points. Vertebrae are paired by name: both scans must be numbered alike."
    )
    table = Table(head, tuple(rows), widths)
    return Together((Heading("Compared with the prior"), table, Paragraph(note, "small")))


def _card(finding: Finding, views: Views | None) -> Together:
    """A fractured vertebra: its pictures, map and curve, and the reason of its grade."""
    blocks: list[Block] = [
        Heading(f"{finding.level}: {grade_in_words(finding)}", 3, _grade_or_none(finding)),
        Paragraph(without_folders(finding.reason)),
    ]
    if views is not None:
        blocks.append(_views(views, TALLEST, 1.0))
    if finding.columns is not None:
        map_ = map_drawing(finding.columns, 70, 42)
        curve = curve_drawing(finding.columns, PAGE - 70 - GAP, 42)
        blocks.append(
            Figures(
                (
                    Figure(map_, "Loss of height from above"),
                    Figure(curve, "Loss of height from front to back, with its 90 % interval"),
                )
            )
        )
    return Together((*blocks, Bullets(tuple(_details(finding)))))


def _compact(finding: Finding, views: Views | None) -> Together:
    figures: list[Figure] = []
    if views is not None:
        figures += _views(views, COMPACT, 0.55, 28.0).figures
    if finding.columns is not None:
        figures += [
            Figure(map_drawing(finding.columns, 38, 27), "loss from above"),
            Figure(curve_drawing(finding.columns, 40, 27), "loss front to back, %"),
        ]
    losses = ", ".join(f"{t} {_fixed(100 * finding.rhlv[t], 0)}" for t in THIRDS)
    said = f"{finding.level}: {grade_in_words(finding)}. Loss: {losses} %"
    return Together(
        (Heading(said, 3, _grade_or_none(finding)), Figures(tuple(figures)))
        if figures
        else (Heading(said, 3, _grade_or_none(finding)),)
    )


def _grade_or_none(finding: Finding) -> int | None:
    return None if finding.confidence == NO_CONFIDENCE else int(finding.grade)


def _views(views: Views, tallest: float, most: float, widest: float | None = None) -> Figures:
    """Three pictures in one scale, life size at most, so that their heights can be compared."""
    shown = (
        (views.real, "real"),
        (views.healthy, "healthy (synthetic)"),
        (views.overlay, "overlay"),
    )
    sizes = [(p.pixels.shape[1] * p.mm, p.pixels.shape[0] * p.mm) for p, _ in shown]
    widest = (PAGE - 2 * GAP) / 3 if widest is None else widest
    zoom = min(most, *(min(widest / w, tallest / h) for w, h in sizes))
    return Figures(
        tuple(
            Figure(
                Drawing(
                    w * zoom, h * zoom, [Raster(0, 0, w * zoom, h * zoom, grey_to_colour(p.pixels))]
                ),
                said,
            )
            for (p, said), (w, h) in zip(shown, sizes, strict=True)
        )
    )


def _details(f: Finding) -> list[str]:
    chances = ", ".join(f"grade {g} {_fixed(100 * p, 0)} %" for g, p in enumerate(f.probabilities))
    found = [f"Healthy reference: {ranges(f.references) or 'not said'}. Probabilities: {chances}."]
    if f.voxel_sensitivity:
        found.append(
            f"If the mask were larger / smaller by one voxel, the loss of the {f.worst} third would"
            f" change by {_points(f, 'grown')} / {_points(f, 'shrunk')} points."
        )
    if f.released_rhlv:
        found.append(
            "Loss as HealthiVert-GAN's released code computes it: "
            + ", ".join(f"{name} {_fixed(100 * v, 0)} %" for name, v in f.released_rhlv.items())
            + "."
        )
    return [*found, *map(without_folders, f.flags)]


def _for_the_reader(examination: Examination) -> Bullets:
    items = [*DIFFERENTIALS]
    if burden(examination).fractures:
        items.append(ADVICE)
    if not examination.ct_name:
        items.append(
            "No CT was given: metal, fracture lines, endplate cortex and bone texture were not seen"
        )
    caveats = "; ".join(numbering_caveats(examination))
    return Bullets((*items, f"Numbering: {caveats}."))


def _making(examination: Examination, method: Method) -> Table:
    rows = [("Method", without_folders(method.text))]
    known = method.provenance
    if "model" in known:
        said = str(known["model"])
        if digest := known.get("weights_sha256"):
            said += f", weights {str(digest)[:12]}"
        rows.append(("Model", without_folders(said)))
    rows.append(("Software", f"XGen Studio {xgen_studio.__version__}"))
    rows.append(("Made", method.made))
    if examination.round_trip_mm is not None:
        rows.append(
            (
                "Straightening",
                "largest error of a point taken to the straightened spine and back:"
                f" {examination.round_trip_mm:.2g} mm",
            )
        )
    return Table((), tuple(rows), (0.2, 0.8))


def _fixed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def _signed(value: float, digits: int = 1) -> str:
    return f"{value:+.{digits}f}" if math.isfinite(value) else "-"


def _points(finding: Finding, mask: str) -> str:
    """How the worst loss changes with the mask, in percentage points."""
    return _signed(100 * finding.voxel_sensitivity.get(mask, math.nan))


def _three(values: Mapping[str, float]) -> str:
    return " / ".join(_fixed(values[t], 1) for t in THIRDS)


def _with_range(value: float, interval: Range) -> str:
    if not math.isfinite(value):
        return "-"
    low, high = (_fixed(100 * v, 0) for v in interval)
    return f"{_fixed(100 * value, 0)} ({low} to {high})"
