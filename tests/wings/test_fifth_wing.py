"""A fifth clinical problem is a folder and one line: nothing that is shared is touched.

The wing is `toy/elbow`; the line is the entry point of a package, as somebody else would bring it.
"""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import torch
from PIL import Image as Picture
from PySide6.QtWidgets import QMessageBox
from safetensors.torch import load_file

from tests.studio.driving import wait_for
from tests.tasks.calls import assert_one_line, xgen
from xgen_studio.document.files import load_document, save_document
from xgen_studio.networks import build_network
from xgen_studio.networks.weights import save_weights
from xgen_studio.registry import BUILT_IN, forget, troubles, wing, wings
from xgen_studio.training.run import run_training, trained
from xgen_studio.training.run_folder import CHECKPOINT, RunFolder

TOY = Path(__file__).resolve().parent / "toy"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A place on Python's path where the package with the wing is installed."""
    site = tmp_path / "site"
    shutil.copytree(TOY / "elbow", site / "elbow")
    note = site / "elbow-1.0.dist-info"
    note.mkdir()
    (note / "METADATA").write_text("Metadata-Version: 2.1\nName: elbow\nVersion: 1.0\n")
    (note / "entry_points.txt").write_text("[xgen_studio.wings]\nelbow = elbow.wing:WING\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.syspath_prepend(str(site))
    forget()
    yield site
    forget()
    for name in [name for name in sys.modules if name.split(".")[0] == "elbow"]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def bundle(site, tmp_path, monkeypatch):
    """A model of elbows with random weights."""
    options = {"condition_channels": 1, "channels": [8, 8], "blocks": 1, "heads": 1}
    folder = tmp_path / "models" / "elbow-model"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    digest = save_weights(build_network("unet", options), folder / "net.safetensors")
    keys = ("title", "summary", "licence", "trained_on", "attribution", "limits")
    network = {
        "file": "net.safetensors",
        "sha256": digest,
        "architecture": "unet",
        "options": options,
    }
    card = {
        "name": "elbow-model",
        "anatomy": "elbow",
        "grid": [16, 16],
        "methods": {"ctm": "net"},
        "networks": {"net": network},
        **dict.fromkeys(keys, "toy"),
    }
    (folder / "model.toml").write_text(tomli_w.dumps(card))
    monkeypatch.setenv("XGEN_MODELS", str(folder.parent))
    return folder


def test_it_is_found_and_stands_beside_those_that_are_built_in(site):
    assert [w.name for w in wings()] == [*BUILT_IN, "elbow"]
    assert wing("elbow").recipes.keys() == {"elbow-gan"}


def test_its_command_streams_and_its_option_is_heard(bundle, tmp_path):
    answer = xgen("count", 3)
    assert answer.stdout.splitlines() == ["counted to 3", "told [1, 2, 3]"], answer.stderr
    Picture.fromarray(np.eye(16, dtype=np.uint8)).save(tmp_path / "mask.png")
    call = ["generate", "elbow-model", "--mask", tmp_path / "mask.png", "--steps", 1]
    answer = xgen(*call, "-o", tmp_path / "out")
    assert answer.returncode == 0, answer.stderr
    assert json.loads((tmp_path / "out" / "000.json").read_text())["model"] == "elbow-model"
    assert_one_line(xgen(*call, "--side", "up", "-o", tmp_path / "x"), 2, "--side up", "left")
    assert_one_line(xgen(*call, "--shape", "free", "-o", tmp_path / "x"), 2, "elbow", "--shape")


def test_its_learner_has_two_optimisers_and_goes_on_exactly(site, tmp_path):
    recipe = wing("elbow").recipes["elbow-gan"]
    run_training(recipe, None, tmp_path / "whole")
    stops = iter([False] * 6 + [True])
    run_training(recipe, None, tmp_path / "parts", should_stop=lambda: next(stops))
    assert RunFolder(tmp_path / "parts").status().step == 7
    run_training(recipe, None, tmp_path / "parts", resume=True)
    a, b = (load_file(tmp_path / run / CHECKPOINT) for run in ("whole", "parts"))
    assert a.keys() == b.keys()
    assert {key.split(".")[0] for key in a} == {"part", "average", "optimiser"}
    assert {key.split(".")[1] for key in a if key.startswith("optimiser")} == {"draw", "judge"}
    for key in a:
        assert torch.equal(a[key], b[key]), key
    whole, parts = (RunFolder(tmp_path / run).events()[0] for run in ("whole", "parts"))
    for one, other in zip(whole, parts, strict=True):  # the log, too, but for the time it took
        for figure in ("step", "loss", "l1", "loss judge", "rate"):
            assert one[figure] == other[figure], figure
    by_step = {event["step"]: event for event in whole}
    assert all(
        0.9 < event["loss judge"] < 2.5 for event in by_step.values() if "loss judge" in event
    )
    steps = {phase: float(a[f"optimiser.{phase}.0.step"]) for phase in ("draw", "judge")}
    assert steps == {"draw": 11, "judge": 6}  # every second step
    learner, step = trained(tmp_path / "whole")
    assert step == 11
    assert RunFolder(tmp_path / "whole").status().facts == {"examples": 12, "unconditional": 0.25}
    assert torch.equal(learner.parts["network"][0].weight, a["average.network.0.weight"])


def test_its_documents_are_saved_and_come_back(site, tmp_path):
    from elbow.notes import Notes

    notes = Notes(["one"])
    notes.write("two")
    notes.count(2, 4)
    save_document(tmp_path / "a.xgen", notes, {"pen": "blue"})
    again, drawn_how = load_document(tmp_path / "a.xgen")
    assert again.lines == ("one", "two") and again.counts[2, 4] == 1
    assert drawn_how == {"pen": "blue"}


def test_its_page_works_with_the_real_worker_and_its_tour_is_shown(site, window):
    workspace = window.show_workspace("elbow")
    assert window.rail_buttons["elbow"].text() == "Elbow"
    assert "&Elbow" in [menu.text() for menu in window.menuBar().actions()]
    workspace.actions_["elbow.count"].trigger()
    job = window.queue.jobs[-1]
    assert wait_for(lambda: job.over)
    assert (job.state, job.made) == ("done", 4) and workspace.told == [1, 2, 3, 4]
    assert job.note == "counted to 4"
    window.start_tour()
    assert window._tour.text.text() == "This is an elbow."
    window._tour.end()


KILLED = """
import os, signal
from PySide6.QtWidgets import QApplication
app = QApplication([])
from xgen_studio.studio.window import Window
window = Window()
window.engine.start = lambda: None
window.show(); app.processEvents()
desk = window.show_workspace("elbow").desk
desk.work.write("first"); desk.journal.note(desk.work).result()
desk.work.write("second"); desk.work.count(1, 1); desk.journal.note(desk.work).result()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_its_documents_survive_kill_9(site, window, monkeypatch):
    from xgen_studio.studio.recovery import offer_recovery

    answer = subprocess.run([sys.executable, "-c", KILLED], env=os.environ, check=False)
    assert answer.returncode == -signal.SIGKILL
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: yes)
    offer_recovery(window)
    notes = window.desk.work
    assert notes.lines == ("first", "second") and notes.counts[1, 1] == 1
    assert window.isWindowModified()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('name="elbow"', 'name="knee"'), "is called 'knee', as another wing is"),
        (('title="Elbow"', 'title="Elbow", nonsense=1'), "unexpected keyword argument 'nonsense'"),
        (("from pathlib", "import nothere\nfrom pathlib"), "No module named 'nothere'"),
        (("WING = Wing(", "WING = dict("), "is no Wing, but a dict"),
    ],
)
def test_a_faulty_wing_is_left_out_and_said(site, change, said):
    """The house stands, and its doctor says which package is to be mended."""
    manifest = site / "elbow" / "wing.py"
    manifest.write_text(manifest.read_text().replace(*change))
    forget()
    assert [w.name for w in wings()] == [*BUILT_IN] and wing("knee").title == "Knee"
    [trouble] = troubles()
    assert said in trouble and "elbow.wing:WING" in trouble


def test_the_doctor_names_the_wings_and_what_is_wrong_with_them(site):
    known = [*BUILT_IN, "elbow"]
    assert f"{len(known)} wings: {', '.join(known)}" in xgen("doctor").stdout
    (site / "elbow" / "wing.py").write_text("WING = 3")
    assert "damaged  the wing 'elbow' (elbow.wing:WING)" in xgen("doctor").stdout
