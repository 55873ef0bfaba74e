"""A tiny knee bundle with random weights, so that the jobs are tested without training."""

import shutil

import pytest
import tomli_w
import torch

from xgen_studio.imaging import Mask, write_mask
from xgen_studio.networks import build_network
from xgen_studio.networks.weights import save_weights

DIFFUSION = {
    "condition_channels": 8,
    "classes": 5,
    "channels": [8, 16, 16],
    "blocks": 1,
    "heads": 2,
    "pixel_width": 4,
}
UNET = {
    "in_channels": 8,
    "noise": False,
    "channels": [8, 16, 16],
    "blocks": 1,
    "heads": 2,
    "pixel_width": 4,
}
MASKS = {
    "in_channels": 1,
    "out_channels": 5,
    "noise": False,
    "channels": [8, 8, 16],
    "blocks": 1,
    "heads": 2,
    "pixel_width": 4,
}


def _entry(folder, name, options, regression):
    torch.manual_seed(3)
    network = build_network("unet", options)
    for parameter in network.parameters():  # zero-initialised layers would hide the condition
        torch.nn.init.normal_(parameter, std=0.08)
    digest = save_weights(network, folder / f"{name}.safetensors")
    return {
        "file": f"{name}.safetensors",
        "sha256": digest,
        "architecture": "unet",
        "options": options,
        "process": "edm",
        "regression": regression,
        "process_options": {} if regression else {"sigma_data": 0.5},
    }


def tiny_card(methods, networks):
    """The card of a bundle that means nothing."""
    return {
        "name": "tiny",
        "title": "Tiny",
        "summary": "random weights",
        "anatomy": "knee",
        "grid": [80, 144],
        "licence": "none",
        "trained_on": "nothing",
        "attribution": "",
        "limits": "means nothing",
        "methods": methods,
        "networks": networks,
    }


@pytest.fixture(scope="session")
def tiny_bundle_template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    folder.mkdir()
    networks = {
        "diffusion": _entry(folder, "diffusion", DIFFUSION, False),
        "unet": _entry(folder, "unet", UNET, True),
        "masks": _entry(folder, "masks", MASKS, True),
    }
    methods = {"ctm": "diffusion", "csm": "diffusion", "unet": "unet", "masks": "masks"}
    card = tiny_card(methods, networks)
    (folder / "model.toml").write_text(tomli_w.dumps(card))
    return folder


@pytest.fixture
def tiny_bundle(tiny_bundle_template, tmp_path, monkeypatch):
    """The folder of a bundle called `tiny`, found by its name."""
    parent = tmp_path / "models"
    shutil.copytree(tiny_bundle_template, parent / "tiny")
    monkeypatch.setenv("XGEN_MODELS", str(parent))
    return parent / "tiny"


@pytest.fixture
def mask_file(tmp_path, knee_labels):
    """A named-bone mask of 160 x 288 as a PNG."""
    from xgen_studio.wings.knee.science.labels import TABLE

    path = tmp_path / "mask.png"
    write_mask(path, Mask(knee_labels, TABLE))
    return path
