"""Each mistake of a mask that is known from other tools is found, and a sound one is left alone."""

from dataclasses import replace

import numpy as np
import pytest

from tests.wings.spine.masks import LUMBAR, ORIGIN, SPACING, named, scan, spine, volume
from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume, read_volume
from xgen_studio.wings.spine.science.checks import check_labels
from xgen_studio.wings.spine.science.labels import SpineLabels, read_labels
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.numbering import Subregion

L1, L2, L3 = LABELS["L1"], LABELS["L2"], LABELS["L3"]


@pytest.fixture(scope="module")
def sound():
    """Six vertebrae, and their CT."""
    labels, _ = named(LUMBAR)
    return labels, scan(labels)


def changed(labels, change):
    voxels = labels.volume.voxels.copy()
    change(voxels)
    return replace(labels, volume=replace(labels.volume, voxels=voxels))


def kinds(doubts):
    return [(d.kind, d.level) for d in doubts]


def middle(labels, label):
    return np.argwhere(labels.volume.voxels == label).mean(axis=0).astype(int)


def test_a_sound_mask_raises_no_doubt_and_is_not_changed(sound):
    labels, ct = sound
    for with_ct in (None, ct):
        cleaned, doubts = check_labels(labels, with_ct)
        assert doubts == ()
        assert np.array_equal(cleaned.volume.voxels, labels.volume.voxels)


def test_small_strays_are_removed_with_their_subregions_and_said_in_ml(sound):
    def change(voxels):
        voxels[4:8, 2:6, 2:7] = L2  # far away: 80 voxels of 8 mm3

    labels = changed(sound[0], change)
    labels = replace(labels, subregions=np.where(labels.volume.voxels > 0, 2, 0).astype(np.uint8))
    cleaned, doubts = check_labels(labels)
    assert kinds(doubts) == [("stray", "L2")]
    assert "0.64 ml" in doubts[0].said
    assert np.array_equal(cleaned.volume.voxels, sound[0].volume.voxels)
    assert np.array_equal(cleaned.subregions > 0, cleaned.volume.voxels > 0)


def test_a_piece_within_another_vertebra_is_given_to_it(sound):
    z, y, x = middle(sound[0], L3)

    def change(voxels):
        voxels[z - 2 : z + 2, y - 10 : y - 6, x - 2 : x + 2] = L2

    cleaned, doubts = check_labels(changed(sound[0], change))
    assert kinds(doubts) == [("stray", "L2")]
    assert "given" in doubts[0].said
    assert np.array_equal(cleaned.volume.voxels, sound[0].volume.voxels)


def test_an_arch_that_a_thin_pedicle_leaves_apart_is_kept(sound):
    labels, middles = named(LUMBAR)
    back = int(labels.volume.mm_to_index(middles["L2"])[1]) + 9

    def change(voxels):
        plane = voxels[:, back]
        plane[plane == L2] = 0

    torn = changed(labels, change)
    cleaned, doubts = check_labels(torn)
    assert np.array_equal(cleaned.volume.voxels, torn.volume.voxels)
    assert all(d.kind == "stray" and "in pieces" in d.said for d in doubts)


def test_swapped_labels_are_named(sound):
    def change(voxels):
        first, second = voxels == L1, voxels == L2
        voxels[first], voxels[second] = L2, L1

    _, doubts = check_labels(changed(sound[0], change))
    assert kinds(doubts) == [("order", "L1"), ("order", "L2")]  # neither name is to be trusted
    assert all("L2 lies above L1: the two are swapped" in doubt.said for doubt in doubts)


def test_a_scan_that_is_upside_down_is_found(sound):
    labels = sound[0]
    turned = replace(
        labels, volume=replace(labels.volume, voxels=labels.volume.voxels[::-1].copy())
    )
    assert kinds(check_labels(turned)[1]) == [("upside down", "")]


def test_unnamed_bodies_that_grow_to_the_head_are_doubted():
    voxels, _ = spine([1, 2, 3, 4, 5, 6], arches=False)
    made = SpineLabels(volume(voxels.astype(np.uint8)), "", named=False)
    regions = (voxels > 0).astype(np.uint8) * np.uint8(Subregion.BODY)
    made = replace(made, subregions=regions)
    assert check_labels(made)[1] == ()
    upside = 7 - voxels[::-1].astype(np.int16)
    upside[upside == 7] = 0
    turned = replace(made, volume=volume(upside.astype(np.uint8)), subregions=regions[::-1].copy())
    assert kinds(check_labels(turned)[1]) == [("upside down", "")]


