"""The cone-beam projector against line integrals that can be written down."""

import numpy as np
import pytest
from scipy import ndimage

from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.imaging.projection import ATTENUATION, ConeBeam, fitted_pixel, project

MU_WATER = ATTENUATION[60][0] / 10  # per mm
AIR = -1000.0


def rays(pixel, geometry):
    """Unit directions (rows, columns, 3) from the source to the detector: across, up, forward."""
    rows, columns = geometry.detector
    u = (np.arange(columns) - (columns - 1) / 2) * pixel
    v = (np.arange(rows) - (rows - 1) / 2) * pixel
    across, down = np.meshgrid(u, v)
    d = np.stack([across, -down, np.full_like(across, geometry.source_to_detector)], -1)
    return d / np.linalg.norm(d, axis=-1, keepdims=True)


def sphere_chords(d, centre, radius):
    """Length of each ray inside a sphere."""
    along = d @ centre
    miss2 = centre @ centre - along**2
    return 2 * np.sqrt(np.clip(radius**2 - miss2, 0, None))


def box_chords(d, low, high):
    """Length of each ray from the origin inside an axis-aligned box."""
    with np.errstate(divide="ignore"):
        a, b = low / d, high / d
    near = np.minimum(a, b).max(-1)
    far = np.maximum(a, b).min(-1)
    return np.clip(far - near, 0, None)


def ball(n=96, radius=30.0, offset=(0.0, 0.0, 0.0), hu=0.0):
    """A ball with soft edges in air, offset (x, y, z) in mm, voxels of 1 mm."""
    z, y, x = np.mgrid[:n, :n, :n] - (n - 1) / 2
    r = np.sqrt((x - offset[0]) ** 2 + (y - offset[1]) ** 2 + (z - offset[2]) ** 2)
    inside = np.clip(radius - r + 0.5, 0, 1)
    return Volume((AIR + inside * (hu - AIR)).astype(np.float32), (1.0, 1.0, 1.0), modality="CT")


def test_sphere_matches_its_chords_within_one_percent():
    geometry = ConeBeam(600, 800, (128, 128), pixel=0.8)
    offset = np.array([8.0, -5.0, 11.0])
    drr = project(ball(offset=offset), np.array([0.0]), geometry, spectrum="60keV")
    # at 0 degrees: across = x, up = z, forward = +y; the source stands 600 mm anterior (-y)
    centre = np.array([offset[0], offset[2], 600 + offset[1]])
    exact = sphere_chords(rays(drr.pixel, geometry), centre, 30.0) * MU_WATER
    deep = exact > 0.3 * exact.max()
    assert np.abs(drr.attenuation[0][deep] - exact[deep]).max() < 0.01 * exact.max()
    assert drr.attenuation[0].sum() == pytest.approx(exact.sum(), rel=0.002)


def test_box_matches_its_chords_within_one_percent():
    geometry = ConeBeam(600, 800, (96, 96), pixel=1.0)
    voxels = np.full((80, 80, 80), AIR, np.float32)
    voxels[20:60, 25:55, 30:50] = 0  # z, y, x: 40 x 30 x 20 mm
    drr = project(Volume(voxels, (1.0, 1.0, 1.0)), np.array([0.0]), geometry, spectrum="60keV")
    low = np.array([-10.0, -20.0, 600 - 15.0])
    exact = box_chords(rays(drr.pixel, geometry), low, -low + [0, 0, 1200]) * MU_WATER
    # a voxel's linear flank blurs the silhouette: compare two pixels inside it
    inside = ndimage.binary_erosion(exact > 0.95 * exact.max(), iterations=2)
    assert inside.sum() > 500
    assert np.abs(drr.attenuation[0][inside] - exact[inside]).max() < 0.01 * exact.max()


def test_views_turn_the_patient_the_right_way():
    # a ball on the patient's left (+x) and low (-z): right of the AP picture, below the middle
    drr = project(
        ball(radius=12, offset=(20.0, 0.0, -15.0)),
        np.array([0.0, 90.0, 180.0]),
        ConeBeam(600, 800, (64, 64), pixel=2.0),
    )
    columns = (drr.attenuation.sum(1) * np.arange(64)).sum(1) / drr.attenuation.sum((1, 2))
    rows = (drr.attenuation.sum(2) * np.arange(64)).sum(1) / drr.attenuation.sum((1, 2))
    assert columns[0] > 40
    assert columns[2] < 24
    assert abs(columns[1] - 31.5) < 1
    assert (rows > 36).all()
    # from the patient's left the ball is nearer to the source: magnified most
    assert drr.attenuation[1].sum() > 1.03 * drr.attenuation[0].sum()


