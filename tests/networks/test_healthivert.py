"""The networks of HealthiVert-GAN: their sizes, and that each slice of a batch is on its own."""

import pytest
import torch

from xgen_studio.errors import InputError
from xgen_studio.networks import build_network
from xgen_studio.networks.contextual import contextual_attention
from xgen_studio.networks.patch_judge import PatchJudge
from xgen_studio.networks.se_resnet import SEResNet, SEResNetConfig, attention_map
from xgen_studio.networks.spectral import SpectralConv2d


def weights(network):
    return sum(p.numel() for p in network.parameters())


def slices(rows=96, columns=64, starts=(8, 48)):
    generator = torch.Generator().manual_seed(1)
    picture = torch.rand(len(starts), 1, rows, columns, generator=generator) * 2 - 1
    band = torch.zeros_like(picture)
    for one, start in zip(band, starts, strict=True):
        one[:, start : start + 40] = 1
    return picture * (1 - band), band


def test_the_generator_has_as_many_weights_as_published():
    network = build_network("healthivert", {})
    assert (weights(network.coarse), weights(network.fine)) == (409_771, 577_117)
    assert weights(PatchJudge()) == 2_763_585


def test_every_convolution_of_the_generator_is_spectrally_normalised():
    network = build_network("healthivert", {})
    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(layers) == 47 and all(isinstance(m, SpectralConv2d) for m in layers)


def test_a_spectral_convolution_is_one_of_unit_norm_and_as_torch_s():
    torch.manual_seed(0)
    ours = SpectralConv2d(4, 6, 3, padding=1, stride=2)
    ours.estimate(100)
    ours.eval()
    theirs = torch.nn.Conv2d(4, 6, 3, padding=1, stride=2)
    theirs.load_state_dict({k: getattr(ours, k).detach() for k in ("weight", "bias")})
    norm = torch.linalg.matrix_norm(ours.weight.flatten(1), 2)
    torch.testing.assert_close(ours.u @ ours.weight.flatten(1) @ ours.v, norm)
    theirs.weight.data /= norm.detach()
    x = torch.randn(2, 4, 9, 9)
    torch.testing.assert_close(ours(x), theirs(x))
    before = ours.u.clone()
    ours.weight.data[0] *= 5
    ours(x)
    assert torch.equal(ours.u, before)  # only training moves it
    ours.train()(x)
    assert not torch.equal(ours.u, before)


def test_a_batch_of_slices_is_filled_as_each_alone():
    """The released code takes the first slice's mask for all."""
    torch.manual_seed(0)
    network = build_network("healthivert", {"width": 8}).eval()
    picture, band = slices()
    offside, suspicion = torch.tensor([0.1, 0.7]), torch.zeros_like(picture)
    suspicion[1, :, 20:60] = 0.8
    with torch.no_grad():
        both = network(picture, band, offside, suspicion)
        for i in range(2):
            one = slice(i, i + 1)
            alone = network(picture[one], band[one], offside[one], suspicion[one])
            for name in ("coarse", "neighbours", "fine", "bone", "coarse_height", "height"):
                torch.testing.assert_close(
                    getattr(both, name)[one], getattr(alone, name), rtol=1e-4, atol=1e-5
                )
    assert both.fine.shape == picture.shape and both.height.shape == (2,)


def test_attention_copies_nothing_from_the_band():
    """What lies outside the band has value 1, what is in it 100; beyond the picture's rim is 0."""
    _, band = slices()
    features = torch.where(torch.nn.functional.max_pool2d(band, 4) > 0, 100.0, 1.0)
    made = contextual_attention(features.expand(-1, 3, -1, -1).contiguous(), band)
    assert made.shape == (2, 3, 24, 16)
    assert made.min() >= 0 and made.max() <= 1 + 1e-5 and made.median() == pytest.approx(1)


def test_what_the_classifier_suspects_changes_the_coarse_stage():
    torch.manual_seed(0)
    network = build_network("healthivert", {"width": 8}).eval()
    picture, band = slices()
    with torch.no_grad():
        calm, alarmed = (
            network(picture, band, torch.zeros(2), torch.full_like(picture, s)) for s in (0.0, 1.0)
        )
    assert (calm.coarse - alarmed.coarse).abs().max() > 1e-4
    assert torch.equal(calm.coarse_height, alarmed.coarse_height)  # the head is before the decoder


def test_slices_that_do_not_divide_are_refused():
    network = build_network("healthivert", {"width": 8})
    with pytest.raises(ValueError, match="divide by 8"):
        network(*slices(rows=100), torch.zeros(2), torch.zeros(2, 1, 100, 64))
    with pytest.raises(InputError, match="even"):
        build_network("healthivert", {"width": 7})


def test_the_classifier_looks_where_the_difference_is():
    """Trained for a moment on a bright spot, lower left or not there, its map peaks near it."""
    torch.manual_seed(0)
    network = SEResNet(SEResNetConfig(width=8, blocks=1))
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(0)

    def drawn(count):
        label = torch.arange(count) % 2
        x = 0.1 * torch.randn(count, 1, 128, 96, generator=generator)
        x[label == 1, :, 84:108, 4:24] += 1
        return x, label

    for _ in range(25):
        x, label = drawn(8)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(x), label).backward()
        optimiser.step()
    network.eval().requires_grad_(False)
    x, _ = drawn(2)
    with torch.no_grad():
        seen = attention_map(network, x)
    assert seen.shape == x.shape and seen.min() >= 0 and seen.max() == 1
    row, column = divmod(int(seen[1].argmax()), 96)
    assert row > 64 and column < 48