def test_front_and_back_exchanged_is_found_by_the_arches(sound):
    labels = sound[0]
    turned = replace(
        labels, volume=replace(labels.volume, voxels=labels.volume.voxels[:, ::-1].copy())
    )
    assert kinds(check_labels(turned)[1]) == [("mirrored", "")]


def test_a_level_without_a_mask_is_told_from_one_that_the_numbers_skip(sound):
    def erase(voxels):
        voxels[voxels == L2] = 0

    _, doubts = check_labels(changed(sound[0], erase))
    assert kinds(doubts) == [("missing", "")]
    assert "L2 has no mask" in doubts[0].said
    voxels, _ = spine([18, 19, 20, 22, 23])
    _, doubts = check_labels(SpineLabels(volume(voxels.astype(np.uint8)), ""))
    assert kinds(doubts) == [("order", "L3")]
    assert "L2 is skipped" in doubts[0].said


def test_numbers_that_go_on_over_a_gap_are_doubted():
    voxels, _ = spine([18, 19, 20, 99, 21, 22])
    voxels[voxels == 99] = 0
    _, doubts = check_labels(SpineLabels(volume(voxels.astype(np.uint8)), ""))
    assert ("missing", "L2") in kinds(doubts)


def test_t13_and_l6_are_no_gaps():
    voxels, _ = spine([18, 19, 28, 20, 21, 22, 23, 24, 25])
    assert check_labels(SpineLabels(volume(voxels.astype(np.uint8)), ""))[1] == ()


def test_two_vertebrae_in_one_label_are_found_apart_and_grown_together(sound):
    voxels, _ = spine([17, 18, 20, 20, 21, 22])
    _, doubts = check_labels(SpineLabels(volume(voxels.astype(np.uint8)), ""))
    assert ("merged", "L1") in kinds(doubts)
    z = np.argwhere(voxels == 20)[:, 0]
    middle_of = slice(int(z.min()), int(z.max()))
    voxels[middle_of, 15:22, 20:25] = 20  # a bridge over the disc
    _, doubts = check_labels(SpineLabels(volume(voxels.astype(np.uint8)), ""))
    assert ("merged", "L1") in kinds(doubts)
    assert not any(kind == "volume" for kind, _ in kinds(doubts))


def test_one_label_at_two_places_of_the_spine_is_a_duplicate():
    voxels, _ = spine([18, 20, 19, 20, 21])
    _, doubts = check_labels(SpineLabels(volume(voxels.astype(np.uint8)), ""))
    assert kinds(doubts) == [("duplicate", "L1")]


def test_half_a_vertebra_is_too_small_beside_its_neighbours(sound):
    z, y, _ = middle(sound[0], L2)

    def change(voxels):
        voxels[:, y:][voxels[:, y:] == L2] = 0
        voxels[z:][voxels[z:] == L2] = 0

    _, doubts = check_labels(changed(sound[0], change))
    assert ("volume", "L2") in kinds(doubts)


def test_vertebrae_that_the_border_cuts_are_named_with_their_side(sound):
    labels, _ = sound
    top = middle(labels, LABELS["T11"])[0]
    cut = replace(labels, volume=replace(labels.volume, voxels=labels.volume.voxels[:top].copy()))
    _, doubts = check_labels(cut)
    assert kinds(doubts) == [("partial", "T11")]
    assert "towards the head" in doubts[0].said


def test_a_ct_that_ends_within_the_mask_cuts_it(sound):
    labels, ct = sound
    low = middle(labels, LABELS["L4"])[0]
    short = Volume(
        ct.voxels[low:], SPACING, (ORIGIN[0], ORIGIN[1], ORIGIN[2] + 2.0 * low), modality="CT"
    )
    fitted, doubts = check_labels(labels, short)
    assert fitted.volume.shape == short.shape
    assert ("partial", "L4") in kinds(doubts)
    assert any("outside the CT" in d.said for d in doubts)


