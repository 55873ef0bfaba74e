"""Three planes of one volume: the right way round, and joined by their cursor."""

import numpy as np
import pytest
from PySide6.QtCore import Qt

from tests.studio.driving import Mouse
from xgen_studio.imaging import Volume
from xgen_studio.studio.canvas.planes import Planes
from xgen_studio.studio.canvas.slice_view import Cursor, Plane, SliceView


@pytest.fixture
def views(qtbot):
    """An asymmetric phantom, stored from head to feet and right to left: one bright voxel far
    left, a little anterior, near the head (8 mm slices, 3 x 2 mm pixels)."""
    voxels = np.zeros((10, 20, 30), np.int16)
    voxels[1, 6, 3] = 1000  # in LPS: z 8, y 6, x 26
    volume = Volume(voxels, (2.0, 3.0, 8.0), direction=np.diag([-1.0, 1.0, -1.0]))
    planes = Planes(volume.to_lps())
    qtbot.addWidget(planes)
    planes.resize(1000, 800)
    planes.show()
    return planes.views


def test_the_patient_lies_as_radiologists_look(views):
    cursor = views[Plane.AXIAL].cursor_at
    cursor.go_to({0: 8, 1: 6, 2: 26})
    for plane, (row, column) in {
        Plane.AXIAL: (6, 26),  # anterior above, the patient's left on the right
        Plane.CORONAL: (1, 26),  # the head above
        Plane.SAGITTAL: (1, 6),  # anterior on the left
    }.items():
        pixels = views[plane].picture.pixels
        assert np.unravel_index(pixels.argmax(), pixels.shape) == (row, column), plane
        assert pixels.max() == 1000
        assert views[plane].middle() == (column + 0.5, row + 0.5)


def test_millimetres_are_those_of_each_plane(views):
    assert views[Plane.AXIAL].view.spacing == (2.0, 3.0)
    assert views[Plane.CORONAL].view.spacing == (2.0, 8.0)
    assert views[Plane.SAGITTAL].view.spacing == (3.0, 8.0)


def test_a_click_takes_the_other_views_along(views):
    Mouse(views[Plane.CORONAL]).click((26.5, 1.5))
    assert views[Plane.AXIAL].cursor_at.at == (8, 10, 26)
    Mouse(views[Plane.AXIAL]).drag([(3, 3), (26.2, 6.7)])
    assert views[Plane.SAGITTAL].cursor_at.at == (8, 6, 26)
    assert views[Plane.SAGITTAL].picture.pixels[1, 6] == 1000


def test_pages_turn_and_end_at_the_volume(views, qtbot):
    view = views[Plane.AXIAL]
    qtbot.keyClick(view, Qt.Key.Key_PageUp)
    assert view.cursor_at.at[0] == 6
    qtbot.keyClick(view, Qt.Key.Key_PageDown, Qt.KeyboardModifier.ShiftModifier)
    assert view.cursor_at.at[0] == 0
    Mouse(view).click((-9, 400))
    assert view.cursor_at.at == (0, 19, 0)


def test_what_lies_some_other_way_is_not_shown_as_if(qtbot):
    volume = Volume(np.zeros((2, 2, 2), np.int16), (1.0, 1.0, 1.0), direction=-np.eye(3)[::-1])
    with pytest.raises(ValueError, match="to_lps"):
        SliceView(volume, Plane.AXIAL, Cursor(volume.shape))
