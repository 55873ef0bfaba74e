"""Fixtures every test may use."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pytest
import torch

from xgen_studio.paths import shared_data

torch.set_num_threads(2)


@pytest.fixture(scope="session")
def data():
    """The folder of real data; the test is skipped where it is missing."""
    folder = shared_data()
    if folder is None:
        pytest.skip("no real data here: set XGEN_DATA to the shared data folder")
    return folder


@pytest.fixture
def knee_labels():
    """A drawn knee, 160 x 288: leg, femur, tibia, fibula, and no symmetry."""
    labels = np.zeros((160, 288), np.uint8)
    labels[:, 60:240] = 1
    labels[:70, 110:190] = 3
    labels[80:, 115:195] = 4
    labels[100:, 190:212] = 5
    return labels


@pytest.fixture
def pairs(tmp_path):
    """Six pairs: four sound hands, one with a spurious blob, one without a finger."""
    from tests.hands import GRID, sound_hands
    from xgen_studio.anatomy.hand.calibration import render
    from xgen_studio.imaging import write_png16

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
