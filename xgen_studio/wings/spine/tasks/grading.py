"""Grade a scan from end to end into a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import Volume, make_folder, read_volume, write_png8, write_volume
from xgen_studio.imaging.atomic import together
from xgen_studio.imaging.geometry import Triple
from xgen_studio.imaging.names import base_name
from xgen_studio.tasks.ask import Note, told
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.provenance import named
from xgen_studio.tasks.targets import check_free
from xgen_studio.wings.spine.science.centroids import write_centroids
from xgen_studio.wings.spine.science.checks import check_labels
from xgen_studio.wings.spine.science.curve_files import write_curve
from xgen_studio.wings.spine.science.doubts import Doubt
from xgen_studio.wings.spine.science.examination import Graded
from xgen_studio.wings.spine.science.findings import Examination, Finding
from xgen_studio.wings.spine.science.labels import SpineLabels, read_labels
from xgen_studio.wings.spine.science.levels import GRADED, ORDER, RARE
from xgen_studio.wings.spine.science.measuring import measure_all
from xgen_studio.wings.spine.science.overruling import overruled
from xgen_studio.wings.spine.science.reference import nearest
from xgen_studio.wings.spine.science.summary import grade_in_words, headline
from xgen_studio.wings.spine.tasks import dicom_sources
from xgen_studio.wings.spine.tasks.asks import Examined, GradeScan, Naming, ScanGraded
from xgen_studio.wings.spine.tasks.examining import examined
from xgen_studio.wings.spine.tasks.grading_file import Method, read_grading, write_grading
from xgen_studio.wings.spine.tasks.pictures import overview, views_of
from xgen_studio.wings.spine.tasks.proposing import proposed_mask
from xgen_studio.wings.spine.tasks.report import write_report
from xgen_studio.wings.spine.tasks.report_blocks import Picture, Pictures
from xgen_studio.wings.spine.tasks.report_pdf import write_pdf
from xgen_studio.wings.spine.tasks.segmentation_object import write_seg
from xgen_studio.wings.spine.tasks.showing import restored, shown
from xgen_studio.wings.spine.tasks.structured_report import write_sr

METHOD = (
    "Heights are column heights between the endplates, read below a voxel along the normal between"
    " them, over 12 x 9 places of the cross-section. The healthy vertebra is what a shape prior"
    " (a Gaussian process over levels, fitted on manual bodies) expects from the patient's own"
    " sound vertebrae and from the vertebra's own depth and width. RHLV is"
    " (healthy - real) / healthy of each third; intervals hold 90 % of what prior and mask leave"
    " open. The pseudo-healthy picture is the patient's own CT, moved apart, with the texture of"
    " the nearest sound vertebra: it is synthetic."
)
ALWAYS = ("grading.json", "report.html", "report.pdf", "healthy_mask.nii.gz")
SOMETIMES = ("overview.png", "curve.mrk.json", "centroids.json", "healthy_ct.nii.gz")
DICOM = ("report_sr.dcm", "mask_seg.dcm")
SEVERE_DOUBTS = ("duplicate", "merged", "order")  # a name that may be wrong: no grade is trusted
OF_ALL = ("upside down", "mirrored", "thick slices")  # of the scan: every vertebra is marked
NO_HU = ("no CT", "mirrored")  # the CT does not say what lies in the mask


@dataclass(frozen=True, eq=False)
class Scan:
    """What is graded: labels on the CT's grid, the CT, doubts by level, notes, the mask's source,
    and centres to write."""

    labels: Volume
    ct: Volume | None
    doubts: dict[str, tuple[str, ...]]
    held: frozenset[str]
    notes: tuple[str, ...]
    source: str
    proposed: bool = False


def grade(ask: GradeScan, bench: Bench) -> Iterator[ScanGraded | Note]:
    """The task behind `GradeScan`."""
    if ask.ct is None and ask.mask is None:
        raise CallError("name a CT, a mask (--mask), or both")
    _check_names(ask)
    reads = [path for path in (ask.ct, ask.mask, ask.prior) if path is not None]
    check_free([ask.out / name for name in _targets(ask)], ask.overwrite, reads)
    prior = None if ask.prior is None else read_grading(ask.prior)
    scan = _scan(ask, bench)
    found = examined(scan.labels, scan.ct, scan.doubts, ask.references, bench)
    examination = _examination(ask, scan, found)
    for note in examination.notes:
        yield Note(note)
    pictures = _pictures(scan, found, examination, bench)
    make_folder(ask.out)
    with together():
        written = _write(ask, scan, found, examination, pictures, prior)
    _remove_old(ask, written)
    for text in written.told:
        yield Note(text)
    yield ScanGraded(tuple(_lines(examination)))


def _check_names(ask: GradeScan) -> None:
    """CallError where a level is none."""
    if strange := [level for level in ask.levels if level not in GRADED]:
        raise CallError(f"'{strange[0]}' is not graded; levels are T1 to T12, T13, L1 to L6")
    names = [*ask.naming.anchors, *([] if ask.naming.top is None else [ask.naming.top])]
    if strange := [level for level in names if level not in ORDER]:
        raise CallError(f"'{strange[0]}' is no vertebra; write such as T12")
    if strange := [level for level in ask.naming.extra if level not in RARE]:
        raise CallError(f"--extra {strange[0]}: is not supernumerary; T13 and L6 are")


def _targets(ask: GradeScan) -> list[str]:
    """Names of all that may be written."""
    proposed = [] if ask.mask is not None else ["mask.nii.gz"]
    dicom = DICOM if ask.ct is not None and ask.ct.is_dir() else ()
    return [*ALWAYS, *SOMETIMES, *proposed, *dicom]


def _scan(ask: GradeScan, bench: Bench) -> Scan:
    """Read what is given, and propose a mask where none is."""
    ct = None if ask.ct is None else read_volume(ask.ct).to_lps()
    notes = [] if ct is None or ask.ct is None else [n.text for n in told(ask.ct.name, ct.notes)]
    if ask.mask is None:
        assert ct is not None
        made = proposed_mask(ct, ask.naming, ask.model, ask.device, bench)
        volume = replace(ct, voxels=made.labels, modality="", meta={}, synthetic=False)
        labels = SpineLabels(volume, made.source, True, None, made.notes, ct.axis_codes)
        labels, doubts = check_labels(labels, ct)
        # what crumbs a proposal leaves on the CT's grid is nobody's doubt: they are swept away
        doubts = tuple(doubt for doubt in doubts if doubt.kind != "stray")
        by_level = _by_level(doubts, labels.levels)
        for level, said in made.doubts.items():
            by_level[level] = (*by_level.get(level, ()), *said)
        whole = tuple(d.said for d in doubts if not d.level)
        notes += [*made.notes, *whole]
        swept, held = labels.volume, _held(doubts)
        return Scan(swept, ct, by_level, held, tuple(notes), made.source, proposed=True)
    labels = _named(read_labels(ask.mask), ask.naming)
    cleaned, doubts = check_labels(labels, ct)
    notes += [n.text for n in told(ask.mask.name, labels.notes)]
    notes += [d.said for d in doubts if not d.level]
    source = ask.source or f"{base_name(str(ask.mask))}, {labels.scheme}"
    usable = None if any(d.kind in NO_HU for d in doubts) else ct
    by_level = _by_level(doubts, cleaned.levels)
    for level, said in ask.doubts.items():
        by_level[level] = tuple(dict.fromkeys((*by_level.get(level, ()), *said)))
    notes += [said for said in by_level.pop("", ()) if said not in notes]
    return Scan(cleaned.volume, usable, by_level, _held(doubts), tuple(notes), source)


def _named(labels: SpineLabels, naming: Naming) -> SpineLabels:
    """Labels with names: their own, or counted from the anchor or the top that the user named."""
    if labels.named and not naming.anchors and naming.top is None:
        return labels
    numbers = labels.present
    if naming.top is not None:
        return labels.named_from(numbers[0], naming.top)
    if not naming.anchors:
        raise InputError(
            f"{labels.volume.source}: its labels have no names; name the highest (--top T11) or"
            " one by a point in it (--anchor L3=x,y,z, mm LPS)"
        )
    (level, point), *others = naming.anchors.items()
    made = labels.named_from(_label_at(labels, level, point), level)
    for other, place in others:
        if (name := made.name_of(_label_at(made, other, place))) != other:
            raise InputError(
                f"{level} and {other} disagree: counted from {level}, the vertebra at {other} is"
                f" {name}; correct an anchor"
            )
    return made


def _label_at(labels: SpineLabels, level: str, point: Triple) -> int:
    index = np.round(labels.volume.mm_to_index(point)).astype(int)
    inside = np.all((index >= 0) & (index < labels.volume.shape))
    label = int(labels.volume.voxels[tuple(index)]) if inside else 0
    if label == 0:
        raise InputError(f"--anchor {level}: no label of the mask lies at this point")
    return label


def _by_level(doubts: tuple[Doubt, ...], levels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What is said of each level; some that concerns the scan is said of all."""
    found: dict[str, tuple[str, ...]] = {}
    for doubt in doubts:
        for level in levels if doubt.kind in OF_ALL and not doubt.level else (doubt.level,):
            if level:
                found[level] = (*found.get(level, ()), doubt.said)
    return found


