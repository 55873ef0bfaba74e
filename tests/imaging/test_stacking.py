"""Series that are no rectangular grid: resampled to one, told, and every place stays in its mm."""

import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume, read_volume

SIZE = (24, 30)  # rows, columns
PIXEL = (0.8, 1.1)  # x, y mm
BALL, RADIUS = np.array([9.0, 17.0, 21.0]), 4.0  # mm from the first voxel along the grid's axes
TILT = np.tan(np.radians(12))


def scene(places):
    """HU of a patient at (..., 3) mm along the axes of the slices: a ball, denser to one side."""
    away = places - BALL
    inside = np.clip(RADIUS + 0.5 - np.linalg.norm(away, axis=-1), 0, 1)
    return np.rint(-900 + 8 * places[..., 0] + inside * 1400).astype(np.int16)


def save(phantom, folder, along, direction, beside=lambda z: (0.0, 0.0), **elements):
    """Slices of the scene at these mm along the normal, each moved (x, y) mm in its own plane."""
    from pydicom.valuerep import format_number_as_ds as ds

    folder.mkdir()
    y, x = np.meshgrid(*(np.arange(n) for n in SIZE), indexing="ij")
    for k, z in enumerate(along):
        first = np.array([*beside(z), z])
        flat = np.stack([x * PIXEL[0], y * PIXEL[1], np.zeros(SIZE)], axis=-1)
        phantom.save_slice(
            folder / f"{(k * 7) % len(along):03d}.dcm",
            scene(flat + first) + 1024,
            PixelSpacing=[PIXEL[1], PIXEL[0]],
            ImagePositionPatient=[ds(float(v)) for v in direction @ first + [-40, 15, 300]],
            ImageOrientationPatient=[ds(float(v)) for v in direction[:, :2].T.ravel()],
            RescaleSlope=1,
            RescaleIntercept=-1024,
            **elements,
        )
    return folder


@pytest.fixture(params=["straight", "oblique"])
def direction(request, phantom):
    return np.eye(3) if request.param == "straight" else phantom.turn(25, 0) @ phantom.turn(-9, 1)


def ball_of(volume: Volume):
    weight = np.clip(volume.voxels.astype(float) + 350, 0, None)
    return volume.index_to_mm(center_of_mass(weight))


def kept(volume, direction, mm):
    """The ball lies where the patient has it, and the slices' own direction is kept."""
    assert np.linalg.norm(ball_of(volume) - (direction @ BALL + [-40, 15, 300])) < mm
    assert np.allclose(volume.direction, direction, atol=1e-4)


@pytest.mark.parametrize("way", [(0, 1), (0, -1), (0.6, -0.8)])
def test_a_tilted_gantry_is_squared_up_and_told(phantom, tmp_path, direction, way):
    along = np.arange(22) * 2.0

    def beside(z):
        return way[0] * TILT * z, way[1] * TILT * (z - 20)

    folder = save(phantom, tmp_path / "s", along, direction, beside)
    found = read_volume(folder)
    kept(found, direction, 0.4)
    assert found.notes == ("gantry tilt 12.0 degrees corrected",)
    assert found.spacing == pytest.approx((*PIXEL, 2.0)) and found.shape[0] == 22
    extra = np.abs(way) * TILT * along[-1] / np.array(PIXEL)
    assert np.abs(np.array(found.shape[:0:-1]) - SIZE[::-1] - extra).max() <= 1
    # nothing is made up where no slice was, and nothing is lost where one was
    empty = found.voxels == found.voxels.min()
    assert 0.05 < empty.mean() < 0.45
    z, y, x = np.unravel_index(np.flatnonzero(~empty)[::17], found.shape)
    places = (found.index_to_mm(np.stack([z, y, x], -1)) - [-40, 15, 300]) @ direction
    away = np.linalg.norm(places - BALL, axis=-1) > RADIUS + 2
    assert np.abs(found.voxels[z, y, x] - scene(places))[away].max() <= 8 * PIXEL[0]


def test_a_slant_of_less_than_half_a_pixel_is_none(phantom, tmp_path):
    folder = save(phantom, tmp_path / "s", np.arange(8) * 2.0, np.eye(3), lambda z: (0.0, 0.02 * z))
    found = read_volume(folder)
    assert not found.notes and found.shape == (8, *SIZE)


