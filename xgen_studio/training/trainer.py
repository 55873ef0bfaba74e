"""The training loop: one step after another until the budget, the recipe or the user says stop."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from xgen_studio.diffusion import Denoiser
from xgen_studio.errors import InputError
from xgen_studio.imaging import atomic_write
from xgen_studio.networks.weights import load_weights
from xgen_studio.training.batch import Batch, batch_indices, step_generator, step_seed
from xgen_studio.training.build import make_dataset, make_denoiser
from xgen_studio.training.checkpoint import TrainState, load_checkpoint, save_checkpoint
from xgen_studio.training.distributed import World
from xgen_studio.training.recipe import Recipe
from xgen_studio.training.samples import write_samples

CHECKPOINT = "checkpoint.safetensors"
EVENTS = "events.jsonl"


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then constant or cosine to `final_rate`."""
    o = recipe.optimiser
    warm = min(1.0, (step + 1) / max(1, o.warmup))
    if not o.final_rate:
        return o.rate * warm
    part = min(1.0, step / recipe.steps)
    return warm * (o.final_rate + (o.rate - o.final_rate) * (1 + math.cos(math.pi * part)) / 2)


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of independent labels plus soft Dice, (B, K, H, W) each.

    Targets are in [0, 1]; -1 means "not labelled here" and does not count.
    """
    known = (target >= 0).to(logits.dtype)
    target = target.clamp(min=0)
    entropy = F.binary_cross_entropy_with_logits(logits, target, known)
    p = logits.sigmoid() * known
    overlap = 2 * (p * target).sum((0, 2, 3)) + 1
    dice = overlap / (p.sum((0, 2, 3)) + target.sum((0, 2, 3)) + 1)
    return entropy + (1 - dice).mean()


def loss_of(
    recipe: Recipe,
    denoiser: nn.Module,
    process_of: Denoiser,
    batch: Batch,
    generator: torch.Generator,
) -> Tensor:
    """The loss of one batch; `denoiser` may be wrapped for several processes."""
    target, condition = batch.target, batch.condition
    size = target.shape[0]
    if recipe.objective == "denoise":
        process = process_of.process
        sigma = process.draw(torch.rand(size, generator=generator)).to(target.device)
        noise = torch.randn(target.shape, generator=generator).to(target.device)
        s = sigma[:, None, None, None]
        estimate = denoiser(target + s * noise, sigma, condition)
        error = (estimate - target).square().mean((1, 2, 3))
        return (process.weight(sigma) * error).mean()
    sigma = torch.ones(size, device=target.device)
    estimate = denoiser(target, sigma, condition)
    if recipe.objective in ("vae", "localise"):  # the network knows its loss
        loss: Tensor = estimate
        return loss
    if recipe.objective == "l1":
        return (estimate - target).abs().mean()
    return segmentation_loss(estimate, target)


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
    """One training in one process: holds the state, runs steps, writes the run folder."""

    def __init__(self, recipe: Recipe, data: Path | None, run: Path, world: World) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.run, self.world = recipe, run, world
        if recipe.batch % world.size:
            raise InputError(
                f"recipe {recipe.name}: a batch of {recipe.batch} does not divide by {world.size}"
                " processes"
            )
        self.dataset = make_dataset(recipe, data)
        if len(self.dataset) == 0:
            raise InputError(f"recipe {recipe.name}: the data set {recipe.dataset} is empty")
        denoiser = make_denoiser(recipe).to(world.device)
        denoiser.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.denoiser = denoiser
        self.parallel = world.wrap(denoiser)
        average = AveragedModel(denoiser.network, multi_avg_fn=self._average, use_buffers=False)
        optimiser = torch.optim.Adam(
            denoiser.parameters(), lr=recipe.optimiser.rate, betas=(0.9, recipe.optimiser.beta2)
        )
        self.state = TrainState(denoiser.network, average.module, optimiser)
        self._averager = average
        self.precision = pick_precision(recipe, world.device)

    def _average(
        self,
        averages: tuple[Tensor, ...] | list[Tensor],
        values: tuple[Tensor, ...] | list[Tensor],
        _count: Tensor | int,
    ) -> None:
        # the decay grows with the step, so that the first thousand steps do not linger
        step = self.state.step
        decay = min(self.recipe.optimiser.ema, (1 + step) / (10 + step))
        torch._foreach_lerp_(averages, values, 1 - decay)

    def resume(self) -> bool:
        """Go on from the run folder's checkpoint; False when there is none."""
        path = self.run / CHECKPOINT
        if not path.exists():
            return False
        load_checkpoint(path, self.state)
        self._averager.n_averaged.fill_(max(1, self.state.step))
        if self.world.first:
            self._forget_events_after(self.state.step)
        return True

    def start_from(self, weights: Path) -> None:
        """Begin with the weights of a bundle: fine-tuning, or going on without a checkpoint."""
        load_weights(self.state.network, weights)
        load_weights(self.state.ema, weights)

    def step(self) -> float:
        """One optimiser step; returns the loss."""
        recipe, state = self.recipe, self.state
        generator = step_generator(recipe.seed, state.step, self.world.rank)
        torch.manual_seed(step_seed(recipe.seed, state.step, self.world.rank))  # dropout
        indices = batch_indices(
            len(self.dataset),
            recipe.batch,
            state.step,
            self.world.rank,
            self.world.size,
            recipe.seed,
        )
        batch = self.dataset.batch(indices, generator, self.world.device)
        device = self.world.device.type
        with torch.autocast(device, self.precision, enabled=self.precision != torch.float32):
            loss = loss_of(recipe, self.parallel, self.denoiser, batch, generator)
        for group in state.optimiser.param_groups:
            group["lr"] = learning_rate(recipe, state.step)
        state.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.denoiser.parameters(), recipe.optimiser.clip)
        value = float(loss.detach())
        broken = not (math.isfinite(value) and math.isfinite(float(norm)))
        if self.world.agree(broken):  # on every process, before the weights are touched
            raise InputError(
                f"recipe {recipe.name}: loss or gradient is no longer finite at step"
                f" {state.step}; lower optimiser.rate and go on with --resume"
            )
        state.optimiser.step()
        self._averager.update_parameters(self.denoiser.network)
        state.step += 1
        return value

    def train(
        self,
        time_budget: float | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        report: Callable[[dict[str, float]], None] = lambda event: None,
    ) -> str:
        """Run until the recipe's last step, the budget (s) or `should_stop`; says which it was."""
        recipe, state = self.recipe, self.state
        began = time.monotonic()
        losses: list[float] = []
        reason = f"finished at step {recipe.steps}"
        first_step = state.step
        before = state.seconds
        while state.step < recipe.steps:
            losses.append(self.step())
            elapsed = time.monotonic() - began
            state.seconds = before + elapsed
            if state.step % recipe.log_every == 0:
                mean = sum(losses) / len(losses)
                rate = (state.step - first_step) / max(elapsed, 1e-9)
                event = {
                    "step": state.step,
                    "loss": mean,
                    "rate": learning_rate(recipe, state.step),
                    "seconds": round(state.seconds, 2),
                    "steps_per_second": round(rate, 4),
                }
                losses = []
                if self.world.first:
                    self._log(event)
                    report(event)
            over = time_budget is not None and elapsed > time_budget
            stop = self.world.agree(over or should_stop())
            if stop or state.step % recipe.checkpoint_every == 0 or state.step >= recipe.steps:
                self._checkpoint()
            if stop:
                why = "time budget" if over else "stopped"
                reason = f"{why} at step {state.step} of {recipe.steps}; --resume goes on"
                break
        return reason

    def _checkpoint(self) -> None:
        if not self.world.first:
            return
        save_checkpoint(self.run / CHECKPOINT, self.state)
        if self.recipe.samples:
            average = make_denoiser(self.recipe).to(self.world.device)
            average.network.load_state_dict(self.state.ema.state_dict())
            write_samples(
                average.eval(),
                self.dataset,
                self.recipe.objective,
                self.recipe.samples,
                self.run,
                self.state.step,
            )

    def _log(self, event: dict[str, float]) -> None:
        with open(self.run / EVENTS, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    def _forget_events_after(self, step: int) -> None:
        """A killed training may have logged steps that its checkpoint does not hold."""
        path = self.run / EVENTS
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and _step_of(line) <= step]
            with atomic_write(path) as temporary:
                temporary.write_text("".join(kept), encoding="utf-8")


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError):
        return math.inf
