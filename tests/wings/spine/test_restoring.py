"""A vertebra made healthy on the patient's own voxels."""

import numpy as np
import pytest

from tests.wings.spine import phantoms
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.body import THIRD, thirds_of
from xgen_studio.wings.spine.science.examination import examine
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.measuring import measure_all
from xgen_studio.wings.spine.science.models import shipped_models
from xgen_studio.wings.spine.science.restoring import restore
from xgen_studio.wings.spine.science.shape import Shape
from xgen_studio.wings.spine.science.solid import (
    endplate_loss,
    healthy_solid,
    overlay_plane,
    solid_of,
)
from xgen_studio.wings.spine.tasks.pictures import views_of
from xgen_studio.wings.spine.tasks.showing import shown

LEVEL = "L1"


@pytest.fixture(scope="module")
def labels():
    return phantoms.mask()


@pytest.fixture(scope="module")
def graded(labels):
    return examine(measure_all(labels), labels, shipped_models())


@pytest.fixture(scope="module")
def made(labels, graded):
    bodies = graded.measured.bodies
    shape = graded.healthy[LEVEL].mean
    return restore(LABELS[LEVEL], bodies[LEVEL], shape, labels, phantoms.scan(), bodies["L2"])


def pasted(volume, made, part):
    voxels = volume.voxels.copy()
    voxels[made.box] = part
    return Volume(voxels, volume.spacing, volume.origin, volume.direction)


def raised(body, by=3.0):
    """The body's own shape, its upper endplate higher."""
    return Shape(body.top + by, body.bottom, np.array(body.depth), np.array(body.width))


def test_the_restored_body_has_the_healthy_heights_when_it_is_measured_again(labels, graded, made):
    again = measure_all(pasted(labels, made, made.labels)).bodies[LEVEL]
    wanted = thirds_of(graded.healthy[LEVEL].mean.height)
    before = graded.measured.bodies[LEVEL].thirds()
    for third in THIRD:
        assert again.thirds()[third] == pytest.approx(wanted[third], abs=0.8)
    assert again.thirds()["anterior"] > before["anterior"] + 5


def test_the_neighbours_keep_their_shapes_and_move_as_they_are_told(labels, graded, made):
    again = measure_all(pasted(labels, made, made.labels)).bodies
    up, down = made.lifted
    assert up > 1 and down > 1
    for level, was in graded.measured.bodies.items():
        if level not in ("T12", "L2"):
            continue
        now = again[level]
        for third in THIRD:
            assert now.thirds()[third] == pytest.approx(was.thirds()[third], abs=1.4), level
        moved = (now.frame.origin - was.frame.origin) @ graded.measured.bodies[LEVEL].frame.up
        assert moved == pytest.approx(up if level == "T12" else -down, abs=2.5)


def test_no_label_comes_or_goes(labels, made):
    assert set(np.unique(made.labels)) <= set(np.unique(labels.voxels))
    assert (made.labels == LABELS[LEVEL]).any()
    assert made.labels.dtype == np.uint8
    assert made.ct.dtype == np.int16
    assert made.labels.shape == made.ct.shape == labels.voxels[made.box].shape


def test_nothing_changes_far_away():
    volume = phantoms.grid(half=(40.0, 45.0, 170.0))
    for label, z in ((20, 310.4), (22, 190.0), (12, 440.0)):
        middle = phantoms.MIDDLE * [1, 1, 0] + [0, 0, z]
        phantoms.drawn(volume, phantoms.turned(middle=middle), 24.0, label)
    rows = np.arange(volume.shape[0])[:, None, None] + np.zeros(volume.shape)
    ct = Volume((40 + rows).astype(np.int16), volume.spacing, volume.origin)
    body = measure_all(volume).bodies["L1"]
    made = restore(20, body, raised(body), volume, ct, None)
    after = pasted(volume, made, made.labels).voxels
    height = volume.index_to_mm(np.stack([rows, 0 * rows, 0 * rows], -1))[..., 2]
    far = np.abs(height - 310.4) > 12 + 45 + 60 + 3
    assert far.any()
    assert np.array_equal(after[far], volume.voxels[far])
    assert np.array_equal(pasted(ct, made, made.ct).voxels[far], ct.voxels[far])
    assert not np.array_equal(after, volume.voxels)


def test_what_lies_above_is_moved_up_and_not_stretched():
    volume, _ = phantoms.body(20.0)
    index = np.stack(np.indices(volume.shape), -1)
    height = volume.index_to_mm(index)[..., 2] - phantoms.MIDDLE[2]
    ct = Volume(np.round(10 * height).astype(np.int16), volume.spacing, volume.origin)
    body = measure_all(volume).bodies["L1"]
    made = restore(20, body, raised(body, 4.0), volume, ct, None)
    after = pasted(ct, made, made.ct)
    k, j, i = np.round(volume.mm_to_index(phantoms.MIDDLE + [0, 0, 25])).astype(int)
    # half of it goes up, half down: the plates lie where they differ least
    up, down = made.lifted
    assert up + down == pytest.approx(4.0, abs=0.1)
    assert after.voxels[k, j, i] == pytest.approx(ct.voxels[k, j, i] - 10 * up, abs=6)
    k = int(round(volume.mm_to_index(phantoms.MIDDLE - [0, 0, 25])[0]))
    assert after.voxels[k, j, i] == pytest.approx(ct.voxels[k, j, i] + 10 * down, abs=6)


