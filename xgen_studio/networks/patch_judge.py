"""The 70 x 70 PatchGAN discriminator (Isola 2017, arXiv 1611.07004, appendix 6.1.2)."""

from __future__ import annotations

from torch import Tensor, nn

from xgen_studio.networks.spectral import FIRST, SpectralConv2d


class PatchJudge(nn.Module):
    """Pictures (B, 1, H, W) -> logits (B, 1, h, w): above 0 where a patch looks real.

    `spectral` normalises the weights instead of the batch: what is nearly constant, as a mask, has
    no variance that a batch could be divided by.
    """

    def __init__(self, width: int = 64, spectral: bool = False) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        kind = SpectralConv2d if spectral else nn.Conv2d
        layers: list[nn.Module] = [kind(1, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for first, last, stride in zip(widths, widths[1:], (2, 2, 1), strict=False):
            layers.append(kind(first, last, 4, stride=stride, padding=1, bias=spectral))
            layers += [nn.LeakyReLU(0.2)] if spectral else [nn.BatchNorm2d(last), nn.LeakyReLU(0.2)]
        layers.append(kind(8 * width, 1, 4, padding=1))
        self.layers = nn.Sequential(*layers)
        self.apply(_published)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits


def _published(layer: nn.Module) -> None:
    """Weights as pix2pix begins with them."""
    if isinstance(layer, nn.Conv2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        if isinstance(layer, SpectralConv2d):
            layer.estimate(FIRST)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
