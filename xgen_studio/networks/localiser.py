"""A landmark localiser after NFDP (Huang et al. 2024): ResNet-18, feature pyramid, soft-argmax, and
a normalising flow that learns what its residuals look like.

Input (B, 1, H, W) in [-1, 1]; landmarks are (B, K, 2), x and y as shares of width and height.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

COUPLINGS = 6  # of the flow, with alternating masks
FLOW_WIDTH = 64


@dataclass(frozen=True)
class LocaliserConfig:
    """Everything that fixes the shape of a `Localiser`'s weights."""

    landmarks: int = 37
    width: int = 64  # channels of the first stage (He 2016: 64), doubled at each later one
    pyramid: int = 64  # channels of the feature pyramid
    head: int = 128  # channels of the layer before the heatmaps

    def __post_init__(self) -> None:
        if min(self.landmarks, self.width, self.pyramid, self.head) < 1:
            raise ValueError("landmarks, width, pyramid and head must be at least 1")


class Localiser(nn.Module):
    """Pictures -> landmarks and their uncertainty."""

    def __init__(self, config: LocaliserConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * 2**stage for stage in range(4)]
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stages = nn.ModuleList(
            nn.Sequential(_Basic(a, b, 1 if stage == 0 else 2), _Basic(b, b, 1))
            for stage, (a, b) in enumerate(zip([widths[0], *widths[:3]], widths, strict=True))
        )
        self.lateral = nn.ModuleList(nn.Conv2d(w, config.pyramid, 1) for w in widths)
        self.smooth = nn.Conv2d(config.pyramid, config.pyramid, 3, padding=1)
        self.head = nn.Sequential(
            nn.Conv2d(config.pyramid, config.head, 3, padding=1, bias=False),
            nn.BatchNorm2d(config.head),
            nn.ReLU(),
            nn.Conv2d(config.head, config.landmarks, 1),
        )
        self.spread = nn.Linear(widths[3], 2 * config.landmarks)
        self.flow = ResidualFlow()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Landmarks (B, K, 2) and sigmas (B, K, 2), both as shares of width and height."""
        h = self.stem(x)
        features = []
        for stage in self.stages:
            h = stage(h)
            features.append(h)
        sigma = torch.sigmoid(self.spread(h.mean((2, 3))).float())
        pyramid = self.lateral[3](features[3])
        for level in (2, 1, 0):
            size = features[level].shape[-2:]
            pyramid = F.interpolate(pyramid, size=size, mode="nearest")
            pyramid = pyramid + self.lateral[level](features[level])
        maps = self.head(self.smooth(pyramid)).float()
        return soft_argmax(maps), sigma.reshape(len(x), -1, 2) * SIGMA_MOST

    def loss(self, x: Tensor, landmarks: Tensor) -> Tensor:
        """Residual log-likelihood estimation (Li 2021, eq. 8), a landmark and axis."""
        found, sigma = self(x)
        residual = (found - landmarks) / sigma
        learned = self.flow(residual.flatten(0, 1)).reshape(residual.shape[:2])
        laplace = (2 * sigma).log() + residual.abs()  # the density that the flow corrects
        return (sigma.log().sum(2) - learned).mean() / 2 + laplace.mean()


SIGMA_MOST = 0.2  # of width and height


def soft_argmax(maps: Tensor) -> Tensor:
    """Expected place (B, K, 2), x and y in [0, 1], under the softmax of maps (B, K, h, w)."""
    b, k, height, width = maps.shape
    share = maps.flatten(2).softmax(2).reshape(b, k, height, width)
    xs = (torch.arange(width, device=maps.device) + 0.5) / width
    ys = (torch.arange(height, device=maps.device) + 0.5) / height
    return torch.stack([(share.sum(2) * xs).sum(2), (share.sum(3) * ys).sum(2)], 2)


class _Basic(nn.Module):
    """The basic block of He 2016."""

    def __init__(self, first: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(first, width, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        same = stride == 1 and first == width
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(
                nn.Conv2d(first, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(h)) + self.shortcut(x))


class ResidualFlow(nn.Module):
    """RealNVP (Dinh 2017) of two-dimensional residuals, one for all landmarks."""

    masks: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("masks", torch.tensor([[0.0, 1.0], [1.0, 0.0]] * (COUPLINGS // 2)))

        def layers(last: list[nn.Module]) -> nn.Sequential:
            return nn.Sequential(
                nn.Linear(2, FLOW_WIDTH),
                nn.LeakyReLU(),
                nn.Linear(FLOW_WIDTH, FLOW_WIDTH),
                nn.LeakyReLU(),
                nn.Linear(FLOW_WIDTH, 2),
                *last,
            )

        self.scale = nn.ModuleList(layers([nn.Tanh()]) for _ in range(COUPLINGS))
        self.shift = nn.ModuleList(layers([]) for _ in range(COUPLINGS))

    def forward(self, residual: Tensor) -> Tensor:
        """Log density (N,) of residuals (N, 2)."""
        z, log_det = residual.float(), residual.new_zeros(len(residual), dtype=torch.float32)
        for mask, scale, shift in zip(self.masks, self.scale, self.shift, strict=True):
            kept = z * mask
            s = scale(kept).float() * (1 - mask)
            t = shift(kept).float() * (1 - mask)
            z = kept + (1 - mask) * (z - t) * torch.exp(-s)
            log_det = log_det - s.sum(1)
        return log_det - 0.5 * (z**2).sum(1) - math.log(2 * math.pi)
