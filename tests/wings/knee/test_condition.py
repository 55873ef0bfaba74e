"""Masks, planes and the condition channels of the knee."""

import numpy as np
import pytest
import torch

from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import Mask
from xgen_studio.wings.knee.science.condition import (
    BONES,
    CHANNELS,
    CONTOUR,
    NAMED,
    NOTHING,
    channels_of,
    condition_channels,
    flatten_planes,
)
from xgen_studio.wings.knee.science.data import KneeSet
from xgen_studio.wings.knee.science.labels import FEMUR, FIBULA, LEG, PATELLA, TIBIA, bits_to_labels
from xgen_studio.wings.knee.science.system import system


def test_what_lies_in_front_hides_what_is_behind():
    bits = np.array([[0b01111, 0b10011, 0b00111]], np.uint8)  # all / patella+femur / femur+tibia
    np.testing.assert_array_equal(bits_to_labels(bits), [[FIBULA, PATELLA, TIBIA]])


def test_training_sees_planes_as_a_painted_mask_would_show_them():
    # the network must meet the same channels in training (planes) and in use (label image)
    generator = np.random.default_rng(0)
    bits = generator.integers(0, 32, (16, 24)).astype(np.uint8) | 1
    planes = torch.from_numpy(np.stack([(bits >> k) & 1 for k in range(5)]))[None].float()
    trained = channels_of(flatten_planes(planes), [NAMED])
    used = condition_channels(bits_to_labels(bits))
    torch.testing.assert_close(trained, used)


@pytest.mark.parametrize(
    ("labels", "said"),
    [([[0, 1]], CONTOUR), ([[1, 2]], BONES), ([[1, FEMUR]], NAMED), ([[2, FEMUR]], BONES)],
)
def test_what_is_said_follows_from_the_labels(labels, said):
    channels = condition_channels(np.asarray(labels, np.uint8))
    assert channels.shape[1] == CHANNELS
    assert bool(channels[0, 2].all()) == (said >= BONES)
    assert bool(channels[0, 7].all()) == (said >= NAMED)


def test_saying_nothing_is_all_zero():
    stack = torch.ones(1, 5, 8, 8)
    assert channels_of(stack, [NOTHING]).abs().max() == 0


def test_the_guide_of_csm_is_the_papers_grey_levels():
    guide = system().guide(np.array([[0, LEG, 2, FEMUR]], np.uint8))
    np.testing.assert_allclose(guide, [[-1, 0, 1, 1]])


def mask_of(labels):
    return Mask(labels, system().table)


@pytest.mark.parametrize(
    ("labels", "message"),
    [(np.ones((16, 29), np.uint8), "too coarse"), (np.ones((8, 160, 288), np.uint8), "volume")],
)
def test_a_mask_that_does_not_fit_gets_one_line(labels, message):
    with pytest.raises(InputError, match=message) as caught:
        system().labels_on(mask_of(labels), (160, 288))
    assert "\n" not in str(caught.value)


def test_a_larger_mask_of_the_same_shape_is_resampled_without_new_classes(knee_labels):
    large = np.kron(knee_labels, np.ones((3, 3), np.uint8))
    labels = system().labels_on(mask_of(large), (160, 288))
    np.testing.assert_array_equal(labels, knee_labels)


def test_a_grade_outside_0_to_4_is_refused(knee_labels):
    with pytest.raises(CallError, match="Kellgren"):
        system().condition(knee_labels, {"grade": 7})


def knees(n=6, **options):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 40, 70), generator=generator, dtype=torch.uint8)
    planes = (images > 100).to(torch.uint8) * 3
    grades = torch.arange(n) % 5
    return KneeSet(images, planes, grades, (32, 64), **options)


def batch(knee_set, seed=0, indices=(0, 1, 2, 3)):
    generator = torch.Generator().manual_seed(seed)
    return knee_set.batch(torch.tensor(indices), generator, torch.device("cpu"))


def test_a_batch_depends_on_its_generator_alone():
    knee_set = knees(said=(0.25, 0.25, 0.25, 0.25), grade_share=0.5)
    a, b, c = batch(knee_set, 1), batch(knee_set, 1), batch(knee_set, 2)
    torch.testing.assert_close(a["target"], b["target"])
    torch.testing.assert_close(a["condition"], b["condition"])
    assert not torch.equal(a["target"], c["target"])


def test_image_and_mask_move_together():
    # the planes were cut from the image: after the same flip and warp they still are
    knee_set = knees(n=40, said=(0.0, 0.0, 1.0, 0.0), warp=0.5)
    knee_set.images = knee_set.planes * 80  # 0 or 240
    made = batch(knee_set, 3, range(40))
    bone, grey = made["condition"][:, 1], made["target"][:, 0]
    sure = (grey > 0.6) | (grey < -0.7)
    assert ((bone > 0.5) == (grey > 0))[sure].float().mean() > 0.97  # nearest against bicubic


def test_an_unmoved_example_is_a_crop_to_the_bit():
    # interpolating by a fraction of a pixel would soften the texture the model learns
    knee_set = knees(n=1, said=(1.0, 0, 0, 0))
    source = knee_set.images[0].float() / 127.5 - 1
    for target in batch(knee_set, 1, [0] * 8)["target"][:, 0]:
        crops = [
            (t, left, mirrored)
            for t in range(9)
            for left in range(7)
            for mirrored in (False, True)
            if torch.allclose(
                (
                    source[t : t + 32, left : left + 64].flip(1)
                    if mirrored
                    else source[t : t + 32, left : left + 64]
                ),
                target,
                atol=1e-4,
            )
        ]
        assert len(crops) == 1


def test_pictures_smaller_than_the_grid_are_refused():
    knee_set = knees(said=(1.0, 0, 0, 0))
    with pytest.raises(InputError, match="smaller"):
        KneeSet(knee_set.images, knee_set.planes, knee_set.grades, (64, 64), (1.0, 0, 0, 0))


def test_half_the_pictures_are_mirrored():
    knee_set = knees(n=1, said=(1.0, 0, 0, 0))
    knee_set.images = knee_set.images[:, 4:36, 3:67]  # no room to crop
    knee_set.planes = knee_set.planes[:, 4:36, 3:67]
    first = batch(knee_set, 0, [0] * 64)["target"]
    kinds = {tuple(x.flatten().tolist()) for x in first}
    assert len(kinds) == 2
    a, b = (torch.tensor(k).reshape(32, 64) for k in kinds)
    torch.testing.assert_close(a, b.flip(-1))


def test_shares_of_what_is_said_are_kept():
    knee_set = knees(said=(0.5, 0.5, 0.0, 0.0))
    channels = batch(knee_set, 0, [0] * 400)["condition"]
    silent = (channels.amax((1, 2, 3)) == 0).float().mean().item()
    assert 0.4 < silent < 0.6


def test_an_undrawn_patella_counts_as_not_labelled():
    made = batch(knees(said=(0, 0, 0, 1.0), target="planes"))
    assert (made["target"][:, 4] == -1).all()
    assert (made["target"][:, :4] >= 0).all()
