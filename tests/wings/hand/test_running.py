"""Hands from the terminal: generate, screen, review, export, localise."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

from tests.tasks.calls import assert_one_line, generate, told, xgen
from tests.wings.hand.hands import GRID, screened, sound_hands
from xgen_studio.errors import InputError
from xgen_studio.imaging import read_image, write_png8
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.drawing import Drawing
from xgen_studio.wings.hand.science.gate import load_gate
from xgen_studio.wings.hand.science.landmarks import COUNT
from xgen_studio.wings.hand.science.norms import in_frame
from xgen_studio.wings.hand.science.reading import read_landmarks
from xgen_studio.wings.hand.science.writing import write_table
from xgen_studio.wings.hand.tasks.asks import Screen
from xgen_studio.wings.hand.tasks.drawing import generator_on
from xgen_studio.wings.hand.tasks.screening import FILE, read_screening


def test_generate_writes_pairs_that_can_be_made_again(hand_bundles, tmp_path):
    answer = xgen("generate", "tiny-joint", "-n", 2, "--seed", 4, "-o", tmp_path / "a")
    assert answer.returncode == 0, answer.stderr
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == sorted(
        [
            "run.json",
            *(f"{i:03d}{end}" for i in (0, 1) for end in (".png", ".json", "_heatmap.png")),
        ]
    )
    said = json.loads((tmp_path / "a" / "001.json").read_text())
    assert said["synthetic"] and said["seed"] == 5 and said["shape"] == "drawn"
    assert np.shape(said["told_landmarks_px"]) == (COUNT, 2)
    picture = read_image(tmp_path / "a" / "000.png")
    assert picture.shape == GRID and picture.pixels.dtype == np.uint16 and picture.synthetic
    xgen("generate", "tiny-joint", "-n", 1, "--seed", 5, "-o", tmp_path / "b")
    for end in (".png", "_heatmap.png"):
        np.testing.assert_array_equal(
            read_image(tmp_path / "a" / f"001{end}").pixels,
            read_image(tmp_path / "b" / f"000{end}").pixels,
        )


def test_what_is_told_matters_and_a_vae_is_told_nothing(hand_bundles, tmp_path):
    joint = generator_on(Bench(), "tiny-joint", "cpu")
    drawn = joint.one(Drawing("tiny", seed=1))
    free = joint.one(Drawing("tiny", seed=1, options={"shape": "free"}))
    assert drawn.told is not None and free.told is None
    assert np.abs(drawn.pixels - free.pixels).max() > 1e-4
    vae = generator_on(Bench(), "tiny-vae", "cpu")
    made = vae.one(Drawing("tiny", seed=1))
    assert made.told is None and made.provenance["shape"] == "free"
    np.testing.assert_array_equal(made.heatmap, vae.one(Drawing("tiny", seed=1)).heatmap)
    assert np.abs(made.pixels - vae.one(Drawing("tiny", seed=2)).pixels).max() > 1e-4
    table = tmp_path / "own.csv"
    write_table(table, {"x": sound_hands(1)[0]})
    [picture] = generate("tiny-joint", tmp_path / "own", values={"landmarks": table})
    shape = np.array(json.loads(picture.with_suffix(".json").read_text())["told_landmarks_px"])
    np.testing.assert_allclose(shape, in_frame(sound_hands(1)[0], GRID), atol=0.02)


def test_screen_writes_the_contract_s_table(pairs, tmp_path):
    folder, hands = pairs
    answer = xgen("screen", folder, "-o", tmp_path / "out")
    assert answer.returncode == 0, answer.stderr
    table = json.loads((tmp_path / "out" / FILE).read_text())
    assert (table["gate"], table["accepted"], table["total"]) == ("calibrated", 4, 6)
    assert [s["id"] for s in table["samples"]] == [f"{i:03d}" for i in range(6)]
    assert table["samples"][4]["reasons"] == ["EXTRA"]
    assert "MISSING" in table["samples"][5]["reasons"]
    for sample, points in zip(table["samples"][:4], hands, strict=False):
        assert sample["accepted"] and not sample["reasons"]
        # files have pixel centres at whole numbers
        np.testing.assert_allclose(np.array(sample["landmarks"]) + 0.5, points, atol=1.5)
    assert table["real_hands"]["passed"] / table["real_hands"]["total"] >= 0.97
    assert "of real hands" in answer.stdout


def test_a_screening_is_read_as_it_was_written(pairs):
    folder, _ = pairs
    screened(folder)
    first = (folder / FILE).read_text()
    name, found = read_screening(folder / FILE)
    assert name == "calibrated"
    gate = load_gate()
    for screening in found:
        again = gate.decide(screening.id, screening.peaks, screening.labels)
        assert again.reasons == tuple(r for r in screening.reasons if r != "MIRROR")
    assert json.loads(first)["accepted"] == sum(s.accepted for s in found)


def test_a_table_comes_back_in_its_own_pixels(tmp_path):
    hands = {str(i): 5 * hand + 40 for i, hand in enumerate(sound_hands(5))}
    hands["mirrored"] = hands["0"] * (-1, 1) + (2000, 0)
    write_table(tmp_path / "t.csv", hands)
    [words] = told(Screen(tmp_path / "out", landmarks=tmp_path / "t.csv"))
    table = json.loads((tmp_path / "out" / FILE).read_text())
    assert "all 37 labels right: 5 of 6" in words and table["all_labels_right"] == 5
    for sample in table["samples"][:5]:
        off = np.array(sample["landmarks"]) - hands[sample["id"]]
        assert np.hypot(*off.T).max() < 12  # 5 px of the table are one of the heatmap
        peaks = np.array(sample["peaks"])[sample["labels"], :2]
        np.testing.assert_allclose(peaks, sample["landmarks"], atol=0.01)
    assert table["samples"][5]["reasons"][0] == "MIRROR"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["screen", "-o", "x"], 2, ["--landmarks"]),
        (["screen", "missing", "-o", "x"], 3, ["missing"]),
        (["screen", "EMPTY", "-o", "x"], 3, ["_heatmap.png"]),
        (["screen", "PAIRS", "--gate", "kind", "-o", "x"], 2, ["calibrated"]),
        (["screen", "--landmarks", "missing.csv", "-o", "x"], 3, ["missing.csv"]),
        (["generate", "tiny-joint", "--mask", "m.png", "-o", "x"], 2, ["--mask"]),
        (["generate", "tiny-joint", "--shape", "odd", "-o", "x"], 2, ["drawn, free"]),
        (["generate", "tiny-localiser", "-o", "x"], 2, ["landmarks"]),
        (["localize", "tiny-joint", "a.png", "-o", "x.csv"], 2, ["landmarks"]),
        (["localize", "tiny-localiser", "missing.png", "-o", "x.csv"], 3, ["missing.png"]),
        (["localize", "tiny-localiser", "a.png", "-o", "a.png"], 2, ["a.png", ".csv"]),
        (
            ["generate", "tiny-joint", "--shape", "free", "--landmarks", "t.csv", "-o", "x"],
            2,
            ["--shape"],
        ),
        (["generate", "tiny-vae", "--shape", "drawn", "-o", "x"], 2, ["cannot be told"]),
        (["export", "EMPTY", "-o", "x"], 3, ["_heatmap.png"]),
        (["export", "PAIRS", "--which", "bogus", "-o", "x"], 2, ["bogus"]),
    ],
)
def test_bad_calls_get_one_line(hand_bundles, pairs, tmp_path, arguments, code, words):
    (tmp_path / "empty").mkdir()
    places = {"EMPTY": tmp_path / "empty", "PAIRS": pairs[0], "x": tmp_path / "x"}
    answer = xgen(*(places.get(a, a) for a in arguments))
    assert_one_line(answer, code, *words)
    assert not (tmp_path / "x").exists()


def test_a_pair_without_its_heatmap_is_named(pairs, tmp_path):
    (pairs[0] / "002_heatmap.png").unlink()
    with pytest.raises(InputError, match=r"002_heatmap\.png is missing"):
        screened(pairs[0], out=tmp_path / "out")


def test_a_picture_of_anything_is_never_a_sound_hand(tmp_path):
    folder = tmp_path / "cats"
    folder.mkdir()
    rng = np.random.default_rng(0)
    odd = [
        rng.random((256, 256)),
        np.zeros((256, 256)),
        np.ones((256, 256)),
        np.kron(rng.random((8, 8)), np.ones((32, 32))),
    ]
    for i, picture in enumerate(odd):
        write_png8(folder / f"{i}.png", picture)
        write_png8(folder / f"{i}_heatmap.png", picture)
    for gate in ("calibrated", "paper"):
        words = screened(folder, gate, tmp_path / "out")
        assert " 0 of 4 accepted" in words


# -- landmarks ------------------------------------------------------------------------------------


def test_localize_writes_a_row_for_every_image(hand_bundles, tmp_path):
    rng = np.random.default_rng(0)
    files = []
    for name, size in (("a", (300, 200)), ("b", (256, 256))):
        files.append(tmp_path / f"{name}.png")
        write_png8(files[-1], rng.random(size))
    answer = xgen("localize", "tiny-localiser", *files, "-o", tmp_path / "out" / "t.csv")
    assert answer.returncode == 0, answer.stderr
    with (tmp_path / "out" / "t.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0][:3] == ["id", "x0", "y0"] and [row[0] for row in rows[1:]] == ["a", "b"]
    assert all(len(row) == 75 for row in rows)
    points = read_landmarks(tmp_path / "out" / "t.csv")
    assert points["a"].min() > -60 and (points["a"] < (260, 360)).all()
    assert "doubtful: a.png: this is hardly a hand" in answer.stdout


def test_the_window_s_jobs_load_no_torch():
    code = (
        "import sys, xgen_studio.wings.hand.tasks.review, xgen_studio.wings.hand.tasks.export,"
        " xgen_studio.wings.hand.tasks.annotating, xgen_studio.wings.hand.tasks.screening;"
        " print([m for m in ('torch', 'SimpleITK', 'sklearn', 'pgmpy') if m in sys.modules])"
    )
    call = [sys.executable, "-c", code]
    answer = subprocess.run(call, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
