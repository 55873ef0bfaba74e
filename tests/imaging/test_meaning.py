"""What a stored value of a picture means: palettes, white that is least, transparency, bits."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import PIL.Image
import pytest
import tifffile

from xgen_studio.errors import InputError
from xgen_studio.imaging import (
    Label,
    LabelTable,
    attenuation_up,
    brightness_up,
    display_8bit,
    read_image,
    read_mask,
)

KNEE = LabelTable([Label(1, "leg", (255, 0, 0)), Label(2, "bone", (0, 255, 0))])
GREY = np.array([[0, 128, 255, 0], [128, 128, 255, 255], [0, 0, 0, 128]], np.uint8)
IDS = np.array([[0, 1, 2, 0], [1, 1, 2, 2], [0, 0, 0, 1]], np.uint8)
RAMP = np.tile(np.linspace(0, 1, 40), (30, 1))  # dark on the left


def palette_png(path, indices, palette, bits=2):
    picture = PIL.Image.fromarray(indices, mode="P")
    picture.putpalette([v for colour in palette for v in colour])
    picture.save(path, bits=bits)
    return path


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_the_greys_of_a_grey_palette_are_the_values(tmp_path, order):
    greys = (0, 128, 255)
    palette = [(greys[k],) * 3 for k in order]
    indices = np.array(order, np.uint8).argsort()[IDS].astype(np.uint8)
    mask = read_mask(palette_png(tmp_path / "m.png", indices, palette), KNEE)
    assert np.array_equal(mask.labels, IDS) and mask.encoding == "grey levels"
    picture = read_image(tmp_path / "m.png")
    assert np.array_equal(picture.pixels, GREY) and not picture.notes


def test_the_rows_of_a_palette_of_colours_are_ids(tmp_path):
    palette = [(255, 255, 255), (255, 0, 0), (0, 255, 0)]
    mask = read_mask(palette_png(tmp_path / "m.png", IDS, palette), KNEE)
    assert np.array_equal(mask.labels, IDS)
    greys = [(0, 0, 0), (50, 50, 50), (100, 100, 100)]
    with pytest.raises(InputError, match="50"):
        read_mask(palette_png(tmp_path / "g.png", IDS, greys), KNEE)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
def test_white_that_is_least_is_turned_round_at_every_depth(tmp_path, kind):
    full = np.iinfo(kind).max if np.issubdtype(kind, np.integer) else 1.0
    stored = (full - RAMP * full).astype(kind)
    tifffile.imwrite(tmp_path / "w.tif", stored, photometric="miniswhite")
    tifffile.imwrite(tmp_path / "b.tif", (RAMP * full).astype(kind), photometric="minisblack")
    white, black = read_image(tmp_path / "w.tif"), read_image(tmp_path / "b.tif")
    assert "white as its least" in white.notes[0] and not black.notes
    for shown in (display_8bit, attenuation_up, brightness_up):
        a, b = (np.asarray(shown(image), dtype=np.float64) for image in (white, black))
        assert np.abs(a - b).max() <= 1e-6 * full + 1.001


def test_a_bool_mask_and_its_greys_as_tiff(tmp_path):
    """tifffile calls bool 'white is zero': the ids are what is stored, greys what is shown."""
    tifffile.imwrite(tmp_path / "m.tif", IDS > 0)
    assert np.array_equal(read_mask(tmp_path / "m.tif", KNEE).labels, IDS > 0)
    tifffile.imwrite(tmp_path / "g.tif", 255 - GREY, photometric="miniswhite")
    assert np.array_equal(read_mask(tmp_path / "g.tif", KNEE).labels, IDS)


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "f2", "f4", "f8", "u4"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
def test_every_type_of_tiff_keeps_its_values(tmp_path, kind, compression):
    dtype = np.dtype(kind)
    low = -100 if dtype.kind == "i" else 0
    values = (np.arange(30 * 40).reshape(30, 40) % 100 + low).astype(dtype)
    if dtype.kind == "f":
        values = (values / 128).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, compression=compression, rowsperstrip=7)
    image = read_image(tmp_path / "a.tif")
    assert np.array_equal(image.pixels, values.astype(np.float32 if dtype.kind == "f" else dtype))


@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits", None])
def test_a_tiff_with_a_strip_that_is_short_is_refused(tmp_path, compression):
    """tifffile would fill it with zeros."""
    values = np.random.default_rng(0).integers(0, 255, (30, 40), np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values, compression=compression, rowsperstrip=10)
    with tifffile.TiffFile(path) as file:
        at, count = file.pages[0].dataoffsets[1], file.pages[0].databytecounts[1]
        tag = file.pages[0].tags["StripByteCounts"]
    content = bytearray(path.read_bytes())
    if compression == "zlib":  # a wrong checksum
        content[at + count - 1] ^= 1
    else:
        size = {3: 2, 4: 4}[tag.dtype]
        content[tag.valueoffset + size : tag.valueoffset + 2 * size] = (count // 2).to_bytes(
            size, "little"
        )
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_image(path)


def test_a_tiff_that_lacks_tiles_is_refused(tmp_path):
    """tifffile would fill up whatever the header declares: here 60 MB of a file of 1 kB."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((24, 30), np.uint8), compression="zlib", tile=(16, 16))
    assert read_image(path).shape == (24, 30)
    with tifffile.TiffFile(path) as file:
        length = file.pages[0].tags["ImageLength"]
        at, size = length.valueoffset, {3: 2, 4: 4}[length.dtype]
    content = bytearray(path.read_bytes())
    content[at : at + size] = (60_000).to_bytes(size, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match="pixels are missing"):
        read_image(path)


