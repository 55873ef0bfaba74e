"""Volumes to files and back: the marked voxel stays where it was in the patient."""

import gzip
import struct

import numpy as np
import pytest

from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume, read_image, read_volume, write_volume
from xgen_studio.imaging.geometry import index_to_mm

SUFFIXES = (".nii", ".nii.gz", ".mha", ".nrrd")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip_keeps_voxels_and_geometry(volume, phantom, tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    write_volume(path, volume)
    back = read_volume(path)
    assert np.array_equal(back.voxels, volume.voxels)
    assert back.voxels.dtype == np.int16
    assert np.allclose(back.spacing, volume.spacing, atol=1e-5)
    assert np.allclose(phantom.found_mark(back), phantom.expected_mark(volume), atol=1e-3)
    assert back.axis_codes == volume.axis_codes
    assert not back.synthetic
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_nifti_is_in_ras_as_nibabel_sees_it(volume, phantom, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    write_volume(tmp_path / "v.nii.gz", volume)
    image = nibabel.load(tmp_path / "v.nii.gz")
    where = np.argwhere(np.asanyarray(image.dataobj) == 3000)[0]
    ras = image.affine @ [*where, 1]
    assert np.allclose(ras[:3] * [-1, -1, 1], phantom.expected_mark(volume), atol=1e-3)


def test_nifti_of_nibabel_is_turned_to_lps(tmp_path, phantom):
    nibabel = pytest.importorskip("nibabel")
    affine = np.eye(4)
    affine[:3, :3] = phantom.turn(20, 1) @ np.diag([2.0, 3.0, 4.0])
    affine[:3, 3] = [10, 20, 30]
    data = np.zeros((4, 5, 6), np.float32)
    data[1, 2, 3] = 3000
    nibabel.save(nibabel.Nifti1Image(data, affine), tmp_path / "v.nii")
    v = read_volume(tmp_path / "v.nii")
    assert v.shape == (6, 5, 4)
    ras = affine @ [1, 2, 3, 1]
    assert np.allclose(phantom.found_mark(v), ras[:3] * [-1, -1, 1], atol=1e-4)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_synthetic_volume_says_so(tmp_path, suffix):
    v = Volume(np.ones((2, 3, 4), np.float32), (1, 1, 1), modality="MR", synthetic=True)
    write_volume(tmp_path / f"v{suffix}", v)
    back = read_volume(tmp_path / f"v{suffix}")
    assert back.synthetic
    assert back.modality == ("" if ".nii" in suffix else "MR")


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.nii\.gz"):
        write_volume(tmp_path / "v.xyz", Volume(np.zeros((2, 2, 2)), (1, 1, 1)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("keep", [0.5, 0.97])
def test_a_file_cut_short_is_refused_and_nothing_is_printed(tmp_path, suffix, keep, capfd):
    """ITK alone returns garbage for a NIfTI file that was cut."""
    whole = tmp_path / f"v{suffix}"
    noise = np.random.default_rng(0).integers(-1000, 1000, (20, 30, 40)).astype(np.int16)
    write_volume(whole, Volume(noise, (1, 1, 1)))
    whole.write_bytes(whole.read_bytes()[: int(keep * whole.stat().st_size)])
    with pytest.raises(InputError, match=r"cut short|damaged") as caught:
        read_volume(whole)
    assert "\n" not in str(caught.value) and whole.name in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_text_under_a_volumes_name_is_refused(tmp_path, suffix, capfd):
    path = tmp_path / f"v{suffix}"
    path.write_text("this is no image\n" * 50)
    with pytest.raises(InputError) as caught:
        read_volume(path)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_nifti_without_voxel_size_is_refused(tmp_path):
    """ITK alone would call it 1 mm; where the sform says it, a zero beside it does not matter."""
    path = tmp_path / "v.nii"
    write_volume(path, Volume(np.zeros((2, 3, 4), np.int16), (1, 2, 3)))
    content = bytearray(path.read_bytes())
    content[80:84] = struct.pack("<f", 0.0)
    path.write_bytes(content)
    assert read_volume(path).spacing == (1, 2, 3)
    content[252:256] = struct.pack("<2h", 0, 0)  # neither qform nor sform
    path.write_bytes(content)
    with pytest.raises(InputError, match="voxel size"):
        read_volume(path)


def header_only(path, text):
    path.write_bytes(text.encode() + np.arange(24, dtype="<i2").tobytes())
    return path


NO_SPACING = {
    "v.mha": "ObjectType = Image\nNDims = 3\nDimSize = 4 3 2\nElementType = MET_SHORT\n"
    "ElementDataFile = LOCAL\n",
    "v.nrrd": "NRRD0004\ntype: short\ndimension: 3\nsizes: 4 3 2\nendian: little\n"
    "encoding: raw\n\n",
}


@pytest.mark.parametrize("name", NO_SPACING)
def test_a_spacing_that_the_file_does_not_give_is_never_assumed(tmp_path, name):
    path = header_only(tmp_path / name, NO_SPACING[name])
    with pytest.raises(InputError, match="voxel size"):
        read_volume(path)
    flat = NO_SPACING[name].replace("4 3 2", "4 6").replace("NDims = 3", "NDims = 2")
    flat = flat.replace("dimension: 3", "dimension: 2")
    image = read_image(header_only(path, flat))
    assert image.spacing is None
    assert image.pixels.tolist() == np.arange(24).reshape(6, 4).tolist()


def test_an_absurd_size_is_refused_before_memory_is_asked_for(tmp_path):
    text = NO_SPACING["v.mha"].replace("4 3 2", "60000 60000 60000")
    with pytest.raises(InputError, match="limit"):
        read_volume(header_only(tmp_path / "v.mha", text))


def test_a_sheared_nifti_is_refused(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    affine = np.eye(4)
    affine[0, 1] = 0.4
    image = nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), None)
    image.set_sform(affine, 1)
    image.set_qform(None, 0)
    nibabel.save(image, tmp_path / "v.nii")
    with pytest.raises(InputError, match=r"shear|orthonormal"):
        read_volume(tmp_path / "v.nii")


def test_four_dimensions_are_refused_and_a_fourth_of_one_is_dropped(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    data = np.arange(120, dtype=np.int16).reshape(4, 3, 5, 2)
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / "4.nii.gz")
    with pytest.raises(InputError, match="4-D"):
        read_volume(tmp_path / "4.nii.gz")
    nibabel.save(nibabel.Nifti1Image(data[..., :1], np.eye(4)), tmp_path / "1.nii.gz")
    v = read_volume(tmp_path / "1.nii.gz")
    assert np.array_equal(v.voxels, data[..., 0].T)


def test_nan_in_a_volume_is_refused(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    data = np.zeros((3, 3, 3), np.float32)
    data[1, 1, 1] = np.nan
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / "v.nii")
    with pytest.raises(InputError, match="NaN"):
        read_volume(tmp_path / "v.nii")


def test_a_big_endian_nifti_is_read(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    data = np.arange(24, dtype=">i2").reshape(2, 3, 4)
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4), header), tmp_path / "v.nii")
    assert np.array_equal(read_volume(tmp_path / "v.nii").voxels, data.T)


def test_an_image_is_not_a_volume_nor_a_volume_an_image(tmp_path, volume):
    write_volume(tmp_path / "v.nii.gz", volume)
    with pytest.raises(InputError, match="take one slice"):
        read_image(tmp_path / "v.nii.gz")
    one = Volume(volume.voxels[:1], volume.spacing, volume.origin, volume.direction)
    write_volume(tmp_path / "1.mha", one)
    image = read_image(tmp_path / "1.mha")
    assert sorted(image.spacing) == pytest.approx([0.7, 1.3])
    brightest = np.argwhere(image.pixels == image.pixels.max())[0]
    place = index_to_mm([0, *brightest], (*image.spacing, 1), image.origin, image.direction)
    # turned to the usual view, perhaps; nothing moved in the patient
    there = np.argwhere(one.voxels == one.voxels.max())[0]
    assert place == pytest.approx(one.index_to_mm(there))


def test_damaged_gzip_is_refused(tmp_path):
    (tmp_path / "v.nii.gz").write_bytes(gzip.compress(b"x" * 900)[:-4])
    with pytest.raises(InputError, match="gzip"):
        read_volume(tmp_path / "v.nii.gz")
