"""`make bench`: speed and memory of what the README promises, measured on this machine."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import statistics
import subprocess
import sys
import time

import numpy as np
import torch

from tests.bench_hands import screening
from xgen_studio.diffusion import Condition, SeededNoise
from xgen_studio.imaging import read_mask
from xgen_studio.registry import wing
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.drawing import Drawing, Drawn
from xgen_studio.tasks.generate import generator_on

REPEATS = 20
CASE = {"knee-xray": "ap_right", "knee-drr": "drr_ap"}


def row(what: str, value: str, target: str = "") -> None:
    print(f"{what:64} {value:>16}  {target}", flush=True)


def percentile(values: list[float], q: float) -> float:
    return float(np.percentile(values, q))


def live(model: str, device: str) -> None:
    """First preview and finished sample after a mask arrives, model loaded."""
    generator = generator_on(Bench(), model, device)
    mask = read_mask(wing("knee").cases[CASE[model]], generator.system.table)
    first, whole = [], []
    for i in range(REPEATS + 3):
        began = time.perf_counter()
        preview = None
        for step in generator.steps(Drawing(model, seed=i), mask):  # its own sampler
            if preview is None:
                preview = time.perf_counter() - began
            if isinstance(step, Drawn):
                break
        if i >= 3:  # warm
            first.append(preview * 1e3)
            whole.append((time.perf_counter() - began) * 1e3)
    name = f"{model} on {device}"
    row(
        f"{name}: first preview, ms (median, p95)",
        f"{statistics.median(first):.0f}, {percentile(first, 95):.0f}",
        "target 150",
    )
    evaluations = generator.bundle.sampling()[1]
    row(
        f"{name}: finished sample of {evaluations} evaluations, ms (median, p95)",
        f"{statistics.median(whole):.0f}, {percentile(whole, 95):.0f}",
        "target 600",
    )
    if device.startswith("cuda"):
        row(f"{name}: images a second", f"{1e3 / statistics.median(whole):.0f}", "target 30")


def against_diffusers(model: str) -> None:
    """The same network and noise levels driven by the diffusers library's scheduler."""
    try:
        from diffusers import EDMDPMSolverMultistepScheduler
    except ImportError:
        row("diffusers comparison", "not installed", "pip install diffusers")
        return
    generator = generator_on(Bench(), model, "cpu")
    denoiser = generator.denoiser("ctm")
    process = denoiser.process
    mask = read_mask(wing("knee").cases[CASE[model]], generator.system.table)
    labels = generator.system.labels_on(mask, generator.bundle.grid)
    condition: Condition = generator.system.condition(labels, {})
    scheduler = EDMDPMSolverMultistepScheduler(
        sigma_min=process.sigma_min, sigma_max=process.sigma_max, sigma_data=process.sigma_data
    )

    def theirs(seed: int) -> torch.Tensor:
        scheduler.set_timesteps(8)
        shape = (1, *generator.bundle.grid)
        x = SeededNoise([seed], shape)() * scheduler.init_noise_sigma
        sd = process.sigma_data
        for t in scheduler.timesteps:
            sigma = scheduler.sigmas[scheduler.step_index or 0]
            scaled = scheduler.scale_model_input(x, t)
            # the raw network, as the library's pipelines call it
            f = denoiser.network(scaled, t[None], condition.channels, condition.label)
            assert sd > 0
            assert sigma > 0
            x = scheduler.step(f, t, x).prev_sample
        return x

    ours_ms, theirs_ms = [], []
    with torch.no_grad():
        for i in range(REPEATS):
            began = time.perf_counter()
            theirs(i)
            theirs_ms.append((time.perf_counter() - began) * 1e3)
            began = time.perf_counter()
            generator.one(Drawing(model, sampler="dpm++2m", steps=8, seed=i), mask)
            ours_ms.append((time.perf_counter() - began) * 1e3)
    ratio = statistics.median(theirs_ms[3:]) / statistics.median(ours_ms[3:])
    row(
        f"{model}: same network under diffusers' DPM-Solver++, ms",
        f"{statistics.median(theirs_ms[3:]):.0f}",
    )
    row(f"{model}: diffusers' time over ours (mask to pixels)", f"{ratio:.2f}")


def resident(code: str) -> float:
    """Peak resident memory in GiB of a fresh process that runs `code`."""
    tail = "\nimport resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)"
    answer = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, check=True
    )
    return float(answer.stdout.split()[-1])


def memory() -> None:
    """Peak memory of generating, and of projecting a large CT."""
    generate = (
        "import tempfile\nfrom pathlib import Path\nfrom xgen_studio.registry import wing\n"
        "from xgen_studio.tasks.wish import Wish, ask_for\n"
        "from xgen_studio.tasks.ask import perform\nfrom xgen_studio.tasks.bench import Bench\n"
        "values = {'mask': wing('knee').cases['ap_right']}\n"
        "wish = Wish('knee-xray', Path(tempfile.mkdtemp()), 2, values=values)\n"
        "list(perform(ask_for(wish), Bench()))"
    )
    row("generating: peak resident memory, GiB", f"{resident(generate):.2f}", "target 1.5")
    project = (
        "import numpy as np\nfrom xgen_studio.imaging import Volume\n"
        "from xgen_studio.imaging.projection import project\n"
        "v = np.full((400, 512, 512), 40, np.int16)\nv[:, 200:300, 200:300] = 900\n"
        "project(Volume(v, (0.7, 0.7, 1.0)), np.array([0.0, 30.0]))"
    )
    row(
        "DRR of a 512 x 512 x 400 CT: peak resident memory, GiB",
        f"{resident(project):.2f}",
        "target 6",
    )


def main() -> None:
    print(f"{torch.get_num_threads()} torch threads, torch {torch.__version__}")
    for model in CASE:
        live(model, "cpu")
        if torch.cuda.is_available():
            live(model, "cuda:0")
        against_diffusers(model)
    screening(row)
    memory()


if __name__ == "__main__":
    main()
