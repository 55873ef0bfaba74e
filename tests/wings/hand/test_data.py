"""Hands as training data: tables, warps and heatmaps put each landmark where it belongs."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from xgen_studio.errors import CallError, InputError
from xgen_studio.evaluation.images import spectrum_distance
from xgen_studio.wings.hand.science.data import (
    GRID,
    HandSet,
    LandmarkSet,
    blobs,
    heat_of,
    heatmap,
    landmark_set,
    shape_channels,
    to_channels,
)
from xgen_studio.wings.hand.science.landmarks import (
    COUNT,
    FINGERS,
    GROUPS,
    NAMES,
    check_inside,
    mm_per_pixel,
    read_table,
)
from xgen_studio.wings.hand.science.preparation import letterboxed
from xgen_studio.wings.hand.science.warping import apply, bend, other_shape, similarity


@pytest.fixture
def points():
    rng = np.random.default_rng(4)
    return rng.uniform((30, 20), (160, 235), (COUNT, 2))


def test_every_landmark_has_one_name_and_one_group():
    assert len(set(NAMES)) == COUNT
    assert sorted(i for group in GROUPS for i in group) == list(range(COUNT))
    assert all(NAMES[chain[-1]].endswith("tip") for chain in FINGERS)


def test_the_wrist_gives_the_scale(points):
    points[1], points[5] = (100, 200), (140, 230)
    assert mm_per_pixel(points) == pytest.approx(1.0)
    points[5] = points[1]
    with pytest.raises(InputError, match="wrist"):
        mm_per_pixel(points)


def test_a_table_is_read_with_and_without_header(tmp_path, points):
    row = ",".join(f"{v:.3f}" for v in points.ravel())
    plain, named = tmp_path / "a.csv", tmp_path / "b.csv"
    plain.write_text(f"3143,{row}\n")
    header = "id,w,h," + ",".join(f"x{i},y{i}" for i in range(COUNT))
    named.write_text(f"{header}\n3143,700,900,{row}\n")
    for path in (plain, named):
        np.testing.assert_allclose(read_table(path)["3143"], points, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r[:-2], "72 coordinates"),
        (lambda r: [*r[:-1], "nan"], "NaN"),
        (lambda r: [*r[:-1], "left"], "no number"),
    ],
)
def test_a_bad_table_is_said_with_its_row(tmp_path, points, change, said):
    good = [f"{v:.1f}" for v in points.ravel()]
    path = tmp_path / "bad.csv"
    path.write_text(f"1,{','.join(good)}\n2,{','.join(change(good))}\n")
    with pytest.raises(InputError, match=f"row 2.*{said}"):
        read_table(path)
    path.write_text(f"1,{','.join(good)}\n1,{','.join(good)}\n")
    with pytest.raises(InputError, match="twice"):
        read_table(path)


def test_a_table_of_another_scale_is_noticed(points):
    check_inside(points, 192, 256, "x")
    with pytest.raises(InputError, match="scale"):
        check_inside(points * 4, 192, 256, "x")
    cut = points - [0, points[:, 1].min() + 3]  # a fingertip 3 px above the picture
    check_inside(cut, 192, 256, "x")
    with pytest.raises(InputError, match="reach from"):
        check_inside(cut - [0, 10], 192, 256, "x")
    partly = np.where(np.arange(37)[:, None] < 5, np.nan, points)
    check_inside(partly, 192, 256, "x")
    with pytest.raises(InputError, match="scale"):
        check_inside(partly * 4, 192, 256, "x")


def test_a_similarity_is_found_and_never_mirrors(points):
    c, s = 1.3 * np.cos(0.4), 1.3 * np.sin(0.4)
    moved = points @ np.array([[c, s], [-s, c]]) + (7, -3)
    np.testing.assert_allclose(apply(similarity(points, moved), points), moved, atol=1e-9)
    mirrored = points * (-1, 1)
    assert np.linalg.det(similarity(points, mirrored)[:, :2]) > 0
    np.testing.assert_allclose(other_shape(points, moved, 1.0), points, atol=1e-9)


def hand_like():
    """A hand's outline of points, so that warps between two stay mild."""
    t = np.linspace(0, 2 * np.pi, COUNT, endpoint=False)
    return np.stack([96 + 50 * np.cos(t), 130 + 85 * np.sin(t)], 1)