def _held(doubts: tuple[Doubt, ...]) -> frozenset[str]:
    """Levels whose name or extent may be wrong: their grade is held back until it is looked at."""
    return frozenset(d.level for d in doubts if d.level and d.kind in SEVERE_DOUBTS)


def _examination(ask: GradeScan, scan: Scan, found: Examined) -> Examination:
    graded = overruled(found.graded.findings, ask.overruled)
    findings = [f for f in graded if not ask.levels or f.level in ask.levels]
    findings = [replace(f, confidence="none") if f.level in scan.held else f for f in findings]
    reasons = {k: v for k, v in found.graded.measured.reasons.items()}
    reasons.update(
        {
            level: "it is not in the mask"
            for level in ask.levels
            if level not in reasons and level not in found.graded.measured.bodies
        }
    )
    if ask.levels:
        reasons = {level: why for level, why in reasons.items() if level in ask.levels}
    return Examination(
        findings=tuple(findings),
        not_evaluable={k: v for k, v in reasons.items() if k[0] in "TL"},
        mask_source=scan.source,
        round_trip_mm=found.round_trip_mm,
        notes=(*scan.notes, *found.notes),
        ct_name="" if ask.ct is None else base_name(str(ask.ct)),
        mask_name="" if ask.mask is None else base_name(str(ask.mask)),
    )


