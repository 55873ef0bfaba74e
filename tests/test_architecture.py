"""The floors of the house: a room may use what is below it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "xgen_studio"

# room -> floor; within a floor the rooms of the learning machinery build on each other in order
FLOORS = {
    "errors": 0,
    "paths": 0,
    "tables": 1,
    "imaging": 2,
    "document": 3,
    "networks": 3,
    "diffusion": 4,
    "training": 5,
    "evaluation": 5,
    "anatomy": 6,
    "jobs": 7,
    "studio": 8,
    "cli": 9,
}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def imports_of(path: Path):
    """Every imported module name, with whether it is imported at module level."""
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in top
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in top


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_keeps_to_its_floor(path):
    room = room_of(path)
    for name, _ in imports_of(path):
        if not name.startswith("xgen_studio."):
            continue
        other = name.split(".")[1]
        assert other in FLOORS, f"{name}: a room without a floor"
        if other != room and room != "__init__":
            assert FLOORS[other] < FLOORS[room], f"{path} reaches up to {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_qt_lives_in_the_studio_and_torch_not_in_imaging(path):
    for name, top in imports_of(path):
        root = name.split(".")[0]
        if root in ("PySide6", "pyqtgraph"):
            assert room_of(path) == "studio"
        if root == "torch" and room_of(path) == "imaging":
            typing_only = "TYPE_CHECKING" in path.read_text()
            assert not top or typing_only, f"{path} loads torch with the module"


def test_wings_do_not_know_each_other():
    for path in (PACKAGE / "anatomy").rglob("*.py"):
        parts = path.relative_to(PACKAGE / "anatomy").parts
        if len(parts) < 2:
            continue
        for name, _ in imports_of(path):
            if name.startswith("xgen_studio.anatomy.") and name != "xgen_studio.anatomy.system":
                assert name.split(".")[2] == parts[0], f"{path} imports another wing: {name}"


def test_only_the_command_line_prints():
    for path in modules():
        if room_of(path) == "cli":
            continue
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        assert not [c for c in calls if getattr(c.func, "id", "") == "print"], path


def test_no_file_is_two_things():
    assert not [p for p in modules() if len(p.read_text().splitlines()) > 400]


@pytest.mark.parametrize("module", ["imaging", "errors", "paths", "cli.main"])
def test_light_rooms_load_no_heavy_library(module):
    code = (
        f"import sys, xgen_studio.{module}; "
        "print([m for m in ('torch', 'SimpleITK', 'sklearn', 'pgmpy') if m in sys.modules])"
    )
    call = [sys.executable, "-c", code]
    answer = subprocess.run(call, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_training_needs_only_torch_and_numpy():
    # the GPU machine has no SimpleITK, pydicom, PySide6 or pgmpy
    code = (
        "import sys\n"
        "for name in ('SimpleITK', 'pydicom', 'PySide6', 'pgmpy', 'skimage', 'typer'):\n"
        "    sys.modules[name] = None\n"
        "import xgen_studio.training.__main__, xgen_studio.anatomy.knee.data\n"
        "import xgen_studio.training.run, xgen_studio.networks.ncsnpp"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
