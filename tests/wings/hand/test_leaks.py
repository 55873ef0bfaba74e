"""A patient's radiograph goes through the journeys of the hand; nothing of the patient is in what
is written."""

import os
import shutil

import numpy as np
import pytest

from tests.leaks import FOLDER, found_in, write_patient
from tests.tasks.calls import told
from tests.tasks.test_keeping import call
from tests.wings.hand.hands import GRID, sound_hands
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import make_folder, write_png8
from xgen_studio.wings.hand.science.annotation import Annotation
from xgen_studio.wings.hand.science.landmarks import read_table
from xgen_studio.wings.hand.science.writing import write_table
from xgen_studio.wings.hand.tasks.annotating import others_in, save_annotation
from xgen_studio.wings.hand.tasks.asks import Locate
from xgen_studio.wings.hand.tasks.localize import check_table, write_found


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


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on Unix alone")
def test_landmarks_of_files_whose_names_are_no_utf8_are_not_lost(hand_bundles, tmp_path):
    pictures = [tmp_path / os.fsdecode(name) for name in (b"Hand_\xe4.png", b"Hand_\xf6.png")]
    for picture in pictures:
        write_png8(picture, np.random.default_rng(0).random(GRID))
    table, folder = tmp_path / "found.csv", make_folder(tmp_path / "pairs")
    found = told(Locate("tiny-localiser", (pictures[0],)))
    check_table(table, pictures[:1], overwrite=False, append=False)
    write_found(table, found, append=False)
    write_found(table, told(Locate("tiny-localiser", (pictures[1],))), append=True)
    assert set(read_table(table)) == {"Hand_%E4", "Hand_%F6"}
    with pytest.raises(CallError, match="Hand_%E4 already"):
        check_table(table, pictures[:1], overwrite=False, append=True)
    write_png8(tmp_path / "pairs" / "a.png", np.zeros((64, 64)))
    for ending in (b".png", b"_heatmap.png"):
        shutil.copyfile(tmp_path / "pairs" / "a.png", folder / os.fsdecode(b"\xe4" + ending))
    (tmp_path / "pairs" / "a.png").unlink()
    with pytest.raises(InputError, match="the name %E4 is no UTF-8"):
        call("screen", folder, "-o", tmp_path / "screened")
    [points] = sound_hands(1, GRID)
    for name in ("set.csv", "set.json"):
        save_annotation(tmp_path / name, pictures[0].name, Annotation.of(points))
        assert others_in(tmp_path / name, pictures[0].name) == (0, True)
