"""The spine wing."""

from pathlib import Path

from xgen_studio.wing import Method, Wing

_HERE = "xgen_studio.wings.spine"
_GAN = f"{_HERE}.science.healthivert"

WING = Wing(
    name="spine",
    title="Spine",
    folder=Path(__file__).parent,
    workspace=f"{_HERE}.pages.workspace:make",
    commands=f"{_HERE}.commands:add",
    evaluate=f"{_HERE}.tasks.evaluate:evaluate",
    demo=f"{_HERE}.tasks.demo:add_spine",
    methods={
        "bodies": Method("a proposer: a CT gives its vertebral bodies", "spine-propose"),
        "healthivert": Method(
            "HealthiVert-GAN as published: a vertebra made healthy, slice by slice", "healthivert"
        ),
        "fractures": Method(
            "a classifier of sagittal slices: what it sees, HealthiVert-GAN trusts less", "fracture"
        ),
    },
    data_sets={
        "spine-proposal": f"{_HERE}.science.proposal_data:proposal_set",
        "spine-slices": f"{_GAN}.data:slice_set",
        "spine-fractures": f"{_GAN}.data:fracture_set",
    },
    learners={
        "spine-propose": f"{_HERE}.science.proposer:ProposeLearner",
        "healthivert": f"{_GAN}.learner:HealthiVertLearner",
        "fracture": f"{_GAN}.learner:FractureLearner",
    },
    loaders={
        "spine-proposer": f"{_HERE}.science.proposer:load_proposer",
        "healthivert": f"{_GAN}.learner:load_healthivert",
        "fracture-classifier": f"{_GAN}.learner:load_classifier",
    },
    tour=f"{_HERE}.pages.tour:stops",
    preparations={
        "spine-proposal": f"{_HERE}.tasks.prepare:proposal",
        "spine-healthivert": f"{_HERE}.tasks.prepare_healthivert:healthivert",
        "spine-grading": f"{_HERE}.tasks.prepare_grading:grading",
    },
    works={"spine": f"{_HERE}.tasks.spine_work:SpineWork"},
)
