"""The patient's study: the mask lands on its own slices, the report says what was found."""

import re
import shutil
import subprocess

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from tests.wings.spine.examples import METHOD, examination
from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.levels import LABELS, NAMES
from xgen_studio.wings.spine.tasks.dicom_sources import source_datasets
from xgen_studio.wings.spine.tasks.segmentation_object import on_slices, write_seg
from xgen_studio.wings.spine.tasks.structured_report import write_sr

OBLIQUE = np.linalg.qr(np.array([[0.96, 0.1, 0.2], [-0.15, 0.97, -0.1], [-0.2, 0.05, 0.97]]))[0]
DIRECTIONS = {
    "axial": np.eye(3),
    "axial from the head down": np.diag([1.0, -1.0, -1.0]),
    "sagittal": np.array([[0.0, 0, 1], [1, 0, 0], [0, -1, 0]]),
    "oblique": OBLIQUE * np.sign(np.diag(OBLIQUE)),
}


def mask(direction) -> Volume:
    """Two vertebrae without any symmetry, (11, 26, 22) voxels of three different spacings."""
    labels = np.zeros((11, 26, 22), np.uint8)
    labels[1:4, 5:15, 3:12] = LABELS["L2"]
    labels[1, 15:19, 3:5] = LABELS["L2"]
    labels[5:9, 8:17, 6:19] = LABELS["L1"]
    labels[8, 8:12, 15:19] = 0
    return Volume(labels, (0.8, 1.3, 2.5), (-31.5, 12.25, 400.0), direction)


def slices(volume: Volume, order=None) -> list[pydicom.Dataset]:
    """A CT series on the volume's own grid."""
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    found = []
    for z in range(volume.shape[0]) if order is None else order:
        ds = pydicom.Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.PatientID, ds.PatientName, ds.PatientSex, ds.PatientBirthDate = "7", "Doe^J", "F", ""
        ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20261101", "101500", "1", "A"
        ds.ReferringPhysicianName, ds.Manufacturer = "", "Scanner"
        ds.Modality, ds.InstanceNumber, ds.SeriesNumber = "CT", z + 1, 2
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.Rows, ds.Columns = volume.shape[1:]
        ds.PixelSpacing = [volume.spacing[1], volume.spacing[0]]
        ds.SliceThickness = volume.spacing[2]
        ds.ImagePositionPatient = [round(v, 6) for v in volume.index_to_mm([z, 0, 0]).tolist()]
        cosines = volume.direction[:, :2].T.ravel()
        ds.ImageOrientationPatient = [round(float(v), 8) for v in cosines]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        ds.RescaleIntercept, ds.RescaleSlope = 0, 1
        ds.PixelData = np.zeros(volume.shape[1:], np.int16).tobytes()
        ds.file_meta = pydicom.dataset.FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        found.append(ds)
    return found


def points_of(segmentation, number) -> np.ndarray:
    """Where the pixels of a segment lie, mm, worked out from the file's own words."""
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    step = np.array(shared.PixelMeasuresSequence[0].PixelSpacing, float)
    found = []
    for frame, groups in zip(
        segmentation.pixel_array, segmentation.PerFrameFunctionalGroupsSequence, strict=True
    ):
        if groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber != number:
            continue
        first = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        rows, columns = np.nonzero(frame)
        down, along = (
            rows[:, None] * step[0] * cosines[3:],
            columns[:, None] * step[1] * cosines[:3],
        )
        found.append(first + down + along)
    return np.concatenate(found)


def in_order(points) -> np.ndarray:
    return np.array(sorted(np.round(points, 2).tolist()))


