"""Files as containers: what is in them, whether they are whole, and what they may reach."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import zlib
from contextlib import suppress

import nibabel
import numpy as np
import pydicom
import pytest

from xgen_studio.errors import InputError
from xgen_studio.imaging import read_image, read_mask, read_volume
from xgen_studio.imaging.formats import payload
from xgen_studio.imaging.limits import check_bytes, check_size

VALUES = np.arange(24, dtype="<i2").reshape(2, 3, 4)
META = (
    "ObjectType = Image\nNDims = 3\nBinaryData = True\nElementSpacing = 1 1 1\n"
    "DimSize = {size}\n{more}ElementType = MET_SHORT\nElementDataFile = {file}\n"
)
NRRD = (
    "NRRD0004\ntype: short\ndimension: 3\nsizes: {size}\nendian: little\nspacings: 1 1 1\n"
    "encoding: {encoding}\n{more}"
)


def metaimage(path, body=b"", file="LOCAL", size="4 3 2", more=""):
    path.write_bytes(META.format(size=size, more=more, file=file).encode() + body)
    return path


def nrrd(path, body=b"", encoding="raw", size="4 3 2", more=""):
    text = NRRD.format(size=size, encoding=encoding, more=more)
    path.write_bytes(text.encode() + b"\n" + body)
    return path


@pytest.fixture
def nifti(tmp_path):
    path = tmp_path / "plain.nii.gz"
    nibabel.save(nibabel.Nifti1Image(VALUES.T, np.diag([-1, -1, 1, 1])), path)
    return path


@pytest.mark.parametrize("name", ["Mixed.Nii.Gz", "x.nii.GZ", "noextension", "scan.nii", "a.dcm"])
def test_the_content_says_what_a_file_is(tmp_path, nifti, name):
    (tmp_path / name).write_bytes(nifti.read_bytes())
    assert np.array_equal(read_volume(tmp_path / name).voxels, VALUES)
    (tmp_path / name).write_bytes(gzip.decompress(nifti.read_bytes()))
    assert np.array_equal(read_volume(tmp_path / name).voxels, VALUES)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + bytes(60), "ZIP"),
        (b"%PDF-1.7" + bytes(60), "PDF"),
        (gzip.compress(b"no image" * 99), "gzip file, but not of a NIfTI"),
        (b"\x1f\x8bnonsense", "gzip"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"words and words", "unknown kind"),
        (b"", "empty"),
    ],
)
def test_what_is_no_image_is_said_truly(tmp_path, content, words):
    (tmp_path / "a.xyz").write_bytes(content)
    for read in (read_image, read_volume, read_mask):
        with pytest.raises(InputError, match=words):
            read(tmp_path / "a.xyz")


def test_pipes_links_and_folders_are_called_what_they_are(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "broken.png").symlink_to(tmp_path / "gone")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "folder.png").mkdir()
    for name, words in (
        ("pipe.png", "pipe or a device"),
        ("zero.png", "pipe or a device"),
        ("broken.png", "link to a file that does not exist"),
        ("folder.png", "is a folder"),
        ("none.png", "does not exist"),
        ("a\0b.png", "cannot be opened"),
        ("n" * 300 + ".png", "too long"),
    ):
        for read in (read_image, read_mask):
            with pytest.raises(InputError, match=words):
                read(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "/dev/zero", "../secret.raw", "link.raw", "pipe.raw", "gone.raw", "."]
)
def test_a_header_reaches_no_further_than_its_folder(tmp_path, name):
    (tmp_path / "secret.raw").write_bytes(bytes(48))
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "link.raw").symlink_to(tmp_path / "secret.raw")
    os.mkfifo(folder / "pipe.raw")
    meta = metaimage(folder / "a.mhd", file=name)
    text = nrrd(folder / "a.nhdr", more=f"data file: {name}\n")
    for path in (meta, text):
        with pytest.raises(InputError, match=r"outside its folder|cannot be opened|no ordinary"):
            read_volume(path)


@pytest.mark.parametrize("pattern", ["LIST", "%d.raw 1 2 1", "all.raw"])
def test_voxels_in_files_beside_the_header(tmp_path, pattern):
    for k in range(2):
        (tmp_path / f"{k + 1}.raw").write_bytes(VALUES[k].tobytes())
    (tmp_path / "all.raw").write_bytes(VALUES.tobytes())
    names = b"1.raw\n2.raw\n" if pattern == "LIST" else b""
    meta = metaimage(tmp_path / "a.mhd", names, file=pattern)
    assert np.array_equal(read_volume(meta).voxels, VALUES)
    text = NRRD.format(size="4 3 2", encoding="raw", more=f"data file: {pattern}\n")
    (tmp_path / "a.nhdr").write_bytes(text.encode() + names)
    assert np.array_equal(read_volume(tmp_path / "a.nhdr").voxels, VALUES)


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "ascii", "zlib", "raw"])
def test_a_payload_that_is_not_whole_is_refused(tmp_path, kind):
    raw = VALUES.tobytes()
    packed = {
        "gzip": gzip.compress(raw),
        "bzip2": bz2.compress(raw),
        "zlib": zlib.compress(raw),
        "ascii": " ".join(map(str, VALUES.ravel())).encode(),
        "raw": raw,
    }[kind]
    path = tmp_path / ("a.mha" if kind == "zlib" else "a.nrrd")

    def write(body):
        if kind == "zlib":
            metaimage(path, body, more="CompressedData = True\n")
        else:
            nrrd(path, body, kind)
        return path

    assert np.array_equal(read_volume(write(packed)).voxels, VALUES)
    short = packed[: len(packed) // 2] if kind != "ascii" else packed[:40]
    broken = [short, b""]
    if kind in ("gzip", "bzip2", "zlib"):
        at = -8 if kind == "gzip" else -2  # a checksum that ITK and Pillow do not look at
        wrong = bytearray(packed)
        wrong[at] ^= 1
        broken.append(bytes(wrong))
    for body in broken:
        with pytest.raises(InputError, match=r"cut short|damaged"):
            read_volume(write(body))


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
def test_a_byte_skip_counts_what_is_unpacked(tmp_path, encoding):
    raw = bytes(100) + VALUES.tobytes()
    packed = {"raw": raw, "gzip": gzip.compress(raw), "bzip2": bz2.compress(raw)}[encoding]
    (tmp_path / "x.raw").write_bytes(packed)
    path = nrrd(tmp_path / "a.nhdr", b"", encoding, more="byte skip: 100\ndata file: x.raw\n")
    assert np.array_equal(read_volume(path).voxels, VALUES)


@pytest.mark.parametrize("number", ["nan", "70000", "1.7", "-40000", "cat"])
def test_text_that_its_type_does_not_hold_is_refused(tmp_path, number):
    words = [number, *map(str, VALUES.ravel()[1:])]
    path = nrrd(tmp_path / "a.nrrd", " ".join(words).encode(), "ascii")
    with pytest.raises(InputError, match="text holds"):
        read_volume(path)


def test_a_slope_of_zero_in_metaimage_is_refused(tmp_path):
    more = "ElementToIntensityFunctionSlope = 0\n"
    with pytest.raises(InputError, match="slope is 0"):
        read_volume(metaimage(tmp_path / "a.mha", VALUES.tobytes(), more=more))


def test_a_nifti_in_several_gzip_members_is_read(nifti):
    whole = gzip.decompress(nifti.read_bytes())
    nifti.write_bytes(gzip.compress(whole[:200]) + gzip.compress(whole[200:]))
    assert np.array_equal(read_volume(nifti).voxels, VALUES)


def test_a_nifti_with_a_wrong_checksum_is_refused(nifti):
    content = bytearray(nifti.read_bytes())
    content[-6] ^= 1
    nifti.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_volume(nifti)


# -- too large -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["4294967297 1 1", "100000 100000 1", "0 3 2", "-4 3 2"])
def test_absurd_sizes_are_refused_before_anything_is_read(tmp_path, size):
    for path in (metaimage(tmp_path / "a.mha", size=size), nrrd(tmp_path / "a.nrrd", size=size)):
        with pytest.raises(InputError):
            read_volume(path)


def test_emptiness_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    """The check comes first: nothing is unpacked and nothing allocated."""
    body = gzip.compress(bytes(1000))
    path = nrrd(tmp_path / "a.nrrd", body, "gzip", "900 900 900")
    monkeypatch.setattr(payload.np, "empty", lambda *_: pytest.fail("allocated"))
    with pytest.raises(InputError, match="more than 500 times"):
        read_volume(path)


def test_what_does_not_fit_into_the_memory_is_refused(monkeypatch):
    import psutil

    memory = psutil.virtual_memory()._replace(available=10**9)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    check_bytes(300 * 10**6, 10**9, "a.nii")
    with pytest.raises(InputError, match=r"a\.nii: needs 1\.1 GiB of memory"):
        check_bytes(400 * 10**6, 10**9, "a.nii")
    with pytest.raises(InputError, match="limit"):
        check_size((20_000, 20_000), "a.png")


def test_a_stream_that_goes_on_behind_the_voxels_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(payload, "_BEHIND", 1000)
    path = nrrd(tmp_path / "a.nrrd", gzip.compress(VALUES.tobytes() + bytes(5000)), "gzip")
    with pytest.raises(InputError, match="far more than its header"):
        read_volume(path)


def deflated(path, rows, pixels):
    """A deflated DICOM file whose header declares `rows` x 8 pixels."""
    from pydicom.filewriter import write_file_meta_info
    from pydicom.uid import UID, CTImageStorage

    ds = pydicom.Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = CTImageStorage, "1.2.3", "OT"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = rows, 8, 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 0
    ds.PixelData = pixels
    ds["PixelData"].VR = "OW"
    body = io.BytesIO()
    pydicom.dcmwrite(body, ds, implicit_vr=False, little_endian=True)
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, "1.2.3"
    meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1.99")
    engine = zlib.compressobj(wbits=-15)
    with open(path, "wb") as file:
        file.write(bytes(128) + b"DICM")
        write_file_meta_info(file, meta)
        file.write(engine.compress(body.getvalue()) + engine.flush())
    return path


def test_a_deflated_dicom_unpacks_no_further_than_its_header(tmp_path):
    pixels = np.arange(40, dtype="<u2")
    image = read_image(deflated(tmp_path / "a.dcm", 5, pixels.tobytes()))
    assert np.array_equal(image.pixels.ravel(), pixels)
    with pytest.raises(InputError, match="more than its header declares"):
        read_image(deflated(tmp_path / "b.dcm", 5, bytes(40 * 2**20)))


def test_a_compressed_frame_of_another_size_than_its_header_is_refused(phantom, tmp_path):
    """The decoder believes the stream: 60,000 x 60,000 would be allocated first."""
    from PIL import Image as pillow
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGBaseline8Bit

    stream = io.BytesIO()
    pillow.fromarray(np.zeros((16, 24), np.uint8)).save(stream, "JPEG")
    path = phantom.save_slice(tmp_path / "a.dcm", np.zeros((16, 24), np.uint8))
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PixelData = encapsulate([stream.getvalue()])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.save_as(path)
    assert read_image(path).shape == (16, 24)
    ds.Rows = 17
    ds.save_as(path)
    with pytest.raises(InputError, match="24 x 16, its header says 24 x 17"):
        read_image(path)
    wrong = bytearray(stream.getvalue())
    at = wrong.index(b"\xff\xc0")
    wrong[at + 5 : at + 9] = (60_000).to_bytes(2, "big") * 2
    ds.Rows, ds.PixelData = 16, encapsulate([bytes(wrong)])
    ds.save_as(path)
    with pytest.raises(InputError, match="60000 x 60000"):
        read_image(path)


def test_damaged_run_lengths_are_refused(phantom, tmp_path):
    from pydicom.uid import RLELossless

    path = phantom.save_slice(tmp_path / "a.dcm", np.arange(400, dtype=np.uint16).reshape(20, 20))
    ds = pydicom.dcmread(path)
    ds.compress(RLELossless)
    ds.save_as(path)
    good = path.read_bytes()
    assert read_image(path).pixels[1, 0] == 20
    rng = np.random.default_rng(5)
    at = good.index(b"\xfe\xff\x00\xe0", good.index(b"\xe0\x7f\x10\x00") + 20)
    for _ in range(60):
        broken = bytearray(good)
        for k in rng.integers(at, len(good), 4):
            broken[k] = rng.integers(256)
        path.write_bytes(broken)
        with suppress(InputError):  # and nothing else
            assert read_image(path).shape == (20, 20)


def test_a_jpeg_2000_whose_boxes_have_no_length_is_refused(phantom, tmp_path):
    """pydicom would walk them for ever."""
    from PIL import Image as pillow
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless

    stream = io.BytesIO()
    pillow.fromarray(np.arange(384, dtype=np.uint8).reshape(16, 24)).save(stream, "JPEG2000")
    good = stream.getvalue()
    path = phantom.save_slice(tmp_path / "a.dcm", np.zeros((16, 24), np.uint8))
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = JPEG2000Lossless

    def save(content):
        ds.PixelData = encapsulate([content])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        ds.save_as(path)

    save(good)
    assert read_image(path).shape == (16, 24)
    save(good[:12] + bytes(4) + good[16:])
    with pytest.raises(InputError, match="cannot be decoded"):
        read_image(path)
