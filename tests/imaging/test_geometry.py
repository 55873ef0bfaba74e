"""Where voxels lie: index and mm, axis codes, reorientation, resampling, validation."""

import numpy as np
import pytest

from xgen_studio.errors import InputError
from xgen_studio.imaging import Image, Volume


def test_index_to_mm_follows_the_axes_and_comes_back(volume, phantom):
    assert np.allclose(phantom.found_mark(volume), phantom.expected_mark(volume))
    index = [[0, 0, 0], [3, 1, 6], [1.5, 2.25, 7.75]]
    assert np.allclose(volume.mm_to_index(volume.index_to_mm(index)), index)


def test_to_lps_keeps_every_voxel_in_its_place(volume, phantom):
    lps = volume.to_lps()
    assert lps.axis_codes == "LPS"
    assert np.all(np.diag(lps.direction) > 0.7)
    assert np.allclose(phantom.found_mark(lps), phantom.expected_mark(volume))
    for index in ((0, 0, 0), (4, 6, 8), (2, 5, 1)):
        there = np.rint(lps.mm_to_index(volume.index_to_mm(index))).astype(int)
        assert lps.voxels[tuple(there)] == volume.voxels[index]
    assert lps.modality == "CT"


@pytest.mark.parametrize(
    ("direction", "codes"),
    [
        (np.eye(3), "LPS"),
        (np.diag([-1, -1, 1]), "RAS"),
        ([[0, 0, -1], [1, 0, 0], [0, -1, 0]], "PIR"),
    ],
)
def test_axis_codes_say_where_the_axes_grow(direction, codes):
    assert Volume(np.zeros((2, 2, 2)), (1, 1, 1), direction=direction).axis_codes == codes


def test_axis_codes_use_each_axis_once_even_at_45_degrees(phantom):
    direction = phantom.turn(45, 0) @ phantom.turn(45, 1) @ phantom.turn(45, 2)
    codes = Volume(np.zeros((2, 2, 2)), (1, 1, 1), direction=direction).axis_codes
    assert sorted({"L": 0, "R": 0, "P": 1, "A": 1, "S": 2, "I": 2}[c] for c in codes) == [0, 1, 2]


def test_resampled_keeps_a_ramp_in_place(volume):
    """A linear function of the world position must still be that function on the new grid."""
    slope = np.array([0.3, -0.2, 0.15])

    def ramp(v):
        points = v.index_to_mm(np.stack(np.indices(v.shape), axis=-1))
        return (points - np.array(v.origin)) @ slope

    smooth = Volume(np.float32(ramp(volume)), volume.spacing, volume.origin, volume.direction, "CT")
    finer = smooth.resampled((0.5, 0.9, 1.0))
    assert finer.shape == (12, 10, 13)
    points = finer.index_to_mm(np.stack(np.indices(finer.shape), axis=-1))
    inside = np.all((smooth.mm_to_index(points) >= 0), axis=-1)
    inside &= np.all(smooth.mm_to_index(points) <= np.array(smooth.shape) - 1, axis=-1)
    wanted = (points - np.array(smooth.origin)) @ slope
    assert inside.sum() > 500
    assert np.abs(finer.voxels - wanted)[inside].max() < 1e-3
    outer = smooth.index_to_mm([-0.5, -0.5, -0.5])
    assert np.allclose(finer.index_to_mm([-0.5, -0.5, -0.5]), outer)


def test_resampled_keeps_integers(volume):
    assert volume.resampled((1, 1, 1)).voxels.dtype == np.int16


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"voxels": np.zeros((3, 3))}, "3-D array"),
        ({"voxels": np.zeros((0, 3, 3))}, "filled"),
        ({"voxels": np.full((2, 2, 2), np.nan)}, "NaN"),
        ({"voxels": np.full((2, 2, 2), np.inf)}, "NaN"),
        ({"voxels": np.zeros((2, 2, 2), complex)}, "grey values"),
        ({"spacing": (1, 0, 1)}, "positive"),
        ({"spacing": (1, 1)}, "3 finite"),
        ({"spacing": (1, np.nan, 1)}, "3 finite"),
        ({"spacing": ("a", 1, 1)}, "numbers"),
        ({"origin": (0, np.inf, 0)}, "origin"),
        ({"direction": np.ones((3, 3))}, "orthonormal"),
        ({"direction": 2 * np.eye(3)}, "orthonormal"),
        ({"direction": np.eye(2)}, "3 x 3"),
    ],
)
def test_impossible_volumes_are_refused_in_one_line(change, words):
    good = {"voxels": np.zeros((2, 2, 2)), "spacing": (1, 1, 1)}
    with pytest.raises(InputError, match=words) as caught:
        Volume(**(good | change))
    assert "\n" not in str(caught.value)


def test_pixel_types_are_float32_or_integer():
    assert Image(np.zeros((2, 3), np.float64)).pixels.dtype == np.float32
    assert Image(np.zeros((2, 3), np.uint16)).pixels.dtype == np.uint16
    assert Image(np.zeros((2, 3), bool)).pixels.dtype == np.uint8
    assert Image(np.zeros((2, 3))).spacing is None
    with pytest.raises(InputError, match="photometric"):
        Image(np.zeros((2, 3)), photometric="RGB")


def test_the_direction_cannot_be_changed_behind_the_volumes_back(volume):
    with pytest.raises(ValueError, match="read-only"):
        volume.direction[0, 0] = 5
