"""DICOM SR of a spine: heights, losses and grades in the patient's study (TID 1500, PS3.16)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from highdicom import sr
from highdicom.sr.coding import CodedConcept
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

import xgen_studio
from xgen_studio.wings.spine.science.findings import THIRDS, Examination, Finding, Grade
from xgen_studio.wings.spine.science.levels import in_order
from xgen_studio.wings.spine.science.summary import (
    NO_CONFIDENCE,
    SEVERITY,
    headline,
    numbering_caveats,
)
from xgen_studio.wings.spine.tasks.dicom_sources import MAKER, checked_sources, save, vertebra_code
from xgen_studio.wings.spine.tasks.grading_file import RESEARCH_USE, Method, without_folders

FILE = "grading_sr.dcm"
SERIES = f"Vertebral heights, {RESEARCH_USE}"  # at most 64 letters
SCHEME = "99XGEN"  # what no standard has a code for; 99: private (PS3.16, 8.2)
DEVICE = generate_uid(entropy_srcs=[MAKER])  # the program's own UID, always the same
GENANT = CodedConcept("RDES150", "RADELEMENT", "Genant classification")
GRADES = {
    grade: CodedConcept(f"GENANT-{int(grade)}", SCHEME, f"Grade {int(grade)} ({SEVERITY[grade]})")
    for grade in Grade
}
INDETERMINATE = CodedConcept("GENANT-X", SCHEME, "Grade indeterminate")
TYPE = CodedConcept("FRACTURE-TYPE", SCHEME, "Type of vertebral fracture")
CONFIDENCE = CodedConcept("CONFIDENCE", SCHEME, "Confidence in the grade")
LOSS = CodedConcept("RHLV", SCHEME, "Relative height loss of vertebra")
HEALTHY = CodedConcept("HEALTHY-HEIGHT", SCHEME, "Predicted healthy height")
CHANCE = CodedConcept("GRADE-PROBABILITY", SCHEME, "Probability of the grade")
FRACTURE = CodedConcept("125605004", "SCT", "Fracture of bone")
PLACES = {
    "anterior": codes.SCT.Anterior,
    "middle": codes.SCT.Central,
    "posterior": codes.SCT.Posterior,
}


def write_sr(
    examination: Examination, source_datasets: Sequence[Dataset], path: Path, method: Method
) -> None:
    """Write a Comprehensive SR: a measurement group for each vertebra with its level (SNOMED),
    height, healthy height and loss of each third, Genant's grade (RadElement RDES150), and what
    lowers the confidence; the grade is indeterminate where there is no confidence in it, and of
    each that is not evaluable.

    It is unverified and preliminary, and says that it is for research, not for diagnosis.
    `source_datasets` are the slices that the CT was read from. InputError where there are none, as
    of a CT from NIfTI, or they cannot be referred to.
    """
    sources = checked_sources(source_datasets)
    save(lambda: _document(examination, sources, method), path)


def _document(examination: Examination, sources: list[Dataset], method: Method) -> Dataset:
    groups = [_group(f, method) for f in examination.findings]
    reasons = examination.not_evaluable
    groups += [_no_group(name, reasons[name]) for name in in_order(reasons)]
    if not groups:
        raise ValueError("no vertebra was found")
    observer = sr.ObserverContext(
        codes.DCM.Device,
        sr.DeviceObserverIdentifyingAttributes(
            DEVICE, MAKER, MAKER, MAKER, xgen_studio.__version__
        ),
    )
    report = sr.MeasurementReport(
        sr.ObservationContext(observer_device_context=observer),
        codes.LN.CTUnspecifiedBodyRegion,
        groups,
        codes.DCM.ImagingMeasurementReport,
    )
    said = [RESEARCH_USE, headline(examination), f"Mask: {examination.mask_source or 'not said'}"]
    said += [*numbering_caveats(examination), *examination.notes]
    report[0].ContentSequence.extend(map(_comment, said))
    made = sr.ComprehensiveSR(
        sources,
        report[0],
        generate_uid(),
        900,
        generate_uid(),
        1,
        MAKER,
        is_complete=True,
        series_description=SERIES,
    )
    made.ManufacturerModelName, made.SoftwareVersions = MAKER, xgen_studio.__version__
    made.CompletionFlagDescription = RESEARCH_USE
    made.CodingSchemeIdentificationSequence = [_scheme()]
    return made


def _scheme() -> Dataset:
    scheme = Dataset()
    scheme.CodingSchemeDesignator = SCHEME
    scheme.CodingSchemeName = "Private codes of XGen Studio"
    scheme.CodingSchemeResponsibleOrganization = MAKER
    return scheme


def _comment(text: str) -> Any:
    return sr.TextContentItem(
        codes.DCM.Comment, without_folders(text), sr.RelationshipTypeValues.CONTAINS
    )


def _site(level: str, third: str | None = None) -> sr.FindingSite:
    place = PLACES[third] if third else None
    return sr.FindingSite(vertebra_code(level), topographical_modifier=place)


def _group(finding: Finding, method: Method) -> Any:
    """The measurement group of a vertebra (TID 1501)."""
    measures = [measure for third in THIRDS for measure in _measures(finding, third)]
    sure = finding.confidence != NO_CONFIDENCE
    chance = finding.probabilities[finding.grade]
    if sure and math.isfinite(chance):
        measures.append(sr.Measurement(CHANCE, 100 * chance, codes.UCUM.Percent))
    evaluations = [
        sr.QualitativeEvaluation(GENANT, GRADES[finding.grade] if sure else INDETERMINATE),
        sr.QualitativeEvaluation(CONFIDENCE, _word(finding.confidence)),
    ]
    if sure and finding.type:
        evaluations.append(sr.QualitativeEvaluation(TYPE, _word(finding.type)))
    group = sr.MeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(generate_uid(), finding.level),
        finding_type=FRACTURE if sure and finding.grade > Grade.NORMAL else None,
        algorithm_id=sr.AlgorithmIdentification(
            MAKER, xgen_studio.__version__, [method.text] if method.text else None
        ),
        finding_sites=[_site(finding.level)],
        measurements=measures,
        qualitative_evaluations=evaluations,
    )
    group[0].ContentSequence.extend(map(_comment, filter(None, (finding.reason, *finding.flags))))
    return group


def _no_group(level: str, reason: str) -> Any:
    group = sr.MeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(generate_uid(), level),
        finding_sites=[_site(level)],
        qualitative_evaluations=[sr.QualitativeEvaluation(GENANT, INDETERMINATE)],
    )
    group[0].ContentSequence.append(_comment(f"not evaluable: {reason}"))
    return group


def _word(word: str) -> CodedConcept:
    return CodedConcept(word.upper(), SCHEME, word)


def _measures(finding: Finding, third: str) -> list[Any]:
    """Height, healthy height and loss of a third; what was not measured is left out."""
    found = []
    for name, value, interval, unit in (
        (codes.DCM.Height, finding.heights_mm[third], None, codes.UCUM.Millimeter),
        (
            HEALTHY,
            finding.healthy_mm[third],
            finding.healthy_interval_mm[third],
            codes.UCUM.Millimeter,
        ),
        (
            LOSS,
            100 * finding.rhlv[third],
            tuple(100 * v for v in finding.rhlv_interval[third]),
            codes.UCUM.Percent,
        ),
    ):
        if math.isfinite(value):
            properties = _uncertainty(value, interval)
            found.append(
                sr.Measurement(
                    name,
                    round(value, 3),
                    unit,
                    finding_sites=[_site(finding.level, third)],
                    properties=properties,
                )
            )
    return found


def _uncertainty(value: float, interval: tuple[float, ...] | None) -> Any:
    """How far the 90 % interval reaches above and below the value (TID 310)."""
    if interval is None or not all(map(math.isfinite, interval)):
        return None
    return sr.MeasurementProperties(
        upper_measurement_uncertainty=round(max(interval[1] - value, 0.0), 3),
        lower_measurement_uncertainty=round(max(value - interval[0], 0.0), 3),
    )
