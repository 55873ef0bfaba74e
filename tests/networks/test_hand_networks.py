"""The networks of the hand: the paper's denoiser, the VAE baseline, the localiser with its flow."""

import pytest
import torch

from xgen_studio.diffusion import Condition, build_denoiser, build_process
from xgen_studio.errors import InputError
from xgen_studio.networks import build_network
from xgen_studio.networks.ddpm import DDPMConfig, DDPMNet, sinusoids
from xgen_studio.networks.localiser import Localiser, LocaliserConfig, ResidualFlow, soft_argmax
from xgen_studio.networks.vae import VAE, VAEConfig
from xgen_studio.registry import wing
from xgen_studio.training.build import make_learner
from xgen_studio.training.recipe import load_recipe

SMALL = VAEConfig(grid=(64, 32), latent=5, channels=(8, 8, 8), patch=4)


def test_the_paper_s_recipe_is_the_paper_s():
    recipe = load_recipe(wing("hand").recipes["hand-ddpm-paper"])
    learner = make_learner(recipe)
    network, process = learner.parts["network"], learner.process
    assert len(network.down) == len(network.up) == 3 and len(network.middle) == 3
    assert all(len(level) == 3 for level in (*network.down, *network.up))
    assert [level[0].conv1.out_channels for level in network.down] == [32, 64, 128]
    assert len(process.table) == 800
    alphas_bar = 1 / (1 + process.table**2)
    betas = 1 - alphas_bar[1:] / alphas_bar[:-1]
    assert 1 - alphas_bar[0] == pytest.approx(1e-4) and betas[-1] == pytest.approx(0.02)
    assert recipe.batch == 4 and recipe.optimiser.rate == 1e-3
    assert recipe.steps == 10_000 * 597 // 4  # epochs of the full data set


def test_the_denoiser_hears_the_time_and_keeps_the_shape():
    torch.manual_seed(0)
    network = DDPMNet(DDPMConfig(features=8, blocks=1))
    x = torch.randn(2, 2, 32, 24)
    early, late = network(x, torch.zeros(2)), network(x, torch.ones(2))
    assert early.shape == x.shape and (early - late).abs().max() > 1e-4
    with pytest.raises(ValueError, match="time"):
        network(x)
    waves = sinusoids(torch.tensor([0.0, 3.0]), 8)
    assert waves[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert waves[1, 0] == pytest.approx(torch.tensor(3.0).sin().item())


def test_all_a_vae_draws_comes_from_its_latent():
    torch.manual_seed(0)
    vae = VAE(SMALL)
    x = torch.randn(3, 2, 64, 32)
    mean, log_variance = vae.encode(x)
    assert mean.shape == log_variance.shape == (3, 5)
    drawn = vae.decode(mean)
    assert drawn.shape == x.shape
    assert torch.equal(drawn, vae.decode(mean))  # no noise of its own
    assert (vae.decode(mean + 1) - drawn).abs().max() > 1e-5


def test_a_vae_learns_and_then_draws_from_noise_by_its_seed():
    torch.manual_seed(0)
    vae = VAE(SMALL)
    denoiser = build_denoiser(vae, build_process("edm", {}), "vae")
    x = torch.randn(4, 2, 8, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
    optimiser = torch.optim.Adam(vae.parameters(), 3e-3)
    losses = []
    for _ in range(40):
        loss = vae.loss(x)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    denoiser.eval()
    noise, sigma = torch.randn(2, 2, 64, 32), torch.tensor([80.0, 80.0])
    made = denoiser(noise * 80, sigma, Condition())
    assert made.shape == noise.shape
    other = noise.clone()
    other.flatten(1)[:, 5:] = 0  # beyond the latent nothing is heard
    torch.testing.assert_close(made, denoiser(other * 80, sigma, Condition()))


def test_a_grid_that_does_not_fit_is_named():
    with pytest.raises(InputError, match="does not divide by 16"):
        build_network("vae", {"grid": [60, 32], "channels": [8, 8, 8]})


def test_soft_argmax_is_exact_between_pixels():
    ys, xs = torch.meshgrid(torch.arange(40.0), torch.arange(30.0), indexing="ij")
    x, y = 12.3, 25.7
    maps = -((xs + 0.5 - x) ** 2 + (ys + 0.5 - y) ** 2) / 4
    place = soft_argmax(maps[None, None])[0, 0]
    assert place[0] * 30 == pytest.approx(x, abs=0.02)
    assert place[1] * 40 == pytest.approx(y, abs=0.02)


def test_the_flow_is_a_density():
    torch.manual_seed(0)
    flow = ResidualFlow()
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    side = torch.linspace(-12, 12, 481)
    points = torch.cartesian_prod(side, side)
    with torch.no_grad():
        total = flow(points).exp().sum() * (side[1] - side[0]) ** 2
    assert float(total) == pytest.approx(1.0, abs=0.01)


def test_a_localiser_learns_where_a_bright_spot_is():
    torch.manual_seed(0)
    network = Localiser(LocaliserConfig(landmarks=1, width=8, pyramid=8, head=8))
    generator = torch.Generator().manual_seed(0)

    def batch(n):
        place = 0.2 + 0.6 * torch.rand(n, 1, 2, generator=generator)
        ys, xs = (torch.arange(64) + 0.5) / 64, (torch.arange(48) + 0.5) / 48
        down, across = (ys - place[..., 1]) ** 2, (xs - place[..., 0]) ** 2
        spot = torch.exp(-(down[:, :, None] + across[:, None]) / 0.005)
        return spot[:, None] * 2 - 1, place

    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    network.train()
    for _ in range(60):
        loss = network.loss(*batch(16))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.eval()
    x, place = batch(32)
    with torch.no_grad():
        found, sigma = network(x)
    assert (found - place).abs().mean() < 0.03 and (sigma > 0).all()
