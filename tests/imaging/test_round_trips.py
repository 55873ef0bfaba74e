"""What we write, read by programs that are not ours: values, geometry, units, greys."""

import gzip
import os
import shutil
import subprocess
import zlib

import nibabel
import numpy as np
import PIL.Image
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from xgen_studio.imaging import (
    Image,
    Label,
    LabelTable,
    Mask,
    PartlySynthetic,
    write_dicom_synthetic,
    write_mask,
    write_volume,
)


def affine_of(volume):
    """Index (column, row, slice) to LPS mm, worked out here."""
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(volume.direction) * volume.spacing
    affine[:3, 3] = volume.origin
    return affine


def check_nibabel(path, volume, voxels):
    image = nibabel.load(path)
    header = image.header
    wanted = np.diag([-1, -1, 1, 1]) @ affine_of(volume)  # RAS
    assert header.get_xyzt_units()[0] == "mm"
    assert int(header["sform_code"]) > 0 and int(header["qform_code"]) > 0
    for found in (image.affine, header.get_sform(), header.get_qform()):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert image.get_data_dtype() == voxels.dtype
    np.testing.assert_array_equal(np.asanyarray(image.dataobj).T, voxels)


def test_nibabel_finds_every_voxel_where_it_was(volume, tmp_path):
    write_volume(tmp_path / "a.nii.gz", volume)
    write_volume(tmp_path / "b.nii", volume)
    for name in ("a.nii.gz", "b.nii"):
        check_nibabel(tmp_path / name, volume, volume.voxels)
    labels = (volume.voxels % 4).astype(np.uint8)
    table = LabelTable(Label(i, f"bone {i}", (9, 9, i)) for i in (1, 2, 3))
    mask = Mask(labels, table, volume.spacing, volume.origin, volume.direction)
    write_mask(tmp_path / "m.nii.gz", mask)
    check_nibabel(tmp_path / "m.nii.gz", volume, labels)


def metaimage(path):
    """The fields and voxels of a MetaImage, by its documentation."""
    content = path.read_bytes()
    head, _, data = content.partition(b"ElementDataFile = LOCAL\n")
    fields = dict(line.split(" = ", 1) for line in head.decode().splitlines())
    raw = zlib.decompress(data) if fields["CompressedData"] == "True" else data
    shape = [int(n) for n in fields["DimSize"].split()][::-1]
    assert (fields["ElementType"], fields["BinaryDataByteOrderMSB"]) == ("MET_SHORT", "False")
    return fields, np.frombuffer(raw, "<i2").reshape(shape)


def test_metaimage_by_hand(volume, tmp_path):
    write_volume(tmp_path / "a.mha", volume)
    fields, voxels = metaimage(tmp_path / "a.mha")
    np.testing.assert_array_equal(voxels, volume.voxels)
    axes = np.array(fields["TransformMatrix"].split(), float).reshape(3, 3).T  # one axis a row
    np.testing.assert_allclose(
        axes * np.array(fields["ElementSpacing"].split(), float),
        affine_of(volume)[:3, :3],
        atol=1e-12,
    )
    np.testing.assert_allclose(np.array(fields["Offset"].split(), float), volume.origin)


def nrrd(path):
    """The fields and voxels of an NRRD, by its documentation."""
    head, _, data = path.read_bytes().partition(b"\n\n")
    lines = [line for line in head.decode().splitlines()[1:] if not line.startswith("#")]
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    assert (fields["type"], fields["endian"], fields["encoding"]) == ("short", "little", "gzip")
    shape = [int(n) for n in fields["sizes"].split()][::-1]
    return fields, np.frombuffer(gzip.decompress(data), "<i2").reshape(shape)


def vectors(text):
    return np.array([[float(v) for v in part.strip("()").split(",")] for part in text.split()])


