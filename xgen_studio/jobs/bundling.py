"""Put a trained network, and what was measured of it, into a model bundle."""

from __future__ import annotations

import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tomli_w

from xgen_studio.diffusion.bundle import NetworkCard, read_bundle
from xgen_studio.errors import CallError, InputError
from xgen_studio.evaluation.statistics import in_words
from xgen_studio.imaging import atomic_write
from xgen_studio.networks.weights import save_weights
from xgen_studio.paths import CARD
from xgen_studio.training.origin import behind
from xgen_studio.training.recipe import load_recipe
from xgen_studio.training.run import RECIPE, trained

# The training objective behind each method.
OBJECTIVE_OF = {
    "ctm": "denoise",
    "csm": "denoise",
    "joint": "denoise",
    "unet": "l1",
    "masks": "segment",
    "vae": "vae",
    "landmarks": "localise",
}


def bundle_run(run: Path, folder: Path, network: str) -> Path:
    """Put the averaged weights of a run into a bundle as `network`; returns the card's path.

    The card (`model.toml`) must be there. Its entry of that network is replaced, figures measured
    with the old weights are dropped, and the old file goes last: a kill leaves a whole bundle.
    """
    if not network.isidentifier():
        raise CallError(f"'{network}' is no name for a network; write letters, such as diffusion")
    card_path = folder / CARD
    bundle = read_bundle(folder)
    recipe = load_recipe(run / RECIPE)
    users = [method for method, name in bundle.methods.items() if name == network]
    if not users:
        raise CallError(
            f"{bundle.name}: no method uses a network '{network}';"
            f" there is {', '.join(sorted(set(bundle.methods.values())))}"
        )
    for method in users:
        if OBJECTIVE_OF[method] != recipe.objective:
            raise InputError(
                f"{run}: was trained with objective '{recipe.objective}', but method '{method}'"
                f" of {bundle.name} needs '{OBJECTIVE_OF[method]}'"
            )
    denoiser, own_steps = trained(run)
    fresh = folder / f"{network}.new.safetensors"
    digest = save_weights(denoiser.network, fresh)
    path = fresh.rename(folder / f"{network}-{digest[:8]}.safetensors")
    steps, examples = behind(run)
    card = NetworkCard(
        file=path.name,
        sha256=digest,
        architecture=recipe.network,
        options=recipe.network_options,
        process=recipe.process,
        process_options=recipe.process_options,
        regression=recipe.objective in ("l1", "segment"),
        steps=steps + own_steps,
        examples=examples + own_steps * recipe.batch,
        unconditional=round(1 - float(recipe.dataset_options.get("conditional", 0.85)), 4)
        if recipe.objective == "denoise"
        else 0.0,
    )
    table = tomllib.loads(card_path.read_text(encoding="utf-8"))
    table.setdefault("networks", {})[network] = asdict(card)
    table.pop("measured", None)
    with atomic_write(card_path) as temporary:
        temporary.write_text(tomli_w.dumps(table), encoding="utf-8")
    old = bundle.networks.get(network)
    if old is not None and old.file != path.name:
        (folder / old.file).unlink(missing_ok=True)
    return card_path


def record_measured(folder: Path, table: dict[str, Any]) -> None:
    """Write an evaluation's figures into the bundle's card, as `xgen models` and the studio show.

    CallError where the table is of other weights than the bundle holds.
    """
    bundle = read_bundle(folder)
    hashes = {name: card.sha256 for name, card in bundle.networks.items()}
    if table["provenance"]["weights_sha256"] != hashes:
        raise CallError(f"{folder / CARD}: the table was measured with other weights")
    held = table["held_out"]
    measured = {
        "on": f"{held['images']} held-out images of {held['groups']} groups; mean, SD,"
        f" [95 % bootstrap interval over groups]; {table['provenance']['sampler']}"
    }
    for row in table["rows"]:
        text = f"MAE {in_words(row['mae'], 4)}, PSNR {in_words(row['psnr_db'], 2)} dB"
        text += f", SSIM {row['ssim']['mean']:.3f}"
        if "mask_agreement" in row:
            bones = ("femur", "tibia", "fibula")
            dice = (f"{row['mask_agreement'][b]['mean']:.3f}" for b in bones)
            text += f", mask fidelity (Dice femur, tibia, fibula) {', '.join(dice)}"
        measured[f"{row['method']}, {row['condition']}"] = text
    if "few_steps" in table:
        few = table["few_steps"]
        measured["MAE over that of the 500-step predictor-corrector"] = (
            f"{in_words(few['mae_ratio_to_pc'], 3)} (n = {few['few']['mae']['n']})"
        )
    write_measured(folder, measured)


def write_measured(folder: Path, measured: dict[str, str]) -> None:
    """Put figures, in words, into a bundle's card."""
    card = tomllib.loads((folder / CARD).read_text(encoding="utf-8"))
    card["measured"] = measured
    with atomic_write(folder / CARD) as temporary:
        temporary.write_text(tomli_w.dumps(card), encoding="utf-8")
