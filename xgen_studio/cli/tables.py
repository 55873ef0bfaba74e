"""Tables of models, devices and the state of this installation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from xgen_studio.cli.console import has_display, say
from xgen_studio.errors import CallError, InputError, XGenError
from xgen_studio.paths import MODELS, bundle_folders, shared_data
from xgen_studio.registry import troubles, wings
from xgen_studio.training.known import known_runs
from xgen_studio.training.run_folder import OVER, RunFolder

NEEDED = (
    *("torch", "numpy", "scipy", "scikit-image", "safetensors", "psutil"),
    *("SimpleITK", "pydicom", "nibabel", "pynrrd", "pillow", "tifffile", "imagecodecs"),
    *("reportlab", "highdicom"),
)
OPTIONAL = {"PySide6_Essentials": "the studio window", "pyqtgraph": "the studio window"}


def show_models(as_json: bool) -> None:
    """List the bundles, for people or as JSON."""
    from xgen_studio.bundles import read_bundle
    from xgen_studio.diffusion import METHODS, SAMPLERS

    methods = {**METHODS, **{k: v for one in wings() for k, v in one.methods.items()}}

    cards, broken = [], []
    for name, folder in bundle_folders().items():
        try:
            cards.append(read_bundle(folder))
        except XGenError as error:
            broken.append({"name": name, "error": str(error)})
    if as_json:
        rows = [{**asdict(card), "folder": str(card.folder)} for card in cards]
        say(json.dumps([*rows, *broken], indent=2))
        return
    for card in cards:
        say(f"{card.name}: {card.title}")
        say(f"  does        {card.summary}; {card.grid[1]} x {card.grid[0]} px")
        for method, network in card.methods.items():
            what = methods[method].summary if method in methods else "not known here"
            seen = card.networks.get(network)
            state = f"{seen.examples:,} examples seen" if seen else "not trained yet"
            say(f"  {method:11} {what}; {state}")
        say(f"  samples by  {card.sampler} in {card.steps} steps unless told otherwise")
        say(f"  trained on  {card.trained_on}")
        say(f"  licence     {card.licence}")
        say(f"  limits      {card.limits}")
        for key, value in card.measured.items():
            say(f"  measured    {key}: {value}")
        say("")
    for row in broken:
        say(f"{row['name']}: unusable - {row['error']}")
    if not cards:
        say("No models found. Name folders of bundles in XGEN_MODELS.")
    say("samplers: " + "; ".join(f"{s.name} ({s.summary})" for s in SAMPLERS.values()))


def show_devices() -> None:
    """List the CPU and every CUDA device."""
    from xgen_studio.tasks.devices import devices

    for device in devices():
        memory = ""
        if device.free is not None and device.total is not None:
            memory = f"  {device.free / 2**30:.1f} of {device.total / 2**30:.1f} GiB free"
        say(f"{device.name:8} {device.title}{memory}")


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def show_doctor() -> bool:
    """Say what is here and what is wrong; True when everything needed is there."""
    good = True
    for package in NEEDED:
        found = _installed(package)
        good &= bool(found)
        say(f"ok       {package} {found}" if found else f"missing  {package}: make install")
    for package, purpose in OPTIONAL.items():
        found = _installed(package)
        say(f"ok       {package} {found}" if found else f"optional {package}: for {purpose}")
    if not _installed("torch"):
        return False
    show_devices()
    data = shared_data()
    say(f"data     {data or 'no folder of real data (set XGEN_DATA); not needed to generate'}")
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    say(f"{'ok      ' if free > 1 else 'low     '} {free:.1f} GiB free in {Path.cwd()}")
    say(f"display  {'found' if has_display() else 'none: the demo runs without one'}")
    recipes = sum(len(one.recipes) for one in wings())
    good &= bool(recipes)
    names = ", ".join(one.name for one in wings())
    found = f"{recipes} recipes of {len(wings())} wings: {names}"
    say(f"{'ok      ' if recipes else 'missing '} {found}")
    for trouble in troubles():
        good = False
        say(f"damaged  {trouble}")
    return _doctor_models() and good


def _doctor_models() -> bool:
    from xgen_studio.bundles import read_bundle
    from xgen_studio.imaging import file_hash

    good = True
    folders = bundle_folders()
    if not folders:
        say(f"missing  models: no bundle found in {MODELS} or XGEN_MODELS")
        return False
    for name, folder in folders.items():
        try:
            bundle = read_bundle(folder)
            for key, card in bundle.networks.items():
                same = file_hash(folder / card.file) == card.sha256
                good &= same
                say(f"{'ok      ' if same else 'damaged '} {name}/{key}")
        except XGenError as error:
            good = False
            say(f"damaged  {name}: {error}")
    return good


def show_runs(folders: Sequence[Path], wanted: Sequence[str]) -> None:
    """List trainings, or ask them to stop, pause or resume: those named, or all that run."""
    from xgen_studio.tasks.train import run_in_words

    if len(wanted) > 1:
        raise CallError(f"--{' and --'.join(wanted)}: choose one of them")
    if wanted and not folders:
        raise CallError(f"--{wanted[0]}: name the run folders it is about")
    runs = [RunFolder(folder) for folder in folders] or known_runs()
    for run in runs:
        if not run.exists:
            raise InputError(f"{run.path}: no training began here; xgen runs lists those known")
        for word in wanted:
            if run.status().state in OVER:
                raise InputError(f"{run.path}: no training runs there")
            run.ask(word)
            say(f"asked to {word}: {run.path}")
        if not wanted:
            say(run_in_words(run))
    if not runs:
        say("No trainings are known. Start one with xgen train RECIPE.")
