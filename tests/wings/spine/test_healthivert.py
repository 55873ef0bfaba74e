"""HealthiVert-GAN: how slices are cut and put together, what its losses reach, its training."""

import numpy as np
import pytest
import tomli_w
import torch
from safetensors.torch import load_file

from tests.wings.spine.crops import crop, crops
from xgen_studio.bundles import read_bundle
from xgen_studio.errors import InputError
from xgen_studio.networks import HealthiVert
from xgen_studio.networks.healthivert import Filled
from xgen_studio.tasks.bundling import bundle_run
from xgen_studio.training.build import make_learner
from xgen_studio.training.learner import MAIN
from xgen_studio.training.recipe import parse_recipe
from xgen_studio.training.run import run_training, trained
from xgen_studio.wings.spine.science.healthivert import cutting, losses
from xgen_studio.wings.spine.science.healthivert.data import (
    FractureSet,
    SliceSet,
    checked,
    slice_set,
)
from xgen_studio.wings.spine.science.healthivert.learner import BONE, JUDGES, cut_of
from xgen_studio.wings.spine.science.healthivert.restoring import restore

CANVAS = (96, 64)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def batch_of():
    """A batch of the first examples, the same each time, in a dictionary of its own."""
    arrays = crops(4)
    arrays["cam"] = np.repeat(np.arange(96, dtype=np.uint8)[None, :, None, None], 4, 0)
    arrays["cam"] = np.broadcast_to(arrays["cam"], arrays["ct"].shape)
    made = SliceSet(arrays, CANVAS)

    def batch(count=2):
        return made.batch(torch.arange(count), torch.Generator().manual_seed(3), CPU)

    return batch


def learner(**options):
    recipe = {
        "name": "small",
        "dataset": "spine-slices",
        "network": "healthivert",
        "learner": "healthivert",
        "network_options": {"width": 8},
        "learner_options": {"judge_width": 4},
    }
    torch.manual_seed(0)
    return make_learner(parse_recipe(recipe | options, "here"))


# -- cutting --------------------------------------------------------------------------------------


def numbered(rows=96):
    """Slices whose every row says its number."""
    return torch.arange(rows).float()[None, None, :, None].expand(1, 1, -1, 8).contiguous()


def cut(top, bottom, rows=96):
    return cutting.cut_at(torch.tensor([top]), torch.tensor([bottom]), rows)


def test_the_spine_is_pushed_apart_to_a_band_of_40_rows_and_no_row_of_the_vertebra_is_left():
    made = cutting.pushed_apart(numbered(), cut(40, 57), -1.0)[0, 0, :, 0].tolist()
    assert made[:28] == list(range(12, 40))
    assert made[28:68] == [-1.0] * 40
    assert made[68:] == list(range(57, 85))


@pytest.mark.parametrize(("top", "bottom"), [(2, 20), (70, 92), (0, 40), (56, 96)])
def test_the_band_stays_in_the_slice_and_holds_the_vertebra(top, bottom):
    where = cut(top, bottom)
    start = int(where.start)
    assert 0 <= start <= top and bottom <= start + 40 <= 96
    assert cutting.band_of(where, (96, 8))[0, 0, :, 0].sum() == 40


@pytest.mark.parametrize(("height", "expected"), [(17, (40, 57)), (22, (38, 60)), (12, (40, 57))])
def test_a_restored_vertebra_takes_its_height_and_its_neighbours_move_away(height, expected):
    filled = 1000 + numbered()
    made = cutting.composed(numbered(), filled, cut(40, 57), torch.tensor([float(height)]))
    rows = made[0, 0, :, 0].tolist()
    first, end = expected
    assert rows[first:end] == [1000.0 + r for r in range(first, end)]
    assert rows[:first] == list(range(40 - first, 40))  # up to the row above the vertebra
    assert rows[end:] == list(range(57, 57 + 96 - end))


def test_the_greatest_height_fits_into_the_band():
    where = cut(100, 121, rows=256)  # its rows would reach one beyond it
    made = cutting.composed(numbered(256), -numbered(256), where, torch.tensor([40.0]))
    made = made[0, 0, :, 0]
    inside = torch.nonzero(made < 0)[:, 0]
    assert len(inside) == 40
    assert inside[0] == int(where.start)