def test_orientation_of_the_file_does_not_change_the_picture():
    plain = ball(radius=12, offset=(20.0, 6.0, -15.0))
    flipped = Volume(
        plain.voxels[::-1, :, ::-1].copy(),
        plain.spacing,
        origin=(95.0, 0.0, 95.0),
        direction=np.diag([-1.0, 1.0, -1.0]),
    )
    geometry = ConeBeam(600, 800, (64, 64), pixel=2.0)
    a, b = (project(v, np.array([30.0]), geometry).attenuation for v in (plain, flipped))
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_anisotropic_voxels_keep_their_millimetres():
    fine = ball(radius=25)
    coarse = Volume(fine.voxels.reshape(32, 3, 96, 96).mean(1), (1.0, 1.0, 3.0))
    geometry = ConeBeam(600, 800, (64, 64), pixel=2.0)
    a, b = (project(v, np.array([0.0]), geometry).attenuation for v in (fine, coarse))
    assert a.sum() == pytest.approx(b.sum(), rel=0.01)


def test_bone_is_seen_where_hu_exceeds_the_threshold():
    voxels = np.full((40, 40, 40), 40.0, np.float32)
    voxels[10:30, 18:22, 18:22] = 900
    drr = project(
        Volume(voxels, (2.0, 2.0, 2.0)),
        np.array([0.0]),
        ConeBeam(600, 800, (64, 64), pixel=2.0),
        bone_threshold=250,
    )
    assert drr.bone.max() == pytest.approx(8.0, rel=0.05)  # 4 voxels of 2 mm
    none = project(
        Volume(voxels, (2.0, 2.0, 2.0)),
        np.array([0.0]),
        ConeBeam(600, 800, (64, 64), pixel=2.0),
        bone_threshold=950,
    )
    assert none.bone.max() == 0


def test_a_hard_spectrum_hardens_behind_thick_bone():
    # beam hardening: twice the bone gives less than twice the attenuation
    thin, thick = (np.full((24, 24, 24), AIR, np.float32) for _ in range(2))
    thin[:, 6:12], thick[:, 6:18] = 1500, 1500
    geometry = ConeBeam(600, 800, (32, 32), pixel=1.0)
    a, b = (
        project(Volume(v, (1.0, 1.0, 1.0)), np.array([0.0]), geometry).attenuation[0, 16, 16]
        for v in (thin, thick)
    )
    assert 1.6 < b / a < 1.97


def test_the_fitted_detector_sees_the_whole_volume():
    volume = ball(n=64, radius=31)
    geometry = ConeBeam(600, 800, (64, 64))
    drr = project(volume, np.arange(0, 360, 45.0), geometry)
    assert drr.pixel == fitted_pixel(volume, geometry)
    edges = np.concatenate([drr.attenuation[:, 0], drr.attenuation[:, :, 0]], axis=1)
    assert edges.max() < 0.02 * drr.attenuation.max()


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        ({"source_to_axis": 40.0}, "inside"),
        ({"source_to_axis": 600.0, "source_to_detector": 500.0}, "before the axis"),
        ({"source_to_axis": -1.0}, "positive"),
        ({"pixel": 0.0}, "positive"),
        ({"pixel": float("nan")}, "positive"),
        ({"detector": (0, 16)}, "4096"),
        ({"detector": (2_000_000, 16)}, "4096"),
    ],
)
def test_impossible_geometry_is_refused_in_one_line(geometry, message):
    with pytest.raises(InputError, match=message) as caught:
        project(ball(n=64), np.array([0.0]), ConeBeam(**geometry))
    assert "\n" not in str(caught.value)


def test_an_unknown_spectrum_names_the_known():
    with pytest.raises(InputError, match="70kV"):
        project(ball(n=32, radius=8), np.array([0.0]), spectrum="pink")