def test_a_healthy_vertebra_stays_as_it_is():
    volume, _ = phantoms.body(24.0)
    ct = Volume((volume.voxels.astype(np.int16) * 20), volume.spacing, volume.origin)
    body = measure_all(volume).bodies["L1"]
    made = restore(20, body, raised(body, 0.0), volume, ct, None)
    same = made.labels == volume.voxels[made.box]
    assert same.mean() > 0.995
    assert made.lifted == pytest.approx((0, 0), abs=0.05)


def test_without_a_ct_the_mask_alone_is_restored(labels, graded, made):
    body = graded.measured.bodies[LEVEL]
    alone = restore(LABELS[LEVEL], body, graded.healthy[LEVEL].mean, labels, None, None)
    assert alone.ct is None
    assert np.array_equal(alone.labels, made.labels)


def test_the_texture_is_the_donors(graded):
    """A crushed vertebra is too dense: what it is filled with is as dense as the sound one."""
    ct, labels = phantoms.scan(), phantoms.mask(whole=False)
    voxels = ct.voxels.copy()
    voxels[labels.voxels == LABELS[LEVEL]] += 300
    dense = Volume(voxels, ct.spacing, ct.origin)
    bodies, shape = graded.measured.bodies, graded.healthy[LEVEL].mean
    inner = {}
    for name, donor in (("own", None), ("given", bodies["L2"])):
        made = restore(LABELS[LEVEL], bodies[LEVEL], shape, labels, dense, donor)
        inner[name] = np.median(made.ct[made.labels == LABELS[LEVEL]])
    assert inner["own"] > 380
    assert inner["given"] == pytest.approx(140, abs=60)


@pytest.mark.parametrize("spacing", [(3.0, 1.0, 1.0), (1.0, 1.0, 3.0)])
def test_voxels_of_any_shape_are_restored(spacing):
    volume, _ = phantoms.body(20.0, spacing, frame=phantoms.turned(8, -5))
    body = measure_all(volume).bodies["L1"]
    made = restore(20, body, raised(body, 5.0), volume, None, None)
    again = measure_all(pasted(volume, made, made.labels)).bodies["L1"]
    for third in THIRD:
        within = 0.8 if spacing[2] == 1.0 else 1.4  # a label map cannot end between two slices
        assert again.thirds()[third] == pytest.approx(body.thirds()[third] + 5, abs=within)


def test_a_smaller_surrounding_gives_the_same_pixels(labels, graded, made):
    bodies, shape = graded.measured.bodies, graded.healthy[LEVEL].mean
    ct = phantoms.scan()
    near = restore(LABELS[LEVEL], bodies[LEVEL], shape, labels, ct, bodies["L2"], reach=45.0)
    assert np.prod(near.ct.shape) < np.prod(made.ct.shape)
    whole = pasted(ct, made, made.ct).voxels
    assert np.array_equal(whole[near.box], near.ct)


def test_a_solid_is_its_body_again(labels, graded):
    body = graded.measured.bodies["L2"]
    box, inside = solid_of(body).mask_on(labels)
    own = phantoms.mask(whole=False).voxels[box] == LABELS["L2"]
    overlap = 2 * (inside & own).sum() / (inside.sum() + own.sum())
    assert overlap > 0.93


def test_a_healthy_shape_is_laid_on_the_endplate_that_is_intact():
    volume, _ = phantoms.body(22.0, frame=phantoms.turned(5))
    body = measure_all(volume).bodies["L1"]
    plane = overlay_plane(body, raised(body, 0.0))
    assert plane == pytest.approx(np.zeros(3), abs=0.02)
    # two thirds of the upper endplate sank: the rest and the lower one stay where they are
    top = body.top.copy()
    top[:7] -= 6.0
    sunk = type(body)(
        body.frame, top, body.bottom, body.front, body.back, body.depth, body.width, False
    )
    lifted = healthy_solid(sunk, raised(body, 0.0), overlay_plane(sunk, raised(body, 0.0)))
    assert np.abs(lifted.bottom - body.bottom).mean() < 0.4
    loss = endplate_loss(sunk, raised(body, 0.0))
    assert loss["upper"] == pytest.approx(6 * 7 / 12, abs=0.4)
    assert loss["lower"] == pytest.approx(0.0, abs=0.4)


def test_real_and_healthy_are_shown_in_the_vertebras_own_frame(labels, graded):
    ct = phantoms.scan()
    both = shown(LEVEL, graded, labels, ct)
    assert both.real.shape == both.healthy.shape == both.healthy_mask.shape
    assert both.real.dtype == both.healthy.dtype == np.int16
    middle = tuple(n // 2 for n in both.real.shape)
    assert both.real_mask[middle] and both.healthy_mask[middle]
    higher = both.healthy_mask.sum() / (both.real_mask > 0).sum()
    assert higher < 1.2  # the real mask holds the arch
    rows = [
        np.flatnonzero(m[:, middle[1] - 12, middle[2]]) for m in (both.real_mask, both.healthy_mask)
    ]
    assert np.ptp(rows[1]) > np.ptp(rows[0]) + 4  # in front it lost most
    alone = shown(LEVEL, graded, labels, None)
    assert alone.real is None and alone.healthy is None
    assert np.array_equal(alone.healthy_mask, both.healthy_mask)
    for pictures in (views_of(both), views_of(alone)):
        assert pictures.real.pixels.shape == pictures.overlay.pixels.shape
        assert not np.array_equal(pictures.real.pixels, pictures.overlay.pixels)
