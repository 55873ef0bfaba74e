"""What grades, fitted anew: the shape prior on healthy bodies, the rest on simulated patients."""

from __future__ import annotations

from pathlib import Path

from xgen_studio.bundles import open_bundle
from xgen_studio.imaging import make_folder
from xgen_studio.imaging.atomic import together
from xgen_studio.tasks.asks import Prepare
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.prepare import real_data
from xgen_studio.tasks.targets import check_free
from xgen_studio.wings.spine.science.fitting import (
    SEED,
    fit_ordinal,
    fit_released,
    simulate_examples,
)
from xgen_studio.wings.spine.science.healthy_bodies import (
    as_numbers,
    bodies_in_scans,
    manual_bodies,
)
from xgen_studio.wings.spine.science.models import ORDINAL, SVM, write_ordinal
from xgen_studio.wings.spine.science.prior import FILE, fit, write_prior
from xgen_studio.wings.spine.science.proposer import checked
from xgen_studio.wings.spine.tasks.asks import MODEL
from xgen_studio.wings.spine.tasks.proposing import METHOD

PATIENTS = 120  # simulated ones


def grading(ask: Prepare, bench: Bench) -> Path:
    """`prior.json`, `ordinal.json` and `svm.json`; tells the first."""
    paths = [ask.out / place.name for place in (FILE, ORDINAL, SVM)]
    check_free(paths, ask.overwrite)
    folder = real_data(ask)
    network = checked(open_bundle(MODEL).model(METHOD), MODEL)
    scans = bodies_in_scans(network, folder, lambda a, b: bench.report(a, b, "scans"))
    manual = manual_bodies(folder, lambda a, b: bench.report(a, b, "manual bodies"))
    text = (
        f"{len(manual)} spines of manual bodies (VB2: Chu 2015, VB3: Burian 2019; T11-L5) and"
        f" {len(scans)} real CTs ({', '.join(sorted(scans))}), their bodies proposed and looked at"
    )
    prior = fit(as_numbers({**manual, **scans}), text)
    examples = simulate_examples(
        prior, PATIENTS, SEED, lambda a, b: bench.report(a, b, "simulated patients")
    )
    make_folder(ask.out)
    with together():
        write_prior(prior, paths[0])
        write_ordinal(fit_ordinal(examples), paths[1])
        fit_released(examples).save(paths[2])
    return paths[0]
