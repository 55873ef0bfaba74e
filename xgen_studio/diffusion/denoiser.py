"""Denoisers: D(x, sigma, condition) -> estimate of the clean image x0.

Every model of this project is one: score networks (VE), epsilon networks (VP), EDM-preconditioned
networks, and the plain U-Net, which ignores x. `x` is (B, C, H, W), `sigma` is (B,).
"""

from __future__ import annotations

from torch import Tensor, nn

from xgen_studio.diffusion.condition import Condition
from xgen_studio.diffusion.process import EDM, VE, VP, NoiseProcess
from xgen_studio.errors import InputError
from xgen_studio.networks.vae import VAE


class Denoiser(nn.Module):
    """A network and the formulas that turn its output into an estimate of x0."""

    process: NoiseProcess

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        raise NotImplementedError("a Denoiser subclass says how its network estimates x0")


class EDMDenoiser(Denoiser):
    """Preconditioning of Karras 2022, table 1: unit-variance input and target at every sigma."""

    def __init__(self, network: nn.Module, process: EDM) -> None:
        super().__init__(network)
        self.process: EDM = process

    def forward(self, x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        sd = self.process.sigma_data
        s = sigma.float()[:, None, None, None]
        c_skip = sd**2 / (s**2 + sd**2)
        c_out = s * sd / (s**2 + sd**2).sqrt()
        c_in = 1 / (s**2 + sd**2).sqrt()
        c_noise = sigma.float().log() / 4
        f = self.network(c_in * x, c_noise, condition.channels, condition.label)
        return c_skip * x + c_out * f.float()


class VEDenoiser(Denoiser):
    """Score network of the VE SDE: score = F(x, ln sigma) / sigma, so D = x + sigma F."""

    def __init__(self, network: nn.Module, process: VE) -> None:
        super().__init__(network)
        self.process: VE = process

    def forward(self, x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        s = sigma.float()[:, None, None, None]
        f = self.network(x, sigma.float().log(), condition.channels, condition.label)
        return x + s * f.float()


class VPDenoiser(Denoiser):
    """Epsilon network of a DDPM: D = x - sigma eps(x / sqrt(1 + sigma^2), t(sigma))."""

    def __init__(self, network: nn.Module, process: VP) -> None:
        super().__init__(network)
        self.process: VP = process

    def forward(self, x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        s = sigma.float()[:, None, None, None]
        t = self.process.t(sigma.float())
        f = self.network(x / (1 + s**2).sqrt(), t, condition.channels, condition.label)
        return x - s * f.float()


class RegressionDenoiser(Denoiser):
    """The U-Net baseline: D = U(condition), whatever x is. One evaluation from any noise level."""

    def __init__(self, network: nn.Module, process: NoiseProcess) -> None:
        super().__init__(network)
        self.process = process

    def forward(self, x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        y: Tensor = self.network(condition.channels, None, None, condition.label)
        return y.float()


class LatentDenoiser(Denoiser):
    """A VAE's decoder as a denoiser of one evaluation: its latent is the first numbers of x."""

    network: VAE

    def __init__(self, network: VAE, process: NoiseProcess) -> None:
        super().__init__(network)
        self.process = process

    def forward(self, x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        normal = x.flatten(1)[:, : self.network.config.latent] / sigma[:, None]
        pictures: Tensor = self.network.decode(normal)
        return pictures.float()


def build_denoiser(network: nn.Module, process: NoiseProcess, kind: str = "denoiser") -> Denoiser:
    """The denoiser of a network trained with `process`; `kind`: denoiser, regression or vae."""
    if kind == "regression":
        return RegressionDenoiser(network, process)
    if kind == "vae":
        if not isinstance(network, VAE):
            raise InputError(f"a {type(network).__name__} is no variational autoencoder")
        return LatentDenoiser(network, process)
    if isinstance(process, EDM):
        return EDMDenoiser(network, process)
    if isinstance(process, VE):
        return VEDenoiser(network, process)
    if isinstance(process, VP):
        return VPDenoiser(network, process)
    raise ValueError(f"no denoiser is known for a {type(process).__name__} process")
