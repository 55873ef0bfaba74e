"""Where a pixel lies: units, axes, forms that are not quite square, functional groups."""

from __future__ import annotations

import itertools

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from xgen_studio.errors import InputError
from xgen_studio.imaging import read_image, read_mask, read_volume
from xgen_studio.imaging.projection import ConeBeam, project, upright

SHEET = np.zeros((8, 12), np.uint8)
SHEET[1:3, 2:9], SHEET[4:7, 3], SHEET[5, 9:11] = 1, 2, 3


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize(
    ("codes", "direction"),
    [
        ("LPS", np.eye(3)),  # columns to the left, rows to the back: axial
        ("LIP", np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])),  # rows to the feet: coronal
        ("PIL", np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]])),  # sagittal
    ],
)
def test_a_flat_mask_is_the_same_however_its_axes_run(tmp_path, suffix, codes, direction):
    """All 48 ways to store one sheet; the picture is the one that radiologists look at."""
    sheet = sitk.GetImageFromArray(SHEET[None])
    sheet.SetSpacing((0.3, 0.5, 1))
    sheet.SetOrigin((7, 8, 9))
    sheet.SetDirection(direction.ravel().astype(float).tolist())
    ways = [
        "".join(pair[s] for pair, s in zip(axes, signs, strict=True))
        for axes in itertools.permutations(("RL", "AP", "IS"))
        for signs in itertools.product((0, 1), repeat=3)
    ]
    for way in ways:
        path = tmp_path / f"{way}{suffix}"
        sitk.WriteImage(sitk.DICOMOrient(sheet, way), str(path))
        mask, image = read_mask(path).as_picture(), read_image(path)
        assert np.array_equal(mask.labels, SHEET), way
        assert np.array_equal(image.pixels, SHEET)
        assert mask.spacing == image.spacing == pytest.approx((0.3, 0.5))
        assert mask.origin == image.origin == pytest.approx((7, 8, 9), abs=1e-5)
        assert np.allclose(image.direction[:, :2], direction[:, :2], atol=1e-6)
        assert image.notes == mask.notes
        assert any(way in note for note in image.notes) == (way[:2] != codes[:2])


def test_a_stack_is_no_picture(tmp_path):
    path = tmp_path / "stack.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.stack([SHEET.T] * 3, -1), np.eye(4)), path)
    for read in (read_image, lambda p: read_mask(p).as_picture()):
        with pytest.raises(InputError, match="take one slice"):
            read(path)


# -- NIfTI -----------------------------------------------------------------------------------------

BODY = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)  # x, y, z


def nifti(path, affine=None, sform=None, qform=None, units=("mm", "sec"), zooms=(2, 3, 4)):
    image = nibabel.Nifti1Image(BODY, affine)
    image.set_sform(sform, 0 if sform is None else 1, update_affine=False)
    image.set_qform(qform, 0 if qform is None else 1, update_affine=False)
    image.header.set_zooms(zooms)
    image.header.set_xyzt_units(*units)
    nibabel.save(image, path)
    return path


def turned(degrees, scale=(2, 3, 4)):
    t = np.deg2rad(degrees)
    affine = np.eye(4)
    affine[:3, :3] = np.array(
        [[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]]
    ) @ np.diag(scale)
    affine[:3, 3] = 10, 20, 30
    return affine


def place(volume, value):
    where = np.argwhere(volume.voxels == value)
    assert len(where) == 1
    return volume.index_to_mm(where[0]) * (-1, -1, 1)  # RAS, as nibabel has it


@pytest.mark.parametrize("degrees", [0, 8, 50, 180])
def test_every_voxel_lies_where_nibabel_says(tmp_path, degrees):
    affine = turned(degrees)
    volume = read_volume(nifti(tmp_path / "v.nii.gz", sform=affine))
    for index in ((0, 0, 0), (4, 5, 6), (1, 2, 3)):
        expected = affine @ (*index, 1)
        assert place(volume, BODY[index]) == pytest.approx(expected[:3], abs=1e-4)
    assert not volume.notes


def test_an_sform_that_is_not_quite_square_is_squared_up_and_told(tmp_path):
    noisy = turned(8, (0.7, 0.7, 1.5))
    noisy[:3, :3] += np.random.default_rng(1).normal(0, 5e-4, (3, 3))
    volume = read_volume(nifti(tmp_path / "v.nii.gz", sform=noisy))
    for index in itertools.product((0, 4), (0, 5), (0, 6)):
        expected = noisy @ (*index, 1)
        assert place(volume, BODY[index]) == pytest.approx(expected[:3], abs=0.02)
    assert "not quite square" in volume.notes[0]
    assert np.allclose(volume.direction.T @ volume.direction, np.eye(3), atol=1e-12)


