"""The patch U-Net's last layers hear the noise level, where its recipe says so."""

from __future__ import annotations

import pytest
import torch

from xgen_studio.networks.unet import UNet, UNetConfig

SMALL = {"patch": 4, "channels": (16, 32), "blocks": 1, "pixel_width": 4}


def test_the_noisy_picture_can_be_kept_from_the_last_layers() -> None:
    """With the picture's gain at 0, and nothing of it in the stem, the estimate is free of it."""
    torch.manual_seed(0)
    net = UNet(UNetConfig(**SMALL, noise_at_pixels=True)).eval()
    torch.nn.init.zeros_(net.stem.weight)
    one, other = torch.randn(2, 1, 1, 32, 32)
    level = torch.tensor([0.7])
    with torch.no_grad():
        assert not torch.allclose(net(one, level), net(other, level))
        net.pixel_gain.bias[-1] = -1.0
        assert torch.equal(net(one, level), net(other, level))


def test_the_gain_begins_as_the_network_without_it() -> None:
    torch.manual_seed(0)
    net = UNet(UNetConfig(**SMALL, noise_at_pixels=True)).eval()
    plain = UNet(UNetConfig(**SMALL)).eval()
    plain.load_state_dict({k: v for k, v in net.state_dict().items() if "pixel_gain" not in k})
    x, level = torch.randn(2, 1, 32, 32), torch.tensor([-0.3, 1.2])
    with torch.no_grad():
        assert torch.equal(net(x, level), plain(x, level))


def test_a_network_without_noise_has_none_at_its_pixels() -> None:
    with pytest.raises(ValueError, match="hears no noise level"):
        UNetConfig(**SMALL, noise=False, noise_at_pixels=True)
