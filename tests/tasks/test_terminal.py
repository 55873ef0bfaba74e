"""The command line as a terminal, a pipe and a system see it: real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import PIL.Image
import pytest

XGEN = [sys.executable, "-c", "from xgen_studio.cli.main import main; main()"]


@pytest.fixture
def mask(tmp_path):
    labels = np.zeros((160, 288), np.uint8)
    labels[:, 40:240], labels[:75, 80:200], labels[85:, 80:200] = 1, 3, 4
    path = tmp_path / "Maske_ä.png"
    PIL.Image.fromarray(labels).save(path)
    return path


def command(*words, **environment):
    return subprocess.Popen(
        [*XGEN, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )


def test_a_terminal_of_ascii_gets_escapes_and_no_traceback(tiny_bundle, mask, tmp_path):
    ascii_only = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    run = command("generate", "tiny", "--mask", mask, "-o", tmp_path / "aus_ö", **ascii_only)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    assert b"aus_\\" in out and (tmp_path / "aus_ö" / "000.png").exists()
    run = command("generate", "tiny", "--mask", tmp_path / "fehlt_ü.png", "-o", tmp_path / "b")
    out, err = run.communicate(timeout=120)
    assert run.returncode == 3 and err.count(b"\n") == 1 and b"Traceback" not in err


def test_a_pipe_that_ends_early_does_not_end_the_work(tiny_bundle, mask, tmp_path):
    run = command("generate", "tiny", "--mask", mask, "-n", 3, "-o", tmp_path / "out")
    run.stdout.close()  # as `| head -0` does
    assert run.wait(120) == 0, run.stderr.read()
    assert b"Traceback" not in run.stderr.read()
    assert len(list((tmp_path / "out").glob("00?.png"))) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_request_to_end_ends_cleanly(tiny_bundle, mask, tmp_path, number):
    out = tmp_path / "out"
    run = command("generate", "tiny", "--mask", mask, "-n", 4000, "-o", out)
    until = time.monotonic() + 100
    while not (out / "001.png").exists() and time.monotonic() < until:
        time.sleep(0.05)
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130 and b"Traceback" not in err
    drawn = sorted(path.stem for path in out.glob("*.png"))
    assert drawn == sorted(path.stem for path in out.glob("*.json"))
    assert {path.suffix for path in out.iterdir()} == {".png", ".json"}  # nothing half-written


def test_a_folder_of_models_that_is_gone_is_named(tiny_bundle, tmp_path):
    gone = os.pathsep.join([str(tmp_path / "gone"), os.environ["XGEN_MODELS"]])
    run = command("models", XGEN_MODELS=gone)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 0 and b"gone, which is not there" in err


def test_process_substitution_is_called_a_pipe(tmp_path):
    script = f"exec {' '.join(map(repr, XGEN))} drr <(printf x) -o {tmp_path / 'o'}"
    run = subprocess.run(["bash", "-c", script], capture_output=True, timeout=60)
    assert run.returncode == 3 and b"is a pipe or a device" in run.stderr


def test_two_processes_do_not_mix_their_pictures_in_one_folder(tiny_bundle, mask, tmp_path):
    out = tmp_path / "out"
    first = command("generate", "tiny", "--mask", mask, "-n", 4000, "-o", out)
    until = time.monotonic() + 100
    while not (out / "000.png").exists() and time.monotonic() < until:
        time.sleep(0.05)
    second = command("generate", "tiny", "--mask", mask, "-n", 4000, "--append", "-o", out)
    _, err = second.communicate(timeout=100)
    assert second.returncode == 3 and b"another xgen writes there now" in err
    first.kill()  # the lock ends with its process, however it ends
    first.communicate()
    more = max(int(path.stem) for path in out.glob("*.png")) + 2
    again = command("generate", "tiny", "--mask", mask, "-n", more, "--append", "-o", out)
    _, err = again.communicate(timeout=100)
    assert again.returncode == 0, err
