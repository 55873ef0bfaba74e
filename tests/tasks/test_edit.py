"""Editing a region, and making pictures again."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.tasks.calls import told
from xgen_studio.cli.main import application
from xgen_studio.document import Made, Picture
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import Mask, read_image, write_mask, write_png16
from xgen_studio.studio.drawing.proof import in_words
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.drawing import Again, Drawing, Edit
from xgen_studio.tasks.generate import generator_on
from xgen_studio.tasks.wish import read_edit

GRID = (80, 144)


def make_again(picture):
    [made] = told(Again(picture))
    return made


@pytest.fixture
def generator(tiny_bundle):
    return generator_on(Bench(), "tiny", "cpu")


@pytest.fixture
def mask(generator):
    labels = np.zeros(GRID, np.uint8)
    labels[:, 30:110] = 1
    labels[20:50, 50:90] = 3
    return Mask(labels, generator.system.table)


def region_of(rows=slice(25, 60), columns=slice(40, 100)):
    region = np.zeros(GRID, bool)
    region[rows, columns] = True
    return region


@pytest.mark.parametrize("sampler", ["dpm++2m", "ddim", "pc", "ancestral"])
def test_outside_the_region_not_a_bit_changes_and_inside_it_does(generator, mask, sampler):
    whole = generator.one(Drawing("tiny", sampler=sampler, steps=4, seed=1), mask)
    region = region_of()
    edited = generator.one(
        Drawing("tiny", sampler=sampler, steps=4, seed=2), mask, Edit(whole.pixels, region)
    )
    np.testing.assert_array_equal(edited.pixels[~region], whole.pixels[~region])
    assert np.abs(edited.pixels - whole.pixels)[region].mean() > 0.01
    assert edited.provenance["edit"]["region_px"] == region.sum()


def test_the_edge_of_a_region_is_no_seam(generator, mask):
    # random weights draw noise: at the soft edge the new picture must fade into the old one
    whole = generator.one(Drawing("tiny", steps=4, seed=1), mask).pixels
    region = region_of()
    edited = generator.one(Drawing("tiny", steps=4, seed=2), mask, Edit(whole, region)).pixels
    change = np.abs(edited - whole)
    first, deep = change[25, 45:95].mean(), change[40, 45:95].mean()
    assert 0 < first < 0.5 * deep


def test_a_region_that_does_not_fit_or_is_empty_is_said(generator, mask):
    pixels = np.zeros(GRID, np.float32)
    with pytest.raises(InputError, match="144 x 80"):
        generator.one(Drawing("tiny"), mask, Edit(pixels[:10], region_of()))
    with pytest.raises(InputError, match="empty"):
        generator.one(Drawing("tiny"), mask, Edit(pixels, np.zeros(GRID, bool)))


def drawn(generator, mask):
    first = generator.one(Drawing("tiny", steps=3, seed=7), mask)
    region = region_of()
    second = generator.one(Drawing("tiny", steps=3, seed=8), mask, Edit(first.pixels, region))
    labels = mask.labels.astype(np.uint8)
    recipe = (Made(labels, first.provenance), Made(labels, second.provenance, region))
    return Picture(second.pixels, recipe)


def test_a_picture_is_made_again_to_the_bit_through_all_its_edits(generator, mask):
    picture = drawn(generator, mask)
    again = make_again(picture)
    assert again.equal and again.largest_difference == 0
    other = replace(picture, pixels=picture.pixels + np.float32(0.25))
    again = make_again(other)
    assert not again.equal and again.largest_difference == pytest.approx(0.25, abs=1e-6)


def test_an_edit_of_an_opened_picture_is_made_again_from_that_picture(generator, mask):
    opened = np.random.default_rng(0).random(GRID).astype(np.float32)
    edited = generator.one(Drawing("tiny", steps=3), mask, Edit(opened, region_of()))
    made = Made(mask.labels.astype(np.uint8), edited.provenance, region_of())
    picture = Picture(edited.pixels, (made,), opened, "patient.png")
    assert make_again(picture).equal
    with pytest.raises(InputError, match="not in the document"):
        make_again(replace(picture, base=None))


def test_other_weights_and_opened_pictures_are_said(generator, mask):
    picture = drawn(generator, mask)
    picture.recipe[0].provenance["weights_sha256"] = "0" * 64
    with pytest.raises(InputError, match="other weights"):
        make_again(picture)
    with pytest.raises(InputError, match="opened"):
        make_again(Picture(picture.pixels))


def edit_by_terminal(picture, region, labels, out):
    places = {"--mask": labels, "--picture": picture, "--region": region, "-o": out}
    words = [str(word) for pair in places.items() for word in pair]
    return CliRunner().invoke(application(), ["generate", "tiny", *words, "--steps", "2"])


def test_the_terminal_edits_a_region_too(generator, mask, tmp_path):
    picture, region, labels = (tmp_path / n for n in ("p.png", "r.png", "m.png"))
    pixels = np.random.default_rng(1).random(GRID)
    write_png16(picture, pixels, None)
    write_mask(region, Mask(region_of().astype(np.uint8), generator.system.table))
    write_mask(labels, mask)
    answer = edit_by_terminal(picture, region, labels, tmp_path / "out")
    assert answer.exit_code == 0, answer.output
    made, old = read_image(tmp_path / "out" / "000.png").pixels, read_image(picture).pixels
    np.testing.assert_array_equal(made[~region_of()], old[~region_of()])
    assert (made != old)[region_of()].mean() > 0.9
    said = json.loads((tmp_path / "out" / "000.json").read_text())
    assert (said["synthetic"], said["synthetic_share"]) == ("partly", round(region_of().mean(), 5))
    assert said["mask"] == "m.png" and len(said["mask_file_sha256"]) == 64
    write_png16(picture, pixels, {"synthetic": True})  # one that says it is synthetic stays so
    edit_by_terminal(picture, region, labels, tmp_path / "synthetic")
    assert read_image(tmp_path / "synthetic" / "000.png").synthetic
    assert not read_image(tmp_path / "out" / "000.png").synthetic


def test_a_picture_is_not_overwritten_by_its_own_edit(generator, mask, tmp_path):
    picture, region, labels = (tmp_path / n for n in ("000.png", "r.png", "m.png"))
    write_png16(picture, np.random.default_rng(1).random(GRID), None)
    write_mask(region, Mask(region_of().astype(np.uint8), generator.system.table))
    write_mask(labels, mask)
    before = picture.read_bytes()
    answer = edit_by_terminal(picture, region, labels, tmp_path)
    assert isinstance(answer.exception, CallError) and "overwritten" in str(answer.exception)
    assert picture.read_bytes() == before


def test_a_picture_whose_grey_values_are_not_of_the_whole_range_is_said(tmp_path, mask):
    region = tmp_path / "r.png"
    write_mask(region, mask)
    dim = tmp_path / "dim.png"
    write_png16(dim, np.random.default_rng(1).random(GRID) / 16, None)  # 12 of 16 bits
    with pytest.raises(InputError, match="whole range"):
        read_edit(dim, region)


def test_what_is_not_as_it_was_is_named_where_the_pixels_differ(generator, mask):
    """Equal bits hold for the same call with as many threads on the same kind of processor."""
    picture = drawn(generator, mask)
    then = {
        **picture.recipe[0].provenance,
        "threads": 64,
        "instructions": "AMX, GenuineIntel",
        "versions": {"torch": "2.6.0"},
    }
    recipe = (replace(picture.recipe[0], provenance=then), *picture.recipe[1:])
    made = make_again(replace(picture, pixels=picture.pixels + np.float32(1e-3), recipe=recipe))
    assert not made.equal and made.largest_difference > 0
    said = " ".join(made.differs)
    for words in ("number of threads: 64, now", "AMX, GenuineIntel, now", "torch: 2.6.0, now"):
        assert words in said
    assert "Not as it was then: number of threads" in in_words(made)
    same = make_again(replace(picture, pixels=picture.pixels + np.float32(1e-3)))
    assert same.differs == () and "nothing that was written down" in in_words(same)
