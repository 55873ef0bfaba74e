"""A recipe that no picture was made by is refused before anything begins."""

import numpy as np
import pytest

from xgen_studio.document import Made, Picture
from xgen_studio.errors import InputError
from xgen_studio.tasks.again import make_again
from xgen_studio.tasks.drawing import Again

GOOD = {
    "model": "knee-xray",
    "method": "ctm",
    "sampler": "ddim",
    "steps": 4,
    "seed": 1,
    "options": {},
    "device": "cpu",
}


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": 10**8},
        {"steps": 0},
        {"steps": -3},
        {"steps": "many"},
        {"steps": 1e9},
        {"steps": True},
        {"model": "../../etc"},
        {"model": "/tmp/evil"},
        {"model": 3},
    ],
)
def test_a_recipe_that_cannot_be_is_refused_in_one_line_before_it_begins(bad):
    mask = np.ones((4, 4), np.uint8)
    recipe = (Made(mask, GOOD), Made(mask, {**GOOD, **bad}))
    bench = None  # nothing is asked of it
    with pytest.raises(InputError, match="provenance") as caught:
        next(make_again(Again(Picture(np.zeros((4, 4), np.float32), recipe)), bench))
    assert "\n" not in str(caught.value)
