"""The floors of the house: a room may use what is below it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "xgen_studio"

# room -> floor; a room may use what is below it
FLOORS = {
    "errors": 0,
    "paths": 0,
    "processes": 0,
    "foreign": 1,
    "wing": 1,
    "tables": 1,
    "registry": 2,
    "imaging": 2,
    "private": 3,
    "state": 3,
    "document": 4,
    "networks": 3,
    "diffusion": 4,
    "bundles": 5,
    "training": 6,
    "evaluation": 6,
    "tasks": 7,
    "studio": 8,
    "cli": 9,
    "wings": 10,
}
# what the rooms of a wing may use of the house, and of the wing itself
IN_A_WING = {
    "wing.py": (["wing"], []),
    "science": (["tasks", "studio", "cli"], ["science"]),
    "tasks": (["studio", "cli"], ["science", "tasks"]),
    "pages": (["cli"], ["science", "tasks", "pages", "wing"]),
    "commands.py": (["studio"], ["science", "tasks"]),
}
WING_NAMES = ("knee", "hand", "spine", "abdomen")


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


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
def test_qt_lives_in_the_studio_and_pages_and_torch_not_in_imaging(path):
    parts = path.relative_to(PACKAGE).parts
    pages = parts[0] == "wings" and "pages" in parts
    for name, top in imports_of(path):
        root = name.split(".")[0]
        if root in ("PySide6", "pyqtgraph"):
            assert pages or room_of(path) == "studio"
        if root == "torch" and room_of(path) == "imaging":
            typing_only = "TYPE_CHECKING" in path.read_text()
            assert not top or typing_only, f"{path} loads torch with the module"


def in_wings():
    return [p for p in (PACKAGE / "wings").rglob("*.py") if p.parent != PACKAGE / "wings"]


@pytest.mark.parametrize("path", in_wings(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_wing_knows_no_other_and_its_rooms_build_on_each_other(path):
    wing, room, *_ = path.relative_to(PACKAGE / "wings").parts
    if room == "__init__.py":
        return
    never, own = IN_A_WING[room]
    for name, _ in imports_of(path):
        if not name.startswith("xgen_studio."):
            continue
        parts = name.split(".")
        if parts[1] != "wings":
            forbidden = parts[1] in never or (room == "wing.py" and parts[1] != "wing")
            assert room == "wing.py" or not forbidden, f"{path} uses {name}"
        else:
            assert parts[2] == wing, f"{path} imports another wing: {name}"
            assert parts[3] in own, f"{path} reaches into {name}"


@pytest.mark.parametrize(
    "path",
    [p for p in modules() if room_of(p) not in ("wings", "registry")],
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_a_shared_room_names_no_wing(path):
    # word by word: what has an underscore or a capital in it is a word of its own
    text = path.read_text().replace("HandCursor", "")  # Qt's
    words = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", text).lower())
    assert not set(words) & set(WING_NAMES), sorted(set(words) & set(WING_NAMES))


def test_no_file_of_a_shared_room_is_a_wing_s():
    shared = [p for p in PACKAGE.iterdir() if p.name not in ("wings", "models")]
    files = [f for p in shared for f in (p.rglob("*") if p.is_dir() else [p]) if f.is_file()]
    named = [f for f in files if set(re.findall(r"[a-z]+", f.stem)) & set(WING_NAMES)]
    assert named == []


def test_the_list_of_wings_is_the_one_line_that_names_them():
    text = (PACKAGE / "registry.py").read_text()
    naming = [line for line in text.splitlines() if re.search("|".join(WING_NAMES), line)]
    assert len(naming) == 1 and naming[0].startswith("BUILT_IN = ")


def test_only_the_command_line_prints():
    for path in modules():
        if room_of(path) == "cli" or path.name == "commands.py":
            continue
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        assert not [c for c in calls if getattr(c.func, "id", "") == "print"], path


def test_a_door_of_the_house_is_light():
    # asks are what the window imports; the tasks behind them load torch
    code = (
        "import sys, xgen_studio.wings.knee.tasks.asks, xgen_studio.wings.hand.tasks.asks\n"
        "import xgen_studio.wings.hand.tasks.runs, xgen_studio.tasks.drawing\n"
        "print([m for m in ('torch', 'PySide6', 'SimpleITK') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_no_file_is_two_things():
    assert not [p for p in modules() if len(p.read_text().splitlines()) > 400]


@pytest.mark.parametrize(
    "module",
    ["imaging", "errors", "paths", "registry", "cli.main", "training.run_folder", "tasks.asks"],
)
def test_light_rooms_load_no_heavy_library(module):
    code = (
        f"import sys, xgen_studio.{module}; "
        "print([m for m in ('torch', 'SimpleITK', 'sklearn', 'pgmpy') if m in sys.modules])"
    )
    call = [sys.executable, "-c", code]
    answer = subprocess.run(call, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_training_needs_only_torch_and_numpy():
    # the GPU machine has no SimpleITK, pydicom, PySide6 or psygnal
    code = (
        "import sys\n"
        "for name in ('SimpleITK', 'pydicom', 'PySide6', 'psygnal', 'skimage', 'typer', 'psutil',"
        " 'nibabel', 'nrrd', 'imagecodecs', 'tifffile', 'PIL'):\n"
        "    sys.modules[name] = None\n"
        "import xgen_studio.training.__main__, xgen_studio.wings.knee.science.data\n"
        "import xgen_studio.wings.hand.science.data, xgen_studio.wings.hand.science.localiser\n"
        "import xgen_studio.wings.spine.science.healthivert.data\n"
        "import xgen_studio.wings.spine.science.healthivert.learner\n"
        "import xgen_studio.training.run, xgen_studio.networks.ncsnpp"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
