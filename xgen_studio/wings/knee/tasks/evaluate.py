"""Evaluate a model on held-out data: the paper's table, and what the paper left out."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import xgen_studio
from xgen_studio.bundles import Bundle
from xgen_studio.diffusion import Denoiser
from xgen_studio.errors import CallError, InputError
from xgen_studio.evaluation.images import (
    frechet_distance,
    grey_level_fitted,
    grid_peak,
    kernel_distance,
    mae,
    psnr,
    spectrum_distance,
    ssim,
)
from xgen_studio.evaluation.statistics import estimate, in_words, paired, ratio
from xgen_studio.imaging import make_folder, write_png8
from xgen_studio.networks.memory import memory_guard
from xgen_studio.tasks.asks import Evaluate
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.evaluate import Evaluation, weights_of
from xgen_studio.tasks.provenance import array_hash
from xgen_studio.wings.knee.science import evaluation as knee
from xgen_studio.wings.knee.science.data import load_arrays
from xgen_studio.wings.knee.tasks.prepare import arrays_for

METHODS = ("ctm", "csm", "unet")
PC_STEPS = 500  # of the paper: 1,000 network evaluations an image
PC_IMAGES = 12  # images of that comparison


def evaluate(ask: Evaluate, bundle: Bundle, bench: Bench) -> Evaluation:
    """The paper's table and ours, with contact sheets."""
    device, out = bench.device(ask.device), ask.out
    data = arrays_for(bundle.name, ask.data, out, bench)
    held = knee.centre_crop(load_arrays(data, bundle.name), bundle.grid)
    if ask.limit is not None:
        if ask.limit < 2:
            raise CallError(f"--limit {ask.limit}: at least 2 images")
        count = min(ask.limit, len(held.images))
        chosen = np.linspace(0, len(held.images) - 1, count).astype(int)
        held = knee.HeldOut(held.images[chosen], held.planes[chosen], held.groups[chosen])
    methods = [m for m in METHODS if bundle.holds(m)]
    if not methods:
        raise InputError(f"{bundle.name}: holds no network that makes images; nothing to evaluate")
    make_folder(out)
    with memory_guard(device):
        table = _tables(bundle, methods, held, data, device, out, bench)
    table["provenance"] = {
        "weights_sha256": weights_of(bundle),
        "sampler": f"{bundle.sampler}, {bundle.steps} steps; image i has the seed i",
        "images_sha256": array_hash(held.images),
        "device": str(device),
        "xgen_studio": xgen_studio.__version__,
        "torch": str(torch.__version__),
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    return Evaluation(table, markdown(table), measured(table))


def measured(table: dict[str, Any]) -> dict[str, str]:
    """The figures for the model's card."""
    held = table["held_out"]
    found = {
        "on": f"{held['images']} held-out images of {held['groups']} groups; mean, SD,"
        f" [95 % bootstrap interval over groups]; {table['provenance']['sampler']}"
    }
    for row in table["rows"]:
        text = f"MAE {in_words(row['mae'], 4)}, PSNR {in_words(row['psnr_db'], 2)} dB"
        text += f", SSIM {row['ssim']['mean']:.3f}"
        if "mask_agreement" in row:
            bones = [b for b in ("femur", "tibia", "fibula") if b in row["mask_agreement"]]
            dice = (f"{row['mask_agreement'][b]['mean']:.3f}" for b in bones)
            text += f", mask fidelity (Dice {', '.join(bones)}) {', '.join(dice)}"
        found[f"{row['method']}, {row['condition']}"] = text
    if "few_steps" in table:
        few = table["few_steps"]
        found["MAE over that of the 500-step predictor-corrector"] = (
            f"{in_words(few['mae_ratio_to_pc'], 3)} (n = {few['few']['mae']['n']})"
        )
    return found


def _tables(
    bundle: Bundle,
    methods: list[str],
    held: knee.HeldOut,
    data: Path,
    device: torch.device,
    out: Path,
    bench: Bench,
) -> dict[str, Any]:
    proposer = bundle.denoiser("masks") if bundle.holds("masks") else None
    said = {k: v for k, v in knee.CONDITIONS.items() if proposer or k != "named bones"}
    rows: list[dict[str, Any]] = []
    errors: dict[tuple[str, str], np.ndarray] = {}
    denoisers: dict[str, Denoiser] = {}
    for method in methods:
        denoisers[method] = bundle.denoiser(method, device)
        for name, level in said.items():
            made = knee.generate_all(
                denoisers[method],
                method,
                held,
                level,
                device,
                partial(_report, bench, f"{method}, {name}"),
                *bundle.sampling(),
            )
            errors[method, name] = mae(made, held.images)
            rows.append(_row(bundle, method, name, made, held, proposer))
            _contact_sheet(
                out / f"{method}_{name.replace(' ', '').replace('+', '_')}.png", made, held
            )
    table: dict[str, Any] = {
        "model": bundle.name,
        "held_out": {"images": len(held.images), "groups": len(np.unique(held.groups))},
        "rows": rows,
        "paired": [
            {
                "condition": name,
                "methods": [other, "ctm"],
                "mae_difference": paired(
                    errors[other, name], errors["ctm", name], held.groups
                ).as_dict(),
            }
            for other in METHODS[1:]
            for name in said
            if (other, name) in errors and ("ctm", name) in errors
        ],
    }
    if proposer is not None:
        table |= _ceilings(bundle, held, data, proposer)
    if "ctm" in denoisers:
        table["few_steps"] = _few_steps(bundle, denoisers["ctm"], held, device, bench)
    return table


def _agreement(
    images: np.ndarray, held: knee.HeldOut, proposer: Denoiser
) -> dict[str, dict[str, Any]]:
    found = knee.mask_agreement(images, held.planes, proposer)
    return {
        key: estimate(values[~np.isnan(values)], held.groups[~np.isnan(values)]).as_dict()
        for key, values in found.items()
        if (~np.isnan(values)).any()
    }


def _ceilings(bundle: Bundle, held: knee.HeldOut, data: Path, proposer: Denoiser) -> dict[str, Any]:
    """What mask fidelity of generated images is to be read against.

    The same network on the real radiographs, against the masks it drew there (1 but for the crop),
    and against held-out hand outlines, which is how well it draws at all.
    """
    found = {"mask_agreement_real": _agreement(held.images, held, proposer)}
    if (data / f"{bundle.name}-outlines.npz").exists():
        drawn = knee.centre_crop(load_arrays(data, f"{bundle.name}-outlines"), bundle.grid)
        found["mask_agreement_hand_drawn"] = _agreement(drawn.images, drawn, proposer)
    return found


def _report(bench: Bench, text: str, done: int, total: int) -> None:
    bench.report(done, total, text)


def _row(
    bundle: Bundle,
    method: str,
    name: str,
    made: np.ndarray,
    held: knee.HeldOut,
    proposer: Denoiser | None,
) -> dict[str, Any]:
    real, groups = held.images, held.groups
    row: dict[str, Any] = {
        "method": method,
        "condition": name,
        "training_examples": bundle.network_card(method).examples,
        "mae": estimate(mae(made, real), groups).as_dict(),
        "psnr_db": estimate(psnr(made, real), groups).as_dict(),
        "ssim": estimate(ssim(made, real), groups).as_dict(),
        "mae_grey_fitted": estimate(mae(grey_level_fitted(made, real), real), groups).as_dict(),
        "spectrum_distance_decades": spectrum_distance(made, real),
        "grid_peak": grid_peak(made),
        "grid_peak_real": grid_peak(real),
    }
    if bundle.reference == "mei2024" and (method, name) in knee.PAPER:
        row["paper"] = dict(zip(("mae", "psnr_db"), knee.PAPER[method, name], strict=True))
    if proposer is not None:
        a, b = (knee.mask_features(x, proposer) for x in (made, real))
        row["fd_masknet"] = frechet_distance(a, b)
        row["kid_masknet"] = _kid_interval(a, b)
        row["mask_agreement"] = _agreement(made, held, proposer)
    return row


def _kid_interval(a: np.ndarray, b: np.ndarray, draws: int = 100) -> dict[str, Any]:
    """KID of subsets of half the images: mean and the 2.5 to 97.5 % range over draws."""
    rng = np.random.default_rng(0)
    size = max(2, len(a) // 2)
    values = [
        kernel_distance(a[rng.choice(len(a), size, False)], b[rng.choice(len(b), size, False)])
        for _ in range(draws)
    ]
    low, high = np.percentile(values, [2.5, 97.5])
    return {"mean": float(np.mean(values)), "range95": [float(low), float(high)], "subset": size}


def _few_steps(
    bundle: Bundle, denoiser: Denoiser, held: knee.HeldOut, device: torch.device, bench: Bench
) -> dict[str, Any]:
    """The model's own few steps against the 500-step predictor-corrector, same images and noise.

    Both over the model's own noise levels. MAE also favours the sampler that leaves less texture:
    SSIM and the spectrum stand beside it.
    """
    chosen = np.linspace(0, len(held.images) - 1, min(PC_IMAGES, len(held.images))).astype(int)
    part = knee.HeldOut(held.images[chosen], held.planes[chosen], held.groups[chosen])
    walks = {"few": bundle.sampling()}
    walks |= {name: (name, PC_STEPS) for name in ("pc", "pc-paper")}
    found: dict[str, Any] = {"sampling": bundle.sampling()}
    values = {}
    for name, (sampler, steps) in walks.items():
        made = knee.generate_all(
            denoiser,
            "ctm",
            part,
            knee.BONES,
            device,
            partial(_report, bench, f"{sampler}, {steps} steps"),
            sampler,
            steps,
        )
        values[name] = mae(made, part.images)
        found[name] = {
            "mae": estimate(values[name], part.groups).as_dict(),
            "ssim": float(ssim(made, part.images).mean()),
            "spectrum_distance_decades": spectrum_distance(made, part.images),
        }
    for name in ("pc", "pc-paper"):
        found[f"mae_ratio_to_{name}"] = ratio(values["few"], values[name], part.groups).as_dict()
    return found


def _contact_sheet(path: Path, made: np.ndarray, held: knee.HeldOut, columns: int = 4) -> None:
    """Generated (above) and real (below) of up to 16 knees."""
    chosen = np.linspace(0, len(made) - 1, min(16, len(made))).astype(int)
    tiles = [np.concatenate([made[i], held.images[i]], 0) for i in chosen]
    while len(tiles) % columns:
        tiles.append(np.zeros_like(tiles[0]))
    lines = [np.concatenate(tiles[i : i + columns], 1) for i in range(0, len(tiles), columns)]
    write_png8(path, np.concatenate(lines, 0), {"kind": "generated above, real below"})


def markdown(table: dict[str, Any]) -> str:
    """The tables as Markdown: mean ± SD [95 % bootstrap interval over groups]."""
    held = table["held_out"]
    lines = [
        f"# {table['model']}: {held['images']} held-out images, {held['groups']} groups",
        "",
        "Mean ± SD [95 % bootstrap interval over groups]. CTM and CSM share one network; CSM uses"
        " its unconditional score. The paper's figures are for its own data.",
        "",
        "| method | condition | examples seen | MAE | PSNR (dB) | SSIM | MAE, grey fitted |"
        " paper MAE / PSNR |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table["rows"]:
        paper = row.get("paper")
        cells = [
            row["method"],
            row["condition"],
            f"{row['training_examples']:,}",
            in_words(row["mae"], 4),
            in_words(row["psnr_db"], 2),
            in_words(row["ssim"], 3),
            in_words(row["mae_grey_fitted"], 4),
            f"{paper['mae']:.4f} / {paper['psnr_db']:.2f}" if paper else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    if any("fd_masknet" in row for row in table["rows"]):
        lines += _realism_lines(table)
    if "few_steps" in table:
        few = table["few_steps"]
        sampler, steps = few["sampling"]
        n = few["few"]["mae"]["n"]
        lines += ["", f"{sampler}, {steps} steps, against 500 steps (n = {n}):"]
        for name, title in (("pc", "SNR 0.16"), ("pc-paper", "SNR 0.4")):
            lines.append(
                f"- predictor-corrector, {title}: MAE {few['few']['mae']['mean']:.4f} against"
                f" {few[name]['mae']['mean']:.4f}, ratio"
                f" {in_words(few[f'mae_ratio_to_{name}'], 3)}; spectrum distance"
                f" {few['few']['spectrum_distance_decades']:.2f} against"
                f" {few[name]['spectrum_distance_decades']:.2f} decades"
            )
    return "\n".join(lines) + "\n"


def _realism_lines(table: dict[str, Any]) -> list[str]:
    lines = [
        "",
        "| method | condition | FD-masknet | KID-masknet | spectrum (decades) | grid peak (real) |"
        " Dice femur | Dice tibia | Dice fibula |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in table["rows"]:
        kid = row["kid_masknet"]
        cells = [
            row["method"],
            row["condition"],
            f"{row['fd_masknet']:.3f}",
            f"{kid['mean']:.4f} [{kid['range95'][0]:.4f}, {kid['range95'][1]:.4f}]",
            f"{row['spectrum_distance_decades']:.3f}",
            f"{row['grid_peak']:.2f} ({row['grid_peak_real']:.2f})",
        ]
        cells += [
            f"{row['mask_agreement'][bone]['mean']:.3f}" if bone in row["mask_agreement"] else ""
            for bone in ("femur", "tibia", "fibula")
        ]
        lines.append("| " + " | ".join(cells) + " |")
    for key, title in (
        ("mask_agreement_real", "real, same masks"),
        ("mask_agreement_hand_drawn", "real, hand-drawn"),
    ):
        real = table.get(key)
        if not real:
            continue
        bones = ("femur", "tibia", "fibula")
        dices = [f"{real[bone]['mean']:.3f}" if bone in real else "" for bone in bones]
        n = real["tibia"]["n"]
        lines.append(f"| {title} (n = {n}) | | | | | | {' | '.join(dices)} |")
    return lines
