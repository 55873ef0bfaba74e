"""DICOM files and series: order, geometry, units, and one clear line for what cannot be used."""

import shutil

import numpy as np
import pydicom
import pytest

from xgen_studio.errors import InputError
from xgen_studio.imaging import Image, read_image, read_volume, write_dicom_synthetic

SLICE = np.arange(12, dtype=np.int16).reshape(3, 4)


def refused(path, words, read=read_image):
    with pytest.raises(InputError, match=words) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_shuffled_series_is_sorted_by_position(volume, phantom, tmp_path):
    v = read_volume(phantom.save_series(tmp_path / "s", volume))
    assert np.allclose(phantom.found_mark(v), phantom.expected_mark(volume), atol=1e-4)
    assert v.spacing == pytest.approx(volume.spacing)
    assert v.modality == "CT"
    # DICOM has no left-handed stacks: there the slices come back in the opposite order.
    flipped = np.linalg.det(volume.direction) < 0
    assert np.array_equal(v.voxels, volume.voxels[::-1] if flipped else volume.voxels)
    assert v.voxels.dtype == np.int16


def test_the_largest_series_is_taken_and_the_rest_counted(volume, phantom, tmp_path):
    folder = phantom.save_series(tmp_path / "s", volume)
    phantom.save_slice(folder / "scout.dcm", SLICE)
    phantom.save_slice(folder / "other.dcm", SLICE, SeriesInstanceUID="9.9")
    (folder / "notes.txt").write_text("a note of the radiographer")
    v = read_volume(folder)
    assert v.shape == volume.shape
    assert v.meta["left_out"] == 3
    told = "; ".join(v.notes)
    for words in ("another series", "other.dcm", "scout.dcm", "not readable as DICOM", "notes.txt"):
        assert words in told


def test_doubled_slices_are_noticed(volume, phantom, tmp_path):
    folder = phantom.save_series(tmp_path / "s", volume)
    shutil.copy(folder / "3.dcm", folder / "again.dcm")
    v = read_volume(folder)  # the same slice twice is told, two slices at one place are refused
    assert v.shape == volume.shape and "same slice once more" in v.notes[0]
    assert "again.dcm" in v.notes[0] or "3.dcm" in v.notes[0]
    other = pydicom.dcmread(folder / "3.dcm")
    other.SOPInstanceUID = "1.2.3"
    other.save_as(folder / "again.dcm")
    refused(folder, "same position", read_volume)


def stack(folder, phantom, positions, **elements):
    folder.mkdir()
    for k, position in enumerate(positions):
        elements = {"ImagePositionPatient": position} | elements
        path = folder / f"{k}.dcm"
        phantom.save_slice(path, SLICE, **(elements | {"ImagePositionPatient": position}))
    return folder


def test_positions_that_are_rounded_are_an_even_stack(phantom, tmp_path):
    rounded = [[0, 0, z] for z in (0, 0.7, 1.3, 2.0, 2.7, 3.3)]
    found = read_volume(stack(tmp_path / "c", phantom, rounded))
    assert found.spacing[2] == pytest.approx(0.66) and not found.notes


def test_a_series_without_geometry_names_the_tag(phantom, tmp_path):
    line = [[0, 0, k] for k in range(3)]
    folder = stack(tmp_path / "a", phantom, line, PixelSpacing=None)
    refused(folder, r"0028,0030", read_volume)
    folder = stack(tmp_path / "b", phantom, line, ImageOrientationPatient=None)
    refused(folder, r"0020,0037", read_volume)
    folder = stack(tmp_path / "c", phantom, [None, None])
    refused(folder, r"0020,0032", read_volume)
    folder = stack(tmp_path / "d", phantom, line, Modality="OT", PixelSpacing=None)
    refused(folder, r"0028,0030", read_volume)


def test_folders_and_single_files_say_what_to_open(phantom, tmp_path):
    refused(tmp_path, "no DICOM images", read_volume)
    refused(tmp_path, "folder")
    path = phantom.save_slice(tmp_path / "one.dcm", SLICE)
    refused(path, "choose the folder", read_volume)
    refused(tmp_path, "single slice", read_volume)


def test_spacing_is_x_first_and_place_is_kept(phantom, tmp_path):
    path = phantom.save_slice(
        tmp_path / "a.dcm",
        SLICE,
        ImagePositionPatient=[1, 2, 3],
        RescaleSlope=2,
        RescaleIntercept=-1000,
        WindowCenter=[40, 50],
        WindowWidth=[400, 500],
    )
    image = read_image(path)
    assert image.spacing == (0.7, 1.3)
    assert image.origin == (1, 2, 3)
    assert image.pixels.tolist() == (SLICE.astype(int) * 2 - 1000).tolist()
    assert image.pixels.dtype == np.int16
    assert image.meta["window"] == (40, 400)


