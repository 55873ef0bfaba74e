"""Cards, weights, recipes and arrays of others: measured before anything is made or loaded."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import time
import tomllib
import tracemalloc
import zipfile

import numpy as np
import pytest
import tomli_w

from xgen_studio.bundles import read_bundle
from xgen_studio.errors import CallError, InputError
from xgen_studio.networks import build_network
from xgen_studio.networks.weights import read_weights
from xgen_studio.training.arrays import read_arrays
from xgen_studio.training.recipe import parse_recipe


def change_card(folder, change):
    path = folder / "model.toml"
    card = tomllib.loads(path.read_text())
    change(card)
    path.write_text(tomli_w.dumps(card))
    return folder


@pytest.mark.parametrize(
    "options",
    [
        {"blocks": 1_000_000},
        {"channels": [8] * 1000},
        {"channels": [90_000, 90_000]},
        {"patch": 90_000},
        {"pixel_width": 10**15},
        {"channels": [64, 128, 256]},  # sound, but not this file's
    ],
)
def test_a_network_is_measured_before_it_is_made(tiny_bundle, options):
    def change(card):
        card["networks"]["diffusion"]["options"] |= options

    began = time.monotonic()
    tracemalloc.start()
    with pytest.raises(InputError):
        read_bundle(change_card(tiny_bundle, change)).model("ctm")
    assert tracemalloc.get_traced_memory()[1] < 200e6 and time.monotonic() - began < 10
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("key", "value"),
    [("grid", [10**6, 10**6]), ("steps", 10**8), ("steps", 0), ("name", "../../x"), ("name", "")],
)
def test_a_card_that_asks_for_the_impossible_is_refused(tiny_bundle, key, value):
    with pytest.raises(InputError):
        read_bundle(change_card(tiny_bundle, lambda card: card.update({key: value})))


def test_no_more_steps_are_drawn_than_any_process_has(tiny_bundle):
    with pytest.raises(CallError, match="10,000"):
        read_bundle(tiny_bundle).sampling("ddim", 10**8)


def test_weights_that_are_a_device_or_lie_elsewhere_are_refused(tiny_bundle, tmp_path):
    (tiny_bundle / "zero.safetensors").symlink_to("/dev/zero")

    def to(name):
        return lambda card: card["networks"]["diffusion"].update(file=name)

    with pytest.raises(InputError, match="no ordinary file"):
        read_bundle(change_card(tiny_bundle, to("zero.safetensors"))).model("ctm")
    for name in ("../secret", "/etc/passwd", "..", ""):
        with pytest.raises(InputError, match="own folder"):
            read_bundle(change_card(tiny_bundle, to(name)))


def test_what_is_hashed_is_what_is_loaded(tiny_bundle):
    """One read: a file that is exchanged in between cannot be loaded under the other's hash."""
    path = tiny_bundle / "diffusion.safetensors"
    content = path.read_bytes()
    weights = read_weights(path)
    path.write_bytes(b"another")
    assert weights.sha256 == hashlib.sha256(content).hexdigest() and weights.numbers > 1000
    with pytest.raises(InputError, match="not a safetensors file"):
        read_weights(path)
    head = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}})
    path.write_bytes(struct.pack("<Q", len(head)) + head.encode() + bytes(16))
    with pytest.raises(InputError, match="not a safetensors file"):
        read_weights(path)


def test_a_sound_network_is_still_made():
    assert build_network("unet", {"channels": [8, 16], "heads": 2, "patch": 2}) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 2**40},
        {"accumulate": 2**40},
        {"steps": 10**18},
        {"samples": 10**6},
        {"seed": 2**63},
        {"seed": -1},
    ],
)
def test_a_recipe_beyond_reason_is_refused(change):
    with pytest.raises(InputError):
        parse_recipe({"name": "r", "dataset": "knee_xray", **change}, "r.toml")


def arrays_file(path, shape, body):
    """A .npz whose array declares `shape` and holds `body`."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", header.getvalue() + body)


def test_arrays_hold_what_they_declare(tmp_path):
    arrays_file(tmp_path / "good.npz", (3,), bytes(12))
    assert read_arrays(tmp_path, "good", {"a"})["a"].shape == (3,)
    for shape in ((2**40,), (4,), (2,), (2**33, 2**33)):
        arrays_file(tmp_path / "bad.npz", shape, bytes(12))
        with pytest.raises(InputError, match=r"bad\.npz"):
            read_arrays(tmp_path, "bad", {"a"})
    arrays_file(tmp_path / "bomb.npz", (2**27,), bytes(2**29))
    with pytest.raises(InputError, match="more than 500 times"):
        read_arrays(tmp_path, "bomb", {"a"})
