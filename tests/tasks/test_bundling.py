"""A trained run becomes part of a bundle, whole at every moment."""

import tomllib

import pytest
import tomli_w
import torch
from safetensors.torch import load_file

from tests.training.toy import toy_recipe, train, write_recipe
from xgen_studio.bundles import open_bundle, read_bundle
from xgen_studio.errors import CallError, InputError
from xgen_studio.tasks.bundling import bundle_run


@pytest.fixture
def run(tmp_path):
    train(write_recipe(tmp_path, steps=6), None, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "toy"
    folder.mkdir()
    keys = ("title", "summary", "licence", "trained_on", "attribution", "limits")
    card = {
        "name": "toy",
        "anatomy": "knee",
        "grid": [16, 16],
        "methods": {"ctm": "diffusion"},
        "measured": {"mae": 0.1},
        **dict.fromkeys(keys, "toy"),
    }
    (folder / "model.toml").write_text(tomli_w.dumps({**card, "networks": {}}))
    return folder


def test_the_averaged_weights_arrive_and_the_card_says_how_they_came(run, folder):
    bundle_run(run, folder, "diffusion")
    bundle = read_bundle(folder)
    card = bundle.networks["diffusion"]
    assert (card.steps, card.examples) == (6, 24)
    assert "measured" not in tomllib.loads((folder / "model.toml").read_text())
    trained = load_file(run / "checkpoint.safetensors")["average.network.stem.weight"]
    torch.testing.assert_close(
        bundle.denoiser("ctm").network.stem.weight, trained, rtol=1e-3, atol=1e-4
    )


def test_noise_frequencies_keep_their_precision(run, folder):
    bundle_run(run, folder, "diffusion")
    trained = load_file(run / "checkpoint.safetensors")["average.network.noise.frequencies"]
    assert torch.equal(read_bundle(folder).denoiser("ctm").network.noise.frequencies, trained)


def test_the_card_counts_the_training_behind_the_weights_a_run_started_from(run, folder, tmp_path):
    bundle_run(run, folder, "diffusion")
    first = folder / read_bundle(folder).networks["diffusion"].file
    again = tmp_path / "again"
    train(write_recipe(tmp_path, steps=3), None, again, start_from=first)
    bundle_run(again, folder, "diffusion", overwrite=True)
    card = read_bundle(folder).networks["diffusion"]
    assert (card.steps, card.examples) == (6 + 3, 24 + 12)


def test_newer_weights_replace_the_old_file(run, folder, tmp_path):
    bundle_run(run, folder, "diffusion")
    first = read_bundle(folder).networks["diffusion"].file
    recipe = write_recipe(tmp_path, steps=9)
    train(recipe, None, run, resume=True)
    with pytest.raises(CallError, match="24 examples already; add --overwrite"):
        bundle_run(run, folder, "diffusion")
    bundle_run(run, folder, "diffusion", overwrite=True)
    names = sorted(p.name for p in folder.glob("*.safetensors"))
    assert len(names) == 1
    assert names[0] != first


def test_a_folder_without_a_card_stays_as_it_is(run, tmp_path):
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match=r"model\.toml"):
        bundle_run(run, tmp_path / "bare", "diffusion")
    assert not list((tmp_path / "bare").iterdir())


def test_a_run_goes_only_where_it_fits(run, folder):
    card = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(card.replace('ctm = "diffusion"', 'masks = "masks"'))
    with pytest.raises(InputError, match="needs 'segment'"):
        bundle_run(run, folder, "masks")
    with pytest.raises(CallError, match="no method uses"):
        bundle_run(run, folder, "difusion")
    assert not list(folder.glob("*.safetensors"))


def test_a_network_s_name_is_no_path(run, folder):
    with pytest.raises(CallError, match="name"):
        bundle_run(run, folder, "../elsewhere")


def test_the_share_that_was_told_nothing_goes_into_the_card(folder, tmp_path):
    change = ("toy_set", "untold_set")
    train(toy_recipe(tmp_path, change, steps=3), None, tmp_path / "run")
    bundle_run(tmp_path / "run", folder, "diffusion")
    assert read_bundle(folder).networks["diffusion"].unconditional == 0.3
    (tmp_path / "run" / "status.json").unlink()  # a run of before: the card's own word stays
    bundle_run(tmp_path / "run", folder, "diffusion", overwrite=True)
    assert read_bundle(folder).networks["diffusion"].unconditional == 0.3
    cards = {n: c for b in ("hand-ddpm", "hand-vae") for n, c in open_bundle(b).networks.items()}
    assert (cards["diffusion"].unconditional, cards["vae"].unconditional) == (0.3, 0.0)


def test_cards_of_before_still_open(run, folder):
    """They said `regression = true`, and nothing of autoencoders and localisers."""
    bundle_run(run, folder, "diffusion")
    card = tomllib.loads((folder / "model.toml").read_text())
    entry = card["networks"]["diffusion"]
    del entry["kind"]
    kinds = {"a": {"regression": True}, "b": {"architecture": "vae"}, "c": {}}
    card["networks"] |= {name: {**entry, **more} for name, more in kinds.items()}
    card["networks"]["d"] = {**entry, "regression": False, "architecture": "localiser"}
    (folder / "model.toml").write_text(tomli_w.dumps(card))
    read = read_bundle(folder).networks
    assert [read[n].kind for n in "abcd"] == ["regression", "vae", "denoiser", "localiser"]
    assert read["diffusion"].kind == "denoiser"
