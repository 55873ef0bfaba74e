"""The real files of the data folder: each is read with plausible values or refused in one line."""

import numpy as np
import pytest

from xgen_studio.errors import InputError
from xgen_studio.imaging import display_8bit, read_image, read_mask, read_volume

MONO2, MONO1 = "MONOCHROME2", "MONOCHROME1"
# file -> (shape, least, greatest, spacing (x, y), modality, photometric), or words of the refusal
DICOM = {
    "CT_small.dcm": ((128, 128), -896, 1167, (0.661468, 0.661468), "CT", MONO2),
    "ExplVR_BigEnd.dcm": ((60, 80), 123, 255, None, "US", MONO2),
    "ExplVR_LitEndNoMeta.dcm": "no pixel data (a RTPLAN object)",
    "J2K_pixelrep_mismatch.dcm": ((512, 512), -2000, 1896, (0.431, 0.431), "CT", MONO2),
    "JPEG-lossy.dcm": "cannot be decoded",
    "JPEG2000.dcm": ((1024, 256), -30, 245, (2.26, 2.26), "NM", MONO2),
    "MR_small.dcm": ((64, 64), 127, 2145, (0.3125, 0.3125), "MR", MONO2),
    "MR_small_RLE.dcm": ((64, 64), 127, 2145, (0.3125, 0.3125), "MR", MONO2),
    "MR_small_bigendian.dcm": ((64, 64), 127, 2145, (0.3125, 0.3125), "MR", MONO2),
    "MR_small_padded.dcm": ((64, 64), 127, 2145, (0.3125, 0.3125), "MR", MONO2),
    "MR_truncated.dcm": "is cut short",
    "NEMA_WG04_CT1_UNC.dcm": ((512, 512), -1024, 1254, (0.661468, 0.661468), "CT", MONO2),
    "RG3_J2KR.dcm": ((1760, 1760), 0, 1023, None, "CR", MONO1),
    "SC_rgb_rle.dcm": ((100, 100), 0, 255, (1.0, 1.0), "OT", MONO2),
    "badVR.dcm": "Number of Frames (0028,0008) is not a number",
    "examples_overlay.dcm": ((300, 484), 0, 1123, (0.7231405, 0.7231405), "MR", MONO2),
    "examples_rgb_color.dcm": ((240, 320), 0, 255, None, "US", MONO2),
    "gdcm-CR-MONO1-10-chest.dcm": ((440, 440), 0, 979, None, "CR", MONO1),
    "highdicom_dx_image.dcm": ((169, 211), 5, 255, (1.2012, 1.2), "DX", MONO1),
    "image_dfl.dcm": ((512, 512), 0, 255, None, "OT", MONO2),
    "liver_1frame.dcm": "is a DICOM segmentation",
    "nested_priv_SQ.dcm": "describes no image (Rows is missing)",
    "no_meta.dcm": "is not a DICOM file",
    "no_meta_group_length.dcm": "no pixel data",
    "reportsi.dcm": "no pixel data (a SR object)",
    "rtdose_1frame.dcm": ((10, 10), 0.795, 1.254, (10.0, 10.0), "RTDOSE", MONO2),
}


def test_the_table_names_every_dicom_file(data):
    assert {p.name for p in (data / "dicom").glob("*.dcm")} == set(DICOM)


@pytest.mark.parametrize("name", DICOM)
def test_each_dicom_file_is_read_right_or_refused_in_one_line(data, name, capfd):
    expected = DICOM[name]
    path = data / "dicom" / name
    if isinstance(expected, str):
        with pytest.raises(InputError) as caught:
            read_image(path)
        assert expected in str(caught.value) and str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    else:
        shape, least, greatest, spacing, modality, photometric = expected
        image = read_image(path)
        assert image.shape == shape
        assert image.pixels.min() == pytest.approx(least, abs=1e-4)
        assert image.pixels.max() == pytest.approx(greatest, abs=1e-4)
        assert (image.spacing is None) == (spacing is None)
        assert image.spacing is None or image.spacing == pytest.approx(spacing, abs=1e-4)
        assert (image.modality, image.photometric) == (modality, photometric)
        assert display_8bit(image).std() > 1
    assert capfd.readouterr() == ("", "")


def test_one_picture_in_four_encodings_is_the_same(data):
    plain = read_image(data / "dicom/MR_small.dcm")
    for other in ("MR_small_RLE", "MR_small_bigendian", "MR_small_padded"):
        image = read_image(data / f"dicom/{other}.dcm")
        assert np.array_equal(image.pixels, plain.pixels)
        assert image.pixels.dtype.isnative