def test_slices_that_are_finer_in_one_part_become_an_even_stack(phantom, tmp_path, direction):
    along = np.r_[np.arange(0, 20, 2.0), np.arange(20, 46, 5.0)]
    found = read_volume(save(phantom, tmp_path / "s", along, direction))
    kept(found, direction, 1.0)
    assert found.notes == (
        "slices 2.0 to 5.0 mm apart: resampled to 2.0 mm, the last 1.0 mm cut off",
    )
    assert found.spacing[2] == pytest.approx(2.0) and found.shape[0] == 23
    y, x = np.meshgrid(*(np.arange(n) for n in SIZE), indexing="ij")
    own = scene(np.stack([x * PIXEL[0], y * PIXEL[1], np.full(SIZE, 14.0)], -1))
    assert np.array_equal(found.voxels[7], own)  # slices on the grid stay as they are
    near = scene(np.stack([x * PIXEL[0], y * PIXEL[1], np.full(SIZE, 20.0)], -1)).astype(float)
    next_ = scene(np.stack([x * PIXEL[0], y * PIXEL[1], np.full(SIZE, 25.0)], -1))
    assert np.abs(found.voxels[11] - (0.6 * near + 0.4 * next_)).max() <= 0.5


@pytest.mark.parametrize(("gone", "word"), [([5], "1 slice seems"), ([5, 6], "2 slices seem")])
def test_a_missing_slice_is_interpolated_and_said(phantom, tmp_path, direction, gone, word):
    along = [z for k, z in enumerate(np.arange(20) * 2.1) if k not in gone]
    found = read_volume(save(phantom, tmp_path / "s", along, direction))
    kept(found, direction, 0.4)
    assert found.shape[0] == 20 and found.spacing[2] == pytest.approx(2.1)
    (note,) = found.notes
    assert word in note and "interpolated" in note
    name = f"{(4 * 7) % len(along):03d}.dcm"
    assert f"after {name} ({2.1 * (len(gone) + 1):.2f} mm where 2.10 mm" in note
    share = 1 / (len(gone) + 1)
    mixed = (1 - share) * found.voxels[4] + share * found.voxels[5 + len(gone)].astype(float)
    assert np.abs(found.voxels[5] - mixed).max() <= 0.5


def test_a_missing_slice_of_a_tilted_series_is_told_beside_the_tilt(phantom, tmp_path, direction):
    along = [z for k, z in enumerate(np.arange(20) * 2.0) if k != 5]
    folder = save(phantom, tmp_path / "s", along, direction, lambda z: (0.0, TILT * z))
    found = read_volume(folder)
    kept(found, direction, 0.4)
    assert "12.0 degrees" in found.notes[0] and "missing" in found.notes[1]


@pytest.mark.parametrize("z", [1, 3])
def test_a_missing_slice_leaves_all_others_as_they_were(volume, phantom, tmp_path, z):
    folder = phantom.save_series(tmp_path / "s", volume)
    whole = read_volume(folder)
    order = z if np.array_equal(whole.voxels, volume.voxels) else 4 - z
    (folder / f"{(z * 3) % 7}.dcm").unlink()
    found = read_volume(folder)
    others = [k for k in range(5) if k != order]
    assert np.array_equal(found.voxels[others], whole.voxels[others])
    assert np.allclose(found.origin, whole.origin) and "missing" in found.notes[0]


def refused(folder, words):
    with pytest.raises(InputError, match=words) as caught:
        read_volume(folder)
    assert "\n" not in str(caught.value)


def test_what_nobody_can_make_good_is_refused_with_the_place(phantom, tmp_path):
    gap = [z for k, z in enumerate(np.arange(20) * 2.0) if k not in (9, 10, 11)]
    folder = save(phantom, tmp_path / "gap", gap, np.eye(3))
    name = f"{(8 * 7) % len(gap):03d}.dcm"
    refused(folder, rf"3 slices seem to be missing after {name} \(8.00 mm where 2.00 mm")
    steep = save(phantom, tmp_path / "steep", np.arange(9) * 2.0, np.eye(3), lambda z: (0, 1.2 * z))
    refused(steep, "slant of 50 degrees")
    jump = save(
        phantom, tmp_path / "jump", np.arange(9) * 2.0, np.eye(3), lambda z: (0, 9.0 * (z > 8))
    )
    refused(jump, "no straight line")


def test_the_frames_of_one_file_are_squared_up_alike(phantom, tmp_path):
    offsets = [0.0, 2.0, 4.0, 8.0, 10.0]
    pixels = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
    path = phantom.save_slice(
        tmp_path / "dose.dcm",
        pixels[0],
        NumberOfFrames=5,
        Rows=6,
        Columns=7,
        PixelData=pixels.tobytes(),
        GridFrameOffsetVector=offsets,
    )
    found = read_volume(path)
    assert found.shape == (6, 6, 7) and found.spacing[2] == pytest.approx(2.0)
    assert "frame 3" in found.notes[0]
    assert np.array_equal(found.voxels[[0, 1, 2, 4, 5]], pixels)
    assert np.abs(found.voxels[3] - (pixels[2] + pixels[3]) / 2.0).max() <= 0.5
