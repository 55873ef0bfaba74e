"""Fixtures of the hand: pairs on disk, its two pages in the real window."""

import numpy as np
import pytest
import tomli_w
import torch

from tests.wings.hand.hands import GRID, screened, sound_hands
from xgen_studio.imaging import write_png8, write_png16
from xgen_studio.networks import build_network
from xgen_studio.networks.weights import save_weights
from xgen_studio.wings.hand.science.calibration import render

NETWORKS = {
    "diffusion": (
        "unet",
        {
            "in_channels": 2,
            "out_channels": 2,
            "condition_channels": 8,
            "channels": [8, 8, 16],
            "blocks": 1,
            "heads": 2,
            "pixel_width": 4,
        },
    ),
    "vae": ("vae", {"channels": [4, 8, 8, 8], "latent": 8}),
    "localiser": ("localiser", {"width": 4, "pyramid": 8, "head": 8}),
}


@pytest.fixture
def hand_bundles(tmp_path, monkeypatch):
    """Bundles with random weights: tiny-joint, tiny-vae, tiny-localiser."""
    parent = tmp_path / "models"
    for name, method, network in (
        ("tiny-joint", "joint", "diffusion"),
        ("tiny-vae", "vae", "vae"),
        ("tiny-localiser", "landmarks", "localiser"),
    ):
        folder = parent / name
        folder.mkdir(parents=True)
        architecture, options = NETWORKS[network]
        torch.manual_seed(1)
        made = build_network(architecture, options)
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
        digest = save_weights(made, folder / "w.safetensors")
        card = {
            "name": name,
            "title": name,
            "summary": "random weights",
            "anatomy": "hand",
            "grid": list(GRID),
            "licence": "none",
            "trained_on": "nothing",
            "attribution": "",
            "limits": "means nothing",
            "steps": 2,
            "methods": {method: network},
            "networks": {
                network: {
                    "file": "w.safetensors",
                    "sha256": digest,
                    "architecture": architecture,
                    "options": options,
                }
            },
        }
        (folder / "model.toml").write_text(tomli_w.dumps(card))
    monkeypatch.setenv("XGEN_MODELS", str(parent))
    return parent


@pytest.fixture
def pairs(tmp_path):
    """Six pairs: four sound hands, one with a spurious blob, one without a finger."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    hands = sound_hands(6, GRID)
    hands[4] = np.concatenate([hands[4], [[12.0, 240.0]]])
    hands[5] = np.delete(hands[5], [33, 34, 35, 36], axis=0)
    for i, points in enumerate(hands):
        heat = render(points, GRID, 2.0)
        write_png16(folder / f"{i:03d}_heatmap.png", heat, {"synthetic": True})
        write_png16(folder / f"{i:03d}.png", 0.3 + 0.5 * heat, {"synthetic": True})
    return folder, hands


@pytest.fixture
def workspace(window):
    """The easel workspace."""
    window.show_workspace("hand")
    return window.workspaces["hand"]


@pytest.fixture
def page(workspace, pairs, qtbot):
    """The review of six screened hands: four sound, one has a spurious blob, one lacks a finger."""
    screened(pairs[0])
    workspace.review.run.open_folder(pairs[0])
    return workspace.review


@pytest.fixture
def marks(workspace, tmp_path):
    """The landmark page with a radiograph of 400 x 500 px."""
    rng = np.random.default_rng(0)
    write_png8(tmp_path / "hand.png", rng.random((500, 400)))
    workspace.tabs.setCurrentIndex(1)
    workspace.landmarks.open(tmp_path / "hand.png")
    workspace.landmarks.canvas.resize(900, 700)
    workspace.landmarks.canvas.fit()
    return workspace.landmarks