def test_a_mask_on_another_grid_is_taken_to_the_cts_place_by_place(sound):
    labels, middles = named(LUMBAR, spacing=(2.0, 2.0, 3.0))
    angle = np.radians(12)
    oblique = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]]
    )
    grid = Volume(np.zeros((130, 80, 70), np.int16), (1.5, 1.7, 1.6), (-20, -5, -505.0), oblique)
    voxels = np.full(grid.shape, -1000, np.int16)
    voxels[:, 2:] = 40
    ct = replace(grid, voxels=voxels)
    fitted, doubts = check_labels(labels, ct)
    assert ("grid", "") in kinds(doubts)
    for level, mm in middles.items():
        at = tuple(np.rint(ct.mm_to_index(mm)).astype(int))
        assert fitted.volume.voxels[at] == LABELS[level]
    # every voxel has the label of the mask's voxel that is nearest to it
    some = np.argwhere(np.ones(ct.shape, bool))[::997]
    at = np.rint(labels.volume.mm_to_index(ct.index_to_mm(some))).astype(int)
    inside = np.all((at >= 0) & (at < labels.volume.shape), axis=1)
    expected = np.where(inside, labels.volume.voxels[tuple(np.where(inside[:, None], at, 0).T)], 0)
    assert np.mean(fitted.volume.voxels[tuple(some.T)] == expected) > 0.999


def test_a_mask_that_lies_nowhere_in_the_ct_is_refused(sound):
    labels, ct = sound
    for far, said in ((ct, "as many voxels"), (replace(ct, voxels=ct.voxels[:-1]), "choose the")):
        with pytest.raises(InputError, match=said):
            check_labels(labels, replace(far, origin=(900.0, 0.0, 0.0)))


@pytest.mark.parametrize(
    ("flip", "said"), [(0, "head and feet"), (1, "front and back"), (2, "left and right")]
)
def test_a_ct_that_is_mirrored_against_its_mask_is_found(sound, flip, said):
    labels, ct = sound
    turned = replace(ct, voxels=np.flip(ct.voxels, axis=flip).copy())
    _, doubts = check_labels(labels, turned)
    assert [d.kind for d in doubts if d.kind == "mirrored"] == ["mirrored"]
    assert said in doubts[0].said


def test_mr_is_told_and_not_asked_for_metal(sound):
    labels, ct = sound
    mr = replace(ct, voxels=np.clip(ct.voxels, 0, None) * 10)
    assert kinds(check_labels(labels, mr)[1]) == [("no CT", "")]


def test_metal_is_told_of_the_vertebrae_it_is_near(sound):
    labels, ct = sound
    z, y, x = middle(labels, L3)
    voxels = ct.voxels.copy()
    voxels[z - 1 : z + 2, y - 8 : y, x] = 3071
    voxels[2:6, -4:, :4] = 3000  # far from all
    voxels[middle(labels, L1)[0], 8, 20] = 2500  # a voxel of noise
    _, doubts = check_labels(labels, replace(ct, voxels=voxels))
    assert ("metal", "L3") in kinds(doubts)
    assert {d.level for d in doubts} <= {"L2", "L3", "L4"}


def test_thick_slices_are_told():
    labels, _ = named(LUMBAR, spacing=(2.0, 2.0, 5.0))
    assert ("thick slices", "") in kinds(check_labels(labels)[1])


def test_one_vertebra_alone_can_be_checked():
    labels, _ = named(("L1",))
    assert check_labels(labels, scan(labels))[1] == ()


def test_real_masks_of_verse_raise_no_doubt(data):
    folder = data / "spine/verse012"
    if not folder.exists():
        pytest.skip("verse012 is not among the shared data")
    labels = read_labels(folder / "sub-verse012_seg-vert_msk.nii.gz")
    ct = read_volume(folder / "sub-verse012_ct.nii.gz")
    assert check_labels(labels, ct)[1] == ()
    side = replace(ct, voxels=ct.voxels[::-1])
    assert ("mirrored", "") in kinds(check_labels(labels, side)[1])


def test_totalsegmentators_two_bodies_in_one_are_found(data):
    path = data / "spine/totalseg_spine/totalseg_vertebrae_body.nii.gz"
    if not path.exists():
        pytest.skip("totalseg_spine is not among the shared data")
    assert ("merged", "vertebra 1") in kinds(check_labels(read_labels(path))[1])
