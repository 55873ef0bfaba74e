"""HealthiVert-GAN's training arrays: of VerSe, or of the shared CTs and parametric patients."""

from __future__ import annotations

from pathlib import Path

from xgen_studio.bundles import open_bundle
from xgen_studio.errors import InputError
from xgen_studio.imaging import read_volume
from xgen_studio.paths import shared_data
from xgen_studio.tasks.asks import Prepare
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.prepare import real_data, write_arrays
from xgen_studio.tasks.targets import check_free
from xgen_studio.wings.spine.science.checks import check_labels
from xgen_studio.wings.spine.science.grading import rule_grade
from xgen_studio.wings.spine.science.healthivert.crops import Crop, as_arrays, crops_of
from xgen_studio.wings.spine.science.labels import read_labels
from xgen_studio.wings.spine.science.proposer import checked
from xgen_studio.wings.spine.science.real_scans import looked_at, propose_real, real_scans
from xgen_studio.wings.spine.science.simulation import simulate
from xgen_studio.wings.spine.science.verse import Grades, cases, of_case, read_genant
from xgen_studio.wings.spine.tasks.asks import MODEL
from xgen_studio.wings.spine.tasks.proposing import METHOD

PARAMETRIC = 12  # patients of nine vertebrae, beside the shared CTs
SEED = 15_000
HELD_OUT = 5  # every which patient of VerSe is held out
TABLES = ("healthivert_vertebra_data.json", "verse19_manifest_kvskushal.csv")
Crops = list[tuple[Crop, int, bool]]


def healthivert(ask: Prepare, bench: Bench) -> Path:
    """Straightened crops: of VerSe's folder with its grades where `--data` is one; of the shared
    real CTs under the names that somebody gave, and of parametric patients, else."""
    path = ask.out / f"{ask.name}.npz"
    check_free([path], ask.overwrite)
    folder = real_data(ask)
    crops = _verse_crops(folder, bench) if _is_verse(folder) else _shared_crops(folder, bench)
    if not crops:
        raise InputError(f"{folder}: holds no healthy vertebra whose grade is known")
    return write_arrays(path, as_arrays(crops))


def _shared_crops(folder: Path, bench: Bench) -> Crops:
    network = checked(open_bundle(MODEL).model(METHOD), MODEL)
    looked = looked_at()
    crops: Crops = []
    scans = real_scans(folder)
    total = len(scans) + PARAMETRIC
    for number, (name, path) in enumerate(scans.items()):
        learned = propose_real(network, path, looked[name])
        grades = dict.fromkeys(looked[name].centres, 0)
        held = looked[name].held_out
        crops += [(crop, number, held) for crop in crops_of(learned.ct, learned.labels, grades)]
        bench.report(number + 1, total, "scans")
    for number in range(PARAMETRIC):
        case = simulate(SEED + number, error=0.2, whole=False)
        grades = {v.level: int(rule_grade(v.true_loss())) for v in case.truth.vertebrae}
        crops += [(c, 1000 + number, False) for c in crops_of(case.ct, case.labels, grades)]
        bench.report(len(scans) + number + 1, total, "parametric patients")
    return crops


def _is_verse(folder: Path) -> bool:
    return any(folder.glob("**/rawdata/*/*_ct.nii.gz"))


def _grades(folder: Path) -> Grades:
    """Genant grades of VerSe's vertebrae: tables in its folder, or those of the shared data."""
    shared = shared_data()
    places = [folder, *([shared / "spine" / "genant_labels"] if shared else [])]
    found: Grades = {}
    for table in (place / name for place in places for name in TABLES):
        if table.exists():
            found |= read_genant(table)
    if not found:
        raise InputError(f"{folder}: lacks a table of Genant grades; put {TABLES[0]} into it")
    return found


def _verse_crops(folder: Path, bench: Bench) -> Crops:
    grades = _grades(folder)
    scans = cases(folder)
    patients = {name: i for i, name in enumerate(sorted({case.patient for case in scans}))}
    crops: Crops = []
    for number, case in enumerate(scans):
        bench.report(number, len(scans), case.id)
        known = {k: int(v) for k, v in of_case(grades, case, scans).items()}
        if case.ct is None or case.mask is None or not known:
            continue
        ct = read_volume(case.ct).to_lps()
        labels, _ = check_labels(read_labels(case.mask), ct)
        patient = patients[case.patient]
        made = crops_of(ct, labels.volume, known)
        crops += [(crop, patient, patient % HELD_OUT == 0) for crop in made]
    return crops
