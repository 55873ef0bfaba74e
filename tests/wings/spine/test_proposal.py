"""Bodies told apart, named and drawn from what a network would see."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.levels import LABELS, NAMES
from xgen_studio.wings.spine.science.parametric import Fracture, patient
from xgen_studio.wings.spine.science.proposal import (
    OVERLAP,
    TILE,
    Proposed,
    Seen,
    bodies_of,
    on_grid,
    see,
    share_of,
)
from xgen_studio.wings.spine.science.proposal_data import CLASSES, SPACING, as_input
from xgen_studio.wings.spine.science.proposal_names import named
from xgen_studio.wings.spine.science.raster import Tissue, rasterise

LEVELS = ("L5", "L4", "L3", "L2", "L1", "T12")


@cache
def drawn():
    rng = np.random.default_rng(8)
    truth = patient(rng, "L5", "T12", {"L2": Fracture("crush", 0.5)})
    return truth, rasterise(truth, (SPACING,) * 3, rng)


@cache
def seen() -> Seen:
    """What a network sees that errs nowhere."""
    _, made = drawn()
    tissue = made.tissue

    def share(*kinds):
        return np.isin(tissue, kinds).astype(np.float32)

    return Seen(
        grid=made.volume,
        body=share(Tissue.CANCELLOUS, Tissue.CORTEX),
        disc=share(Tissue.DISC),
        canal=share(Tissue.CANAL),
        sacrum=share(Tissue.SACRUM),
        height=made.height.astype(np.float32),
    )


@cache
def found() -> Proposed:
    return bodies_of(seen())


def line(count, step=30.0, sacrum=None):
    """`count` bodies that are points on a line."""
    centres = np.array([[5.0, 2.0, -step * k] for k in range(count)])
    grid = Volume(np.zeros((2, 2, 2), np.uint8), (SPACING,) * 3, (0, 0, 0))
    empty = np.zeros((2, 2, 2))
    return Proposed(grid, empty.astype(np.uint8), empty.astype(np.float32), centres, {}, sacrum)


def test_every_body_is_found_from_head_to_feet_with_its_shape():
    truth, made = drawn()
    proposed = found()
    assert len(proposed.centres) == len(LEVELS)
    for number, one in enumerate(truth.vertebrae[::-1], 1):
        own = made.labels == one.label
        drawn_in = proposed.bodies == number
        overlap = 2 * (own & drawn_in).sum() / (own.sum() + drawn_in.sum())
        assert overlap > 0.95, one.level
        centre = made.volume.index_to_mm(np.argwhere(own).mean(0))
        assert np.linalg.norm(proposed.centres[number - 1] - centre) < 2


def test_bodies_that_touch_are_told_apart_where_the_height_jumps():
    _, made = drawn()
    joined = seen().body.copy()
    height = seen().height.copy()
    disc = made.tissue == Tissue.DISC
    joined[disc] = 1.0  # no disc is seen at all
    for k in range(1, disc.shape[0] - 1):  # each disc's voxels go on with the height beside them
        gap = disc[k] & ~disc[k - 1]
        height[k][gap] = 1.0
    height[disc & (height == 0)] = -1.0
    proposed = bodies_of(replace(seen(), body=joined, height=height, disc=0 * joined))
    assert len(proposed.centres) == len(LEVELS)


def test_a_nodule_far_beside_the_spine_is_no_body():
    voxels = seen().body.copy()
    height = seen().height.copy()
    voxels[40:50, 10:18, 4:12] = 1.0
    height[40:50, 10:18, 4:12] = np.linspace(-0.9, 0.9, 10)[:, None, None]
    proposed = bodies_of(replace(seen(), body=voxels, height=height))
    assert len(proposed.centres) == len(LEVELS)


def test_where_nothing_is_seen_one_line_says_so():
    nothing = replace(seen(), body=0 * seen().body)
    with pytest.raises(InputError, match="no vertebral body is seen"):
        bodies_of(nothing)


def test_the_sacrum_that_is_seen_names_the_lowest_l5():
    proposed = found()
    assert proposed.sacrum is not None
    names, notes = named(proposed)
    assert names == list(LEVELS[::-1])
    assert any("from the sacrum" in note for note in notes)


def test_without_a_sacrum_the_numbers_are_a_guess_that_says_so():
    names, notes = named(line(5), guess=lambda: ("L4", "a guess by sizes"))
    assert names == ["T12", "L1", "L2", "L3", "L4"]
    assert notes == ("a guess by sizes",)
    with pytest.raises(InputError, match="nothing says which vertebra is which"):
        named(line(5))


def test_top_or_an_anchor_names_all():
    proposed = line(6)
    assert named(proposed, top="T10")[0] == ["T10", "T11", "T12", "L1", "L2", "L3"]
    anchor = {"L1": proposed.centres[2] + [8, -5, 6]}
    assert named(proposed, anchor)[0] == ["T11", "T12", "L1", "L2", "L3", "L4"]
    assert named(proposed, anchor)[1] == ()


def test_supernumerary_levels_count_only_where_the_patient_has_them():
    proposed = line(6)
    assert named(proposed, top="T11")[0][:3] == ["T11", "T12", "L1"]
    assert named(proposed, top="T11", extra=("T13",))[0][:4] == ["T11", "T12", "T13", "L1"]
    assert named(proposed, top="L1", extra=("L6",))[0][-1] == "L6"


def test_anchors_that_disagree_are_refused_and_those_that_agree_are_not():
    proposed = line(6)
    at = proposed.centres
    assert named(proposed, {"L1": at[1], "L3": at[3]})[0][0] == "T12"
    with pytest.raises(InputError, match=r"L1 and L4 disagree.*is L3"):
        named(proposed, {"L1": at[1], "L4": at[3]})
    with pytest.raises(InputError, match="disagree"):
        named(proposed, {"L1": at[1]}, top="T11")


def test_an_anchor_beside_the_spine_is_refused():
    with pytest.raises(InputError, match="LPS"):
        named(line(6), {"L1": np.array([-90.0, 2.0, -30.0])})


def test_names_that_run_out_are_refused():
    with pytest.raises(InputError, match="run out"):
        named(line(6), top="L4")
    with pytest.raises(InputError, match="cannot be the vertebra number"):
        named(line(6), {"C2": line(6).centres[4]})


def test_what_is_doubtful_of_a_body_is_said():
    proposed = found()
    middle = [d for number, d in proposed.doubts.items() if 1 < number < len(LEVELS)]
    assert not any("border" in text for said in middle for text in said)
    low = seen()
    cut = replace(
        low,
        grid=replace(low.grid, voxels=low.grid.voxels[:, :, :]),
        **{
            name: np.ascontiguousarray(getattr(low, name)[: _middle_row("T12")])
            for name in ("body", "disc", "canal", "sacrum", "height")
        },
    )
    cut = replace(cut, grid=replace(low.grid, voxels=low.grid.voxels[: cut.body.shape[0]]))
    doubts = bodies_of(cut).doubts
    assert any("border" in text for text in doubts[1])
    unsure = replace(seen(), body=seen().body * np.float32(0.7))
    assert all(any("unsure" in text for text in said) for said in bodies_of(unsure).doubts.values())
    assert len(bodies_of(unsure).doubts) == len(LEVELS)


def _middle_row(level):
    own = drawn()[1].labels == LABELS[level]
    rows = np.flatnonzero(own.any((1, 2)))
    return int(rows[len(rows) * 3 // 4])


def test_a_body_that_is_missing_between_others_is_missed():
    own = drawn()[1].labels == LABELS["L3"]
    gone = replace(seen(), body=np.where(own, 0, seen().body).astype(np.float32))
    proposed = bodies_of(gone)
    assert len(proposed.centres) == len(LEVELS) - 1
    assert any("missing" in text for text in proposed.doubts[3])


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 2.0), (1.0, 1.0, 4.0)])
def test_labels_lie_on_the_scans_own_grid(spacing):
    _, made = drawn()
    low = np.array(made.volume.origin) + [3.1, -4.7, 6.2]
    size = (np.array(made.labels.shape[::-1]) * SPACING - 14) / spacing
    ct = Volume(np.zeros(np.floor(size).astype(int)[::-1], np.int16), spacing, tuple(low))
    labels = on_grid(found(), LEVELS[::-1], ct)
    assert labels.shape == ct.shape
    assert labels.dtype == np.uint8
    index = np.stack(np.indices(ct.shape), -1)
    at = np.round(made.volume.mm_to_index(ct.index_to_mm(index))).astype(int)
    inside = np.all((at >= 0) & (at < made.labels.shape), -1)
    truth = np.zeros(ct.shape, np.uint8)
    truth[inside] = made.labels[tuple(at[inside].T)]
    for label in map(LABELS.get, LEVELS):
        a, b = labels == label, truth == label
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.93, NAMES[label]


def test_a_share_belongs_to_one_body():
    proposed = found()
    first, second = share_of(proposed, 1), share_of(proposed, 2)
    assert not (first[proposed.bodies == 2] > 0).any()
    assert (first[proposed.bodies == 1] == proposed.share[proposed.bodies == 1]).all()
    assert not ((first > 0.5) & (second > 0.5)).any()


class Stub(nn.Module):
    """Sees a voxel and those next to it, so that tiles and the whole can be compared."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv3d(1, len(CLASSES) + 1, 5, padding=2)
        self.sizes = []

    def forward(self, x):
        self.sizes.append(tuple(x.shape[2:]))
        return self.conv(x)