def test_the_chest_shows_dark_lungs_and_a_bright_middle(data):
    """MONOCHROME1: as stored it is the other way round."""
    shown = display_8bit(read_image(data / "dicom/gdcm-CR-MONO1-10-chest.dcm"))
    lungs = (shown[150:250, 90:140].mean() + shown[150:250, 300:350].mean()) / 2
    assert shown[150:250, 200:240].mean() > lungs + 20


def test_the_ct_series_lies_where_its_segmentation_says(data):
    """20 JPEG 2000 slices whose names run from head to feet, and labels made from them."""
    folder = data / "abdomen/totalsegmentator"
    ct = read_volume(folder / "example_ct_dicom")
    assert ct.shape == (20, 512, 512) and ct.axis_codes == "LPS"
    assert ct.spacing == pytest.approx((0.9765625, 0.9765625, 2.0))
    assert ct.origin == pytest.approx((-249.51171875, -437.51171875, -804.5))
    labels = read_mask(folder / "example_seg_dicom.nii.gz").to_lps()
    labels.check_fits(ct)
    inside = ct.voxels[labels.labels > 0]
    assert -150 < np.median(inside) < 300
    assert np.median(ct.voxels[0, :40]) < -900


def test_mask_of_the_ct_lies_in_soft_tissue(data):
    folder = data / "abdomen/ivadomed_spleen"
    ct = read_volume(folder / "sub-spleen2_ct.nii.gz").to_lps()
    spleen = read_mask(folder / "sub-spleen2_ct_seg-manual.nii.gz").to_lps()
    spleen.check_fits(ct)
    values = ct.voxels[spleen.labels > 0]
    assert 20 < values.mean() < 200
    # The spleen lies on the patient's left: larger x than the middle of the body.
    x = ct.index_to_mm(np.argwhere(spleen.labels > 0))[:, 0].mean()
    body = ct.index_to_mm(np.argwhere(ct.voxels > -200))[:, 0].mean()
    assert x > body


def test_vertebrae_are_bone_and_lie_at_their_centroids(data):
    import json

    folder = data / "spine/verse012"
    ct = read_volume(folder / "sub-verse012_ct.nii.gz")
    mask = read_mask(folder / "sub-verse012_seg-vert_msk.nii.gz")
    mask.check_fits(ct)
    assert ct.shape == (252, 194, 35) and ct.spacing == pytest.approx((3, 1, 1), abs=1e-5)
    assert ct.voxels[mask.labels > 0].mean() > 120 > ct.voxels.mean()
    entries = json.loads((folder / "sub-verse012_seg-subreg_ctd.json").read_text())[1:]
    assert {e["label"] for e in entries} <= set(mask.present)
    heights = {
        e["label"]: ct.index_to_mm(np.argwhere(mask.labels == e["label"]))[:, 2].mean()
        for e in entries
    }
    order = sorted(heights)
    assert [heights[i] for i in order] == sorted(heights.values(), reverse=True)


def test_a_crop_in_another_orientation_turns_with_its_mask(data):
    folder = data / "spine/tptbox_sample"
    ct = read_volume(folder / "sub-ct_label-22_ct.nii.gz")
    mask = read_mask(folder / "sub-ct_seg-vert_label-22_msk.nii.gz")
    assert ct.axis_codes == "PIR"
    turned, turned_mask = ct.to_lps(), mask.to_lps()
    turned_mask.check_fits(turned)
    assert turned.axis_codes == "LPS"
    assert turned.voxels[turned_mask.labels > 0].sum() == ct.voxels[mask.labels > 0].sum()


def test_radiographs_of_the_hand_have_a_spacing_in_mha_only(data):
    image = read_image(data / "hand/full_size/5245.mha")
    assert image.shape == (1925, 1558)
    assert image.spacing == pytest.approx((0.165362, 0.165362), abs=1e-5)
    assert image.modality == ""
    picture = read_image(next((data / "hand/images").glob("*.jpg")))
    assert picture.spacing is None and max(picture.shape) == 1024


def test_knee_radiographs_and_abdominal_label_maps_are_read(data):
    knee = read_image(data / "knee/xray/DoubtfulG1_1.png")
    assert knee.shape == (162, 300) and knee.pixels.dtype == np.uint8
    for path in sorted((data / "abdomen/amos_pairs").glob("ct_*_seg.png")):
        mask = read_mask(path)
        assert mask.encoding == "ids" and 15 < len(mask.present) <= 72
    with pytest.raises(InputError, match="picture rather than a mask"):
        read_mask(data / "abdomen/amos_pairs/0019-2000_cond.png")
