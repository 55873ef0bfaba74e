"""A localiser's answer comes back in the file's own pixels, whichever hand it is."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from xgen_studio.imaging.image import Image
from xgen_studio.wings.hand.science import localising
from xgen_studio.wings.hand.science.gate import load_gate
from xgen_studio.wings.hand.science.landmarks import COUNT


class Brightest(nn.Module):
    """Finds every landmark where a picture is bright."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        lit = (x[0, 0] + 1).numpy()
        y, x_ = ndimage.center_of_mass(np.where(lit > 0.5, lit, 0))
        rows, columns = lit.shape
        share = torch.tensor([(x_ + 0.5) / columns, (y + 0.5) / rows], dtype=torch.float32)
        return share.expand(1, COUNT, 2), torch.ones(1, COUNT, 2)


@pytest.mark.parametrize("flipped", [False, True])
def test_landmarks_come_back_where_the_picture_has_them(monkeypatch, flipped):
    order = iter([(2.0, ""), (1.0, "")] if flipped else [(1.0, ""), (2.0, "")])
    monkeypatch.setattr(localising, "_excess", lambda *_: next(order))
    pixels = np.zeros((512, 384), np.uint8)  # twice the grid: a spot of 4 px is one of 2
    pixels[300:304, 80:84] = 255
    found = localising.locate(Brightest(), load_gate(), Image(pixels))
    assert found.flipped is flipped
    np.testing.assert_allclose(found.points, [[81.5, 301.5]] * COUNT, atol=0.2)