@dataclass(frozen=True)
class Written:
    """Names of the files that not every grading has, and what could not be written, in words."""

    names: tuple[str, ...]
    told: tuple[str, ...]


def _remove_old(ask: GradeScan, written: Written) -> None:
    """What an earlier grading left here, and this one has not, does not stay beside it."""
    reads = {path.resolve() for path in (ask.ct, ask.mask, ask.prior) if path is not None}
    for name in (*SOMETIMES, *DICOM):
        path = ask.out / name
        if name not in written.names and path.resolve() not in reads:
            path.unlink(missing_ok=True)


def _write(
    ask: GradeScan,
    scan: Scan,
    found: Examined,
    examination: Examination,
    pictures: Pictures,
    prior: Examination | None,
) -> Written:
    """All files of a grading."""
    method = Method(METHOD, _provenance(ask))
    graded, out = found.graded, ask.out
    names = []
    write_grading(examination, out / "grading.json", method)
    write_report(examination, out / "report.html", method, pictures, prior)
    write_pdf(examination, out / "report.pdf", method, pictures, prior)
    if pictures.overview is not None:
        write_png8(out / "overview.png", pictures.overview.pixels)
        names.append("overview.png")
    if scan.proposed:
        write_volume(out / "mask.nii.gz", scan.labels)
    if found.curve is not None:
        write_curve(out / "curve.mrk.json", found.curve)
        write_centroids(out / "centroids.json", graded.measured.middles, scan.labels)
        names += ["curve.mrk.json", "centroids.json"]
    left = _write_healthy(out, scan, graded, examination.findings)
    told = [f"not made healthy in healthy_mask.nii.gz: {name} (cut by then)" for name in left]
    names += [] if scan.ct is None else ["healthy_ct.nii.gz"]
    if ask.ct is not None and ask.ct.is_dir():
        try:
            sources = dicom_sources.source_datasets(ask.ct)
            write_sr(examination, sources, out / "report_sr.dcm", method)
            names.append("report_sr.dcm")
            kind = "AUTOMATIC" if scan.proposed else "SEMIAUTOMATIC"
            write_seg(scan.labels, sources, out / "mask_seg.dcm", scan.source, kind)
            names.append("mask_seg.dcm")
        except InputError as error:  # the grading is sound without them
            told.append(f"DICOM SR and SEG are not both written: {error}")
    return Written(tuple(names), tuple(told))


