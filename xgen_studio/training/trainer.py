"""The training loop: one step after another until the budget, the recipe or somebody says stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from xgen_studio.errors import InputError
from xgen_studio.networks.layout import channels_last
from xgen_studio.networks.weights import load_weights, read_weights
from xgen_studio.training.batch import step_generator
from xgen_studio.training.build import make_dataset, make_learner, make_validation
from xgen_studio.training.checkpoint import TrainState, load_checkpoint, save_checkpoint
from xgen_studio.training.distributed import World
from xgen_studio.training.learner import MAIN, Phase
from xgen_studio.training.loader import Loader, Part, first_examples
from xgen_studio.training.recipe import Optimiser, Recipe
from xgen_studio.training.run_folder import (
    CHECKPOINT,
    PAUSE,
    PAUSED,
    RUNNING,
    SAMPLES,
    STOP,
    Training,
)
from xgen_studio.training.sampling import write_samples

AGREE_EVERY = 10  # steps between two looks at what others want: each look waits for all of them
GO_ON, HOLD, LEAVE = range(3)


def learning_rate(optimiser: Optimiser, step: int, steps: int) -> float:
    """Linear warm-up, then constant, or falling to `final_rate` at the last of `steps`."""
    warm = min(1.0, (step + 1) / max(1, optimiser.warmup))
    if not optimiser.final_rate:
        return optimiser.rate * warm
    part = min(1.0, max(0, step - optimiser.steady) / max(1, steps - optimiser.steady))
    left = 1 - part if optimiser.fall == "linear" else (1 + math.cos(math.pi * part)) / 2
    return warm * (optimiser.final_rate + (optimiser.rate - optimiser.final_rate) * left)


def pick_precision(recipe: Recipe, device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware computes in it, float32 elsewhere.

    A CPU without bfloat16 instructions emulates them 5 to 10 times slower than float32.
    """
    if recipe.precision != "auto":
        return torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