def test_heights_between_whole_ones_lie_between():
    x = numbered() ** 1.5
    low, mid, high = (
        cutting.composed(x, x - 5, cut(40, 58), torch.tensor([h])) for h in (22.0, 23.0, 24.0)
    )
    soft = cutting.composed(x, x - 5, cut(40, 58), torch.tensor([22.5]))
    assert (low - soft).abs().mean() < (low - high).abs().mean()
    assert (mid - soft).abs().mean() < (low - high).abs().mean()


def test_strays_and_slices_that_show_too_little_are_left_out():
    mask = np.zeros(CANVAS, bool)
    mask[30:45, 20:40] = True
    mask[80:85, 3:9] = True  # 30 px
    seen = cutting.seen_in(mask)
    assert (seen.top, seen.bottom, seen.mask.sum()) == (30, 45, 300)
    assert cutting.seen_in(mask & (np.arange(96) > 60)[:, None]) is None
    mask[30:85, 20] = True
    tall = cutting.seen_in(mask)
    assert not tall.whole and tall.bottom - tall.top == 40


def test_a_small_crop_lies_in_the_middle_of_the_canvas_and_a_long_one_around_its_vertebra():
    place = cutting.placed((60, 64), CANVAS, (30, 30))
    assert place.at == (slice(18, 78), slice(0, 64)) and place.of == (slice(0, 60), slice(0, 64))
    long = cutting.placed((400, 64), CANVAS, (390, 30))
    assert long.of[0] == slice(304, 400) and long.at[0] == slice(0, 96)


# -- training set ---------------------------------------------------------------------------------


def test_an_example_is_the_released_code_s(batch_of):
    batch = batch_of()
    original, masked, where = batch["original"], batch["masked"], cut_of(batch)
    assert original.shape == (2, 1, *CANVAS) and original.abs().max() <= 1
    for i in range(2):
        top, bottom, start = int(where.top[i]), int(where.bottom[i]), int(where.start[i])
        rows = torch.nonzero(batch["bone"][i, 0].any(1))[:, 0]
        assert (top, bottom) == (int(rows[0]), int(rows[-1]) + 1)
        assert torch.equal(masked[i, :, start + 40], original[i, :, bottom])
        assert torch.equal(masked[i, :, start - 1], original[i, :, top - 1])
        assert (masked[i, :, start : start + 40] == -1).all()
    # the fractured L1 above the target is no healthy neighbour; T12, L3 and L4 are
    above = batch["neighbours"][0, 0, : int(where.start[0])].any(1).int()
    assert above[-8:].sum() == 0 and above.sum() > 0
    assert batch["neighbours"][0, 0, int(where.start[0]) + 40 :].sum() > 0


def test_rows_run_from_head_to_feet_and_what_is_suspected_moves_with_them(batch_of):
    batch = batch_of()
    # the cam counts upwards in the crop, so downwards here; it is pushed apart with the rows
    cam = (batch["suspicion"] * 255).round()[0, 0, :, 0]
    start, top, bottom = (int(batch[k][0]) for k in ("start", "top", "bottom"))
    assert cam[start - 1] == 95 - (top - 1) and cam[start + 40] == 95 - bottom
    assert cam[start : start + 40].sum() == 0


def test_slices_come_from_the_middle_four_fifths_the_nearer_the_more_often():
    arrays = crops(1)
    made = SliceSet(arrays, CANVAS)
    generator = torch.Generator().manual_seed(0)
    drawn = [float(made.batch(torch.tensor([0]), generator, CPU)["offside"]) for _ in range(200)]
    assert max(drawn) <= 0.8
    assert np.mean(drawn) < 0.37  # evenly drawn slices are 0.4 to the side on average


def test_only_healthy_targets_are_trained_on():
    arrays = crops(3)
    arrays["target"][1] = 20
    assert len(SliceSet(arrays, CANVAS)) == 2
    arrays["fractured"] = np.array([1, 0, 255])
    both = FractureSet(arrays, CANVAS)
    batch = both.batch(torch.arange(2), torch.Generator().manual_seed(0), CPU)
    assert len(both) == 2 and batch["label"].tolist() == [1, 0]