def _provenance(ask: GradeScan) -> dict[str, object]:
    inputs: Mapping[str, Path | None] = {"ct": ask.ct, "mask": ask.mask, "prior": ask.prior}
    said: dict[str, object] = {"synthetic": "partly"}
    for key, path in inputs.items():
        if path is not None:
            said.update(named(key, path))
    return said


def _pictures(scan: Scan, found: Examined, examination: Examination, bench: Bench) -> Pictures:
    views = {}
    levels = [f.level for f in examination.findings]
    for number, level in enumerate(levels):
        bench.report(number, len(levels), f"restoring {level}")
        views[level] = views_of(shown(level, found.graded, scan.labels, scan.ct))
    if found.curve is None:
        return Pictures(views=views)
    middles = {k: m for k, m in found.graded.measured.middles.items() if k[0] in "TL"}
    picture, marks = overview(scan.ct, scan.labels, found.curve, middles)
    return Pictures(Picture(picture.pixels, picture.mm), marks, views)


def _write_healthy(
    out: Path, scan: Scan, graded: Graded, findings: tuple[Finding, ...]
) -> list[str]:
    """The scan and its mask with every fractured vertebra made healthy, the worst first: each moves
    its neighbours, so that the next is measured where it then lies. Levels that cannot be, because
    they were moved over the border of the scan, are told."""
    broken = sorted((f for f in findings if f.grade > 0), key=lambda f: -f.rhlv[f.worst])
    labels, ct = scan.labels, scan.ct
    voxels = labels.voxels.copy()
    pixels = None if ct is None else ct.voxels.astype(np.int16)
    left = []
    for number, finding in enumerate(broken):
        now = replace(labels, voxels=voxels)
        again = graded if number == 0 else _again(graded, now, finding.level)
        if finding.level not in again.measured.bodies:
            left.append(finding.level)
            continue
        picture = None if ct is None or pixels is None else replace(ct, voxels=pixels)
        made = restored(finding.level, again, now, picture)
        voxels[made.box] = made.labels
        if pixels is not None and made.ct is not None:
            pixels[made.box] = made.ct
    write_volume(out / "healthy_mask.nii.gz", replace(labels, voxels=voxels, synthetic=True))
    if ct is not None and pixels is not None:
        write_volume(out / "healthy_ct.nii.gz", replace(ct, voxels=pixels, synthetic=True))
    return left


def _again(graded: Graded, labels: Volume, level: str) -> Graded:
    """The same findings with the vertebra and its donor measured where they lie now."""
    wanted = (level, *nearest(level, graded.references)[:1])
    return replace(graded, measured=measure_all(labels, wanted))


def _lines(examination: Examination) -> Iterator[str]:
    yield headline(examination)
    for finding in examination.findings:
        worst = finding.worst
        low, high = finding.rhlv_interval[worst]
        flags = f"; {len(finding.flags)} flag(s)" if finding.flags else ""
        yield (
            f"{finding.level:>4}  {grade_in_words(finding)}: {worst} third"
            f" {100 * finding.rhlv[worst]:.0f} % lost (90 % interval {100 * low:.0f} to"
            f" {100 * high:.0f} %), confidence {finding.confidence}{flags}"
        )
    for level, why in examination.not_evaluable.items():
        yield f"{level:>4}  not evaluable: {why}"
    yield "research use, not for diagnosis"
