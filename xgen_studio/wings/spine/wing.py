"""The spine wing."""

from pathlib import Path

from xgen_studio.wing import Method, Wing

_HERE = "xgen_studio.wings.spine"
_GAN = f"{_HERE}.science.healthivert"

WING = Wing(
    name="spine",
    title="Spine",
    folder=Path(__file__).parent,
    methods={
        "healthivert": Method(
            "HealthiVert-GAN as published: a vertebra made healthy, slice by slice", "healthivert"
        ),
        "fractures": Method(
            "a classifier of sagittal slices: what it sees, HealthiVert-GAN trusts less", "fracture"
        ),
    },
    data_sets={
        "spine-slices": f"{_GAN}.data:slice_set",
        "spine-fractures": f"{_GAN}.data:fracture_set",
    },
    learners={
        "healthivert": f"{_GAN}.learner:HealthiVertLearner",
        "fracture": f"{_GAN}.learner:FractureLearner",
    },
    loaders={
        "healthivert": f"{_GAN}.learner:load_healthivert",
        "fracture-classifier": f"{_GAN}.learner:load_classifier",
    },
)