def test_a_fractional_slope_gives_floats(phantom, tmp_path):
    path = phantom.save_slice(tmp_path / "a.dcm", SLICE, RescaleSlope="0.25", RescaleIntercept=1)
    image = read_image(path)
    assert image.pixels.dtype == np.float32
    assert np.allclose(image.pixels, SLICE * 0.25 + 1)


def test_a_ct_without_spacing_is_refused_and_a_radiograph_without_is_not(phantom, tmp_path):
    path = phantom.save_slice(tmp_path / "a.dcm", SLICE, PixelSpacing=None)
    refused(path, r"Pixel Spacing \(0028,0030\)")
    path = phantom.save_slice(tmp_path / "b.dcm", SLICE, Modality="CR", PixelSpacing=None)
    assert read_image(path).spacing is None
    path = phantom.save_slice(tmp_path / "z.dcm", SLICE, PixelSpacing=[0, 0])
    refused(path, r"0028,0030")


def test_detector_spacing_is_divided_by_the_magnification(phantom, tmp_path):
    image = read_image(
        phantom.save_slice(
            tmp_path / "a.dcm",
            SLICE,
            Modality="DX",
            PixelSpacing=None,
            ImagerPixelSpacing=[0.3, 0.2],
            EstimatedRadiographicMagnificationFactor="1.25",
        )
    )
    assert image.spacing == pytest.approx((0.16, 0.24))
    assert "Magnification" in image.meta["spacing_from"]


def test_monochrome1_keeps_its_values_and_its_name(phantom, tmp_path):
    path = phantom.save_slice(tmp_path / "a.dcm", SLICE, PhotometricInterpretation="MONOCHROME1")
    image = read_image(path)
    assert image.photometric == "MONOCHROME1"
    assert np.array_equal(image.pixels, SLICE)


def test_colour_becomes_grey_and_says_so(phantom, tmp_path):
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[0, 0] = (255, 0, 0)
    image = read_image(phantom.save_slice(tmp_path / "a.dcm", rgb, Modality="OT"))
    assert image.pixels.tolist() == [[76, 0], [0, 0]]
    assert "grey" in image.notes[0]


def test_what_cannot_be_an_image_gets_one_line(phantom, tmp_path):
    def save(name, **elements):
        return phantom.save_slice(tmp_path / name, SLICE, **elements)

    refused(save("a.dcm", PixelData=None), "no pixel data")
    refused(save("b.dcm", PixelData=SLICE.tobytes()[:10]), "cut short")
    refused(save("c.dcm", Rows=None), "Rows")
    refused(save("d.dcm", NumberOfFrames=3), "3 frames")
    refused(save("e.dcm", Rows=65000, Columns=65000), "limit")
    whole = save("f.dcm").read_bytes()
    (tmp_path / "g.dcm").write_bytes(whole[:-9])
    refused(tmp_path / "g.dcm", "cut short|fit")
    (tmp_path / "h.dcm").write_text("no DICOM at all\n" * 100)
    refused(tmp_path / "h.dcm", "DICOM")


def test_a_file_without_preamble_is_read(phantom, tmp_path):
    whole = phantom.save_slice(tmp_path / "a.dcm", SLICE).read_bytes()
    (tmp_path / "bare").write_bytes(whole[132:])
    assert np.array_equal(read_image(tmp_path / "bare").pixels, SLICE)


def ramp(**more):
    unit = np.linspace(0.1, 0.9, 30).reshape(5, 6)
    return Image(unit, (0.143, 0.2), **more)


def test_synthetic_dicom_cannot_be_taken_for_a_patients(tmp_path):
    import pydicom

    path = tmp_path / "s.dcm"
    write_dicom_synthetic(path, ramp(modality="DX"), {"model": "knee", "seed": 7})
    ds = pydicom.dcmread(path)
    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert ds.PatientName == "SYNTHETIC^XGEN" and "SYNTHETIC" in ds.SeriesDescription
    assert "SYNTHETIC" in ds.ImageComments
    assert list(ds.ImageType) == ["DERIVED", "SECONDARY"]
    assert (ds.BurnedInAnnotation, ds.ContentQualification) == ("NO", "RESEARCH")
    assert ds.SOPClassUID.name == "Secondary Capture Image Storage"
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
    assert not ds.PatientBirthDate and ds.PixelSpacing == [0.2, 0.143]
    write_dicom_synthetic(tmp_path / "t.dcm", ramp(), {})
    other = pydicom.dcmread(tmp_path / "t.dcm")
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        assert ds[keyword].value != other[keyword].value


def test_synthetic_dicom_comes_back_as_it_was(tmp_path):
    image = ramp(modality="DX", photometric="MONOCHROME1", origin=(1, 2, 3), direction=np.eye(3))
    provenance = {"model": "knee", "seed": 7, "text": 'Knöchel \\ "x"'}
    write_dicom_synthetic(tmp_path / "s.dcm", image, provenance)
    back = read_image(tmp_path / "s.dcm")
    assert back.synthetic and back.meta["provenance"] == provenance
    assert np.abs(back.pixels / 65535 - image.pixels).max() < 1e-5
    assert back.spacing == pytest.approx(image.spacing)
    assert back.origin == image.origin and np.allclose(back.direction, np.eye(3))
    assert (back.modality, back.photometric) == ("DX", "MONOCHROME1")


