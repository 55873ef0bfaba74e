"""Masks: what the numbers mean, and one clear line for a file that is none."""

import numpy as np
import PIL.Image
import pytest

from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable, Mask, read_mask, write_mask
from xgen_studio.imaging.geometry import closest_axes, index_to_mm

KNEE = LabelTable([Label(1, "tibia", (255, 0, 0)), Label(2, "femur", (0, 255, 0))])
IDS = np.array([[0, 1, 2, 0], [1, 1, 2, 2], [0, 0, 0, 1]], np.uint8)


def save(path, array, **options):
    PIL.Image.fromarray(np.ascontiguousarray(array)).save(path, **options)
    return path


def save_nifti(path, zyx, affine=None):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(zyx.T, np.eye(4) if affine is None else affine)
    nibabel.save(image, path)
    return path


def refused(path, words, table=None):
    with pytest.raises(InputError, match=words) as caught:
        read_mask(path, table)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


@pytest.mark.parametrize(
    ("levels", "encoding"),
    [
        ((0, 1, 2), "ids"),
        ((0, 128, 255), "grey levels"),
        ((0, 127, 255), "grey levels"),
        ((0, 127, 254), "grey levels"),
        ((0, 32768, 65535), "grey levels"),
        ((0, 32767, 65535), "grey levels"),
    ],
)
def test_png_values_become_ids_and_the_encoding_is_stated(tmp_path, levels, encoding):
    kind = np.uint8 if max(levels) < 256 else np.uint16
    path = save(tmp_path / "m.png", np.array(levels, kind)[IDS])
    for table in (KNEE, None):
        mask = read_mask(path, table)
        assert np.array_equal(mask.labels, IDS)
        assert mask.encoding == encoding
        assert mask.spacing is None
        assert mask.present == (1, 2)


def test_float_levels_are_recognised_by_the_half(tmp_path):
    path = save(tmp_path / "m.tif", np.array([0, 0.5, 1], np.float32)[IDS])
    mask = read_mask(path, KNEE)
    assert np.array_equal(mask.labels, IDS) and mask.encoding == "grey levels"
    path = save(tmp_path / "n.tif", np.float32(IDS == 1))
    mask = read_mask(path, KNEE)
    assert np.array_equal(mask.labels, IDS == 1) and mask.encoding == "ids"


def test_one_bright_level_is_the_only_label(tmp_path):
    spleen = LabelTable([Label(7, "spleen", (9, 9, 9))])
    mask = read_mask(save(tmp_path / "m.png", np.uint8(IDS > 0) * 255), spleen)
    assert mask.present == (7,) and mask.encoding == "grey levels"


def test_a_table_that_has_the_value_settles_it_for_ids(tmp_path):
    table = LabelTable([Label(128, "S1", (1, 2, 3)), Label(255, "cyst", (3, 2, 1))])
    mask = read_mask(save(tmp_path / "m.png", np.array([0, 128, 255], np.uint8)[IDS]), table)
    assert mask.present == (128, 255) and mask.encoding == "ids"


def test_grey_stored_as_colour_and_palette_indices_are_ids(tmp_path):
    for name, channels in (("rgb.png", [IDS] * 3), ("rgba.png", [IDS] * 3 + [IDS * 0 + 255])):
        assert np.array_equal(read_mask(save(tmp_path / name, np.dstack(channels))).labels, IDS)
    picture = PIL.Image.frombytes("P", IDS.shape[::-1], IDS.tobytes())
    picture.putpalette([0, 0, 0, 250, 10, 10, 10, 250, 10])
    picture.save(tmp_path / "p.png")
    assert np.array_equal(read_mask(tmp_path / "p.png", KNEE).labels, IDS)


def test_a_mask_that_is_none_gets_one_line(tmp_path):
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 255, (9, 9, 3)).astype(np.uint8)
    refused(save(tmp_path / "a.png", colours), "colour picture")
    refused(save(tmp_path / "b.png", IDS * 3), "label ids 3, 6 are not in the table", KNEE)
    refused(save(tmp_path / "c.png", IDS * 0), "empty")
    refused(save(tmp_path / "d.tif", np.float32(IDS) * np.nan), "NaN")
    refused(save(tmp_path / "e.tif", np.float32(IDS) * 0.3), "no class ids")
    refused(save(tmp_path / "f.tif", IDS.astype(np.int32) - 1), "no class ids")
    refused(save(tmp_path / "g.jpg", IDS * 100), "JPEG")
    (tmp_path / "g.jpg").rename(tmp_path / "renamed.png")
    refused(tmp_path / "renamed.png", "JPEG")
    photo = np.arange(256, dtype=np.uint8).reshape(16, 16)
    refused(save(tmp_path / "h.png", photo), "picture rather than a mask")
    (tmp_path / "i.png").write_text("no mask " * 40)
    refused(tmp_path / "i.png", "not a picture")
    refused(tmp_path / "j.png", "does not exist")


def test_nifti_masks_that_are_none_get_one_line(tmp_path):
    solid = np.ones((2, 3, 4), np.float32)
    bad = solid.copy()
    bad[1, 2, 3] = np.nan
    refused(save_nifti(tmp_path / "a.nii", bad), "NaN")
    refused(save_nifti(tmp_path / "b.nii", solid * 0), "empty")
    refused(save_nifti(tmp_path / "c.nii", solid * 9), "label ids 9", KNEE)
    refused(save_nifti(tmp_path / "d.nii", np.stack([solid, solid])), "4-D")
    levels = np.array([0, 0.5, 1], np.float32)[np.stack([IDS, IDS])]
    mask = read_mask(save_nifti(tmp_path / "e.nii", levels), KNEE)
    assert np.array_equal(mask.labels, [IDS, IDS]) and mask.encoding == "grey levels"


