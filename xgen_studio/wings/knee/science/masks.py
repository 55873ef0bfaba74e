"""Propose leg and bone masks for a real AP knee radiograph."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional as F

from xgen_studio.diffusion import Condition, Denoiser
from xgen_studio.errors import InputError
from xgen_studio.wings.knee.science.condition import PLANES
from xgen_studio.wings.knee.science.labels import XRAY_GRID
from xgen_studio.wings.knee.science.radiograph import normalised

STRIDE = 32  # of the proposer's network
FIBULA_AREA = 0.0012  # of the picture: a smaller piece is no fibula
PATELLA_AREA = 0.004


def check_radiograph(pixels: NDArray[np.generic], name: str) -> None:
    """InputError where a picture (H, W) cannot be a knee radiograph."""
    height, width = pixels.shape
    if min(height, width) < 64:
        raise InputError(f"{name}: is {width} x {height} px; at least 64 px a side are needed")
    if not 0.25 <= height / width <= 4:
        raise InputError(f"{name}: is {width} x {height} px; no knee radiograph has that shape")
    if float(np.ptp(pixels)) == 0:
        raise InputError(f"{name}: every pixel has the same value; there is no knee in it")


def plane_probabilities(pixels: NDArray[np.generic], proposer: Denoiser) -> NDArray[np.float32]:
    """Probability of leg, femur, tibia, fibula, patella at each pixel, (5, H, W).

    Pixels (H, W) rise with attenuation (bone bright), in any unit. The picture and its mirror
    image are both asked, and their answers averaged.
    """
    height, width = pixels.shape
    check_radiograph(pixels, "radiograph")
    rows = max(1, round(height * XRAY_GRID[1] / width / STRIDE)) * STRIDE
    device = next(proposer.parameters()).device
    grey = torch.from_numpy(normalised(pixels))[None, None].to(device)
    x = F.interpolate(grey, (rows, XRAY_GRID[1]), mode="bilinear", antialias=True) * 2 - 1
    with torch.no_grad():
        sigma = torch.ones(1, device=device)
        logits = proposer(x, sigma, Condition(x))
        mirrored = x.flip(-1)
        logits = (logits + proposer(mirrored, sigma, Condition(mirrored)).flip(-1)) / 2
    logits = F.interpolate(logits, (height, width), mode="bilinear")
    probabilities: NDArray[np.float32] = logits[0].sigmoid().cpu().numpy()
    return probabilities


def propose_planes(pixels: NDArray[np.generic], proposer: Denoiser) -> NDArray[np.uint8]:
    """Planes (H, W) as bits (see `condition`): one piece a structure, every bone inside the leg."""
    probabilities = plane_probabilities(pixels, proposer)
    area = float(np.prod(pixels.shape))
    least = {
        "leg": 0.05,
        "femur": 0.002,
        "tibia": 0.002,
        "fibula": FIBULA_AREA,
        "patella": PATELLA_AREA,
    }
    bits = np.zeros(pixels.shape, np.uint8)
    for k, name in enumerate(PLANES):
        piece = _largest_piece(probabilities[k] > 0.5)
        if piece.sum() >= least[name] * area:
            bits |= (piece << k).astype(np.uint8)
    return bits | (bits > 0).astype(np.uint8)


def _largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    parts, count = ndimage.label(mask)
    if count > 1:
        sizes = ndimage.sum_labels(mask, parts, np.arange(1, count + 1))
        mask = parts == 1 + int(np.argmax(sizes))
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(mask)
    return filled


def trouble(bits: NDArray[np.uint8]) -> str:
    """What is implausible in proposed planes of an AP knee, or '' when nothing is.

    Used to drop radiographs whose masks would teach a model wrong.
    """
    leg, femur, tibia = (((bits >> k) & 1).astype(bool) for k in range(3))
    area = float(bits.size)
    if femur.sum() < 0.02 * area and tibia.sum() < 0.02 * area:
        return "no bones found"
    if leg.sum() < 1.05 * (femur | tibia).sum():
        return "leg hardly wider than the bones"
    if (femur & tibia).sum() > 0.03 * min(femur.sum(), tibia.sum()) + 60:
        return "femur and tibia overlap"
    for name, bone in (("femur", femur), ("tibia", tibia)):
        if bone.any():
            eroded = ndimage.binary_opening(bone, iterations=3)
            if eroded.sum() < 0.9 * bone.sum():
                return f"{name} ragged"
    if femur.any() and tibia.any():
        ys = np.arange(bits.shape[0])[:, None]
        if (femur * ys).sum() / femur.sum() > (tibia * ys).sum() / tibia.sum():
            return "femur below the tibia"
    return ""