def complaints(path) -> list[str]:
    """What dciodvfy calls an error; the test is skipped without it."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
    return [line for line in said.stderr.splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("order", ["as they lie", "backwards", "shuffled"])
def test_each_vertebra_lies_in_the_patient_where_its_mask_lies(tmp_path, name, order):
    volume = mask(DIRECTIONS[name])
    numbers = list(range(volume.shape[0]))
    if order == "backwards":
        numbers.reverse()
    elif order == "shuffled":
        np.random.default_rng(1).shuffle(numbers)
    path = tmp_path / "seg.dcm"
    write_seg(volume.to_lps(), slices(volume, numbers), path, "proposed by spine-mask 0.3")
    made = pydicom.dcmread(path)
    assert [s.SegmentLabel for s in made.SegmentSequence] == ["L1", "L2"]
    for segment in made.SegmentSequence:
        voxels = np.argwhere(volume.voxels == LABELS[segment.SegmentLabel])
        expected, found = volume.index_to_mm(voxels), points_of(made, segment.SegmentNumber)
        np.testing.assert_allclose(in_order(found), in_order(expected), atol=0.02)


def test_a_frame_refers_to_the_slice_that_it_lies_on(tmp_path):
    volume = mask(np.eye(3))
    sources = slices(volume, [4, 2, 7, 1, 3, 0, 6, 5, 8, 10, 9])
    write_seg(volume, sources, tmp_path / "seg.dcm", "drawn", "MANUAL")
    made = hd.seg.segread(tmp_path / "seg.dcm")
    pixels = made.get_pixels_by_source_instance([s.SOPInstanceUID for s in sources], [1, 2])
    for source, planes in zip(sources, pixels, strict=True):
        expected = volume.voxels[source.InstanceNumber - 1]
        for plane, level in zip(np.moveaxis(planes, -1, 0), ("L1", "L2"), strict=True):
            np.testing.assert_array_equal(plane > 0, expected == LABELS[level])


def test_the_segmentation_says_what_made_it_and_what_it_is_not_for(tmp_path):
    volume = mask(np.eye(3))
    write_seg(volume, slices(volume), tmp_path / "seg.dcm", "proposed by spine-mask 0.3")
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    segment = made.SegmentSequence[0]
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert segment.SegmentAlgorithmName == "proposed by spine-mask 0.3"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == codes.SCT.L1Vertebra.value
    assert made.Manufacturer == "XGen Studio"
    assert "not for diagnosis" in made.SeriesDescription
    assert "not for diagnosis" in segment.SegmentDescription
    assert (made.PatientID, made.StudyDate) == ("7", "20261101")


def test_a_mask_on_a_finer_grid_is_brought_onto_the_slices(tmp_path):
    coarse = mask(np.eye(3))
    fine = Volume(
        np.repeat(np.repeat(coarse.voxels, 2, 1), 2, 2),
        (0.4, 0.65, 2.5),
        tuple(np.array(coarse.origin) - [0.2, 0.325, 0.0]),
    )
    np.testing.assert_array_equal(on_slices(fine, slices(coarse)), coarse.voxels)


def test_a_mask_of_another_place_is_refused(tmp_path):
    volume = mask(np.eye(3))
    elsewhere = Volume(volume.voxels, volume.spacing, (200.0, 0.0, 0.0))
    with pytest.raises(InputError, match="L1, L2 does not lie on these"):
        write_seg(elsewhere, slices(volume), tmp_path / "seg.dcm", "")
    cut = slices(volume)[:7]  # the upper half of L1 is not in these
    with pytest.raises(InputError, match="mask of L1 does not"):
        write_seg(volume, cut, tmp_path / "seg.dcm", "")
    assert not list(tmp_path.iterdir())


def test_without_dicom_slices_one_line_says_so(tmp_path):
    volume, made = mask(np.eye(3)), tmp_path / "made.dcm"
    with pytest.raises(InputError, match="not of NIfTI"):
        write_seg(volume, [], made, "")
    with pytest.raises(InputError, match="not of NIfTI"):
        write_sr(examination(), [], made, METHOD)
    nifti = tmp_path / "ct.nii.gz"
    nifti.write_bytes(b"")
    with pytest.raises(InputError, match="no folder of DICOM slices"):
        source_datasets(nifti)
    assert not made.exists()


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "PixelSpacing", "StudyInstanceUID"])
def test_slices_that_lack_what_is_needed_are_refused(tmp_path, keyword):
    volume = mask(np.eye(3))
    sources = slices(volume)
    delattr(sources[3], keyword)
    with pytest.raises(InputError, match=keyword):
        write_seg(volume, sources, tmp_path / "seg.dcm", "")


def test_slices_without_a_patient_s_name_are_enough(tmp_path):
    volume = mask(np.eye(3))
    sources = slices(volume)
    for source in sources:
        for keyword in ("PatientName", "PatientBirthDate", "AccessionNumber", "StudyTime"):
            delattr(source, keyword)
    write_seg(volume, sources, tmp_path / "seg.dcm", "")
    write_sr(examination(), sources, tmp_path / "sr.dcm", METHOD)
    assert "PixelData" in sources[0]  # what was given is as it was


def test_the_slices_of_a_folder_are_those_of_its_volume(tmp_path):
    volume = mask(np.eye(3))
    series = slices(volume, [3, 1, 2, 0])
    for i, ds in enumerate([*series, slices(volume, [5])[0]]):
        ds.save_as(tmp_path / f"{i}.dcm", enforce_file_format=True)
    found = {d.SOPInstanceUID for d in source_datasets(tmp_path)}
    assert found == {d.SOPInstanceUID for d in series}


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "sr.dcm"
    write_sr(examination(), slices(mask(np.eye(3))), path, METHOD)
    return path


def test_the_sr_has_a_group_for_each_vertebra_with_its_code_heights_and_grade(report):
    made = hd.sr.srread(report)
    groups = made.content.get_image_measurement_groups()
    assert [g.tracking_identifier for g in groups] == ["T11", "T12", "L1", "L3", "L4", "L2"]
    l1 = groups[2]
    assert l1.finding_sites[0].value == codes.SCT.L1Vertebra
    assert l1.finding_type.value == "125605004"
    assert groups[0].finding_type is None
    of = {
        (m.name.meaning, m.finding_sites[0].topographical_modifier.meaning): m
        for m in l1.get_measurements()
        if m.finding_sites
    }
    expected = examination().findings[2]
    height = of["Height", "Anterior"]
    assert height.unit.value == "mm"
    assert height.value == pytest.approx(expected.heights_mm["anterior"], abs=1e-3)
    loss = of["Relative height loss of vertebra", "Anterior"]
    assert loss.value == pytest.approx(46.0)
    assert loss.unit.value == "%"
    said = {e.name.value: e.value.meaning for e in l1.get_qualitative_evaluations()}
    assert said == {"RDES150": "Grade 3 (severe)", "CONFIDENCE": "high", "FRACTURE-TYPE": "wedge"}
    said = {e.name.value: e.value.value for e in groups[-1].get_qualitative_evaluations()}
    assert said == {"RDES150": "GENANT-X"}  # not evaluable
    said = {e.name.value: e.value.value for e in groups[4].get_qualitative_evaluations()}
    assert said == {"RDES150": "GENANT-X", "CONFIDENCE": "NONE"}


def test_the_sr_tells_how_far_an_interval_reaches(report):
    text = str(pydicom.dcmread(report))
    assert re.search(r"range of upper measurement uncertainty", text)
    assert re.search(r"Numeric Value +DS: '?5.0'?\n", text)


def test_the_sr_is_preliminary_and_says_what_it_is_not_for(report):
    made = pydicom.dcmread(report)
    assert made.VerificationFlag == "UNVERIFIED"
    assert made.PreliminaryFlag == "PRELIMINARY"
    assert "not for diagnosis" in made.SeriesDescription
    text = "\n".join(e.value for e in made.iterall() if e.keyword == "TextValue")
    assert "research use, not for diagnosis\n" in text
    assert "Vertebral fracture: L1, grade 3 (severe), wedge" in text
    assert "not evaluable: a screw in its body" in text


def test_both_are_what_the_standard_asks_for(tmp_path, report):
    volume = mask(np.eye(3))
    write_seg(volume, slices(volume), tmp_path / "seg.dcm", "proposed by spine-mask 0.3")
    assert complaints(tmp_path / "seg.dcm") == []
    assert complaints(report) == []


def test_every_graded_vertebra_has_a_name_that_a_segment_can_carry():
    assert {NAMES[v] for v in LABELS.values()} == set(LABELS)