def test_a_sheared_sform_gives_way_to_the_qform_or_is_refused(tmp_path):
    sheared = turned(0)
    sheared[0, 1] = 1.5
    with pytest.raises(InputError, match="sheared"):
        read_volume(nifti(tmp_path / "a.nii.gz", sform=sheared))
    volume = read_volume(nifti(tmp_path / "b.nii.gz", sform=sheared, qform=turned(8)))
    assert place(volume, BODY[4, 5, 6]) == pytest.approx((turned(8) @ (4, 5, 6, 1))[:3], abs=1e-3)
    assert "passed over" in volume.notes[0]


def test_neither_form_is_told(tmp_path):
    volume = read_volume(nifti(tmp_path / "a.nii.gz"))
    assert volume.spacing == pytest.approx((2, 3, 4)) and volume.axis_codes == "RAS"
    assert "does not say how the patient lies" in volume.notes[0]


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("meter", 1e3), ("micron", 1e-3)])
def test_nifti_lengths_are_in_their_unit(tmp_path, unit, factor):
    small = turned(0, np.array([2, 3, 4]) / factor)
    small[:3, 3] = np.array([10, 20, 30]) / factor
    path = nifti(tmp_path / "v.nii.gz", sform=small, units=(unit, "sec"))
    volume = read_volume(path)
    assert volume.spacing == pytest.approx((2, 3, 4))
    assert place(volume, BODY[0, 0, 0]) == pytest.approx((10, 20, 30), rel=1e-5)
    assert bool(volume.notes) == (unit != "mm")


def test_a_qform_without_its_handedness_is_right_handed(tmp_path):
    """The standard takes 1 where pixdim[0] is 0; nibabel gives up."""
    path = nifti(tmp_path / "v.nii", qform=turned(8))
    content = bytearray(path.read_bytes())
    content[76:80] = bytes(4)
    path.write_bytes(content)
    volume = read_volume(path)
    assert place(volume, BODY[4, 5, 6]) == pytest.approx((turned(8) @ (4, 5, 6, 1))[:3], abs=1e-3)


def test_nifti_two_and_scaled_values(tmp_path):
    image = nibabel.Nifti2Image(BODY, turned(0))
    nibabel.save(image, tmp_path / "two.nii.gz")
    assert np.array_equal(read_volume(tmp_path / "two.nii.gz").voxels.T, BODY)
    image = nibabel.Nifti1Image(BODY, turned(0))
    image.header.set_slope_inter(2, -1024)
    nibabel.save(image, tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert np.array_equal(volume.voxels.T, BODY * 2 - 1024)
    assert volume.voxels.dtype == np.int16


@pytest.mark.parametrize("ending", [".hdr", ".hdr.gz"])
def test_a_pair_of_files_is_one_image(tmp_path, ending):
    nibabel.save(nibabel.Nifti1Pair(BODY, turned(8)), tmp_path / f"v{ending.replace('hdr', 'img')}")
    volume = read_volume(tmp_path / f"v{ending}")
    assert np.array_equal(volume.voxels.T, BODY)
    assert place(volume, BODY[4, 5, 6]) == pytest.approx((turned(8) @ (4, 5, 6, 1))[:3], abs=1e-3)
    (tmp_path / f"v{ending.replace('hdr', 'img')}").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"\.img is not beside it"):
        read_volume(tmp_path / f"v{ending}")


# -- NRRD and MetaImage ----------------------------------------------------------------------------

VALUES = np.arange(24, dtype="<i2").reshape(2, 3, 4)
NRRD = "NRRD0004\ntype: short\ndimension: 3\nsizes: 4 3 2\nencoding: raw\nendian: little\n"


def nrrd(path, more):
    path.write_bytes((NRRD + more + "\n\n").encode() + VALUES.tobytes())
    return path


