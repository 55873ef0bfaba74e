"""Preconditionings: one known score behind every wrapper gives one answer."""

import math

import pytest
import torch
from torch import nn

from tests.diffusion.gaussian import MEAN, ExactEpsNetwork, ExactVENetwork, exact_denoiser, noisy
from xgen_studio.diffusion import (
    EDM,
    VE,
    VP,
    Condition,
    EDMDenoiser,
    RegressionDenoiser,
    VEDenoiser,
    VPDenoiser,
    build_denoiser,
    build_process,
)
from xgen_studio.errors import InputError


@pytest.mark.parametrize("level", [0.05, 0.4, 3.0, 40.0])
def test_ve_and_vp_wrappers_of_one_score_agree(level):
    vp = VP(steps=800)
    sigma = torch.full((4,), level)
    x = noisy().float() * level + MEAN
    exact = exact_denoiser(x, sigma, Condition())
    ve_answer = VEDenoiser(ExactVENetwork(), VE())(x, sigma, Condition())
    vp_answer = VPDenoiser(ExactEpsNetwork(vp), vp)(x, sigma, Condition())
    torch.testing.assert_close(ve_answer, exact, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(vp_answer, exact, rtol=2e-3, atol=2e-3)


def test_edm_input_and_target_have_unit_variance():
    # Karras 2022, eq. 117 and 131: that is what the coefficients are for
    process = EDM(sigma_data=0.6)
    seen = {}

    class Spy(nn.Module):
        def forward(self, x, c_noise, condition, label):
            seen["x"] = x
            return torch.zeros_like(x)

    y = 0.6 * torch.randn(64, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    for level in (0.02, 0.6, 10.0):
        sigma = torch.full((64,), level)
        x = y + level * torch.randn(y.shape, generator=torch.Generator().manual_seed(2))
        answer = EDMDenoiser(Spy(), process)(x, sigma, Condition())
        assert seen["x"].std().item() == pytest.approx(1, abs=0.02)
        c_out = level * 0.6 / (level**2 + 0.36) ** 0.5
        assert ((y - answer) / c_out).std().item() == pytest.approx(1, abs=0.02)


def test_edm_weight_undoes_the_output_scale():
    process = EDM(sigma_data=0.6)
    sigma = torch.tensor([0.01, 0.5, 20.0])
    c_out = sigma * 0.6 / (sigma**2 + 0.36).sqrt()
    torch.testing.assert_close(process.weight(sigma) * c_out**2, torch.ones(3))


@pytest.mark.parametrize("process", [VE(), EDM(), VP(steps=800)])
def test_time_and_noise_level_are_inverse(process):
    t = torch.linspace(0.01, 0.99, 50, dtype=torch.float64)
    torch.testing.assert_close(process.t(process.sigma(t)), t, rtol=1e-6, atol=1e-6)
    assert (process.sigma(t).diff() > 0).all()


def test_ddpm_table_is_ho_2020():
    # 800 linear betas 1e-4..2e-2: abar_T = 3.05e-4, sigma 0.0100..57.2 (facts, 1.4)
    vp = VP(steps=800)
    assert vp.sigma_min == pytest.approx(0.0100, abs=1e-4)
    assert vp.sigma_max == pytest.approx(57.2, abs=0.1)


def test_training_noise_follows_each_process():
    u = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    log = EDM(log_mean=-1.0, log_sd=1.5).draw(u).log()
    assert log.mean().item() == pytest.approx(-1.0, abs=0.05)
    assert log.std().item() == pytest.approx(1.5, abs=0.05)
    log = VE(0.02, 256).draw(u).log()  # uniform: sd = range / sqrt(12)
    assert log.std().item() == pytest.approx(math.log(256 / 0.02) / 12**0.5, rel=0.02)


def test_regression_ignores_the_noise():
    class Net(nn.Module):
        def forward(self, x, c_noise, condition, label):
            return x.mean(1, keepdim=True)

    denoiser = RegressionDenoiser(Net(), EDM())
    condition = Condition(torch.rand(2, 3, 8, 8))
    a = denoiser(noisy((2, 1, 8, 8)), torch.ones(2), condition)
    b = denoiser(noisy((2, 1, 8, 8), seed=9), torch.ones(2) * 5, condition)
    torch.testing.assert_close(a, b)


def test_unknown_process_is_named():
    with pytest.raises(InputError, match="no noise process is called 'flow'"):
        build_process("flow", {})
    with pytest.raises(InputError, match="sigma_min"):
        build_process("ve", {"sigma_min": 3.0, "sigma_max": 1.0})


def test_build_denoiser_fits_the_process():
    net = nn.Identity()
    kinds = {VE: VEDenoiser, VP: VPDenoiser, EDM: EDMDenoiser}
    for process, kind in kinds.items():
        assert type(build_denoiser(net, process())) is kind
