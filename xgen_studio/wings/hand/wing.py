"""The hand wing."""

from pathlib import Path

from xgen_studio.wing import Choice, Method, Option, Wing

_HERE = "xgen_studio.wings.hand"

SHAPE = Option(
    "shape",
    "Shape",
    "'drawn' from the shape model (default), or 'free': the model makes it up.",
    str,
    (
        Choice("drawn", "Shapes from the shape model"),
        Choice("free", "Free: the model makes up the shape (few pass)"),
    ),
)
GATE = Option(
    "gate",
    "Gate",
    "Judge each as it is drawn, by this gate: calibrated, paper, paper-sum or paper-rows.",
    str,
    (
        Choice("calibrated", "Calibrated on real hands"),
        Choice("paper", "As published (product)"),
        Choice("paper-sum", "As published, equation 5 to the letter"),
        Choice("paper-rows", "As published, normalised"),
    ),
)

WING = Wing(
    name="hand",
    title="Hand",
    folder=Path(__file__).parent,
    workspace=f"{_HERE}.pages.workspace:make",
    commands=f"{_HERE}.commands:add",
    options=(
        SHAPE,
        Option("landmarks", "Landmarks", "Draw the hands of this landmark file.", Path),
        GATE,
    ),
    methods={"landmarks": Method("a localiser: a picture gives its landmarks", "localise")},
    generate=f"{_HERE}.tasks.drawing:ask_for",
    evaluate=f"{_HERE}.tasks.evaluate:evaluate",
    evaluate_options=(
        Option(
            "study",
            "Study",
            "Localiser: a folder of runs real-0, real-1, ddpm-0, ... to compare.",
            Path,
        ),
    ),
    data_sets={
        "hand-joint": f"{_HERE}.science.data:joint_set",
        "hand-paper": f"{_HERE}.science.data:paper_set",
        "hand-landmarks": f"{_HERE}.science.data:landmark_set",
    },
    former={
        "xgen_studio.anatomy.hand.data:joint_set": "hand-joint",
        "xgen_studio.anatomy.hand.data:paper_set": "hand-paper",
        "xgen_studio.anatomy.hand.data:landmark_set": "hand-landmarks",
    },
    learners={"localise": f"{_HERE}.science.localiser:LocaliseLearner"},
    loaders={"localiser": f"{_HERE}.science.localiser:load_localiser"},
    works={
        "landmarks": f"{_HERE}.tasks.landmark_set:LandmarkSet",
        "review": f"{_HERE}.tasks.review:Review",
    },
    preparations={
        "hand": f"{_HERE}.tasks.prepare:hands",
        "hand-gate": f"{_HERE}.tasks.prepare:gates",
    },
    demo=f"{_HERE}.tasks.demo:add_hands",
)