@pytest.mark.parametrize(
    ("unit", "factor"), [("um", 1e-3), ("mm", 1), ("cm", 10), ("m", 1e3), ("microns", 1e-3)]
)
def test_nrrd_lengths_are_in_their_unit(tmp_path, unit, factor):
    more = (
        f'space: right-anterior-superior\nspace units: "{unit}" "{unit}" "{unit}"\n'
        "space directions: (2,0,0) (0,3,0) (0,0,4)\nspace origin: (10,20,30)"
    )
    volume = read_volume(nrrd(tmp_path / "v.nrrd", more))
    assert volume.spacing == pytest.approx(np.array([2, 3, 4]) * factor)
    assert volume.origin == pytest.approx(np.array([-10, -20, 30]) * factor)
    assert volume.axis_codes == "RAS"
    assert bool(volume.notes) == (unit != "mm")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("spacings: nan nan nan", "voxel size"),
        ("", "voxel size"),
        ("spacings: 0 1 1", "positive"),
        ('spacings: 1 1 1\nunits: "furlong" "furlong" "furlong"', "not lengths"),
        ("space: left-posterior-superior\nspace directions: (1,0,0) (1,0,0) (0,0,1)", "damaged"),
        ("space: left-posterior-superior\nspace directions: (1,0,0) (.5,1,0) (0,0,1)", "sheared"),
        ("space: left-posterior-superior\nspace directions: none (0,1,0) (0,0,1)", "4 values"),
    ],
)
def test_nrrd_without_a_place_is_refused_truly(tmp_path, more, words):
    with pytest.raises(InputError, match=words):
        read_volume(nrrd(tmp_path / "v.nrrd", more))


def test_an_nrrd_that_gives_spacings_alone_says_so(tmp_path):
    volume = read_volume(nrrd(tmp_path / "v.nrrd", "spacings: 2 3 4"))
    assert volume.spacing == (2, 3, 4) and "taken as LPS" in volume.notes[0]


def test_a_slice_in_space_as_nrrd_keeps_its_plane(tmp_path):
    """Two axes in three dimensions: a coronal sheet, stored from the feet up."""
    text = (
        "NRRD0005\ntype: uint8\ndimension: 2\nsizes: 12 8\nencoding: raw\n"
        "space: left-posterior-superior\nspace directions: (0.3,0,0) (0,0,0.5)\n"
        "space origin: (7,8,9)\n\n"
    )
    (tmp_path / "s.nrrd").write_bytes(text.encode() + SHEET[::-1].tobytes())
    image = read_image(tmp_path / "s.nrrd")
    assert np.array_equal(image.pixels, SHEET) and image.spacing == pytest.approx((0.3, 0.5))
    assert image.origin == pytest.approx((7, 8, 9 + 0.5 * 7))
    assert np.allclose(image.direction[:, :2].T, [[1, 0, 0], [0, 0, -1]])


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("um", 1e-3), ("cm", 10)])
def test_metaimage_lengths_slopes_and_byte_order(tmp_path, unit, factor):
    (tmp_path / "v.mha").write_bytes(
        (
            "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = True\n"
            f"DistanceUnits = {unit}\nElementSpacing = 2 3 4\nOffset = 10 20 30\n"
            "TransformMatrix = 0 1 0 1 0 0 0 0 1\nDimSize = 4 3 2\nElementType = MET_SHORT\n"
            "ElementToIntensityFunctionSlope = 2\nElementToIntensityFunctionOffset = -1000\n"
            "ElementDataFile = LOCAL\n"
        ).encode()
        + VALUES.astype(">i2").tobytes()
    )
    volume = read_volume(tmp_path / "v.mha")
    assert np.array_equal(volume.voxels, VALUES * 2 - 1000)
    assert volume.spacing == pytest.approx(np.array([2, 3, 4]) * factor)
    assert volume.origin == pytest.approx(np.array([10, 20, 30]) * factor)
    assert volume.axis_codes == "PLS"


# -- DICOM -----------------------------------------------------------------------------------------


def enhanced(phantom, path, frames, modality="CT", slope=1, shuffle=False):
    """An enhanced object: spacing, place and scaling in functional groups alone."""
    base = phantom.save_slice(
        path,
        frames.reshape(-1, frames.shape[-1]),
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1",
        Modality=modality,
        PixelSpacing=None,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        PixelRepresentation=0,
    )
    ds = pydicom.dcmread(base)
    ds.Rows, ds.NumberOfFrames = frames.shape[1], len(frames)

    def item(**elements):
        found = pydicom.Dataset()
        for keyword, value in elements.items():
            setattr(found, keyword, value)
        return found

    ds.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.6], SliceThickness=2)],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelValueTransformationSequence=[
                item(RescaleSlope=slope, RescaleIntercept=-1024, RescaleType="HU")
            ],
        )
    ]
    ds.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[1, 2, 3 + 2.5 * k])])
        for k in range(len(frames))
    ]
    if shuffle:
        order = np.random.default_rng(3).permutation(len(frames))
        ds.PerFrameFunctionalGroupsSequence = [
            ds.PerFrameFunctionalGroupsSequence[k] for k in order
        ]
        ds.PixelData = frames[order].tobytes()
    ds.save_as(path)
    return path


