"""Fixtures of the hand: pairs on disk, its two pages in the real window."""

import numpy as np
import pytest

from tests.wings.hand.hands import GRID, screened, sound_hands
from xgen_studio.imaging import write_png8, write_png16
from xgen_studio.wings.hand.science.calibration import render


@pytest.fixture
def pairs(tmp_path):
    """Six pairs: four sound hands, one with a spurious blob, one without a finger."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    hands = sound_hands(6, GRID)
    hands[4] = np.concatenate([hands[4], [[12.0, 240.0]]])
    hands[5] = np.delete(hands[5], [33, 34, 35, 36], axis=0)
    for i, points in enumerate(hands):
        heat = render(points, GRID, 2.0)
        write_png16(folder / f"{i:03d}_heatmap.png", heat, {"synthetic": True})
        write_png16(folder / f"{i:03d}.png", 0.3 + 0.5 * heat, {"synthetic": True})
    return folder, hands


@pytest.fixture
def workspace(window):
    """The easel workspace."""
    window.show_workspace("hand")
    return window.workspaces["hand"]


@pytest.fixture
def page(workspace, pairs, qtbot):
    """The review of six screened hands: four sound, one has a spurious blob, one lacks a finger."""
    screened(pairs[0])
    workspace.review.run.open_folder(pairs[0])
    return workspace.review


@pytest.fixture
def marks(workspace, tmp_path):
    """The landmark page with a radiograph of 400 x 500 px."""
    rng = np.random.default_rng(0)
    write_png8(tmp_path / "hand.png", rng.random((500, 400)))
    workspace.tabs.setCurrentIndex(1)
    workspace.landmarks.open(tmp_path / "hand.png")
    workspace.landmarks.canvas.resize(900, 700)
    workspace.landmarks.canvas.fit()
    return workspace.landmarks
