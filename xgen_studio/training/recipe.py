"""Recipes: one TOML file says a whole training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xgen_studio.foreign import read_toml
from xgen_studio.registry import registered
from xgen_studio.tables import from_table

PRECISIONS = ("auto", "float32", "bfloat16")
FALLS = ("cosine", "linear")
LARGEST_RECIPE = 2**20  # bytes
MOST_EXAMPLES, MOST_STEPS, MOST_SAMPLES = 2**20, 10**9, 256
OLD_KEYS = {"objective": "learner"}  # as recipes of before called them


@dataclass(frozen=True)
class Optimiser:
    """Adam with warm-up, clipping and an exponential moving average of the weights."""

    rate: float = 2e-4  # learning rate
    final_rate: float = 0.0  # rate at the last step; 0 = constant rate
    fall: str = "cosine"  # how the rate gets there: cosine | linear ...
    steady: int = 0  # ... after so many steps at the full rate
    warmup: int = 500  # steps of linear warm-up
    clip: float = 1.0  # gradient norm limit
    ema: float = 0.999  # decay of the moving average
    beta1: float = 0.9
    beta2: float = 0.999

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.clip <= 0:
            raise ValueError("rate and clip must be positive")
        if min(self.final_rate, self.warmup, self.steady) < 0:
            raise ValueError("final_rate, warmup and steady must not be negative")
        if self.fall not in FALLS:
            raise ValueError(f"fall '{self.fall}' is not one of {', '.join(FALLS)}")
        if not all(0 <= value < 1 for value in (self.ema, self.beta1, self.beta2)):
            raise ValueError("ema, beta1 and beta2 must be at least 0 and below 1")


@dataclass(frozen=True)
class Validation:
    """Figures of examples that are not trained on, at each checkpoint."""

    dataset_options: dict[str, Any] = field(default_factory=dict)  # over the recipe's; {} = none
    examples: int = 64  # at most so many, always the same

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise ValueError("examples must be at least 1")


@dataclass(frozen=True)
class Recipe:
    """Data set, network, learner, optimiser and budget of one training."""

    name: str
    dataset: str  # a data set's name, as a wing registers it
    dataset_options: dict[str, Any] = field(default_factory=dict)
    network: str = "unet"
    network_options: dict[str, Any] = field(default_factory=dict)
    process: str = "edm"
    process_options: dict[str, Any] = field(default_factory=dict)
    learner: str = "denoise"  # what is learned: denoise, l1, segment, vae, or a wing's
    learner_options: dict[str, Any] = field(default_factory=dict)
    optimiser: Optimiser = field(default_factory=Optimiser)
    phases: dict[str, Optimiser] = field(default_factory=dict)  # of phases with one of their own
    validation: Validation = field(default_factory=Validation)
    batch: int = 16  # examples a step, shared by all processes
    accumulate: int = 1  # parts in which each process takes its share of a batch
    steps: int = 100_000  # length of the whole training
    precision: str = "auto"  # auto | float32 | bfloat16
    seed: int = 0
    checkpoint_every: int = 500  # steps
    log_every: int = 20  # steps
    samples: int = 4  # sample images drawn at each checkpoint

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision '{self.precision}' is not one of {', '.join(PRECISIONS)}")
        if min(self.batch, self.steps, self.checkpoint_every, self.log_every, self.accumulate) < 1:
            raise ValueError(
                "batch, accumulate, steps, checkpoint_every and log_every must be at least 1"
            )
        if max(self.batch, self.accumulate) > MOST_EXAMPLES or self.steps > MOST_STEPS:
            raise ValueError(
                f"batch and accumulate go up to {MOST_EXAMPLES:,}, steps to {MOST_STEPS:,}"
            )
        if not 0 <= self.samples <= MOST_SAMPLES:
            raise ValueError(f"samples must be from 0 to {MOST_SAMPLES}")
        if not 0 <= self.seed < 2**63:
            raise ValueError("seed must be from 0 to 2^63 - 1")

    @property
    def foreign(self) -> tuple[str, ...]:
        """The import paths it names: code from elsewhere, which no wing knows."""
        former = registered("former")
        names = (self.dataset, self.learner)
        return tuple(name for name in names if ":" in name and name not in former)

    def optimiser_of(self, phase: str) -> Optimiser:
        """The optimiser of a phase: its own, or the recipe's."""
        return self.phases.get(phase, self.optimiser)


def parse_recipe(values: dict[str, Any], where: str) -> Recipe:
    """A recipe from parsed TOML; InputError names the key that does not fit."""
    return from_table(Recipe, {OLD_KEYS.get(k, k): v for k, v in values.items()}, where)


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe file; InputError with one line where it cannot be used."""
    path = Path(path)
    return parse_recipe(read_toml(path, LARGEST_RECIPE), str(path))
