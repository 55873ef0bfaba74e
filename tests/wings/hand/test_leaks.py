"""A patient's radiograph goes through the journeys of the hand; nothing of the patient is in what
is written."""

import numpy as np

from tests.leaks import FOLDER, found_in, write_patient
from tests.tasks.test_keeping import call
from tests.wings.hand.hands import GRID, sound_hands
from xgen_studio.wings.hand.science.annotation import Annotation
from xgen_studio.wings.hand.science.writing import write_table
from xgen_studio.wings.hand.tasks.annotating import save_annotation


def test_nothing_of_a_patient_is_in_what_is_written_of_a_hand(hand_bundles, tmp_path):
    folder, out = tmp_path / FOLDER, tmp_path / "out"
    write_patient(folder / "hand.dcm", np.random.default_rng(0).random(GRID))
    call("localize", "tiny-localiser", folder / "hand.dcm", "-o", out / "found.csv")
    [points] = sound_hands(1, GRID)
    for name in ("set.csv", "set.json"):
        save_annotation(out / name, "hand.dcm", Annotation.of(points))
    write_table(folder / "landmarks.csv", {"hand": points})
    call("screen", "--landmarks", folder / "landmarks.csv", "-o", out / "real")
    run = folder / "run"  # a run among the patient's files: what leaves it must not say so
    said = ["generate", "tiny-joint", "-n", 2, "--landmarks", folder / "landmarks.csv"]
    call(*said, "--gate", "calibrated", "-o", run)
    call("export", run, "-o", out / "set", "--which", "all")
    assert not found_in(out, str(tmp_path))
    assert not found_in(run, str(tmp_path))
