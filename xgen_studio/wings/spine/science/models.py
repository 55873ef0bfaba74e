"""What the program brings along to grade with: the shape prior, the ordinal model, the SVM."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path

from xgen_studio.foreign import read_json
from xgen_studio.imaging import write_json
from xgen_studio.tables import from_table
from xgen_studio.wings.spine.science.examination import Models
from xgen_studio.wings.spine.science.grading import OrdinalModel
from xgen_studio.wings.spine.science.healthivert.svm import read_svm
from xgen_studio.wings.spine.science.prior import shipped_prior

FOLDER = Path(__file__).parent.parent / "data"
ORDINAL, SVM = FOLDER / "ordinal.json", FOLDER / "svm.json"


@cache
def shipped_models() -> Models:
    """The models that `xgen prepare spine-grading` fitted."""
    ordinal = from_table(OrdinalModel, read_json(ORDINAL), str(ORDINAL))
    return Models(shipped_prior(), ordinal, read_svm(SVM))


def write_ordinal(model: OrdinalModel, path: Path = ORDINAL) -> None:
    """Write the ordinal model as JSON."""
    write_json(path, asdict(model))
