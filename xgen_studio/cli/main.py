"""`xgen`: names, exit codes and files as in the command-line contract (docs in the README).

What every wing has is here; what only one has is in its `commands`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its threads spin otherwise

import typer

from xgen_studio import __version__
from xgen_studio.cli.console import carry_out, complain, has_display, plain_streams, say
from xgen_studio.cli.options import DeviceName, Model, OutDir, Overwrite, with_options
from xgen_studio.errors import XGenError
from xgen_studio.paths import missing_model_folders
from xgen_studio.registry import wings
from xgen_studio.wing import resolve

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Folder of prepared arrays (see `xgen prepare`), or of real images."
    ),
]

app = typer.Typer(
    help="Draw anatomy, get medical images, judge them.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def studio(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Say the version.")] = False,
) -> None:
    """Open the studio; without a display, run the demo."""
    if show_version:
        say(f"XGen Studio {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        _open_studio()


def _open_studio() -> None:
    """The window where there is a display to show it on; else say so and run the demo."""
    missing = "" if has_display() else "There is no display here"
    if not missing and not find_spec("PySide6"):
        missing = "The window needs Qt (pip install 'xgen-studio[studio]')"
    if missing:
        say(f"{missing}: running the demo instead.")
        demo()
        return
    from xgen_studio.studio.app import run

    raise typer.Exit(run())


@app.command()
def demo(out: OutDir = Path("demo")) -> None:
    """Every system once on bundled sample cases: pictures, JSON and one index.html."""
    import time

    from xgen_studio.tasks.asks import Demo

    began = time.monotonic()
    [page] = carry_out(Demo(out), "demo")
    say(f"Demo finished in {time.monotonic() - began:.0f} s. Open {page.resolve()}")


@app.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print the cards as JSON.")] = False,
) -> None:
    """The models found: what each does, what it was trained on, its measured figures."""
    from xgen_studio.cli.tables import show_models

    show_models(as_json)


def generate(
    model: Model,
    out: OutDir,
    values: Mapping[str, Any],
    n: Annotated[int, typer.Option("-n", help="How many images.")] = 1,
    seed: Annotated[int, typer.Option(help="Image i has the seed SEED + i.")] = 0,
    sampler: Annotated[
        str | None, typer.Option(help="See `xgen models`; default: the model's own.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Noise levels; default: the model's.")] = None,
    method: Annotated[str | None, typer.Option(help="See `xgen models`.")] = None,
    device: DeviceName = "cpu",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Draw pictures that are there anew.")
    ] = False,
    append: Annotated[
        bool, typer.Option("--append", help="Draw only those of the N that are not there yet.")
    ] = False,
) -> None:
    """Generate images: from a mask, or of whatever the model draws."""
    from xgen_studio.tasks.wish import Wish, ask_for

    wish = Wish(model, out, n, seed, method, sampler, steps, device, values, overwrite, append)
    drawn = carry_out(ask_for(wish), "generating")
    say(f"{len(drawn)} image(s) in {out}")


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help="A data set's name; a wrong one lists them.")],
    out: OutDir,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of real images.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Prepare training arrays."""
    from xgen_studio.tasks.asks import Prepare

    [path] = carry_out(Prepare(name, out, data, overwrite=overwrite), "preparing")
    say(str(path))


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a TOML file.")],
    data: DataDir = None,
    devices: Annotated[str, typer.Option(help="cpu, or CUDA numbers such as 0,1")] = "cpu",
    run: Annotated[Path | None, typer.Option(help="Run folder; default runs/RECIPE.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the run's checkpoint.")] = False,
    time_budget: Annotated[str | None, typer.Option(help="90s, 9m, 2h, or seconds")] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Begin with these weights (a bundle's safetensors).")
    ] = None,
    trust_code: Annotated[
        bool, typer.Option(help="Let the recipe name any code, which then runs here.")
    ] = False,
) -> None:
    """Train a recipe. The training outlives this terminal; Ctrl+C lets it save and end."""
    from xgen_studio.tasks.train import Start, follow, start_training

    start = Start(recipe, data, devices, run, resume, time_budget, start_from, trust_code)
    started = start_training(start)
    if resume and not started.folder.trained:
        say(f"{started.folder.path} holds nothing to resume: it is trained from the beginning")
    say(follow(started, say))


@app.command()
def runs(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Run folders; default: all that are known.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Let them save and end.")] = False,
    pause: Annotated[bool, typer.Option("--pause", help="Hold them.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Let held ones go on.")] = False,
) -> None:
    """The trainings of this user, running or over, wherever they were started."""
    from xgen_studio.cli.tables import show_runs

    show_runs(
        folders or [], [w for w, on in (("stop", stop), ("pause", pause), ("resume", resume)) if on]
    )


def evaluate(
    model: Model,
    out: OutDir,
    values: Mapping[str, Any],
    data: DataDir = None,
    device: DeviceName = "cpu",
    limit: Annotated[int | None, typer.Option(help="At most so many images in all.")] = None,
    record: Annotated[
        bool, typer.Option(help="Write the figures into the model's card, too.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """The tables of the paper the model comes from, as table.json and table.md."""
    from xgen_studio.tasks.asks import Evaluate

    ask = Evaluate(model, out, data, device, limit, record, values, overwrite)
    [found] = carry_out(ask, "evaluating")
    say(found.text)


@app.command()
def bundle(
    run: Annotated[Path, typer.Argument(help="Run folder of `xgen train`.")],
    folder: Annotated[Path, typer.Argument(help="A model's name, or its folder with model.toml.")],
    network: Annotated[str, typer.Argument(help="Its name in the card, such as diffusion.")],
    overwrite: Overwrite = False,
) -> None:
    """Put a trained run's averaged weights into a model bundle as NETWORK."""
    from xgen_studio.bundles import read_bundle
    from xgen_studio.tasks.bundling import bundle_run

    path = bundle_run(run, folder, network, overwrite)
    card = read_bundle(path.parent).networks[network]
    say(f"{path}: {network} now has {card.steps:,} steps, {card.examples:,} examples behind it")


@app.command()
def devices() -> None:
    """The devices of this machine."""
    from xgen_studio.cli.tables import show_devices

    show_devices()


@app.command()
def doctor() -> None:
    """What this machine offers, and what is wrong with it."""
    from xgen_studio.cli.tables import show_doctor

    if not show_doctor():
        raise typer.Exit(3)


@cache
def application() -> typer.Typer:
    """All commands: those here, with the options that wings bring, and the wings' own."""
    from xgen_studio.wing import MASK_OPTIONS

    told = [("", option) for option in MASK_OPTIONS]
    told += [(wing.title, option) for wing in wings() for option in wing.options]
    app.command()(with_options(generate, told))
    measured = [(wing.title, option) for wing in wings() for option in wing.evaluate_options]
    app.command()(with_options(evaluate, measured))
    for wing in wings():
        if wing.commands:
            resolve(wing.commands)(app)
    return app


def main() -> None:
    """Run a command; errors become one line and the contract's exit code."""
    plain_streams()
    for folder in missing_model_folders():
        complain(f"xgen: XGEN_MODELS names {folder}, which is not there; its models are missing")
    try:
        application()()
    except XGenError as error:
        complain(f"xgen: {' '.join(str(error).split())}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        complain("xgen: stopped; what was finished is kept")
        sys.exit(130)


if __name__ == "__main__":
    main()
