"""The Train page: a training is started, watched, held, stopped, found again, and gone on with."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.studio.driving import wait_for
from tests.training.toy import train, write_recipe
from xgen_studio.studio.train import page as train_page
from xgen_studio.studio.train.curve import averaged
from xgen_studio.tasks.train import Start
from xgen_studio.training.run_folder import FINISHED, PAUSED, RUNNING, STOPPED, RunFolder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page(window, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(train_page, "EVERY", 100)
    made = window.show_workspace("train")
    assert window.windowTitle().startswith("Train")
    yield made
    for child in made._children:
        if not child.ended():
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()


def shows(page, *words):
    return wait_for(
        lambda: all(word in page.title.text() + page.words.text() for word in words), 60
    )


def test_a_training_is_started_watched_held_and_stopped(page, tmp_path):
    assert "No training is known yet" in page.title.text()
    run = tmp_path / "run"
    recipe = write_recipe(tmp_path, steps=1_000_000)
    assert page.begin(Start(str(recipe), run=run, trust_code=True)) == ""
    assert shows(page, "run: running", "of 1,000,000", "steps/s", "left")
    assert wait_for(lambda: "step " in page.log.toPlainText(), 60)
    assert wait_for(lambda: page.sample.pixmap().height() > 0, 60)
    assert page.curve.getPlotItem().listDataItems()
    page.hold.click()
    assert shows(page, "run: paused", "checkpoint is saved") and page.hold.text() == "Resume"
    page.hold.click()
    assert shows(page, "run: running")
    assert not page.go_on.isEnabled()
    page.stop.click()
    assert shows(page, "run: stopped", "Stopped at step")
    assert page.go_on.isEnabled() and not page.stop.isEnabled()
    assert RunFolder(run).status().state == STOPPED


def test_what_cannot_be_started_says_why(page, tmp_path):
    recipe = write_recipe(tmp_path)
    assert "cpu, or CUDA numbers" in page.begin(Start(str(recipe), devices="gpu"))
    assert "no recipe 'x'" in page.begin(Start("x", run=tmp_path / "x"))
    assert page.begin(Start(str(recipe), run=tmp_path / "run")) == ""  # not trusted
    assert shows(page, "run: did not start", "code from elsewhere")
    assert wait_for(lambda: not (tmp_path / "run").exists(), 10)  # it never began


KILLED = """
import os, signal, sys, time
from pathlib import Path
from PySide6.QtWidgets import QApplication
app = QApplication([])
from xgen_studio.studio.window import Window
from xgen_studio.tasks.train import Start
from xgen_studio.training.run_folder import RUNNING, RunFolder
window = Window()
window.engine.start = lambda: None
window.show(); app.processEvents()
page = window.show_workspace("train")
recipe, run = map(Path, sys.argv[1:])
assert page.begin(Start(str(recipe), run=run, trust_code=True)) == ""
while RunFolder(run).status().state != RUNNING:
    app.processEvents(); time.sleep(0.05)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_training_outlives_kill_9_of_the_window_and_the_next_one_finds_it(page, tmp_path):
    recipe, run = write_recipe(tmp_path, steps=1_000_000), tmp_path / "run"
    before = subprocess.run([sys.executable, "-c", KILLED, recipe, run], check=False)
    assert before.returncode == -signal.SIGKILL
    folder = RunFolder(run)
    try:
        step = folder.status().step
        assert wait_for(lambda: folder.status().step > step + 20, 60)
        assert shows(page, "run: running", "step")  # nobody told this window
        assert folder.status().state == RUNNING
        page.stop.click()
        assert shows(page, "run: stopped")
    finally:
        if folder.status().state not in (STOPPED, FINISHED):
            os.killpg(folder.status().pid, signal.SIGKILL)


def test_a_stopped_run_is_found_and_goes_on(page, window, tmp_path):
    recipe, run = write_recipe(tmp_path, steps=40), tmp_path / "elsewhere"
    stops = iter([False] * 10 + [True])
    train(recipe, None, run, should_stop=lambda: next(stops))
    (run / "recipe.toml").write_text(
        recipe.read_text().replace("tests.training.toy:toy_set", "knee-xray")
    )
    window.open(run)  # dropped on the window
    assert shows(page, "elsewhere: stopped", "Step 11 of 40")
    page.go_on.click()  # somebody changed its recipe: it says what is missing, the run stays
    assert shows(page, "elsewhere: failed", "xgen prepare")
    assert RunFolder(run).status().step == 11


def test_the_mean_of_a_curve_has_no_bias():
    np.testing.assert_allclose(averaged(np.full(50, 3.0)), 3.0)
    assert RunFolder(Path("nowhere")).status().state not in (RUNNING, PAUSED)
