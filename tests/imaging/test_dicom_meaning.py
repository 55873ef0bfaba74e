"""What a stored value of DICOM means: scaling, what is shown bright, padding, words, windows."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from xgen_studio.errors import InputError
from xgen_studio.imaging import attenuation_up, display_8bit, read_image, read_volume

PICTURE = np.arange(300, 300 + 12 * 9, dtype=np.uint16).reshape(12, 9)


def radiograph(phantom, path, pixels=PICTURE, **elements):
    return phantom.save_slice(
        path, pixels, **({"Modality": "DX", "PixelRepresentation": 0} | elements)
    )


@pytest.mark.parametrize(
    ("elements", "slope", "intercept"),
    [
        ({"RescaleSlope": "", "RescaleIntercept": ""}, 1, 0),
        ({"RescaleSlope": 1, "RescaleIntercept": ""}, 1, 0),
        ({"RescaleSlope": None, "RescaleIntercept": -1000}, 1, -1000),
        ({"RescaleSlope": 2, "RescaleIntercept": None}, 2, 0),
        ({"RescaleSlope": "0.5", "RescaleIntercept": "-3"}, 0.5, -3),
    ],
)
def test_half_a_rescale_is_applied_and_told(phantom, tmp_path, elements, slope, intercept):
    image = read_image(radiograph(phantom, tmp_path / "a.dcm", **elements))
    assert np.allclose(image.pixels, PICTURE.astype(int) * slope + intercept)
    half = sum(v not in ("", None) for v in elements.values()) == 1
    assert any("without" in note for note in image.notes) == half


def test_a_slope_of_zero_is_refused(phantom, tmp_path):
    with pytest.raises(InputError, match="Slope"):
        read_image(radiograph(phantom, tmp_path / "a.dcm", RescaleSlope=0, RescaleIntercept=1))


@pytest.mark.parametrize(
    ("elements", "bright", "bone"),
    [
        ({}, 1, 1),
        ({"PhotometricInterpretation": "MONOCHROME1"}, -1, -1),
        ({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}, -1, -1),
        ({"PresentationLUTShape": "INVERSE"}, -1, -1),
        ({"PresentationLUTShape": "IDENTITY"}, 1, 1),
        ({"PixelIntensityRelationshipSign": -1}, 1, 1),
        ({"PixelIntensityRelationshipSign": 1}, 1, -1),
        ({"PixelIntensityRelationshipSign": 1, "RescaleSlope": -1, "RescaleIntercept": 0}, 1, 1),
        (
            {"PhotometricInterpretation": "MONOCHROME1", "PixelIntensityRelationshipSign": 1},
            *(-1, -1),
        ),
        (
            {"PhotometricInterpretation": "MONOCHROME1", "PixelIntensityRelationshipSign": -1},
            *(-1, 1),
        ),
    ],
)
def test_what_is_shown_bright_and_what_is_bone(phantom, tmp_path, elements, bright, bone):
    image = read_image(radiograph(phantom, tmp_path / "a.dcm", **elements))
    sign = elements.get("RescaleSlope", 1)
    rises = np.arange(PICTURE.size) * sign
    shown = display_8bit(image).astype(int).ravel()
    dense = attenuation_up(image).ravel()
    assert np.sign(np.corrcoef(shown, rises)[0, 1]) == bright
    assert np.sign(np.corrcoef(dense, rises)[0, 1]) == bone
    told = any("INVERSE" in note for note in image.notes)
    assert told == (elements == {"PresentationLUTShape": "INVERSE"})
    assert any("shown dark" in note and "sign" in note for note in image.notes) == (bright != bone)


@pytest.mark.parametrize("how", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("value", "limit"), [(0, None), (65535, None), (0, 5), (5, 0)])
def test_padding_is_dark_and_does_not_count(phantom, tmp_path, how, value, limit):
    padded = PICTURE.copy()
    padded[:3] = value
    if limit is not None:
        padded[0] = limit
    image = read_image(
        radiograph(
            phantom,
            tmp_path / "a.dcm",
            padded,
            PhotometricInterpretation=how,
            PixelPaddingValue=value,
            PixelPaddingRangeLimit=limit,
        )
    )
    plain = read_image(
        radiograph(phantom, tmp_path / "b.dcm", PICTURE[3:], PhotometricInterpretation=how)
    )
    assert np.array_equal(image.pixels[3:], plain.pixels)
    assert image.pixels.min() == PICTURE[3:].min() and image.pixels.max() == PICTURE[3:].max()
    assert (display_8bit(image)[:3] == 0).all()
    dense = attenuation_up(image)
    assert (dense[:3] == dense.min()).all()
    assert "27 pixels are padding" in image.notes[0]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("stored", "high"), [(12, 15), (12, 13), (12, 11), (10, 15)])
def test_values_that_lie_high_in_their_word_are_brought_down(
    phantom, tmp_path, signed, stored, high
):
    values = np.arange(12 * 9).reshape(12, 9) - (50 if signed else 0)
    word = np.int16 if signed else np.uint16
    moved = (values << (high + 1 - stored)).astype(word)
    image = read_image(
        radiograph(
            phantom,
            tmp_path / "a.dcm",
            moved,
            BitsStored=stored,
            HighBit=high,
            PixelRepresentation=int(signed),
        )
    )
    assert np.array_equal(image.pixels, values)


def test_a_modality_lut_that_falls_turns_the_beam_round(phantom, tmp_path):
    lut = pydicom.Dataset()
    lut.LUTDescriptor, lut.ModalityLUTType = [500, 0, 16], "US"
    lut.LUTData = (5000 - np.arange(500)).astype("<u2").tobytes()
    lut["LUTData"].VR = "OW"
    path = radiograph(
        phantom, tmp_path / "a.dcm", PixelIntensityRelationshipSign=1, ModalityLUTSequence=[lut]
    )
    image = read_image(path)
    assert np.array_equal(image.pixels, 5000 - PICTURE.astype(int)) and image.beam_sign == -1
    assert np.array_equal(attenuation_up(image), image.pixels) and not image.notes


def test_padding_written_with_the_other_sign_and_nothing_but_padding(phantom, tmp_path):
    padded = PICTURE.copy()
    padded[:3] = 65535
    path = radiograph(phantom, tmp_path / "a.dcm", padded)
    ds = pydicom.dcmread(path)
    ds.add_new(0x00280120, "SS", -1)
    ds.save_as(path)
    assert read_image(path).pixels.max() == PICTURE.max()
    path = radiograph(phantom, tmp_path / "b.dcm", padded * 0, PixelPaddingValue=0)
    with pytest.raises(InputError, match="nothing but padding"):
        read_image(path)


@pytest.mark.parametrize("how", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_of_a_volume_is_its_least_value_even_where_a_slice_is_nothing_else(
    phantom, tmp_path, how
):
    folder = tmp_path / "s"
    folder.mkdir()
    for k in range(4):
        plane = (PICTURE + k).astype(np.uint16)
        plane[:2] = 65535
        phantom.save_slice(
            folder / f"{k}.dcm",
            np.full_like(plane, 65535) if k == 3 else plane,
            PixelRepresentation=0,
            RescaleSlope=1,
            RescaleIntercept=-1024,
            ImagePositionPatient=[0, 0, k],
            PixelPaddingValue=65535,
            PhotometricInterpretation=how,
        )
    volume = read_volume(folder)
    least = int(PICTURE[2:].min()) - 1024
    assert (volume.voxels[:, :2] == least).all() and (volume.voxels[3] == least).all()
    assert volume.voxels.max() == int(PICTURE.max()) + 2 - 1024
    assert "162 voxels are padding" in volume.notes[0]


def test_the_window_of_a_file_is_shown_as_its_function_says(phantom, tmp_path):
    small = {"RescaleSlope": "0.01", "RescaleIntercept": 0}
    exact = {"WindowCenter": 3.5, "WindowWidth": 0.6, "VOILUTFunction": "LINEAR_EXACT"}
    image = read_image(radiograph(phantom, tmp_path / "a.dcm", **small, **exact))
    expected = np.rint((image.pixels - 3.2) / 0.6 * 255).clip(0, 255)
    assert np.abs(display_8bit(image).astype(int) - expected).max() <= 1
    curve = {"WindowCenter": 350, "WindowWidth": 100, "VOILUTFunction": "SIGMOID"}
    image = read_image(radiograph(phantom, tmp_path / "b.dcm", **curve))
    assert "window" not in image.meta and "curve" in image.notes[0]


@pytest.mark.parametrize("implicit", [False, True])
def test_a_dicom_without_a_meta_header_is_read(phantom, tmp_path, implicit):
    ds = pydicom.dcmread(radiograph(phantom, tmp_path / "a.dcm"))
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    pydicom.dcmwrite(tmp_path / "n.dcm", ds, implicit_vr=implicit, little_endian=True)
    assert np.array_equal(read_image(tmp_path / "n.dcm").pixels, PICTURE)


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"BitsStored": None}, "BitsStored"),
        ({"PixelRepresentation": None}, "PixelRepresentation"),
        ({"PhotometricInterpretation": None}, "PhotometricInterpretation"),
        ({"PhotometricInterpretation": "GREY"}, "'GREY' is not known"),
    ],
)
def test_what_a_header_lacks_is_named(phantom, tmp_path, elements, words):
    with pytest.raises(InputError, match=words):
        read_image(radiograph(phantom, tmp_path / "a.dcm", **elements))


def test_a_size_of_pixels_that_cannot_be_used_is_told(phantom, tmp_path):
    path = radiograph(phantom, tmp_path / "a.dcm", PixelSpacing=[0, 0])
    image = read_image(path)
    assert image.spacing is None and "PixelSpacing" in image.notes[0]
    path = radiograph(phantom, tmp_path / "b.dcm", PixelSpacing=None, PixelAspectRatio=[2, 1])
    assert "not square (2:1)" in read_image(path).notes[0]


def test_more_pixels_than_are_declared_are_told(phantom, tmp_path):
    twice = PICTURE.tobytes() * 2
    image = read_image(radiograph(phantom, tmp_path / "a.dcm", PixelData=twice))
    assert np.array_equal(image.pixels, PICTURE) and "more pixels" in image.notes[0]