def test_patients_that_are_held_out_are_not_trained_on(tmp_path):
    arrays = crops(3) | {"held_out": np.array([False, True, True])}
    np.savez(tmp_path / "spine-healthivert.npz", **arrays)
    sizes = [len(slice_set(tmp_path, *CANVAS, held_out=out)) for out in (False, True)]
    assert sizes == [1, 2]
    arrays["patient"][:] = 7
    np.savez(tmp_path / "spine-healthivert.npz", **arrays)
    with pytest.raises(InputError, match="patient 7 is trained on and held out"):
        slice_set(tmp_path, *CANVAS)


def test_arrays_that_do_not_fit_each_other_are_refused():
    for name, wrong, said in (
        ("labels", np.zeros((2, 4, 4, 4)), "one shape"),
        ("healthy", np.zeros((3, 20)), "healthy"),
        ("target", np.zeros(3, int), "VerSe"),
        ("patient", np.zeros(2), "patient"),
    ):
        with pytest.raises(InputError, match=said):
            checked(crops(3) | {name: wrong}, "here")


# -- losses ---------------------------------------------------------------------------------------


def test_the_edge_loss_moves_a_sure_edge_to_its_place():
    """In the released code it has no gradient at all."""
    mask = torch.zeros(1, 1, 20, 20)
    mask[:, :, 5:15, 4:12] = 1
    sure = torch.full((1, 1, 20, 20), -6.0)
    sure[:, :, 7:15, 4:12] = 6.0
    sure.requires_grad_()
    losses.edge_loss(sure.sigmoid(), mask).backward()
    assert sure.grad.abs().max() > 1e-3
    assert sure.grad[0, 0, 5:7, 5:11].mean() < 0  # rows of bone that are missing are to be filled
    assert losses.edge_loss(mask, mask) == 0
    assert losses.edges(mask)[0, 0, 10, 3] == pytest.approx(1, abs=1e-3)


def test_the_loss_of_a_batch_twice_over_is_that_of_the_batch(batch_of):
    """The released code's weight of grey values falls with the batch's size. The judges' batch
    normalisation sees the same mean and variance twice over."""
    one = learner()
    batch = batch_of()
    twice = {k: torch.cat([v, v]) for k, v in batch.items()}
    one.parts.eval()
    generator = torch.Generator().manual_seed(0)
    for phase in (*JUDGES, MAIN):
        first, second = (one.loss(phase, dict(b), generator)[0] for b in (batch, twice))
        torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)


def test_a_canvas_twice_as_wide_or_high_weighs_a_wrong_band_alike():
    def of(rows, columns):
        original = torch.zeros(1, 1, rows, columns)
        wrong = original.clone()
        wrong[:, :, 10:50] = 0.5
        return losses.grey_loss(wrong, wrong, original)

    assert of(96, 64) == pytest.approx(of(192, 128))
    assert of(256, 256) == pytest.approx(160 * 0.5 * 40 / 256)  # the published weight at batch 16


@pytest.mark.parametrize("which", ["coarse", "fine"])
def test_grey_values_reach_the_head_that_says_the_height(batch_of, which):
    one = learner()
    head = getattr(one.network, which).height
    with torch.no_grad():  # says 38 mm: more than there is
        head.weight.zero_()
        head.bias.fill_(3.0)
    batch = batch_of()
    filled = one.filled(batch)
    share = filled.coarse_height if which == "coarse" else filled.height
    picture = cutting.composed(
        batch["original"], getattr(filled, which), cut_of(batch), cutting.BAND * share
    )
    (picture - batch["original"]).abs().mean().backward()
    assert head.bias.grad.abs() > 1e-4