def test_bending_carries_bright_spots_to_where_it_says_the_landmarks_are():
    own = hand_like()
    wanted = own + 5 * np.stack([np.sin(own[:, 1] / 40), np.cos(own[:, 0] / 35)], 1)
    spots = blobs(torch.from_numpy(own[None] + 0.5).float(), GRID, 2.0)[0]
    for k in range(0, COUNT, 6):
        image = (spots[k].numpy() * 250).astype(np.uint8)
        made, landed = bend(image, own, wanted)
        weight = made.astype(float) * (made > 60)
        ys, xs = np.mgrid[0 : GRID[0], 0 : GRID[1]]
        found = (weight * xs).sum() / weight.sum(), (weight * ys).sum() / weight.sum()
        assert np.hypot(*(landed[k] - found)) < 0.35
        assert np.hypot(*(landed[k] - wanted[k])) < 1.5


def test_bending_and_varying_keep_pictures_sharp():
    """What a model learns from soft pictures it draws soft (linear interpolation: 0.22 and 0.27
    decades from sharp ones)."""
    rng = np.random.default_rng(0)
    textures = ndimage.gaussian_filter(rng.normal(0, 1, (6, *GRID)), (0, 1.0, 1.0))
    sharp = np.clip(128 + 60 * textures / textures.std(), 0, 255).astype(np.uint8)
    own = hand_like()
    wanted = own + 5 * np.stack([np.sin(own[:, 1] / 40), np.cos(own[:, 0] / 35)], 1)
    bent = np.stack([bend(image, own, wanted)[0] for image in sharp])
    inside = (slice(None), slice(70, 190), slice(56, 136))
    assert spectrum_distance(bent[inside] / 255, sharp[inside] / 255) < 0.12
    points = torch.from_numpy(own[None] + 0.5).float().expand(6, -1, -1)
    hands = HandSet(torch.from_numpy(sharp), points, zoom=0.0)
    varied, _ = hands.varied(torch.arange(6), torch.Generator().manual_seed(1), torch.device("cpu"))
    turned = (varied[:, 0].numpy() + 1) / 2
    assert spectrum_distance(turned[inside], sharp[inside] / 255) < 0.12


def test_a_warp_that_folds_is_refused():
    own = hand_like()
    wanted = own.copy()
    wanted[[0, 18]] = wanted[[18, 0]]  # two sides change places
    assert bend(np.zeros(GRID, np.uint8), own, wanted) is None


def test_letterboxing_keeps_the_aspect_and_says_where_points_go():
    picture = np.zeros((900, 500), np.uint8)
    picture[700:710, 100:110] = 200
    made, scale, (left, top) = letterboxed(picture)
    assert made.shape == GRID and scale == pytest.approx(256 / 900)
    ys, xs = np.nonzero(made > 40)
    at = 105 * scale + left, 705 * scale + top
    assert (xs.mean() + 0.5, ys.mean() + 0.5) == pytest.approx(at, abs=0.6)


def test_heatmaps_peak_at_the_landmarks_and_come_back_from_the_channels(points):
    heat = heatmap(torch.from_numpy(points[None]).float())
    assert heat.shape == (1, 1, *GRID) and 0.9 < heat.max() <= 1
    x, y = points[7]
    assert heat[0, 0, int(y), int(x)] > 0.85
    image = torch.zeros(1, 1, *GRID)
    torch.testing.assert_close(heat_of(to_channels(image, heat)), heat[:, 0])


