"""The elbow wing."""

from pathlib import Path

from xgen_studio.wing import Choice, Option, Wing

SIDE = Option("side", "Side", "left or right", str, (Choice(None, "not said"), Choice("left", "L")))

WING = Wing(
    name="elbow",
    title="Elbow",
    folder=Path(__file__).parent,
    workspace="elbow.pages:make",
    commands="elbow.commands:add",
    masks="elbow.science:Masks",
    options=(SIDE,),
    data_sets={"elbow-arms": "elbow.science:arms"},
    learners={"elbow-gan": "elbow.science:Gan"},
    works={"elbow-notes": "elbow.notes:Notes"},
    tour="elbow.pages:stops",
)