def test_each_phase_moves_its_own_part_and_every_head_of_the_generator_learns(batch_of):
    one = learner()
    batch = batch_of()
    generator = torch.Generator().manual_seed(0)
    for phase in one.phases:
        one.parts.requires_grad_(False)
        for name in phase.parts:
            one.parts[name].requires_grad_(True)
        loss, figures = one.loss(phase.name, batch, generator)
        loss.backward()
        moved = {
            name
            for name, part in one.parts.items()
            if any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
        }
        assert moved == set(phase.parts)
        for part in one.parts.values():
            if phase.name != MAIN:
                part.zero_grad(set_to_none=True)
    assert [p.name for p in one.phases] == [*JUDGES, MAIN]
    assert set(figures) == {"fooled", "grey", "neighbours", "bone", "edges", "height"}
    for head in ("coarse.height", "fine.height", "fine.bone", "coarse.neighbours", "fine.picture"):
        layer = one.network.get_submodule(head)
        assert all(p.grad.abs().sum() > 0 for p in layer.parameters()), head
    assert set(batch) == set(batch_of())  # nothing of this step is kept for the next


def test_the_judge_of_masks_reaches_the_generator(batch_of):
    one = learner()
    filled = one.filled(batch_of())
    losses.fooled(one.parts[BONE](filled.bone)).backward()
    grads = [p.grad for p in one.network.fine.bone.parameters()]
    assert all(g.abs().sum() > 0 for g in grads)


# -- training -------------------------------------------------------------------------------------

RECIPE = {
    "name": "small",
    "dataset": "spine-slices",
    "network": "healthivert",
    "learner": "healthivert",
    "batch": 2,
    "steps": 2,
    "checkpoint_every": 2,
    "log_every": 1,
    "samples": 1,
    "dataset_options": {"rows": CANVAS[0], "columns": CANVAS[1]},
    "network_options": {"width": 8},
    "learner_options": {"judge_width": 4},
    "validation": {"dataset_options": {"rows": CANVAS[0]}, "examples": 2},
    "optimiser": {"rate": 1e-3, "warmup": 0, "clip": 1e6, "ema": 0.9, "beta1": 0.5},
}


def test_it_trains_goes_on_and_becomes_a_bundle_that_restores(tmp_path):
    np.savez(tmp_path / "spine-healthivert.npz", **crops(3))
    recipe = tmp_path / "small.toml"
    recipe.write_text(tomli_w.dumps(RECIPE))
    run = tmp_path / "run"
    run_training(recipe, tmp_path, run)
    recipe.write_text(tomli_w.dumps(RECIPE | {"steps": 3}))
    run_training(recipe, tmp_path, run, resume=True)
    run_training(recipe, tmp_path, tmp_path / "whole")
    parts, whole = (load_file(r / "checkpoint.safetensors") for r in (run, tmp_path / "whole"))
    assert all(torch.equal(parts[key], whole[key]) for key in whole)
    words = ("title", "summary", "licence", "trained_on", "attribution", "limits")
    card = {"name": "gan", "anatomy": "spine", "grid": [96, 64], "networks": {}}
    card |= dict.fromkeys(words, "made up") | {"methods": {"healthivert": "gan"}}
    folder = tmp_path / "gan"
    folder.mkdir()
    (folder / "model.toml").write_text(tomli_w.dumps(card))
    bundle_run(run, folder, "gan")
    network = read_bundle(folder).model("healthivert")
    assert isinstance(network, HealthiVert)
    batch = SliceSet(crops(3), CANVAS).batch(torch.arange(2), torch.Generator(), CPU)
    ours = trained(run)[0].filled(batch)
    loaded = network(batch["masked"], batch["band"], batch["offside"], batch["suspicion"])
    torch.testing.assert_close(loaded.fine, ours.fine, rtol=0, atol=0.03)


# -- restoring ------------------------------------------------------------------------------------


class Copies(torch.nn.Module):
    """A generator that knows what was there: fills the band with grey 0.25, bone where it is told,
    and says a height."""

    def __init__(self, height):
        super().__init__()
        self.share = torch.nn.Parameter(torch.tensor((height - 0.5) / cutting.BAND))
        self.asked = []

    def forward(self, masked, band, offside, suspicion):
        self.asked.append((len(masked), band.clone(), suspicion.clone()))
        filled = torch.where(band > 0, 0.25, masked)
        bone = band.clone()
        bone[..., :16] = bone[..., 48:] = 0
        share = self.share.expand(len(masked))
        return Filled(filled, bone, share, filled, bone, share)


@pytest.fixture(scope="module")
def spine():
    return crop(np.random.default_rng(1), heights=(12, 12, 8, 13, 12))