def test_a_mask_is_checked_when_it_is_made():
    with pytest.raises(InputError, match="2-D or 3-D"):
        Mask(np.zeros(4, np.uint8), KNEE)
    with pytest.raises(InputError, match="label ids 5"):
        Mask(np.full((2, 2), 5), KNEE)
    assert Mask(np.zeros((2, 2), np.int64), KNEE).labels.dtype == np.uint8
    with pytest.raises(InputError, match="twice"):
        LabelTable([Label(1, "a", (0, 0, 0)), Label(1, "b", (0, 0, 0))])
    with pytest.raises(InputError, match="outside"):
        Label(0, "background", (0, 0, 0))


def test_png_round_trip_never_guesses(tmp_path):
    """Ids 127 and 255 of our own file stay ids."""
    table = LabelTable.of([127, 255])
    mask = Mask(np.array([0, 127, 255], np.uint8)[IDS], table)
    write_mask(tmp_path / "m.png", mask)
    back = read_mask(tmp_path / "m.png")
    assert np.array_equal(back.labels, mask.labels) and back.encoding == "ids"
    with pytest.raises(InputError, match=r"nii\.gz"):
        write_mask(tmp_path / "n.png", Mask(IDS.astype(int) * 300, LabelTable.of([300, 600])))


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
def test_round_trip_in_space(volume, tmp_path, suffix):
    labels = np.zeros(volume.shape, np.uint16)
    labels[3, 1, 6], labels[0, 0, 0] = 300, 2
    grid = (volume.spacing, volume.origin, volume.direction)
    mask = Mask(labels, LabelTable.of([2, 300]), *grid)
    write_mask(tmp_path / f"m{suffix}", mask)
    back = read_mask(tmp_path / f"m{suffix}")
    assert np.array_equal(back.labels, labels)
    back.check_fits(volume)
    flat = Mask(IDS, KNEE, volume.spacing[:2], volume.origin, volume.direction)
    write_mask(tmp_path / f"f{suffix}", flat)
    back = read_mask(tmp_path / f"f{suffix}")
    assert places(back) == places(flat)  # turned, perhaps, but nothing moved in the patient
    axes, signs = closest_axes(back.direction)
    assert signs[:2] in {(1, 1), (1, -1)} and axes[:2] in {(0, 1), (0, 2), (1, 2)}


def places(mask):
    """Where in the patient each pixel of a flat mask lies, mm, and its label."""
    index = np.argwhere(mask.labels > -1)
    index = np.column_stack([np.zeros(len(index)), index])
    mm = index_to_mm(index, (*mask.spacing, 1), mask.origin, mask.direction)
    rows = np.column_stack([mm, mask.labels.ravel()]).round(2) + 0.0
    return {tuple(row) for row in rows.tolist()}


def test_a_mask_of_another_image_is_noticed(volume):
    labels = np.ones(volume.shape, np.uint8)
    x, y, z = volume.origin
    beside = Mask(labels, KNEE, volume.spacing, (x + 3, y, z), volume.direction)
    with pytest.raises(InputError, match=r"3\.0 mm beside"):
        beside.check_fits(volume)
    with pytest.raises(InputError, match="use the mask"):
        Mask(IDS, KNEE).check_fits(volume)


def test_masks_turn_and_resample_with_their_volume(volume):
    labels = np.uint8(volume.voxels == 3000) + np.uint8(volume.voxels == -100) * 2
    mask = Mask(labels, KNEE, volume.spacing, volume.origin, volume.direction)
    turned = mask.to_lps()
    turned.check_fits(volume.to_lps())
    assert np.array_equal(turned.labels == 1, volume.to_lps().voxels == 3000)
    finer = mask.resampled((0.35, 0.65, 1.25))
    finer.check_fits(volume.resampled((0.35, 0.65, 1.25)))
    assert finer.present == (1, 2)
    assert (finer.labels == 1).sum() == 8


def test_resizing_invents_no_class_and_keeps_the_extent():
    rng = np.random.default_rng(1)
    labels = rng.choice([0, 1, 9], (30, 20)).astype(np.uint8)
    mask = Mask(labels, LabelTable.of([1, 9]), (0.5, 0.25), (1.0, 2.0, 3.0), np.eye(3))
    for shape in ((60, 40), (7, 13), (30, 20)):
        small = mask.resized(shape)
        assert small.shape == shape and set(small.present) <= {1, 9}
        extent = np.array(small.spacing) * shape[::-1]
        assert extent == pytest.approx((10, 7.5))
        corner = np.array(small.origin)[:2] - np.array(small.spacing) / 2
        assert corner == pytest.approx((0.75, 1.875))
    assert np.array_equal(mask.resized((30, 20)).labels, labels)
    doubled = np.repeat(np.repeat(labels, 2, 0), 2, 1)
    assert np.array_equal(mask.resized((60, 40)).labels, doubled)
    # Shrunk by three, each pixel takes the middle of its block, as its new centre says.
    assert np.array_equal(mask.resized((10, 20)).labels, labels[1::3])
    with pytest.raises(InputError):
        mask.resized((0, 5))


def test_the_palette_shows_each_label_in_its_colour():
    assert KNEE.palette().tolist() == [[0, 0, 0], [255, 0, 0], [0, 255, 0]]
    many = LabelTable.of(range(1, 118))
    assert len({label.colour for label in many}) == 117
    assert many.ids[0] == 1 and 0 not in many
