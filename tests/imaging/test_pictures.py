"""PNG, JPEG and TIFF: exact grey values, provenance, and one clear line for what is no picture."""

import json
import struct
import zlib

import numpy as np
import PIL.Image
import pytest

from xgen_studio.errors import InputError
from xgen_studio.imaging import read_image, read_volume, write_png8, write_png16

UNIT = np.linspace(0, 255, 35).round().reshape(5, 7) / 255  # exact in 8 and in 16 bits


def refused(path, words, read=read_image):
    with pytest.raises(InputError, match=words) as caught:
        read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_png16_keeps_16_bits_and_its_provenance(tmp_path):
    provenance = {"model": "hand", "seed": 3, "name": "Größe"}
    write_png16(tmp_path / "a.png", UNIT, provenance, (0.143, 0.2))
    with PIL.Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "I;16"
        assert picture.text["Synthetic"] == "yes"
        assert json.loads(picture.text["Provenance"]) == provenance
    image = read_image(tmp_path / "a.png")
    assert image.pixels.dtype == np.uint16
    assert np.array_equal(image.pixels, np.rint(UNIT * 65535))
    assert image.synthetic and image.meta["provenance"] == provenance
    assert image.spacing == (0.143, 0.2)


def test_png8_is_marked_only_with_provenance(tmp_path):
    write_png8(tmp_path / "a.png", UNIT)
    write_png8(tmp_path / "b.png", np.uint8(UNIT * 100), {"seed": 1})
    plain, synthetic = read_image(tmp_path / "a.png"), read_image(tmp_path / "b.png")
    assert np.array_equal(plain.pixels, np.rint(UNIT * 255))
    assert (plain.synthetic, synthetic.synthetic) == (False, True)
    assert np.array_equal(synthetic.pixels, np.uint8(UNIT * 100))


@pytest.mark.parametrize("bad", [UNIT * 2, UNIT - 0.1, UNIT * np.nan, UNIT[0], UNIT[:0]])
def test_values_outside_zero_to_one_are_not_written(tmp_path, bad):
    for write in (write_png16, write_png8):
        with pytest.raises(InputError):
            write(tmp_path / "a.png", bad, {})
    assert not list(tmp_path.iterdir())


def test_provenance_that_json_cannot_hold_is_refused(tmp_path):
    for bad in ({"x": object()}, {"x": float("nan")}):
        with pytest.raises(InputError, match="provenance"):
            write_png16(tmp_path / "a.png", UNIT, bad)
    with pytest.raises(InputError, match=r"\.png"):
        write_png16(tmp_path / "a.jpg", UNIT, {})


def test_printing_resolution_is_no_spacing(tmp_path):
    PIL.Image.fromarray(np.uint8(UNIT * 255)).save(tmp_path / "a.png", dpi=(254, 254))
    assert read_image(tmp_path / "a.png").spacing is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tiff_values_are_exact(tmp_path, dtype):
    values = (UNIT * 200).astype(dtype)
    PIL.Image.fromarray(values).save(tmp_path / "a.tif")
    back = read_image(tmp_path / "a.tif").pixels
    assert back.dtype == dtype and np.array_equal(back, values)


def test_jpeg_is_read_and_turned_upright(tmp_path):
    values = np.zeros((40, 60), np.uint8)
    values[:10] = 250
    picture = PIL.Image.fromarray(values)
    exif = picture.getexif()
    exif[0x0112] = 3  # upside down
    picture.save(tmp_path / "a.jpg", quality=95, exif=exif)
    pixels = read_image(tmp_path / "a.jpg").pixels
    assert pixels[-5].mean() > 200 and pixels[5].mean() < 20


def test_grey_stored_as_colour_is_exact_and_real_colour_is_converted(tmp_path):
    grey = np.uint8(UNIT * 255)
    PIL.Image.fromarray(np.dstack([grey] * 3 + [grey * 0 + 9])).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert np.array_equal(image.pixels, grey) and "transparent" in image.notes[0]
    PIL.Image.fromarray(np.dstack([grey, 255 - grey, grey])).save(tmp_path / "b.png")
    image = read_image(tmp_path / "b.png")
    assert "grey" in image.notes[0]
    assert image.pixels[0, 0] == round(0.587 * 255)


def test_what_is_no_picture_gets_one_line(tmp_path):
    refused(tmp_path / "missing.png", "does not exist")
    refused(tmp_path, "folder")
    (tmp_path / "empty.png").touch()
    refused(tmp_path / "empty.png", "empty")
    (tmp_path / "text.png").write_text("no picture " * 40)
    refused(tmp_path / "text.png", "not a picture")
    (tmp_path / "notes.docx").write_text("no picture " * 40)
    refused(tmp_path / "notes.docx", "unknown kind")
    (tmp_path / "notes").write_text("no picture " * 40)
    refused(tmp_path / "notes", "not a")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
@pytest.mark.parametrize("keep", [0.2, 0.6, 0.9])
def test_a_picture_cut_short_is_refused(tmp_path, name, keep, capfd):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    path = tmp_path / name
    PIL.Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    refused(path, "cut short|not a picture")
    assert capfd.readouterr() == ("", "")


def declared_png(path, width, height):
    """A PNG whose header declares a size that its content does not have."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


@pytest.mark.parametrize("side", [13_000, 60_000])
def test_a_huge_declared_size_is_refused(tmp_path, side):
    refused(declared_png(tmp_path / "a.png", side, side), "declares")


def test_several_pages_are_refused(tmp_path):
    page = PIL.Image.fromarray(np.uint8(UNIT * 255))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    refused(tmp_path / "a.tif", "2 pictures")


def test_a_picture_is_no_volume(tmp_path):
    write_png8(tmp_path / "a.png", UNIT)
    refused(tmp_path / "a.png", "open it as an image", read_volume)
    refused(tmp_path / "none", "does not exist", read_volume)


def test_pixels_decide_and_not_the_name(tmp_path):
    write_png8(tmp_path / "a.png", UNIT)
    (tmp_path / "a.png").rename(tmp_path / "a.dcm")
    assert read_image(tmp_path / "a.dcm").shape == (5, 7)


def test_importing_the_room_loads_no_heavy_library():
    import subprocess
    import sys

    code = (
        "import sys, xgen_studio.imaging\n"
        "heavy = {'SimpleITK', 'pydicom', 'PIL', 'torch', 'scipy', 'PySide6'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
