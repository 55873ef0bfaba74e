"""The knee wing."""

from pathlib import Path

from xgen_studio.wing import Choice, Method, Option, Wing

_HERE = "xgen_studio.wings.knee"

GRADE = Option(
    "grade",
    "KL grade",
    "Kellgren-Lawrence grade of arthritis, 0 to 4; left to the model where it is not said.",
    int,
    (
        Choice(None, "not said", "Kellgren-Lawrence grade: left to the model"),
        Choice(0, "0  none"),
        Choice(1, "1  doubtful"),
        Choice(2, "2  minimal"),
        Choice(3, "3  moderate"),
        Choice(4, "4  severe"),
    ),
)

WING = Wing(
    name="knee",
    title="Knee",
    folder=Path(__file__).parent,
    workspace=f"{_HERE}.pages.workspace:make",
    commands=f"{_HERE}.commands:add",
    masks=f"{_HERE}.science.system:KneeSystem",
    options=(GRADE,),
    methods={"masks": Method("proposes masks for radiographs (xgen mask)", "segment")},
    evaluate=f"{_HERE}.tasks.evaluate:evaluate",
    data_sets={
        "knee-xray": f"{_HERE}.science.data:xray_set",
        "knee-xray-masks": f"{_HERE}.science.data:xray_mask_set",
        "knee-drr": f"{_HERE}.science.data:drr_set",
    },
    former={
        "xgen_studio.anatomy.knee.data:xray_set": "knee-xray",
        "xgen_studio.anatomy.knee.data:xray_mask_set": "knee-xray-masks",
        "xgen_studio.anatomy.knee.data:drr_set": "knee-drr",
    },
    preparations={
        "knee-xray": f"{_HERE}.tasks.prepare:xray",
        "knee-xray-outlines": f"{_HERE}.tasks.prepare:outlines",
        "knee-drr": f"{_HERE}.tasks.prepare:drr",
    },
    dicom=f"{_HERE}.science.dicom:about",
    demo=f"{_HERE}.tasks.demo:add_knee",
    tour=f"{_HERE}.pages.tour:stops",
)