class Trainer:
    """One training in one process: holds the state, runs steps, writes through `training`."""

    def __init__(
        self, recipe: Recipe, data: Path | None, run: Path, world: World, trust_code: bool = False
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.run, self.world = recipe, run, world
        if recipe.batch % (world.size * recipe.accumulate):
            raise InputError(
                f"recipe {recipe.name}: a batch of {recipe.batch} does not divide by {world.size}"
                f" processes of {recipe.accumulate} parts"
            )
        self.dataset = make_dataset(recipe, data, trust_code)
        self.validation = make_validation(recipe, data, trust_code)
        for which in (self.dataset, self.validation):
            if which is not None and len(which) == 0:
                raise InputError(f"recipe {recipe.name}: the data set {recipe.dataset} is empty")
        # what samples and figures are made with: the averages, where there are any
        self.learner, self.averaged = (make_learner(recipe, trust_code) for _ in range(2))
        for learner in (self.learner, self.averaged):
            channels_last(learner.parts.to(world.device))
        self.averaged.parts.eval().requires_grad_(False)
        optimisers = {phase.name: self._adam(phase) for phase in self.learner.phases}
        averages = nn.ModuleDict(
            {name: self.averaged.parts[name] for name in self.learner.averaged}
        )
        self.state = TrainState(self.learner.parts, averages, optimisers)
        self._same_start()
        self.precision = pick_precision(recipe, world.device)
        self._broken = torch.zeros((), dtype=torch.bool, device=world.device)
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}  # how often each was summed: phases may skip steps

    def _adam(self, phase: Phase) -> torch.optim.Adam:
        o = phase.optimiser
        return torch.optim.Adam(self._parameters(phase), lr=o.rate, betas=(o.beta1, o.beta2))

    def _parameters(self, phase: Phase) -> list[nn.Parameter]:
        return [p for name in phase.parts for p in self.learner.parts[name].parameters()]

    def _same_start(self) -> None:
        """Every process begins with the first one's weights, and the averages with them."""
        self.world.share_weights(self.learner.parts.state_dict().values())
        self.averaged.parts.load_state_dict(self.learner.parts.state_dict())

    def resume(self, training: Training | None = None) -> bool:
        """Go on from the run folder's checkpoint; False when there is none."""
        path = self.run / CHECKPOINT
        if not path.exists():
            return False
        load_checkpoint(path, self.state)
        sums, counts = self.state.window, self.state.counts
        self._sums = {k: torch.tensor(v, device=self.world.device) for k, v in sums.items()}
        self._counts = {k: counts[k] for k in sums}
        if training is not None:
            training.forget_events_after(self.state.step)
        return True

    def start_from(self, weights: Path) -> None:
        """Begin with the weights of a bundle: fine-tuning, or going on without a checkpoint."""
        load_weights(self.learner.parts[MAIN], read_weights(weights))
        self.averaged.parts.load_state_dict(self.learner.parts.state_dict())

    # -- one step --------------------------------------------------------------------------------

    def step(self, parts: list[Part]) -> None:
        """Every phase once. Nothing here waits for the device: losses are summed there, and numbers
        that are not finite are marked there, see `check`."""
        state = self.state
        self.learner.parts.train()
        for phase in self.learner.phases:
            if state.step % phase.every == 0:
                self._move(phase, parts)
        self._average()
        state.step += 1

    def _move(self, phase: Phase, parts: list[Part]) -> None:
        """One optimiser step of a phase."""
        recipe, state, world = self.recipe, self.state, self.world
        moved = self._parameters(phase)
        self.learner.parts.requires_grad_(False)
        for parameter in moved:
            parameter.requires_grad_(True)
        optimiser = state.optimisers[phase.name]
        optimiser.zero_grad(set_to_none=True)
        first = phase is self.learner.phases[0]
        lowered = self.precision != torch.float32
        for part in parts:
            torch.manual_seed(part.seed)
            with torch.autocast(world.device.type, self.precision, enabled=lowered):
                loss, figures = self.learner.loss(phase.name, part.batch, part.generator)
            (loss * part.share).backward()
            name = "loss" if first else f"loss {phase.name}"
            for key, value in {name: loss, **figures}.items():
                self._sum(key, value.detach() * part.share)
        for key in (name, *figures):
            self._counts[key] = self._counts.get(key, 0) + 1
        world.share_gradients(moved)
        norm = nn.utils.clip_grad_norm_(moved, phase.optimiser.clip)
        self._broken |= ~norm.isfinite()
        rate = learning_rate(phase.optimiser, state.step, recipe.steps)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()

    def _sum(self, key: str, value: Tensor) -> None:
        self._broken |= ~value.isfinite()
        self._sums[key] = self._sums[key] + value if key in self._sums else value.float()

    @torch.no_grad()
    def _average(self) -> None:
        """Move the averages; their decay grows with the step, so that the first thousand steps do
        not linger."""
        step, ema = self.state.step, self.recipe.optimiser.ema
        decay = min(ema, (1 + step) / (10 + step)) if step else 0.0
        for name, part in self.learner.parts.items():
            own = self.averaged.parts[name]
            keeps = decay if name in self.learner.averaged else 0.0
            torch._foreach_lerp_(list(own.parameters()), list(part.parameters()), 1 - keeps)
            for buffer, value in zip(own.buffers(), part.buffers(), strict=True):
                buffer.copy_(value)

    def check(self) -> None:
        """InputError, on every process, where a loss or gradient was not finite since the last
        check. Called before anything is written: what is on the disk is sound."""
        if self.world.most(int(self._broken.item())):
            raise InputError(
                f"recipe {self.recipe.name}: loss or gradient is no longer finite at step"
                f" {self.state.step}; lower optimiser.rate and go on with --resume"
            )

    # -- all steps -------------------------------------------------------------------------------

    def train(
        self,
        training: Training | None = None,
        time_budget: float | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        report: Callable[[dict[str, float]], None] = lambda event: None,
    ) -> str:
        """Run until the recipe's last step, the budget (s), `should_stop`, or a word in the run
        folder; says which it was. `training` is given to the first process alone."""
        loader = Loader(self.dataset, self.recipe, self.world)
        try:
            return self._train(loader, training, time_budget, should_stop, report)
        finally:
            loader.close()

    def _train(
        self,
        loader: Loader,
        training: Training | None,
        time_budget: float | None,
        should_stop: Callable[[], bool],
        report: Callable[[dict[str, float]], None],
    ) -> str:
        recipe, state = self.recipe, self.state
        clock = _Clock(state.seconds)
        first_step, why = state.step, ""
        while state.step < recipe.steps and not why:
            self.step(loader.parts(state.step, last=state.step + 1 >= recipe.steps))
            state.seconds = clock.seconds
            if training is not None:
                training.stepped(state.step, state.seconds)
            if state.step % recipe.log_every == 0:
                self._log(training, report, (state.step - first_step) / clock.sitting)
            over = time_budget is not None and clock.sitting > time_budget
            asked = training.asked() if training is not None else ""
            wanted = LEAVE if over or should_stop() or asked == STOP else GO_ON
            wanted = self._agreed(HOLD if wanted == GO_ON and asked == PAUSE else wanted)
            if wanted == HOLD:
                self._checkpoint(training)
                wanted = self._hold(training, should_stop, clock)
            if wanted == LEAVE:
                why = "time budget" if over else "stopped"
            if why or state.step % recipe.checkpoint_every == 0 or state.step >= recipe.steps:
                self._checkpoint(training)
        if why:
            return f"{why} at step {state.step} of {recipe.steps}; --resume goes on"
        return f"finished at step {recipe.steps}"

    def _agreed(self, wanted: int) -> int:
        """What all processes do now. Several look at each other now and then only."""
        if self.world.size == 1 or self.state.step % AGREE_EVERY == 0:
            return self.world.most(wanted)
        return GO_ON

    def _hold(
        self, training: Training | None, should_stop: Callable[[], bool], clock: _Clock
    ) -> int:
        """Wait until nobody asks to pause any more."""
        if training is not None:
            training.say(state=PAUSED)
        with clock.stopped():
            while True:
                asked = training.asked() if training is not None else ""
                wanted = LEAVE if should_stop() or asked == STOP else GO_ON
                wanted = self.world.most(HOLD if wanted == GO_ON and asked == PAUSE else wanted)
                if wanted != HOLD:
                    break
                time.sleep(0.2)
        if training is not None:
            training.say(state=RUNNING)
        return wanted

    def _log(
        self, training: Training | None, report: Callable[[dict[str, float]], None], rate: float
    ) -> None:
        self.check()
        names = list(self._sums)
        if not names:
            return  # no phase moved
        means = torch.stack([self._sums[n] / self._counts[n] for n in names])
        figures = dict(zip(names, self.world.mean(means).tolist(), strict=True))
        self._sums, self._counts = {}, {}
        state, o = self.state, self.learner.phases[0].optimiser
        event = {
            "step": state.step,
            **figures,
            "rate": learning_rate(o, state.step, self.recipe.steps),
            "seconds": round(state.seconds, 2),
            "steps_per_second": round(rate, 4),
        }
        if training is not None:
            training.log(event)
            report(event)

    def _checkpoint(self, training: Training | None) -> None:
        self.check()
        if training is None:
            return
        state = self.state
        state.window = {k: v.item() for k, v in self._sums.items()}
        state.counts = dict(self._counts)
        save_checkpoint(self.run / CHECKPOINT, state)
        training.say(step=state.step, seconds=round(state.seconds, 2))
        if self.validation is not None:
            training.log({"step": state.step, **self._validated()})
        if self.recipe.samples:
            picture = self.run / SAMPLES / f"{state.step:07d}.png"
            write_samples(self.averaged, self.dataset, self.recipe.samples, picture)

    @torch.no_grad()
    def _validated(self) -> dict[str, float]:
        """Figures of examples that are not trained on, by name with `validation` before it."""
        assert self.validation is not None
        count = self.recipe.validation.examples
        batch = first_examples(self.validation, count, self.world.device)
        figures = self.averaged.validate(batch, step_generator(0, 0, 0))
        return {f"validation {name}": float(value) for name, value in figures.items()}


class _Clock:
    """Time spent training: this sitting and those before, pauses left out."""

    def __init__(self, before: float) -> None:
        self._before, self._began = before, time.monotonic()

    @property
    def sitting(self) -> float:
        """Seconds of this sitting, never 0."""
        return max(time.monotonic() - self._began, 1e-9)

    @property
    def seconds(self) -> float:
        """Seconds of all sittings."""
        return self._before + self.sitting

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Leave this time out."""
        began = time.monotonic()
        yield
        self._began += time.monotonic() - began