def test_nrrd_by_hand(volume, tmp_path):
    write_volume(tmp_path / "a.nrrd", volume)
    fields, voxels = nrrd(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(voxels, volume.voxels)
    assert fields["space"] == "left-posterior-superior"
    directions = vectors(fields["space directions"]).T  # one axis a vector
    np.testing.assert_allclose(directions, affine_of(volume)[:3, :3], atol=1e-12)
    np.testing.assert_allclose(vectors(fields["space origin"])[0], volume.origin)


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on Unix alone")
@pytest.mark.parametrize("ending", [".nii.gz", ".mha", ".nrrd"])
def test_a_folder_that_is_no_utf8_takes_volumes_too(volume, tmp_path, ending):
    folder = tmp_path / os.fsdecode(b"Stra\xdfe")
    folder.mkdir()
    write_volume(tmp_path / f"a{ending}", volume)
    write_volume(folder / f"a{ending}", volume)  # ITK aborts at such a name
    assert [p.name for p in folder.iterdir()] == [f"a{ending}"]
    assert (folder / f"a{ending}").stat().st_size == (tmp_path / f"a{ending}").stat().st_size


GREYS = np.roll(np.linspace(0, 1, 24 * 32, dtype=np.float32), 100).reshape(24, 32)
ABOUT = {"BodyPartExamined": "KNEE", "ViewPosition": "AP", "ImageLaterality": "R"}
PROVENANCE = {"model": "knee-xray", "seed": 3, "text": "Kn\u00f6chel" * 500}
FLAT = {"spacing": (0.5, 0.25)}
DICOM = {
    "grey": (Image(GREYS, **FLAT), None, None),
    "said": (Image(GREYS, **FLAT), ABOUT, None),
    "without a spacing": (Image(GREYS), ABOUT, None),
    "partly, writing": (Image(GREYS, **FLAT), ABOUT, PartlySynthetic(0.02, True)),
    "partly, none": (Image(GREYS, **FLAT), {}, PartlySynthetic(0.9999, False)),
    "placed": (Image(GREYS, **FLAT, origin=(1, 2, 3), direction=np.eye(3)), None, None),
    "inverse": (Image(GREYS, **FLAT, photometric="MONOCHROME1"), ABOUT, None),
    "signed": (Image(np.rint(GREYS * 2000 - 1000).astype(np.int16), **FLAT), None, None),
    "odd bytes": (Image(np.rint(GREYS[:23, :31] * 255).astype(np.uint8), **FLAT), None, None),
}


@pytest.fixture(params=list(DICOM))
def dicom(request, tmp_path):
    """A written file, and the image in it."""
    image, about, partly = DICOM[request.param]
    write_dicom_synthetic(tmp_path / "a.dcm", image, PROVENANCE, about, partly)
    return tmp_path / "a.dcm", image


def display(pixels):
    """As greys from 0 to 1."""
    return (pixels - pixels.min()) / np.ptp(pixels.astype(float))


def test_pydicom_shows_the_picture(dicom):
    path, image = dicom
    ds = pydicom.dcmread(path)
    shown = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds)
    np.testing.assert_allclose(display(shown), display(image.pixels), atol=1e-3)


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error(dicom):
    path, _ = dicom
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True)
    assert said.returncode == 0
    assert not [line for line in (said.stdout + said.stderr).splitlines() if "Error" in line]
    assert "SCImage" in said.stderr + said.stdout


@pytest.mark.skipif(not shutil.which("dcmj2pnm"), reason="dcmtk is not installed")
def test_dcmtk_shows_all_greys_in_place(dicom):
    path, image = dicom
    made = path.with_suffix(".png")
    subprocess.run(["dcmj2pnm", "+Wi", "1", "+on", path, made], check=True, capture_output=True)
    with PIL.Image.open(made) as picture:
        shown = np.asarray(picture).astype(float)
    assert shown.shape == image.shape
    assert len(np.unique(shown)) == min(256, np.unique(image.pixels).size)
    wanted = display(image.pixels)
    wanted = 1 - wanted if image.photometric == "MONOCHROME1" else wanted
    np.testing.assert_allclose(shown / 255, wanted, atol=1.5 / 255)
