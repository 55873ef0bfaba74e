"""Weights keep their values on the way to a file and back, large ones in 8 bits."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from xgen_studio.errors import InputError
from xgen_studio.networks.weights import LARGE, load_weights, read_weights, save_weights


def network() -> nn.Module:
    torch.manual_seed(0)
    large = nn.Conv2d(64, 64, 3)
    with torch.no_grad():
        large.weight *= torch.logspace(-3, 1, 64)[:, None, None, None]  # rows of many sizes
        large.weight[5] = 0
    return nn.Sequential(large, nn.BatchNorm2d(64), nn.Conv2d(64, 2, 1))


def test_large_tensors_take_a_byte_each_and_keep_every_row(tmp_path):
    one, other = network(), network()
    assert one[0].weight.numel() >= LARGE > one[2].weight.numel()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    save_weights(one, tmp_path / "w.safetensors")
    assert load_file(tmp_path / "w.safetensors")["0.weight"].dtype == torch.int8
    load_weights(other, read_weights(tmp_path / "w.safetensors"))
    most = one[0].weight.detach().flatten(1).abs().amax(1)
    off = (other[0].weight - one[0].weight).detach().flatten(1).abs().amax(1)
    assert (off <= most / 254 + 1e-9).all() and off.max() > 0
    torch.testing.assert_close(other[2].weight, one[2].weight.half().float())
    torch.testing.assert_close(other[1].running_var, one[1].running_var)


def test_plain_tensors_are_read_as_they_are(tmp_path):
    one, other = network(), network()
    tensors = {k: v.clone() for k, v in one.state_dict().items()}
    save_file(tensors, tmp_path / "plain.safetensors")
    load_weights(other, read_weights(tmp_path / "plain.safetensors"))
    assert torch.equal(other[0].weight, one[0].weight)


def test_a_scale_of_another_length_does_not_fit(tmp_path):
    one = network()
    save_weights(one, tmp_path / "w.safetensors")
    tensors = load_file(tmp_path / "w.safetensors")
    tensors["0.weight.scale"] = torch.ones(3)
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="scale"):
        load_weights(one, read_weights(tmp_path / "w.safetensors"))
