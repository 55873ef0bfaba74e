"""Window and level against DICOM's own formula and pydicom's implementation."""

import numpy as np
import pytest

from xgen_studio.errors import InputError
from xgen_studio.imaging import (
    Image,
    apply_range,
    apply_window,
    display_8bit,
    percentile_range,
    to_8bit,
)


def test_window_is_the_linear_function_of_the_standard():
    """PS3.3 C.11.2.1.2.1 gives these two examples: c 2048, w 4096 and c 2048, w 1."""
    assert apply_window([0, 4095], 2048, 4096).tolist() == [0.0, 1.0]
    assert apply_window([2047, 2048], 2048, 1).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("center", "width"), [(40, 400), (-600, 1500), (300, 2)])
def test_window_agrees_with_pydicom(center, width):
    import pydicom
    from pydicom.pixels.processing import apply_windowing

    ds = pydicom.Dataset()
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.WindowCenter, ds.WindowWidth = center, width
    ds.BitsStored, ds.PixelRepresentation, ds.VOILUTFunction = 16, 1, "LINEAR"
    x = np.arange(-2000, 2000, dtype=np.int16)
    low, high = -32768, 32767
    theirs = (apply_windowing(x, ds) - low) / (high - low)
    assert np.allclose(apply_window(x, center, width), theirs, atol=1e-5)


def test_a_width_below_one_is_refused():
    with pytest.raises(InputError, match="width"):
        apply_window([0], 0, 0.5)


def test_range_suits_unit_floats_and_a_flat_image():
    assert apply_range([0.2, 0.4, 0.6, 0.9], 0.2, 0.6).tolist() == pytest.approx([0, 0.5, 1, 1])
    assert apply_range([5, 5], 5, 5).tolist() == [0, 0]
    with pytest.raises(InputError):
        apply_range([5], 6, 5)


def test_percentiles_ignore_outliers():
    x = np.arange(1001.0)
    x[-1] = 1e6
    low, high = percentile_range(x, 1, 99)
    assert (low, high) == pytest.approx((10, 990))
    with pytest.raises(InputError):
        percentile_range(x, 99, 1)


def test_eight_bits_round():
    assert to_8bit([0, 0.5, 1, 2]).tolist() == [0, 128, 255, 255]


def test_monochrome1_is_inverted_for_display_only():
    ramp = np.arange(0, 256, dtype=np.uint8).reshape(16, 16)
    bright = Image(ramp, meta={"window": (128, 256)})
    dark = Image(ramp, photometric="MONOCHROME1", meta={"window": (128, 256)})
    assert display_8bit(bright)[15, 15] == 255
    assert np.array_equal(display_8bit(dark), 255 - display_8bit(bright))
    assert dark.pixels[0, 0] == 0


def test_a_given_window_goes_before_that_of_the_file():
    image = Image(np.array([[0, 100, 200]]), meta={"window": (1000, 10)})
    assert display_8bit(image).tolist() == [[0, 0, 0]]
    assert display_8bit(image, (100.5, 201)).tolist() == [[0, 128, 255]]
