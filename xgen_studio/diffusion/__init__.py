"""Diffusion: noise processes, denoisers and samplers. Knows nothing of anatomy.

All models live in "variance exploding coordinates": x = y + sigma z with data y in [-1, 1].
Papers that keep data in [0, 1] state sigmas half as large (Mei 2024's 0.01..128 is
0.02..256 here).
"""

from xgen_studio.diffusion.condition import Condition
from xgen_studio.diffusion.denoiser import (
    Denoiser,
    EDMDenoiser,
    RegressionDenoiser,
    VEDenoiser,
    VPDenoiser,
    build_denoiser,
)
from xgen_studio.diffusion.methods import METHODS, Kept, Plan, plan, walk
from xgen_studio.diffusion.noise import SeededNoise
from xgen_studio.diffusion.process import EDM, VE, VP, NoiseProcess, build_process
from xgen_studio.diffusion.samplers import SAMPLERS, SamplerSpec, Step, sample

__all__ = [
    "EDM",
    "METHODS",
    "SAMPLERS",
    "VE",
    "VP",
    "Condition",
    "Denoiser",
    "EDMDenoiser",
    "Kept",
    "NoiseProcess",
    "Plan",
    "RegressionDenoiser",
    "SamplerSpec",
    "SeededNoise",
    "Step",
    "VEDenoiser",
    "VPDenoiser",
    "build_denoiser",
    "build_process",
    "plan",
    "sample",
    "walk",
]
