"""Kill -9 at random moments: `python -m tests.kills [--n 100] [--seed S] [--only WHAT]`.

Each act (saving, journalling, generating, exporting, training, bundling) is begun in a process of
its own and killed. Then every file must be the old one or the new one, whole; the act must succeed
when it is done again beside what was left; and nothing half written may be left after that.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import PIL.Image
import pydicom
import SimpleITK  # noqa: F401  (loaded before the forks: the kills shall not all hit its import)
import tomli_w
import torch

from tests.training.toy import train, write_recipe
from xgen_studio.bundles import read_bundle
from xgen_studio.document import Document, Made, Picture
from xgen_studio.document.files import load_document, save_document
from xgen_studio.document.journal import Journal, left_behind
from xgen_studio.imaging import file_hash, read_image
from xgen_studio.imaging.atomic import TEMPORARY
from xgen_studio.tasks.ask import perform
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.bundling import bundle_run
from xgen_studio.tasks.export import FORMATS, export_document
from xgen_studio.tasks.generate import draw_series  # noqa: F401
from xgen_studio.tasks.wish import Wish, ask_for
from xgen_studio.training.run import trained
from xgen_studio.training.run_folder import CHECKPOINT, FINISHED, RunFolder
from xgen_studio.wings.knee.science.files import CASES
from xgen_studio.wings.knee.science.labels import TABLE


@dataclass(frozen=True)
class Act:
    """What is done in a folder, and killed; `whole` fails where a file is neither old nor new, and
    is told whether the act came to its end."""

    prepare: Callable[[Path], None]
    do: Callable[[Path], None]
    whole: Callable[[Path, bool], None]


def document(value: int) -> Document:
    """One whose every array follows from `value`, an id of the table."""
    made = Document((256, 256), TABLE, "knee", (0.4, 0.4))
    rng = np.random.default_rng(value)
    made.mask[...] = value
    pixels = rng.random((256, 256)).astype(np.float32)
    recipe = (Made(made.mask.copy(), {"synthetic": True, "model": "knee-xray", "seed": value}),)
    made.put_picture(Picture(pixels, recipe), "Keep")
    return made


def save(folder: Path) -> None:
    for value in range(2, 7):
        save_document(folder / "a.xgen", document(value))


def saved(folder: Path, ended: bool) -> None:
    work, _ = load_document(folder / "a.xgen")
    assert isinstance(work, Document) and work.picture is not None
    value = int(work.mask[0, 0])
    assert (work.mask == value).all() and (not ended or value == 6)
    np.testing.assert_array_equal(work.picture.pixels, document(value).picture.pixels)


def journal(folder: Path) -> None:
    work, kept = document(1), Journal(folder)
    for row in range(8):
        work.mask[30 * row : 30 * row + 30] = 2
        work.mark_edited("mask", iter([(t, s) for t in (0, 128) for s in (0, 128)]))
        assert kept.note(work).result()


def journalled(folder: Path, ended: bool) -> None:
    states = []
    for left in left_behind(folder):
        work, _ = left.read()
        rows = int((work.mask[:, 0] == 2).sum())
        assert rows % 30 == 0 and (work.mask[:rows] == 2).all() and (work.mask[rows:] == 1).all()
        states.append(rows)
    assert not ended or 240 in states


def generate(folder: Path) -> None:
    values = {"mask": CASES / "ap_right.png"}
    wish = Wish("knee-xray", folder / "out", 2, steps=2, values=values, append=True)
    assert list(perform(ask_for(wish), Bench()))


def generated(folder: Path, ended: bool) -> None:
    pictures = [p for p in (folder / "out").glob("*.png") if not p.name.startswith(".")]
    for path in pictures:
        said = json.loads(path.with_suffix(".json").read_text())
        assert read_image(path).meta["provenance"] == said
    assert not ended or len(pictures) == 2


def export(folder: Path) -> None:
    free = next(name for name in "bc" if not list(folder.rglob(f"{name}[._]*")))
    export_document(document(2), folder, free, list(FORMATS))


def exported(folder: Path, ended: bool) -> None:
    images = json.loads((folder / "annotations.json").read_text())["images"]
    names = [Path(image["file_name"]).stem for image in images]
    assert names[0] == "a" and len(names) == len(set(names)) and (not ended or len(names) > 1)
    for path in folder.rglob("*"):
        if path.suffix == ".png" and not path.name.startswith("."):
            with PIL.Image.open(path) as picture:
                picture.load()
        elif path.suffix == ".dcm" and not path.name.startswith("."):
            assert pydicom.dcmread(path).pixel_array.shape == (256, 256)
        elif path.name.endswith(".nii.gz") and not path.name.startswith("."):
            assert np.isfinite(nibabel.load(path).get_fdata()).all()
        elif path.suffix == ".json" and not path.name.startswith("."):
            json.loads(path.read_text())
    for name in names:
        assert (folder / "images" / f"{name}.png").exists()


def learn(folder: Path) -> None:
    train(write_recipe(folder, steps=12), None, folder / "run", resume=True)


def learned(folder: Path, ended: bool) -> None:
    run = RunFolder(folder / "run")
    run.events()
    if (run.path / CHECKPOINT).exists():
        _, steps = trained(run.path, trust_code=True)
        assert steps <= 12 and (not ended or steps == 12)
    assert not ended or run.status().state == FINISHED


def two_runs(folder: Path) -> None:
    for steps in (2, 4):
        train(write_recipe(folder, steps=steps), None, folder / f"run{steps}")
    (folder / "toy").mkdir()
    words = ("title", "summary", "licence", "trained_on", "attribution", "limits")
    card = {"name": "toy", "anatomy": "knee", "grid": [16, 16], "networks": {}}
    card |= {"methods": {"ctm": "diffusion"}, **dict.fromkeys(words, "toy")}
    (folder / "toy" / "model.toml").write_text(tomli_w.dumps(card))
    bundle_run(folder / "run2", folder / "toy", "diffusion")


def bundle(folder: Path) -> None:
    for steps in (4, 2, 4):
        bundle_run(folder / f"run{steps}", folder / "toy", "diffusion", overwrite=True)


def bundled(folder: Path, ended: bool) -> None:
    card = read_bundle(folder / "toy").networks["diffusion"]
    assert file_hash(folder / "toy" / card.file) == card.sha256
    assert card.steps in (2, 4) and (not ended or card.steps == 4)


ACTS = {
    "saving": Act(lambda f: save_document(f / "a.xgen", document(1)), save, saved),
    "journalling": Act(lambda f: None, journal, journalled),
    "generating": Act(lambda f: None, generate, generated),
    "exporting": Act(
        lambda f: export_document(document(1), f, "a", list(FORMATS)) and None, export, exported
    ),
    "training": Act(lambda f: None, learn, learned),
    "bundling": Act(two_runs, bundle, bundled),
}


def begin(call: Callable[[], None], quiet: bool = False) -> int:
    """Start a call in a process of its own; returns its number."""
    if pid := os.fork():
        return pid
    try:
        if quiet:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        call()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def end(pid: int) -> int:
    """How a process ended: its exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def clean(act: Act, folder: Path) -> None:
    """After the act was done again: it is whole, and nothing half written is left."""
    act.whole(folder, True)
    stray = [str(p.relative_to(folder)) for p in folder.rglob("*") if TEMPORARY.fullmatch(p.name)]
    assert not stray, f"left: {stray}"


