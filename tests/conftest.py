"""Fixtures every test may use."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pytest
import torch

from xgen_studio.paths import shared_data

pytest_plugins = ["tests.studio.fixtures", "tests.tasks.fixtures"]

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
