"""The wheel holds all that the program needs: installed elsewhere, it works from there."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image as Picture

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment of its own whose only package of ours is the wheel; the libraries are those
    of this one."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    source = place / "source"  # building in the checkout would leave folders there
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "xgen_studio", "pyproject.toml", "README.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, tracked.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(ROOT / name, source / name)
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", place, source], check=True
    )
    [wheel] = place.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", place / "site", wheel], check=True)
    return wheel, place / "site"


def call(installed, folder, *arguments):
    _, site = installed
    code = (
        "import sys; from pathlib import Path; import xgen_studio;"
        f"assert Path(xgen_studio.__file__).is_relative_to({str(site)!r}), xgen_studio.__file__;"
        "from xgen_studio.cli.main import main; main()"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XGEN_")}
    answer = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(site), "XGEN_STATE": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_models_recipes_and_cases_are_found_from_anywhere(installed, tmp_path):
    models = json.loads(call(installed, tmp_path, "models", "--json"))
    assert {m["name"] for m in models} >= {"knee-xray", "knee-drr", "hand-ddpm", "hand-vae"}
    assert "damaged" not in call(installed, tmp_path, "doctor")
    call(
        installed,
        tmp_path,
        "generate",
        "knee-xray",
        "--mask",
        case(installed),
        "--steps",
        "2",
        "-o",
        "out",
    )
    with Picture.open(tmp_path / "out" / "000.png") as picture:
        assert picture.size == (288, 160)


def case(installed):
    [found] = installed[1].rglob("ap_left.png")
    return found


def test_nothing_is_left_out_of_it(installed):
    """Every file of the package that git knows is in the wheel."""
    with zipfile.ZipFile(installed[0]) as wheel:
        inside = set(wheel.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "xgen_studio"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert sorted(set(tracked) - inside) == []
