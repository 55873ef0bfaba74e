"""What is learned from: blocks, crops, baselines, known compressions; and guessing by sizes."""

import numpy as np
import pytest
import torch

from tests.wings.spine import phantoms
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.baselines import LinearNeighbours, neighbour_mean
from xgen_studio.wings.spine.science.compressing import compress
from xgen_studio.wings.spine.science.counting import likely_names
from xgen_studio.wings.spine.science.fitting import macro_f1
from xgen_studio.wings.spine.science.healthivert.crops import SIZE, as_arrays, crops_of
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.measuring import measure_all
from xgen_studio.wings.spine.science.parametric import Fracture, patient
from xgen_studio.wings.spine.science.prior import shipped_prior
from xgen_studio.wings.spine.science.proposal import Proposed, Seen
from xgen_studio.wings.spine.science.proposal_data import (
    BLOCK,
    CLASSES,
    CROP,
    NO_CLASS,
    ProposalSet,
    as_input,
    block_at,
)
from xgen_studio.wings.spine.science.raster import Tissue
from xgen_studio.wings.spine.science.real_scans import Learned, Looked, blocks_of, looked_at
from xgen_studio.wings.spine.science.shape import numbers_of
from xgen_studio.wings.spine.science.simulation import measured_directly


@pytest.fixture(scope="module")
def scan():
    return phantoms.scan()


@pytest.fixture(scope="module")
def labels():
    return phantoms.mask()


def bodies(seed, lowest="L5", highest="T8"):
    rng = np.random.default_rng(seed)
    one = patient(rng, lowest, highest)
    return {v.level: measured_directly(v, 0.2, rng) for v in one.vertebrae[::-1]}


def test_hounsfield_units_become_numbers_from_minus_one_to_one():
    assert as_input(np.array([-2000, -400, 400, 1200, 3000])).tolist() == [-1, -1, 0, 1, 1]


def test_a_block_is_cut_where_it_is_asked_and_filled_up_outside():
    array = np.arange(np.prod(BLOCK), dtype=np.int32).reshape(BLOCK)
    moved = block_at(array, np.array([-3, 5, 0]), -7)
    assert (moved[:3] == -7).all() and (moved[:, -5:] == -7).all()
    assert moved[3, 0, 0] == array[0, 5, 0]


def test_examples_are_crops_whose_parts_belong_together():
    """A body on one side: wherever the crop was turned and mirrored, height stays inside it."""
    tissue = np.full((1, *BLOCK), Tissue.MUSCLE, np.uint8)
    height = np.zeros((1, *BLOCK), np.int8)
    tissue[0, 40:70, 30:60, 20:50] = Tissue.CANCELLOUS
    height[0, 40:70, 30:60, 20:50] = np.linspace(-100, 100, 30).astype(np.int8)[:, None, None]
    made = ProposalSet({"tissue": tissue, "height": height})
    batch = made.batch(torch.tensor([0, 0]), torch.Generator().manual_seed(3), torch.device("cpu"))
    again = made.batch(torch.tensor([0, 0]), torch.Generator().manual_seed(3), torch.device("cpu"))
    assert batch["image"].shape == (2, 1, *CROP)
    assert torch.equal(batch["image"], again["image"])
    inside = batch["classes"] == CLASSES.index("body")
    assert inside.sum() > 2000
    assert batch["height"][~inside].abs().max() == 0
    assert not torch.equal(batch["image"][0], batch["image"][1])


def test_what_was_looked_at_is_a_body_and_what_was_not_is_of_no_class():
    shape = (60, 60, 60)
    grid = Volume(np.full(shape, 40.0, np.float32), (1.5, 1.5, 1.5))
    found = np.zeros(shape, np.uint8)
    found[35:47, 20:40, 15:45], found[12:24, 20:40, 15:45] = 1, 2
    share = (found > 0).astype(np.float32)
    nothing = np.zeros(shape, np.float32)
    centres = grid.index_to_mm(np.array([[40.5, 29.5, 29.5], [17.5, 29.5, 29.5]]))
    proposed = Proposed(grid, found, share, centres)
    seen = Seen(grid, share, nothing, nothing, nothing, nothing)
    [block] = blocks_of(Learned(grid, seen, proposed, {1: "L1", 2: ""}))
    body, other = block["hu_classes"] == CLASSES.index("body"), block["hu_classes"] == NO_CLASS
    assert body.sum() == (found == 1).sum()
    assert other.sum() >= (found == 2).sum()
    heights = block["hu_height"][body]
    assert heights.min() < -80 and heights.max() > 80
    assert block["hu"][body].mean() == 40