@pytest.mark.parametrize("kind", ["unit", "dim", "u1", "i2", "hu"])
def test_a_viewer_that_keeps_to_the_standard_shows_every_grey(tmp_path, kind):
    import pydicom
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    unit = ramp().pixels
    grey = {
        "unit": unit,
        "dim": unit * np.float32(0.4),
        "u1": np.rint(unit * 255).astype(np.uint8),
        "i2": np.rint(unit * 2000 - 1000).astype(np.int16),
        "hu": unit * np.float32(1999.5) - np.float32(1000),
    }[kind]
    write_dicom_synthetic(tmp_path / "s.dcm", Image(grey), {})
    ds = pydicom.dcmread(tmp_path / "s.dcm")
    assert float(ds.WindowWidth) >= 1 and float(ds.get("RescaleSlope", 1)) > 0
    shown = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds).astype(float)
    shown = (shown - shown.min()) / np.ptp(shown)
    wanted = (grey - grey.min()) / np.ptp(grey.astype(float))
    np.testing.assert_allclose(shown, wanted, atol=2e-3)  # (PS3.3 C.11.2.1.2)
    if kind == "dim":  # and a dim picture stays dim: white is 1, not its own brightest grey
        whole = apply_voi_lut(np.array([0, 65535], np.uint16), ds)
        assert shown.max() == 1 and apply_voi_lut(ds.pixel_array, ds).max() < 0.45 * whole.max()


def test_what_is_seen_and_how_it_came_to_be_is_said(tmp_path):
    import pydicom

    about = {"BodyPartExamined": "KNEE", "ViewPosition": "AP", "ImageLaterality": "R"}
    write_dicom_synthetic(tmp_path / "s.dcm", ramp(), {"model": "m", "seed": 3}, about)
    ds = pydicom.dcmread(tmp_path / "s.dcm")
    assert (ds.BodyPartExamined, ds.ViewPosition, ds.ImageLaterality) == ("KNEE", "AP", "R")
    assert "model m, seed 3" in ds.DerivationDescription


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
def test_synthetic_dicom_keeps_every_pixel_type(tmp_path, dtype):
    values = np.array([[3, 250, 7], [9, 11, 120]]).astype(dtype)
    if dtype is np.int16:
        values[0, 0] = -1024
    if dtype is np.float32:
        values *= 7.5
    write_dicom_synthetic(tmp_path / "s.dcm", Image(values), {})
    back = read_image(tmp_path / "s.dcm")
    assert np.allclose(back.pixels, values, atol=0.02 if dtype is np.float32 else 0)


@pytest.mark.parametrize("what", ["cosines", "spacing", "both"])
def test_last_digits_that_jitter_do_not_split_a_series(volume, phantom, tmp_path, what):
    folder = phantom.save_series(tmp_path / "s", volume)
    for k, path in enumerate(sorted(folder.iterdir())):
        ds = pydicom.dcmread(path)
        if what != "spacing":
            c = 0.005 + (-4e-6 if k < 3 else 4e-6)  # about a rounding edge
            ds.ImageOrientationPatient = [1, c, 0, -c, 1, 0]
            ds.ImagePositionPatient = [0, 0, 2 * k]
        if what != "cosines":
            ds.PixelSpacing = [volume.spacing[1] + 1e-7 * k, volume.spacing[0]]
        ds.save_as(path)
    found = read_volume(folder)
    assert found.shape == volume.shape and not found.notes


def test_whatever_is_left_out_of_a_series_is_told(volume, phantom, tmp_path):
    folder = phantom.save_series(tmp_path / "s", volume)
    phantom.save_slice(folder / "large.dcm", np.zeros((9, 9), np.int16))
    phantom.save_slice(
        folder / "scout.dcm",
        volume.voxels[0].astype(np.int16),
        PixelSpacing=[volume.spacing[1], volume.spacing[0]],
        ImageOrientationPatient=[0.6, 0.8, 0, 0, 0, -1],
    )
    cut = (folder / "2.dcm").read_bytes()
    (folder / "cut.dcm").write_bytes(cut[:300])
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "gone.dcm").symlink_to(tmp_path / "nowhere")
    (tmp_path / "elsewhere").mkdir()
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    shutil.copy(folder / "2.dcm", folder / "copy.dcm")
    (folder / "DICOMDIR").write_bytes(b"an index")
    found = read_volume(folder)
    assert found.shape == volume.shape and found.meta["left_out"] == 8
    told = "; ".join(found.notes)
    for name in ("large", "scout", "cut", "empty", "gone", "more", "DICOMDIR"):
        assert name in told, name
    assert "copy.dcm" in told or "2.dcm" in told
    for reason in ("another size", "another direction", "not readable", "link", "once more"):
        assert reason in told, reason
