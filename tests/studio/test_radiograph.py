"""What is done with the radiograph, with the real worker."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.studio.driving import Mouse, pixels, wait_for
from xgen_studio.studio.canvas.compare import DIFFERENCE, RANGE, SLIDER, Comparison
from xgen_studio.studio.drawing.taking_out import ask_export, write_picture
from xgen_studio.studio.engine.queue import Job
from xgen_studio.tasks.drawing import Series
from xgen_studio.wings.knee.pages.documents import DRR_GRID, new_document
from xgen_studio.wings.knee.science.labels import FEMUR


@pytest.fixture
def drawn(window):
    """The page with its first finished radiograph."""
    assert wait_for(lambda: window.page.picture() is not None)
    return window.page


def circle(x, y, r):
    return [(x + r * np.cos(a), y + r * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 40)]


def next_picture(page, call):
    old = page.picture()
    call()
    assert wait_for(lambda: page.picture() is not None and page.picture() is not old)
    return page.picture()


def test_only_the_chosen_region_changes_and_the_result_is_made_again(window, drawn):
    page, first = drawn, drawn.picture()
    page.take_region_tool()
    around = Mouse(page.outcome)
    edited = next_picture(page, lambda: around.drag(circle(144, 110, 30)))
    region = page.live.edit.region
    assert 2500 < region.sum() < 3000
    page.easel.use(label=FEMUR, radius=6)
    edited = next_picture(page, lambda: Mouse(page.drawing).drag([(130, 110), (155, 110)]))
    np.testing.assert_array_equal(edited.pixels[~region], first.pixels[~region])
    assert np.abs(edited.pixels - first.pixels)[region].max() > 0.02
    page.keep()
    QTest.keyClick(page.outcome, Qt.Key.Key_Escape)
    assert page.live.edit is None
    assert len(page.document.picture.recipe) == 2
    page.make_again()
    assert wait_for(lambda: "equal to the bit" in page.panel.state.text())


def test_variations_come_into_the_strip_and_can_be_kept_or_discarded(window, drawn):
    page = drawn
    page.strip.count.setValue(3)
    page.vary()
    assert wait_for(lambda: page.strip.list.count() == 3 and window.queue.current is None)
    assert window.queue.jobs[0].state == "done"
    page.strip.list.setCurrentRow(1)
    chosen = page.strip.current()
    assert page.picture() is chosen
    page.keep()
    assert page.document.picture is chosen
    page.strip.discard()
    assert page.strip.list.count() == 2


def test_a_stroke_is_answered_while_a_series_runs_and_a_series_can_be_held(window, drawn, tmp_path):
    page, queue = drawn, window.queue
    out = tmp_path / "many"
    draw = page.live.request(final=True).draw
    series = Series(replace(draw.drawing, seed=0), draw.mask, 40, folder=out)
    job = queue.add(Job("many", series, 40, folder=str(out)))
    assert wait_for(lambda: job.made >= 1)
    queue.hold(job, True)
    page.easel.use(label=FEMUR, radius=9)
    next_picture(page, lambda: Mouse(page.drawing).drag([(120, 60), (150, 60)]))
    wait_for(lambda: False, 0.5)
    made = job.made
    wait_for(lambda: False, 0.7)
    assert job.made == made < 40
    queue.hold(job, False)
    assert wait_for(lambda: job.made > made)
    queue.cancel(job)
    assert wait_for(lambda: job.state == "cancelled")
    files = sorted(out.glob("*.png"))
    assert len(files) == job.made  # what is finished is kept
    said = json.loads(files[0].with_suffix(".json").read_text())
    assert said["synthetic"] is True and said["seed"] == 0


def test_a_square_knee_is_drawn_by_the_model_for_any_angle(window):
    window.desk.put(new_document(DRR_GRID), None)
    page = window.page
    page.document.mask[20:230, 90:170] = 1
    page.document.mask[60:200, 110:150] = 2
    page.live.again()
    assert wait_for(lambda: page.picture() is not None)
    assert page.picture().provenance["model"] == "knee-drr"
    assert page.picture().pixels.shape == DRR_GRID
    assert not page.panel.options  # no grade


def test_comparing_needs_a_kept_picture_and_shows_both(window, drawn):
    page = drawn
    assert not page.view_bar.compare.isEnabled()
    page.keep()
    next_picture(page, lambda: page.panel.seed.setValue(99))
    page.view_bar.compare.setCurrentIndex(page.view_bar.compare.findData(SLIDER))
    comparison = page.outcome.layer(Comparison)
    assert comparison.how == SLIDER
    target = page.outcome.target
    middle = page.outcome.view.to_picture(target.center().x(), target.center().y())
    Mouse(page.outcome).drag([middle, (middle[0] - 40, middle[1])])
    assert comparison.at == pytest.approx((middle[0] - 40) / 288, abs=0.01)
    page.document.put_picture(None, "Away")
    assert page.outcome.layer(Comparison) is None


def test_the_difference_is_red_where_the_new_picture_is_lighter(qapp):
    other = np.full((4, 6), 0.5, np.float32)
    new = other.copy()
    new[0, 0] += RANGE
    new[1, 1] -= RANGE / 2
    comparison = Comparison(other, DIFFERENCE)
    comparison.against(new)
    red, green, blue, alpha = comparison._colours[0, 0]
    assert red > 200 > green and blue < 100 and alpha == 230
    assert comparison._colours[1, 1, 2] > 200 and comparison._colours[1, 1, 3] == 115
    assert comparison._colours[2, 2, 3] == 0


def test_export_and_dragging_out_write_what_is_shown(window, drawn, tmp_path):
    path = write_picture(drawn, tmp_path)
    assert path is not None and path.stat().st_size > 1000
    dialog = ask_export(drawn)
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.boxes["nifti"].setChecked(True)
    dialog._go()
    assert wait_for(lambda: "spacing" in dialog.trouble.text())
    assert not (tmp_path / "out").exists()
    dialog.spacing.setValue(0.4)
    dialog._go()
    assert wait_for(lambda: (tmp_path / "out" / "knee.nii.gz").exists())
    assert wait_for(lambda: not dialog.isVisible())


def test_automatic_contrast_reaches_both_canvases(window, drawn):
    drawn.actions_["view.auto"].trigger()
    low, high = drawn.outcome.picture.low, drawn.outcome.picture.high
    assert 0 <= low < high <= 1 and (low, high) != (0.0, 1.0)
    assert drawn.drawing.picture.high == high
    drawn.actions_["view.full"].trigger()
    assert (drawn.outcome.picture.low, drawn.outcome.picture.high) == (0.0, 1.0)


def test_a_model_that_is_taken_away_is_said_and_the_window_lives(window, drawn):
    page = drawn
    page.live.set_drawing(model="knee-gone")
    assert wait_for(lambda: "knee-gone" in page.panel.state.text())
    page.live.set_drawing(model="knee-xray")
    assert wait_for(lambda: "Finished" in page.panel.state.text())
    assert pixels(page.outcome).std() > 20


def test_the_mask_of_a_kept_radiograph_is_proposed_as_one_change(window, drawn):
    page = drawn
    page.actions_["mask.propose"].trigger()
    assert "no radiograph" in page.panel.state.text()
    page.keep()
    wanted = page.document.mask.copy()
    page.document.put_mask(np.zeros_like(wanted), "away")
    page.actions_["mask.propose"].trigger()
    assert wait_for(lambda: page.document.history.names[-1] == "Propose mask")
    found = page.document.mask
    for label in (3, 4):
        both = 2 * ((found == label) & (wanted == label)).sum()
        assert both / ((found == label).sum() + (wanted == label).sum()) > 0.8
    page.tools.undo()
    assert not page.document.mask.any()
