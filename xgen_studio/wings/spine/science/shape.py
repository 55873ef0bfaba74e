"""A body's shape as a few numbers: its size, and the smooth part of its endplates.

The numbers are log depth, log width and log height in mm, then coefficients of Legendre polynomials
over the cross-section, relative to the mean height: of the height of each column, and of the middle
between the endplates. They describe bodies without their notches and spurs, and can be averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre

from xgen_studio.wings.spine.science.body import DEPTHS, WIDTHS, Body
from xgen_studio.wings.spine.science.frame import Floats

ALONG, ACROSS = 5, 3  # polynomials from front to back, and from right to left
SIZE = 3  # log depth, log width, log height
TERMS = ALONG * ACROSS
LENGTH = SIZE + (TERMS - 1) + TERMS


def _basis() -> Floats:
    """(TERMS, A * L): products of Legendre polynomials at the columns' places."""
    deep = legendre.legvander(2 * DEPTHS - 1, ALONG - 1)
    wide = legendre.legvander(WIDTHS / WIDTHS.max(), ACROSS - 1)
    return np.einsum("ai,lj->ijal", deep, wide).reshape(TERMS, -1)


BASIS = _basis()
_FIT = np.linalg.pinv(BASIS.T)


def numbers_of(body: Body) -> Floats:
    """(LENGTH,) numbers of a measured body."""
    height = _FIT @ body.height.ravel()
    middle = _FIT @ ((body.top + body.bottom) / 2).ravel()
    size = [np.log(body.depth), np.log(body.width), np.log(height[0])]
    return np.concatenate([size, height[1:] / height[0], middle / height[0]])


@dataclass(frozen=True, eq=False)
class Shape:
    """Fields (..., A, L) mm above a body's middle plane; (...,) depth and width, mm."""

    top: Floats
    bottom: Floats
    depth: Floats
    width: Floats

    @property
    def height(self) -> Floats:
        """(..., A, L) mm of each column."""
        return self.top - self.bottom


def shape_of(numbers: Floats) -> Shape:
    """The shape that numbers (..., LENGTH) describe."""
    mean = np.exp(numbers[..., 2])
    grid = (*numbers.shape[:-1], len(DEPTHS), len(WIDTHS))
    ones = np.ones((*numbers.shape[:-1], 1))
    relative = np.concatenate([ones, numbers[..., SIZE : SIZE + TERMS - 1]], -1)
    height = ((relative @ BASIS) * mean[..., None]).reshape(grid)
    middle = ((numbers[..., SIZE + TERMS - 1 :] @ BASIS) * mean[..., None]).reshape(grid)
    return Shape(
        middle + height / 2, middle - height / 2, np.exp(numbers[..., 0]), np.exp(numbers[..., 1])
    )