FRAMES = (np.arange(4 * 5 * 6).reshape(4, 5, 6) * 7 + 1000).astype(np.uint16)


def test_functional_groups_of_a_single_frame_are_read(phantom, tmp_path):
    for modality, slope in (("CT", 1), ("XA", 2)):
        path = enhanced(phantom, tmp_path / "a.dcm", FRAMES[:1], modality, slope)
        image = read_image(path)
        assert image.spacing == (0.6, 0.5) and image.origin == (1, 2, 3)
        assert np.array_equal(image.pixels, FRAMES[0].astype(int) * slope - 1024)


@pytest.mark.parametrize("shuffle", [False, True])
def test_an_enhanced_multi_frame_ct_is_a_volume(phantom, tmp_path, shuffle):
    (tmp_path / "s").mkdir()
    path = enhanced(phantom, tmp_path / "s" / "e.dcm", FRAMES, shuffle=shuffle)
    for volume in (read_volume(path), read_volume(tmp_path / "s")):
        assert np.array_equal(volume.voxels, FRAMES.astype(int) - 1024)
        assert volume.spacing == (0.6, 0.5, 2.5) and volume.origin == (1, 2, 3)
    with pytest.raises(InputError, match="4 frames, and one picture"):
        read_image(path)


def test_frames_lie_at_the_offsets_of_a_dose_or_have_one_position(phantom, tmp_path):
    ds = pydicom.dcmread(enhanced(phantom, tmp_path / "e.dcm", FRAMES))
    del ds.PerFrameFunctionalGroupsSequence, ds.SharedFunctionalGroupsSequence
    ds.Modality, ds.DoseGridScaling, ds.PixelSpacing = "RTDOSE", 0.001, [0.5, 0.6]
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [1, 2, 3], [1, 0, 0, 0, 1, 0]
    ds.save_as(tmp_path / "same.dcm")
    with pytest.raises(InputError, match="frames have one position"):
        read_volume(tmp_path / "same.dcm")
    ds.GridFrameOffsetVector = [0, 2.5, 5, 7.5]
    ds.save_as(tmp_path / "dose.dcm")
    volume = read_volume(tmp_path / "dose.dcm")
    assert volume.spacing == (0.6, 0.5, 2.5) and volume.origin == (1, 2, 3)
    assert np.allclose(volume.voxels, FRAMES * 0.001)


def test_frames_without_a_place_say_so(phantom, tmp_path):
    ds = pydicom.dcmread(enhanced(phantom, tmp_path / "e.dcm", FRAMES))
    del ds.PerFrameFunctionalGroupsSequence
    ds.save_as(tmp_path / "e.dcm")
    with pytest.raises(InputError, match="lacks Image Position"):
        read_volume(tmp_path / "e.dcm")


# -- oblique to the patient ------------------------------------------------------------------------


def patient(direction, n=40, step=2.5):
    """An asymmetric cylinder about the patient's long axis, sampled on a turned grid."""
    from xgen_studio.imaging import Volume

    index = np.stack(np.indices((n, n, n))[::-1], -1).astype(float)
    points = (index - (n - 1) / 2) * step @ direction.T
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    hu = np.full((n, n, n), -1000, np.int16)
    hu[(x / 35) ** 2 + (y / 28) ** 2 < 1] = 40
    hu[(x - 14) ** 2 + y**2 < 81] = 900
    hu[np.abs(z) > 35] = -1000
    origin = tuple((direction @ np.full(3, -(n - 1) / 2 * step)).tolist())
    return Volume(hu, (step,) * 3, origin, direction, "CT")


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("degrees", [10, 25, 44])
def test_a_ct_oblique_to_the_patient_is_projected_about_the_patient(axis, degrees):
    t = np.deg2rad(degrees)
    turn = np.eye(3)
    a, b = [k for k in range(3) if k != axis]
    turn[[a, a, b, b], [a, b, a, b]] = np.cos(t), -np.sin(t), np.sin(t), np.cos(t)
    geometry, angles = ConeBeam(pixel=1.0, detector=(128, 128)), np.array([0.0, 70.0])
    straight = project(patient(np.eye(3)), angles, geometry).attenuation
    oblique = project(patient(turn), angles, geometry).attenuation
    assert np.corrcoef(straight.ravel(), oblique.ravel())[0, 1] > 0.995
    assert "oblique" in upright(patient(turn)).notes[-1]


def test_a_ct_turned_by_less_than_a_voxel_stays_as_it_is():
    t = np.deg2rad(0.2)
    turn = np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])
    slightly = patient(turn)
    assert np.array_equal(upright(slightly).voxels, slightly.voxels)