def deep_png(path, colour_type, channels):
    height, width = channels[0].shape

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body))
            + kind
            + body
            + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
        )

    rows = b"".join(
        b"\0" + np.stack([c[y] for c in channels], -1).astype(">u2").tobytes()
        for y in range(height)
    )
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return path


def test_png_keeps_sixteen_bits_with_transparency_and_in_colours(tmp_path):
    deep = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2731 + 7
    opaque = np.full_like(deep, 65535)
    for name, kind, channels in (
        ("grey", 0, [deep]),
        ("alpha", 4, [deep, opaque]),
        ("rgb", 2, [deep] * 3),
        ("rgba", 6, [deep, deep, deep, opaque]),
    ):
        image = read_image(deep_png(tmp_path / f"{name}.png", kind, channels))
        assert image.pixels.dtype == np.uint16 and np.array_equal(image.pixels, deep), name
    colours = [deep, deep // 2, deep // 3]
    image = read_image(deep_png(tmp_path / "c.png", 2, colours))
    expected = np.rint(0.299 * colours[0] + 0.587 * colours[1] + 0.114 * colours[2])
    assert np.abs(image.pixels.astype(float) - expected).max() <= 1 and "grey" in image.notes[0]


def test_a_png_that_is_not_whole_is_refused(tmp_path):
    path = tmp_path / "a.png"
    PIL.Image.fromarray((RAMP * 255).astype(np.uint8)).save(path)
    good = path.read_bytes()
    at = good.index(b"IDAT")
    length = int.from_bytes(good[at - 4 : at], "big")
    body = bytearray(good[at + 4 : at + 4 + length])
    body[-1] ^= 1  # the checksum of the pixels, which Pillow does not look at
    crc = zlib.crc32(bytes(body), zlib.crc32(b"IDAT")).to_bytes(4, "big")
    for broken in (
        good[: at + 4] + bytes(body) + crc + good[at + 8 + length :],
        good[: at + 12] + b"\x55" + good[at + 13 :],
        good[:-12],
        good[: at + 30],
    ):
        path.write_bytes(broken)
        with pytest.raises(InputError, match="damaged or cut short"):
            read_image(path)


def test_transparency_is_refused_in_a_mask_and_told_of_a_picture(tmp_path):
    shape = np.where(IDS > 0, 255, 0).astype(np.uint8)
    white = np.full_like(shape, 255)
    for name, channels in (("la", [white, shape]), ("rgba", [white] * 3 + [shape])):
        path = tmp_path / f"{name}.png"
        PIL.Image.fromarray(np.stack(channels, -1)).save(path)
        with pytest.raises(InputError, match="partly transparent"):
            read_mask(path)
        assert "transparent" in read_image(path).notes[0]
    picture = PIL.Image.fromarray(IDS, mode="P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "p.png", transparency=1)
    with pytest.raises(InputError, match="partly transparent"):
        read_mask(tmp_path / "p.png", KNEE)
    opaque = np.dstack([GREY, white])
    PIL.Image.fromarray(opaque).save(tmp_path / "o.png")
    assert np.array_equal(read_mask(tmp_path / "o.png", KNEE).labels, IDS)


@pytest.mark.parametrize("bits", [2, 4])
def test_small_greys_of_png_are_what_is_stored(tmp_path, bits):
    rows = b"".join(b"\0" + np.packbits(_bits(row, bits)).tobytes() for row in IDS)

    def chunk(kind, body):
        checksum = zlib.crc32(body, zlib.crc32(kind))
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", IDS.shape[1], IDS.shape[0], bits, 0, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    assert np.array_equal(read_mask(tmp_path / "a.png", KNEE).labels, IDS)


def _bits(row, bits):
    return np.array([[v >> k & 1 for k in range(bits - 1, -1, -1)] for v in row]).ravel()


def test_bmp_tiff_palettes_of_eight_bits_and_stretched_greys(tmp_path):
    PIL.Image.fromarray(GREY).save(tmp_path / "a.bmp")
    assert np.array_equal(read_mask(tmp_path / "a.bmp", KNEE).labels, IDS)
    eight = np.tile(np.arange(256, dtype=np.uint16), (3, 1))
    tifffile.imwrite(tmp_path / "p.tif", GREY, photometric="palette", colormap=eight)
    assert np.array_equal(read_image(tmp_path / "p.tif").pixels, GREY)
    stretched = GREY.astype(np.uint16) * 257
    PIL.Image.fromarray(stretched).save(tmp_path / "s.png")
    assert np.array_equal(read_mask(tmp_path / "s.png", KNEE).labels, IDS)
    two = np.dstack([GREY, GREY[::-1]])
    tifffile.imwrite(
        tmp_path / "t.tif", two, photometric="minisblack", planarconfig="contig", extrasamples=[0]
    )
    with pytest.raises(InputError, match="2 values per pixel"):
        read_image(tmp_path / "t.tif")
