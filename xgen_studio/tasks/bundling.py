"""Put a trained network, and what was measured of it, into a model bundle."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import tomli_w

from xgen_studio.bundles import NetworkCard, bundle_card, read_bundle
from xgen_studio.diffusion import METHODS
from xgen_studio.errors import CallError, InputError
from xgen_studio.foreign import read_toml
from xgen_studio.imaging import atomic_write
from xgen_studio.networks.weights import save_weights
from xgen_studio.paths import CARD, bundle_folders
from xgen_studio.registry import wing
from xgen_studio.training.learner import MAIN
from xgen_studio.training.learners import DenoiseLearner
from xgen_studio.training.origin import behind
from xgen_studio.training.recipe import load_recipe
from xgen_studio.training.run import trained
from xgen_studio.training.run_folder import RECIPE, RunFolder


def bundle_run(run: Path, folder: Path, network: str, overwrite: bool = False) -> Path:
    """Put the averaged weights of a run into a bundle as `network`; returns the card's path.

    The card (`model.toml`) must be there. With `overwrite` its entry of that network is replaced,
    figures measured with the old weights are dropped, and the old file goes last: a kill leaves a
    whole bundle.
    """
    if not network.isidentifier():
        raise CallError(f"'{network}' is no name for a network; write letters, such as diffusion")
    if not RunFolder(run).trained:
        raise InputError(f"{run}: holds no checkpoint; train first (xgen runs lists trainings)")
    folder = bundle_folders().get(str(folder), folder)
    card_path = folder / CARD
    bundle = read_bundle(folder)
    recipe = load_recipe(run / RECIPE)
    methods = {**METHODS, **wing(bundle.anatomy).methods}
    users = [method for method, name in bundle.methods.items() if name == network]
    if not users:
        raise CallError(
            f"{bundle.name}: no method uses a network '{network}';"
            f" there is {', '.join(sorted(set(bundle.methods.values())))}"
        )
    for method in users:
        needed = methods[method].learner if method in methods else recipe.learner
        if needed != recipe.learner:
            raise InputError(
                f"{run}: was trained by the learner '{recipe.learner}', but method '{method}' of"
                f" {bundle.name} needs '{needed}'"
            )
    old = bundle.networks.get(network)
    if old is not None and not overwrite:
        raise CallError(
            f"{bundle.name}: holds a network '{network}' of {old.examples:,} examples already; add"
            " --overwrite to replace its weights for good, or name a copy of the folder"
        )
    learner, own_steps = trained(run)
    fresh = folder / f"{network}.new.safetensors"
    digest = save_weights(learner.parts[MAIN], fresh)
    path = fresh.rename(folder / f"{network}-{digest[:8]}.safetensors")
    steps, examples = behind(run)
    facts = RunFolder(run).status().facts  # runs of before did not write them down
    unconditional = facts.get("unconditional", old.unconditional if old else 0.0)
    if learner.kind != DenoiseLearner.kind:  # nothing is left out of what others are told
        unconditional = 0.0
    card = NetworkCard(
        file=path.name,
        sha256=digest,
        architecture=recipe.network,
        options=recipe.network_options,
        kind=learner.kind,
        process=recipe.process,
        process_options=recipe.process_options,
        steps=steps + own_steps,
        examples=examples + own_steps * recipe.batch,
        unconditional=round(float(unconditional), 4),
    )
    table = bundle_card(read_toml(card_path))
    table.setdefault("networks", {})[network] = asdict(card)
    table.pop("measured", None)
    with atomic_write(card_path) as temporary:
        temporary.write_text(tomli_w.dumps(table), encoding="utf-8")
    if old is not None and old.file != path.name:
        (folder / old.file).unlink(missing_ok=True)
    return card_path


def write_measured(folder: Path, measured: dict[str, str]) -> None:
    """Put figures, in words, into a bundle's card."""
    card = read_toml(folder / CARD)
    card["measured"] = measured
    with atomic_write(folder / CARD) as temporary:
        temporary.write_text(tomli_w.dumps(card), encoding="utf-8")