def test_augmented_pictures_and_landmarks_move_together(points):
    spots = blobs(torch.from_numpy(points[None]).float(), GRID, 2.0).amax(1)
    images = (spots * 255).to(torch.uint8).repeat(8, 1, 1)
    both = torch.from_numpy(points).float()[None].repeat(8, 1, 1)
    hands = HandSet(images, both, told=1.0, turn=15, zoom=0.1, shift=0.05)
    generator = torch.Generator().manual_seed(3)
    batch = hands.batch(torch.arange(8), generator, torch.device("cpu"))
    heat = heat_of(batch["target"])
    picture = (batch["target"][:, 0] + 1) / 2
    for h, p in zip(heat, picture, strict=True):  # the picture is its own heatmap here
        inside = h > 0.5
        assert p[inside].mean() > 0.55 and p[~inside].mean() < 0.05
    assert batch["condition"].shape == (8, 8, *GRID)
    assert (batch["condition"].amax((1, 2, 3)) > 0.9).all()
    untold = HandSet(images, both, told=0.0).batch(torch.arange(8), generator, torch.device("cpu"))
    assert not untold["condition"].any()
    assert shape_channels(both).shape == (8, 8, *GRID)


def test_real_hands_are_repeated_until_they_are_their_share(tmp_path, points):
    """Real pictures are all 10, bent ones 20, those held out 30, synthetic ones 40."""
    grey = np.array([10, 10, 20, 30], np.uint8)
    images = np.broadcast_to(grey[:, None, None], (4, *GRID))
    places = np.broadcast_to(points.astype(np.float32), (4, COUNT, 2))
    np.savez(
        tmp_path / "hand.npz",
        images=images,
        points=places,
        id=["1", "2", "1", "3"],
        held_out=grey == 30,
        bent=grey == 20,
    )
    np.savez(
        tmp_path / "made.npz",
        images=np.full((7, *GRID), 40, np.uint8),
        points=np.broadcast_to(places[0], (7, COUNT, 2)),
    )

    def counts(**options):
        values = landmark_set(tmp_path, **options).hands.images[:, 0, 0].tolist()
        return {value: values.count(value) for value in set(values)}

    assert counts() == {10: 2} and counts(bent=True) == {10: 2, 20: 1}
    assert counts(synthetic="made") == {10: 2, 40: 7}
    assert counts(synthetic="made", real_share=0.5) == {10: 8, 40: 7}
    with pytest.raises(CallError, match="real_share"):
        landmark_set(tmp_path, "made", real_share=1.0)


def test_a_share_of_hands_is_drawn_untold(points):
    """The share goes into the card as `unconditional`: classifier-free guidance needs to know."""
    images = torch.zeros(1, *GRID, dtype=torch.uint8)
    made = HandSet(images, torch.tensor(points[None], dtype=torch.float32))
    assert made.unconditional == pytest.approx(0.3)
    few = torch.zeros(60, dtype=torch.long)
    told = [
        made.batch(few, torch.Generator().manual_seed(seed), torch.device("cpu"))["condition"]
        for seed in range(5)
    ]
    share = torch.cat([(c.abs().amax((1, 2, 3)) == 0) for c in told]).float().mean().item()
    assert share == pytest.approx(0.3, abs=0.08)  # 300 draws: three standard deviations


def test_a_localiser_is_taught_shares_of_width_and_height(points):
    """Bright spots lie where its landmarks say, also in a picture that is higher than wide."""
    spots = np.zeros(GRID, np.uint8)
    corner = np.array([[70.0, 180.0]])
    spots[178:182, 68:72] = 255
    made = LandmarkSet(
        torch.from_numpy(spots)[None], torch.tensor(np.repeat(corner[None], COUNT, 1)).float()
    )
    generator = torch.Generator().manual_seed(2)
    batch = made.batch(torch.zeros(8, dtype=torch.long), generator, torch.device("cpu"))
    for picture, share in zip(batch["image"][:, 0], batch["landmarks"][:, 0], strict=True):
        lit = (picture - picture.median()).clamp(min=0).numpy()
        y, x = ndimage.center_of_mass(lit)
        np.testing.assert_allclose(share * torch.tensor([192.0, 256.0]), [x + 0.5, y + 0.5], atol=1)
