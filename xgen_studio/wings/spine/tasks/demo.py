"""The spine in the demo: a simulated patient, graded from its mask and CT."""

from __future__ import annotations

from xgen_studio.imaging import write_json, write_png8
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.demo import Page
from xgen_studio.wings.spine.science.simulation import simulate
from xgen_studio.wings.spine.science.summary import grade_in_words
from xgen_studio.wings.spine.tasks.examining import examined
from xgen_studio.wings.spine.tasks.pictures import overview, views_of
from xgen_studio.wings.spine.tasks.showing import shown

SEED = 6  # a patient with a wedge fracture of T12


def add_spine(page: Page, bench: Bench) -> None:
    """The spine's section."""
    case = simulate(SEED, length=4)
    found = examined(case.labels, case.ct, {}, None, bench)
    page.section(
        "Spine: every vertebra beside its healthy self",
        "A simulated patient, whose true loss of height is known. Research use, not for diagnosis.",
    )
    made = {"synthetic": True, "simulated_patient": SEED}
    if found.curve is not None:
        picture, _ = overview(case.ct, case.labels, found.curve, found.graded.measured.middles)
        write_png8(page.folder / "spine.png", picture.pixels, made)
        page.figure("spine.png", "the spine, straightened")
    truth = {v.level: v.true_loss() for v in case.truth.vertebrae}
    broken = [f for f in found.graded.findings if f.grade > 0]
    for finding in broken:
        level, worst = finding.level, finding.worst
        views = views_of(shown(level, found.graded, case.labels, case.ct))
        low, high = finding.rhlv_interval[worst]
        text = (
            f"{level}, {grade_in_words(finding)}: {worst} third {100 * finding.rhlv[worst]:.0f} %"
            f" lost (90 % interval {100 * low:.0f} to {100 * high:.0f} %), in truth"
            f" {100 * truth[level][worst]:.0f} %"
        )
        for name, view in (("real", views.real), ("healthy", views.healthy)):
            file = f"spine_{level}_{name}.png"
            write_png8(page.folder / file, view.pixels, made)
            page.figure(file, f"{name}: {text}")
    write_json(
        page.folder / "spine.json",
        made
        | {
            f.level: {"grade": int(f.grade), "rhlv": f.rhlv, "true_rhlv": truth[f.level]}
            for f in found.graded.findings
        },
    )