def survived(act: Act, folder: Path) -> bool:
    """Whether all is whole after a kill, and the act can be done again; each look is a process of
    its own, as the next run of the program is."""
    steps = (lambda: act.whole(folder, False), lambda: act.do(folder), lambda: clean(act, folder))
    return all(end(begin(step)) == 0 for step in steps)


def suffer(name: str, act: Act, count: int, chance: random.Random, room: Path) -> int:
    """Kill an act so often; says and returns how many times something was wrong."""
    first = room / name
    first.mkdir()
    assert end(begin(lambda: act.prepare(first))) == 0
    trial = shutil.copytree(first, room / f"{name}-trial")
    began = time.monotonic()
    assert end(begin(lambda: act.do(trial))) == 0
    whole = time.monotonic() - began
    killed = wrong = left = 0
    for number in range(count):
        folder = shutil.copytree(first, room / f"{name}-{number}")
        moment = chance.uniform(0, 1.05 * whole)
        pid = begin(lambda folder=folder: act.do(folder), quiet=True)
        time.sleep(moment)
        os.kill(pid, signal.SIGKILL)
        killed += end(pid) == -signal.SIGKILL
        left += any(TEMPORARY.fullmatch(path.name) for path in folder.rglob("*"))
        if survived(act, folder):
            shutil.rmtree(folder)
        else:
            wrong += 1
            print(f"  {name}, kill {number} at {1000 * moment:.1f} ms: see {folder}", flush=True)
    print(
        f"{name:12} {whole:6.2f} s long, {killed:4} of {count} killed in it, {left:3} left a"
        f" temporary file, {wrong} wrong",
        flush=True,
    )
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100, help="kills of each act")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--only", choices=list(ACTS), action="append")
    said = parser.parse_args()
    torch.set_num_threads(1)  # and nothing is computed before the forks, which take no threads
    print(f"seed {said.seed}", flush=True)
    room = Path(tempfile.mkdtemp(prefix="xgen-kills-"))
    os.environ["XGEN_STATE"] = str(room / "state")
    wrong = 0
    for name in said.only or ACTS:
        wrong += suffer(name, ACTS[name], said.n, random.Random(f"{said.seed} {name}"), room)
    if not wrong:
        shutil.rmtree(room)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