def test_a_low_vertebra_is_given_back_its_height_in_every_slice_and_the_rest_moves_away(spine):
    ct, labels = spine
    made = restore(Copies(height=14), ct, labels, 21, canvas=CANVAS)
    across = np.flatnonzero((labels == 21).any((0, 1)))
    assert np.array_equal(np.flatnonzero(np.isfinite(made.heights_mm)), across)
    assert set(made.heights_mm[across]) == {14.0}
    x = int(across[3])
    rows = np.flatnonzero((made.labels[:, :, x] == 21).any(1))
    assert len(rows) == 14
    band = made.ct[rows[0] : rows[-1] + 1, :, x]
    np.testing.assert_allclose(band, cutting.to_hounsfield(np.float32(0.25)), rtol=1e-4)
    # L4, which is no neighbour, has moved down by what L2 and L3 grew below their middles
    grown = (14 - 8) + (14 - 13) * 1
    ends = [np.flatnonzero((v[:, :, x] == 23).any(1)) for v in (labels, made.labels)]
    moved = int(ends[0][-1] - ends[1][-1])
    assert 0 < moved <= grown
    outside = np.setdiff1d(np.arange(ct.shape[2]), across)
    assert np.array_equal(made.ct[:, :, outside], ct[:, :, outside])
    assert made.skipped == () and made.ct.dtype == np.float32 and made.labels.dtype == labels.dtype


def test_a_generator_that_says_the_height_there_is_leaves_the_labels_where_they_were(spine):
    ct, labels = spine
    alone = np.where(labels == 21, labels, 0)
    made = restore(Copies(height=3), ct, alone, 21, canvas=CANVAS)
    np.testing.assert_array_equal(made.heights_mm[3:20], 8)
    changed = alone[:, 22:46, 3:20] != made.labels[:, 22:46, 3:20]
    rows = np.flatnonzero(changed.any((1, 2)))  # the upper edge, which is lower in front
    assert set(rows) <= set(np.flatnonzero((alone == 21).any((1, 2)))[-2:])
    assert (made.moved_mm[3:20] == 0).all()


def test_neighbours_are_restored_first_and_the_target_s_displacement_is_told(spine):
    ct, labels = spine
    network = Copies(height=14)
    made = restore(network, ct, labels, 21, canvas=CANVAS)
    slices = int((labels == 21).any((0, 1)).sum())
    assert sum(count for count, *_ in network.asked) == 3 * slices
    # L1 of 12 mm grew to 14: one row up, one down. L3 of 13: its row goes down
    assert set(made.moved_mm[np.isfinite(made.moved_mm)]) == {-1.0}


def test_missing_neighbours_are_passed_over_and_said(spine):
    ct, labels = spine
    lonely = np.where(labels == 20, 0, labels)
    lonely[:, :, :6][lonely[:, :, :6] == 22] = 0
    made = restore(Copies(height=14), ct, lonely, 21, canvas=CANVAS)
    assert made.skipped == (
        "L1 was not restored first in 19 of 19 slices: they show too little of it",
        "L3 was not restored first in 4 of 19 slices: they show too little of it",
    )


def test_a_volume_longer_than_the_canvas_is_worked_on_around_the_vertebra(spine):
    ct, labels = spine
    many = [np.concatenate([np.zeros((200, 64, 24), v.dtype), v]) for v in (ct, labels)]
    short = restore(Copies(height=14), ct, labels, 21, canvas=CANVAS)
    long = restore(Copies(height=14), *many, 21, canvas=CANVAS)
    assert (long.labels[200:] == 21).sum() == (short.labels == 21).sum()
    assert (long.labels[:200] == 21).sum() == 0
    np.testing.assert_array_equal(long.heights_mm, short.heights_mm)


def test_what_cannot_be_restored_is_refused_in_one_line(spine):
    ct, labels = spine
    with pytest.raises(InputError, match="vertebra 9 is not in the labels"):
        restore(Copies(14), ct, labels, 9, canvas=CANVAS)
    with pytest.raises(InputError, match="not on one grid"):
        restore(Copies(14), ct[1:], labels, 21, canvas=CANVAS)
    with pytest.raises(InputError, match="canvas"):
        restore(Copies(14), ct, labels, 21, canvas=(100, 64))
