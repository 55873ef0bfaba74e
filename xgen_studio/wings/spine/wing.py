"""The spine wing."""

from pathlib import Path

from xgen_studio.wing import Method, Wing

_HERE = "xgen_studio.wings.spine"

WING = Wing(
    name="spine",
    title="Spine",
    folder=Path(__file__).parent,
    methods={"bodies": Method("a proposer: a CT gives its vertebral bodies", "spine-propose")},
    data_sets={"spine-proposal": f"{_HERE}.science.proposal_data:proposal_set"},
    learners={"spine-propose": f"{_HERE}.science.proposer:ProposeLearner"},
    loaders={"spine-proposer": f"{_HERE}.science.proposer:load_proposer"},
    preparations={"spine-proposal": f"{_HERE}.tasks.prepare:proposal"},
)
