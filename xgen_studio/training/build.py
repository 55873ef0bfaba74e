"""From a recipe to objects: the learner, the training set. Both are named by wings; an import path
in a recipe runs code from elsewhere, and needs a word of consent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xgen_studio.errors import CallError, InputError
from xgen_studio.registry import registered
from xgen_studio.training.batch import TrainingSet
from xgen_studio.training.learner import Learner
from xgen_studio.training.learners import LEARNERS
from xgen_studio.training.recipe import Recipe
from xgen_studio.wing import resolve


def make_learner(recipe: Recipe, trust_code: bool = False) -> Learner:
    """The recipe's learner, freshly initialised."""
    if recipe.learner in LEARNERS:
        return LEARNERS[recipe.learner](recipe)
    place = _place(recipe, "learner", recipe.learner, [*LEARNERS], trust_code)
    kind: Any = resolve(place)
    if not (isinstance(kind, type) and issubclass(kind, Learner)):
        raise InputError(f"recipe {recipe.name}: learner '{recipe.learner}' is no Learner")
    return kind(recipe)


def make_dataset(recipe: Recipe, data: Path | None, trust_code: bool = False) -> TrainingSet:
    """The recipe's training set, from the data folder."""
    return _dataset(recipe, data, recipe.dataset_options, trust_code)


def make_validation(
    recipe: Recipe, data: Path | None, trust_code: bool = False
) -> TrainingSet | None:
    """The set that the recipe's validation figures come from; None where it names none."""
    if not recipe.validation.dataset_options:
        return None
    options = recipe.dataset_options | recipe.validation.dataset_options
    return _dataset(recipe, data, options, trust_code)


def _dataset(
    recipe: Recipe, data: Path | None, options: dict[str, Any], trust_code: bool
) -> TrainingSet:
    former = registered("former")
    name = former.get(recipe.dataset, recipe.dataset)
    place = _place(recipe, "data_set", name, [], trust_code)
    factory: Any = resolve(place)
    if not callable(factory):
        raise InputError(f"recipe {recipe.name}: dataset '{recipe.dataset}' is no function")
    try:
        dataset: TrainingSet = factory(data, **options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"recipe {recipe.name}: dataset_options do not fit ({error})") from error
    return dataset


def _place(recipe: Recipe, what: str, name: str, also: list[str], trust_code: bool) -> str:
    """Where a named data set or learner is; an import path only with consent."""
    places = registered(f"{what}s")
    if name in places:
        return places[name]
    said = what.replace("_", " ")
    if ":" not in name:
        known = ", ".join(sorted([*places, *also]))
        raise InputError(f"recipe {recipe.name}: no {said} is called '{name}'; there is {known}")
    if not trust_code:
        raise CallError(
            f"recipe {recipe.name}: its {said} '{name}' is code from elsewhere, which would run"
            " here with your rights; add --trust-code if you know and trust it"
        )
    return name
