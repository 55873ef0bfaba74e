"""A fifth system is one module and one line."""

import sys
import types

import numpy as np
import pytest
import torch

from xgen_studio.anatomy.system import SYSTEMS
from xgen_studio.diffusion import Condition
from xgen_studio.errors import CallError
from xgen_studio.imaging import Label, LabelTable, Mask
from xgen_studio.jobs import generate


class Elbow:
    """A toy: its condition is the mask itself."""

    name = "elbow"
    title = "Elbow"
    table = LabelTable([Label(1, "arm", (9, 9, 9))])

    def labels_on(self, mask, grid):
        return mask.resized(grid).labels

    def window(self, mask, grid):
        return (0, 0, *mask.shape[::-1])

    def simplified(self, labels, detail):
        return labels

    def condition(self, labels, options):
        return Condition(torch.from_numpy(labels.astype(np.float32))[None, None])

    def guide(self, labels):
        return labels.astype(np.float32) * 2 - 1


def test_a_toy_system_generates_like_the_knee(tmp_path, monkeypatch):
    import tomli_w

    from xgen_studio.diffusion.bundle import read_bundle
    from xgen_studio.networks import build_network
    from xgen_studio.networks.weights import save_weights

    module = types.ModuleType("toy_elbow")
    module.system = Elbow
    monkeypatch.setitem(sys.modules, "toy_elbow", module)
    monkeypatch.setattr(generate, "SYSTEMS", SYSTEMS.with_system("elbow", "toy_elbow"))
    options = {
        "condition_channels": 1,
        "channels": [8, 8],
        "blocks": 1,
        "heads": 1,
        "pixel_width": 2,
    }
    digest = save_weights(build_network("unet", options), tmp_path / "net.safetensors")
    keys = ("title", "summary", "licence", "trained_on", "attribution", "limits")
    card = {
        "name": "elbow",
        "anatomy": "elbow",
        "grid": [16, 16],
        "methods": {"ctm": "net"},
        "networks": {
            "net": {
                "file": "net.safetensors",
                "sha256": digest,
                "architecture": "unet",
                "options": options,
            }
        },
        **dict.fromkeys(keys, "toy"),
    }
    (tmp_path / "model.toml").write_text(tomli_w.dumps(card))
    made = generate.Generator(read_bundle(tmp_path)).one(
        Mask(np.ones((16, 16), np.uint8), Elbow.table), generate.Settings(steps=2)
    )
    assert made.pixels.shape == (16, 16)


def test_an_unknown_system_names_the_known():
    with pytest.raises(CallError, match="knee"):
        SYSTEMS.load("elbow")
