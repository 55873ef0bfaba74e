"""Every sampler against a Gaussian whose answer is known, and against each other."""

import pytest
import torch

from tests.diffusion.gaussian import MEAN, SD, exact_denoiser
from xgen_studio.diffusion import EDM, SAMPLERS, VE, VP, Condition, SeededNoise, Step, sample
from xgen_studio.diffusion.samplers import euler
from xgen_studio.diffusion.schedules import geometric, karras, spaced

PAPER_VE = VE(sigma_min=0.02, sigma_max=256.0)


def levels(sampler, steps, process=PAPER_VE, top=None):
    return SAMPLERS[sampler].schedule(process, steps, top or process.sigma_max)


def run(sampler, steps, process=PAPER_VE, seeds=range(16)):
    noise = SeededNoise(seeds, (1, 24, 24))
    sigmas = levels(sampler, steps, process)
    *_, last = sample(exact_denoiser, sigmas, Condition(), noise, sampler)
    return last.x0


# relative error of the standard deviation each may leave; the many-step ones are near exact,
# and predictor-corrector at the paper's SNR of 0.4 leaves noise behind
TOLERANCE = [
    ("heun", 60, 0.02),
    ("ddim", 400, 0.03),
    ("dpm++2m", 30, 0.03),
    ("ancestral", 400, 0.03),
    ("reverse", 500, 0.03),
    ("pc", 500, 0.03),
]


@pytest.mark.parametrize(("sampler", "steps", "tolerance"), TOLERANCE)
def test_sampler_reaches_the_mean_and_spread_of_the_data(sampler, steps, tolerance):
    x = run(sampler, steps)
    assert abs(x.mean().item() - MEAN) < 0.015
    assert abs(x.std().item() / SD - 1) < tolerance


def test_corrector_at_the_papers_snr_leaves_more_noise_than_at_song_s():
    paper, song = run("pc-paper", 500).std().item(), run("pc", 500).std().item()
    assert 1.04 < paper / SD < 1.12
    assert song < paper


def test_few_steps_of_dpm_solver_come_close():
    # 8 evaluations of DPM-Solver++(2M) from sigma 80: better than twice as many of Euler
    process = EDM(sigma_min=0.01)
    error = {
        name: abs(run(name, n, process).std().item() / SD - 1)
        for name, n in (("dpm++2m", 10), ("ddim", 20))
    }
    assert error["dpm++2m"] < 0.12
    assert error["dpm++2m"] < error["ddim"]


def test_ddim_is_euler_of_the_probability_flow_ode():
    # DDIM (Song 2021, eq. 12 with eta = 0) written in its own variables, against ours
    process = VP(steps=100)
    sigmas = spaced(process, 10, process.sigma_max)
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64) * sigmas[0]
    noise = SeededNoise([0, 1], (1, 8, 8))
    *_, ours = euler(exact_denoiser, x, sigmas, Condition(), noise)
    alpha_bar = 1 / (1 + sigmas**2)
    y = x * alpha_bar[0].sqrt()  # variance preserving coordinates
    for now, then in zip(range(10), range(1, 11), strict=True):
        scaled = y / alpha_bar[now].sqrt()
        x0 = exact_denoiser(scaled, sigmas[now].expand(2), Condition())
        eps = (y - alpha_bar[now].sqrt() * x0) / (1 - alpha_bar[now]).sqrt()
        y = alpha_bar[then].sqrt() * x0 + (1 - alpha_bar[then]).sqrt() * eps
    torch.testing.assert_close(ours.x0, y, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_every_sampler_yields_numbered_steps_and_ends_with_the_sample(name):
    noise = SeededNoise([3], (1, 8, 8))
    steps = list(sample(exact_denoiser, levels(name, 6), Condition(), noise, name))
    assert [s.index for s in steps] == [1, 2, 3, 4, 5, 6]
    assert all(isinstance(s, Step) and s.total == 6 for s in steps)
    assert torch.isfinite(steps[-1].x0).all()


def test_an_image_does_not_depend_on_its_batch():
    together = run("ancestral", 20, seeds=[0, 1, 2])
    torch.testing.assert_close(together[2:], run("ancestral", 20, seeds=[2]))


def test_another_seed_is_another_image():
    x = run("dpm++2m", 8, seeds=[0, 1])
    assert not torch.allclose(x[0], x[1])


def test_a_start_image_is_kept_when_little_noise_is_added():
    # SDEdit: from sigma 0.05 the result stays near the start; from 2.0 it forgets it
    start = torch.full((4, 1, 16, 16), MEAN + 0.3)
    kept = []
    for top in (0.05, 2.0):
        noise = SeededNoise(range(4), (1, 16, 16))
        sigmas = levels("heun", 20, top=top)
        *_, last = sample(exact_denoiser, sigmas, Condition(), noise, "heun", start)
        kept.append(last.x0.mean().item())
    assert kept[0] > MEAN + 0.25
    assert abs(kept[1] - MEAN) < 0.1


@pytest.mark.parametrize("schedule", [karras, geometric, spaced])
def test_schedules_fall_from_the_top_to_zero(schedule):
    sigmas = schedule(PAPER_VE, 12, 100.0)
    assert len(sigmas) == 13
    assert sigmas[0] == pytest.approx(100.0)
    assert sigmas[-2] == pytest.approx(PAPER_VE.sigma_min)
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()


def test_the_papers_schedule_has_its_ratio():
    # sigma from 256 to 0.02 in 500 levels: ratio 12800^(1/499)
    sigmas = geometric(PAPER_VE, 500, 256.0)[:-1]
    assert (sigmas[:-1] / sigmas[1:]).mean().item() == pytest.approx(12800 ** (1 / 499), rel=1e-9)


@pytest.mark.parametrize(("sampler", "to"), [("leap", 2.0), ("leap-ddim", 0.5)])
def test_a_leap_keeps_the_mean_and_as_much_spread_as_it_says(sampler, to):
    x = run(sampler, 100, EDM(sigma_min=0.01))
    assert abs(x.mean().item() - MEAN) < 0.015
    kept = to / (SD**2 + to**2) ** 0.5
    assert x.std().item() / SD == pytest.approx(kept, rel=0.03)


def test_a_leap_from_below_its_level_is_an_ordinary_walk():
    process = EDM(sigma_min=0.01)
    below = SAMPLERS["leap"].schedule(process, 6, 0.9)
    assert below.tolist() == karras(process, 6, 0.9).tolist()
    assert len(SAMPLERS["leap"].schedule(process, 1, 80.0)) == 2
    assert SAMPLERS["leap"].schedule(process, 6, 80.0)[:2].tolist() == pytest.approx([80, 2])
