"""What a wing says of itself: names and import paths. Nothing here takes time to load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from xgen_studio.errors import InputError


@dataclass(frozen=True)
class Choice:
    """One of the answers to an option: what is meant, what a user reads, more words on hover."""

    value: object
    title: str
    tip: str = ""


@dataclass(frozen=True)
class Option:
    """What a user may say about a generation beside model, seed and sampler. The terminal has it as
    `--name`; the panel has a list where there are choices (the first one says nothing)."""

    name: str
    title: str
    help: str
    kind: type = str  # str, int, float or Path
    choices: tuple[Choice, ...] = ()


# What every wing that draws from masks can be told, beside its own options
MASK_OPTIONS = (
    Option("mask", "Mask", "Label image to draw from: PNG, NIfTI, ...", Path),
    Option("picture", "Picture", "Change this picture, in --region only.", Path),
    Option("region", "Region", "Mask, not 0 where --picture is drawn anew.", Path),
)


@dataclass(frozen=True)
class Method:
    """What a bundle can do: in words, and what the network behind it learned (a learner's name)."""

    summary: str
    learner: str


@dataclass(frozen=True)
class Wing:
    """One clinical problem. Places are 'module:name', imported when they are asked for.

    workspace     function (window) -> studio.workspace.Workspace
    commands      function (typer application): adds the wing's own commands
    masks         function () -> tasks.mask_system.MaskSystem, of a wing that draws from masks
    options       what its models can be told, see `Option`
    methods       what its bundles can do beside `diffusion.METHODS`
    generate      function (tasks.wish.Wish, Bundle) -> Ask, where it does not draw from masks
    evaluate      function (Evaluate, Bundle, Bench) -> tasks.evaluate.Evaluation
    data_sets     training set factories, by the names that recipes use
    former        names of today by the import paths that recipes used to hold
    learners      training.learner.Learner classes, by the names that recipes use
    loaders       how a network of a kind is loaded from a bundle, by kind; see `bundles`
    preparations  functions (Prepare, Bench) -> file, by the names of `xgen prepare`
    works         document kinds: document.work.Work classes, by the kind that files name
    dicom         function (labels, provenance) -> DICOM keywords and values of an exported picture
    demo          function (tasks.demo.Page, Bench): adds its sections
    tour          function (window) -> list of studio.tour.Stop
    """

    name: str
    title: str
    folder: Path  # holds icon.svg, and recipes/ and cases/, if it has any
    workspace: str = ""
    commands: str = ""
    masks: str = ""
    options: tuple[Option, ...] = ()
    methods: Mapping[str, Method] = field(default_factory=dict)
    generate: str = ""
    evaluate: str = ""
    evaluate_options: tuple[Option, ...] = ()
    data_sets: Mapping[str, str] = field(default_factory=dict)
    former: Mapping[str, str] = field(default_factory=dict)
    learners: Mapping[str, str] = field(default_factory=dict)
    loaders: Mapping[str, str] = field(default_factory=dict)
    preparations: Mapping[str, str] = field(default_factory=dict)
    works: Mapping[str, str] = field(default_factory=dict)
    dicom: str = ""
    demo: str = ""
    tour: str = ""

    @property
    def recipes(self) -> dict[str, Path]:
        """Its recipe files by name."""
        return {path.stem: path for path in sorted((self.folder / "recipes").glob("*.toml"))}

    @property
    def cases(self) -> dict[str, Path]:
        """Its sample cases by name."""
        return {path.stem: path for path in sorted((self.folder / "cases").glob("*.png"))}


def resolve(place: str) -> Any:
    """The object at 'module:name'; InputError where it is not there."""
    module, _, name = place.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"'{place}' cannot be found ({error})") from error
