"""The spine wing."""

from pathlib import Path

from xgen_studio.wing import Wing

_HERE = "xgen_studio.wings.spine"

WING = Wing(name="spine", title="Spine", folder=Path(__file__).parent)