def test_tiles_give_what_the_whole_would_give_and_progress_is_told():
    rng = np.random.default_rng(2)
    depth = 2 * TILE
    ct = Volume(
        rng.integers(-300, 900, (depth, 10, 12)).astype(np.int16), (SPACING,) * 3, (0, 0, 0)
    )
    network, steps = Stub(), []
    result = see(network, ct, lambda *step: steps.append(step))
    assert len(network.sizes) > 1
    assert max(size[0] for size in network.sizes) <= TILE
    assert steps[-1][0] == steps[-1][1] == len(network.sizes)
    with torch.inference_mode():
        raw = network.conv(torch.from_numpy(as_input(ct.voxels))[None, None])[0]
    shares = raw[: len(CLASSES)].softmax(0).numpy()
    for name in ("body", "disc", "canal", "sacrum"):
        assert np.allclose(getattr(result, name), shares[CLASSES.index(name)], atol=1e-3), name
    assert np.allclose(result.height, raw[len(CLASSES)].tanh().numpy(), atol=1e-3)
    assert OVERLAP >= 8


@pytest.mark.parametrize("depth", [8, TILE, TILE + 1, TILE + OVERLAP, 3 * TILE - 2 * OVERLAP + 1])
def test_scans_of_any_length_are_seen_whole(depth):
    ct = Volume(np.full((depth, 6, 6), 200, np.int16), (SPACING,) * 3, (0, 0, 0))
    result = see(Stub(), ct)
    assert result.body.shape == (depth, 6, 6)
    assert (result.body > 0).all()


def test_a_scan_of_any_grid_is_seen_at_the_networks_spacing():
    direction = np.array([[-1.0, 0, 0], [0, -1, 0], [0, 0, 1]])
    ct = Volume(np.full((6, 20, 30), 100, np.int16), (1.0, 1.5, 5.0), (9, 4, 2), direction)
    result = see(Stub(), ct)
    assert result.grid.spacing == pytest.approx((SPACING,) * 3)
    assert result.grid.axis_codes == "LPS"
    assert result.body.shape == result.grid.shape