def test_every_scan_that_was_looked_at_names_vertebrae_in_order():
    table = looked_at()
    assert sum(one.held_out for one in table.values()) == 1
    for one in table.values():
        assert isinstance(one, Looked) and set(one.centres) <= set(LABELS)
        heights = [one.centres[level][2] for level in one.centres]
        assert heights == sorted(heights, reverse=True)  # from head to feet


def test_crops_stand_upright_about_their_vertebra(scan, labels):
    grades = dict.fromkeys(("T12", "L1", "L2"), 0) | {"L1": 3}
    crops = list(crops_of(scan, labels, grades))
    assert [crop.target for crop in crops] == [LABELS[level] for level in ("T12", "L1", "L2")]
    for crop in crops:
        assert crop.ct.shape == crop.labels.shape == SIZE
        own = np.argwhere(crop.labels == crop.target)
        assert own.mean(0) == pytest.approx(np.array(SIZE) / 2, abs=3)
        bone, muscle = crop.ct[crop.labels == crop.target].mean(), crop.ct[80, -4:, :4].mean()
        assert bone > muscle + 50
        above = np.argwhere(crop.labels == crop.target - 1).mean(0)
        assert above[0] > own.mean(0)[0] + 15  # the smaller label is nearer to the head
        assert not crop.healthy[LABELS["L1"]] and crop.healthy[LABELS["L2"]]
    arrays = as_arrays([(crop, 7, False) for crop in crops])
    assert arrays["fractured"].tolist() == [0, 1, 0]
    assert arrays["patient"].tolist() == [7, 7, 7]


def test_the_neighbours_mean_is_the_mean_of_the_nearest_sound_ones():
    spine = bodies(1)
    guess = neighbour_mean("L1", spine, [k for k in spine if k not in ("L1", "T12")])
    above, below = spine["T11"].thirds(), spine["L2"].thirds()
    assert guess["anterior"] == pytest.approx((above["anterior"] + below["anterior"]) / 2)
    assert neighbour_mean("L1", spine, ["L1"]) is None


def test_linear_regression_beats_the_neighbours_mean_where_levels_differ():
    known = LinearNeighbours.fit([bodies(seed) for seed in range(60)])
    off = {"linear": [], "mean": []}
    for seed in range(100, 115):
        spine = bodies(seed)
        real = np.array(list(spine["L5"].thirds().values()))
        for name, guess in (
            ("linear", known("L5", spine, list(spine))),
            ("mean", neighbour_mean("L5", spine, list(spine))),
        ):
            off[name].append(np.abs(np.array(list(guess.values())) / real - 1).mean())
    assert np.mean(off["linear"]) < 0.9 * np.mean(off["mean"])
    assert known("T1", bodies(3), []) is None


@pytest.mark.parametrize("kind", ["wedge", "biconcave", "crush"])
def test_a_real_vertebra_compressed_by_a_known_amount_measures_so_much_less(scan, labels, kind):
    before = measure_all(labels).bodies["L2"]
    made = compress("L2", before, Fracture(kind, 0.4, upper=0.7), labels, scan)
    after = measure_all(made.labels).bodies["L2"]
    was, now = before.thirds(), after.thirds()
    for third, true in made.true_loss.items():
        assert 1 - now[third] / was[third] == pytest.approx(true, abs=0.05)
    assert max(made.true_loss.values()) > 0.3
    assert made.ct.synthetic and made.labels.synthetic
    assert not np.array_equal(made.ct.voxels, scan.voxels)


@pytest.mark.parametrize("seed", range(4))
def test_sizes_alone_name_a_run_of_vertebrae_to_within_one(seed):
    spine = bodies(seed + 30, "L3", "T4")
    sizes = [numbers_of(body)[:3] for body in spine.values()]
    likely = likely_names(sizes, shipped_prior())
    assert sum(share for _, share in likely) == pytest.approx(1)
    assert likely[0][0][-1] in ("L2", "L3", "L4")
    assert dict((names[-1], share) for names, share in likely)["L3"] > 0.1


def test_sizes_that_are_missing_are_left_out_and_too_many_bodies_named_by_nobody():
    spine = bodies(5, "L3", "T4")
    sizes = [numbers_of(body)[:3] for body in spine.values()]
    some = [None, *sizes[1:-1], None]
    assert likely_names(some, shipped_prior())[0][0][-1] in ("L2", "L3", "L4")
    assert likely_names([None] * 5, shipped_prior()) == []
    assert likely_names([sizes[0]] * 30, shipped_prior()) == []


def test_macro_f1_counts_each_grade_alike():
    true, found = [0, 0, 0, 0, 1, 3], [0, 0, 0, 1, 1, 0]
    zero, one, three = 2 * 3 / (4 + 4), 2 * 1 / (1 + 2), 0.0
    assert macro_f1(true, found) == pytest.approx((zero + one + three) / 3)
