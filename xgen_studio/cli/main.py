"""`xgen`: names, exit codes and files as in the command-line contract (docs in the README)."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its threads spin otherwise

import typer

from xgen_studio import __version__
from xgen_studio.cli.console import has_display, monitor_on_terminal, say
from xgen_studio.errors import CallError, XGenError

app = typer.Typer(
    help="Draw anatomy, get medical images, judge them.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)

OutDir = Annotated[Path, typer.Option("-o", "--out", help="Folder to write to.")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of prepared arrays (knee-xray.npz, ...), see prepare."),
]
RawDir = Annotated[
    Path | None, typer.Option("--data", help="Folder of real data, holding knee/xray_index.csv.")
]
Model = Annotated[
    str, typer.Argument(help="A model's name (see `xgen models`) or the folder of its bundle.")
]
DeviceName = Annotated[str, typer.Option("--device", help="cpu, cuda:0, ...")]


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
    from xgen_studio.cli.demo import show_demo

    missing = "" if has_display() else "There is no display here"
    if not missing and not find_spec("PySide6"):
        missing = "The window needs Qt (pip install 'xgen-studio[studio]')"
    if missing:
        say(f"{missing}: running the demo instead.")
        show_demo(Path("demo"))
        return
    from xgen_studio.studio.app import run

    raise typer.Exit(run())


@app.command()
def demo(out: OutDir = Path("demo")) -> None:
    """Every system once on bundled sample cases: pictures, JSON and one index.html."""
    from xgen_studio.cli.demo import show_demo

    show_demo(out)


@app.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print the cards as JSON.")] = False,
) -> None:
    """The models found: what each does, what it was trained on, its measured figures."""
    from xgen_studio.cli.tables import show_models

    show_models(as_json)


@app.command()
def generate(
    model: Model,
    out: OutDir,
    mask: Annotated[
        Path | None,
        typer.Option(
            help="Label image to draw from, PNG or NIfTI. Knee: 1 leg, 2 bone, or by name 3 femur,"
            " 4 tibia, 5 fibula, 6 patella; or the grey levels 0, 0.5, 1."
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", help="How many images.")] = 1,
    seed: Annotated[int, typer.Option(help="Image i has the seed SEED + i.")] = 0,
    sampler: Annotated[
        str | None, typer.Option(help="See `xgen models`; default: the model's own.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Noise levels; default: the model's.")] = None,
    method: Annotated[str | None, typer.Option(help="ctm, csm or unet.")] = None,
    grade: Annotated[int | None, typer.Option(help="Knee: KL grade 0 to 4.")] = None,
    device: DeviceName = "cpu",
    picture: Annotated[
        Path | None, typer.Option(help="Change this picture, in --region only.")
    ] = None,
    region: Annotated[
        Path | None, typer.Option(help="Mask, not 0 where --picture is drawn anew.")
    ] = None,
    shape: Annotated[
        str | None, typer.Option(help="Hand: 'drawn' from the shape model (default), or 'free'.")
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="Hand: draw the hands of this landmark file.")
    ] = None,
) -> None:
    """Generate images from a mask; of a hand model, radiographs with their landmark heatmaps."""
    from xgen_studio.jobs.generate import Settings, generate_files, read_edit
    from xgen_studio.jobs.models import open_bundle

    if open_bundle(model).anatomy == "hand":
        for name, value in (
            ("mask", mask),
            ("grade", grade),
            ("picture", picture),
            ("region", region),
        ):
            if value is not None:
                raise CallError(f"{model} draws hands: leave out --{name}")
        from xgen_studio.jobs.hands import generate_hands

        told = Settings(method, sampler, steps, seed, {"shape": shape})
        with monitor_on_terminal("generating") as monitor:
            files = generate_hands(model, out, n, told, device, monitor, landmarks)
        say(f"{len(files)} hand(s) in {out}; judge them with xgen screen {out}")
        return
    if mask is None:
        raise CallError(f"{model} draws from a mask: name one with --mask FILE")
    if shape is not None or landmarks is not None:
        raise CallError(f"{model} draws from a mask: leave out --shape and --landmarks")
    options = {} if grade is None else {"grade": grade}
    settings = Settings(method, sampler, steps, seed, options)
    if (picture is None) != (region is None):
        raise CallError("--picture and --region go together: what to change, and where")
    edit = read_edit(picture, region) if picture and region else None
    with monitor_on_terminal("generating") as monitor:
        files = generate_files(model, mask, out, n, settings, device, monitor, say, edit)
    say(f"{len(files)} image(s) in {out}")


@app.command()
def mask(model: str, images: list[Path], out: OutDir, device: DeviceName = "cpu") -> None:
    """Propose masks for real radiographs."""
    from xgen_studio.jobs.masking import propose_masks

    with monitor_on_terminal("masks") as monitor:
        masks = propose_masks(model, images, out, device, monitor)
    for made in masks:
        if made.doubt:
            say(f"doubtful: {made.path.name}: {made.doubt}; look at its overlay")
    say(f"{len(masks)} mask(s) in {out}")


@app.command()
def drr(
    ct: Annotated[Path, typer.Argument(help="NIfTI, MHA, NRRD, or the folder of a DICOM series.")],
    out: OutDir,
    views: Annotated[int, typer.Option(help="Evenly spaced angles over 360 degrees.")] = 60,
    bone_threshold: Annotated[float, typer.Option(help="HU above which a voxel is bone.")] = 250.0,
    source_to_axis: Annotated[float, typer.Option(help="mm")] = 1000.0,
    source_to_detector: Annotated[float, typer.Option(help="mm")] = 1300.0,
    size: Annotated[int, typer.Option(help="Detector rows and columns.")] = 256,
    pixel: Annotated[float | None, typer.Option(help="Detector pixel, mm; default: fits.")] = None,
    spectrum: Annotated[str, typer.Option(help="70kV, 90kV or 60keV")] = "70kV",
    device: DeviceName = "cpu",
) -> None:
    """Cone-beam radiographs and masks of a CT (file, or folder of a DICOM series)."""
    from xgen_studio.imaging.projection import ConeBeam
    from xgen_studio.jobs.drr import project_files

    geometry = ConeBeam(source_to_axis, source_to_detector, (size, size), pixel)
    with monitor_on_terminal("projecting") as monitor:
        count = project_files(
            ct, out, views, geometry, bone_threshold, spectrum, device, monitor, say
        )
    say(f"{count} radiographs in {out}")


@app.command()
def screen(
    out: OutDir,
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of pairs NAME.png and NAME_heatmap.png.")
    ] = None,
    landmarks: Annotated[
        Path | None,
        typer.Option(
            help="Judge real landmark sets instead, rendered as heatmaps: a table"
            " id,x0,y0,...,x36,y36, or COCO, Slicer, labelme or napari files."
        ),
    ] = None,
    gate: Annotated[
        str,
        typer.Option(
            help="calibrated, paper, paper-sum (equation 5 to the letter) or"
            " paper-rows (rows normalised)."
        ),
    ] = "calibrated",
) -> None:
    """Judge synthetic hands: which landmark is which, and is the hand sound?"""
    from xgen_studio.jobs.screen import screen_folder, screen_table

    if (folder is None) == (landmarks is None):
        raise CallError("name a folder of pairs, or a table with --landmarks")
    with monitor_on_terminal("screening") as monitor:
        if landmarks is not None:
            text = screen_table(landmarks, gate, out, monitor)
        else:
            assert folder is not None
            text = screen_folder(folder, gate, out, monitor)
    say(text)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of pairs; screened now if it is not yet.")],
    out: OutDir,
    which: Annotated[
        str, typer.Option(help="accepted, rejected, 'accepted by hand' or all")
    ] = "accepted",
) -> None:
    """Take screened hands out as a training set: PNG, tables, COCO, arrays, manifest, report."""
    from xgen_studio.jobs.hand_export import check_which, export_hands
    from xgen_studio.jobs.review import Review
    from xgen_studio.jobs.screen import FILE, screen_folder

    check_which(which)  # before a long screening
    if run.is_dir() and not (run / FILE).exists():
        with monitor_on_terminal("screening") as monitor:
            say(screen_folder(run, "calibrated", run, monitor))
    say(export_hands(Review.open(run), out, which).in_words())


@app.command()
def localize(
    model: Model,
    images: list[Path],
    out: Annotated[Path, typer.Option("-o", "--out", help="The table to write, FILE.csv.")],
    device: DeviceName = "cpu",
) -> None:
    """Find the 37 landmarks of hand radiographs: id,x0,y0,...,x36,y36 in pixels."""
    from xgen_studio.jobs.localize import localize_files

    with monitor_on_terminal("landmarks") as monitor:
        found = localize_files(model, images, out, device, monitor)
    for one in found:
        if one.located.flipped:
            say(f"{one.path.name}: looks like a right hand; it was read flipped")
        if one.located.doubt:
            say(f"doubtful: {one.path.name}: {one.located.doubt}")
    say(f"landmarks of {len(found)} image(s) in {out}")


@app.command()
def prepare(
    name: Annotated[
        str, typer.Argument(help="knee-xray, knee-xray-outlines, knee-drr, hand or hand-gate")
    ],
    out: OutDir,
    data: RawDir = None,
) -> None:
    """Prepare training arrays."""
    from xgen_studio.jobs.prepare import prepare as run

    with monitor_on_terminal("preparing") as monitor:
        path = run(name, out, data, monitor)
    say(str(path))


@app.command()
def train(
    recipe: Annotated[
        str, typer.Argument(help="A name from resources/recipes, or a TOML file of your own.")
    ],
    data: DataDir = None,
    devices: Annotated[str, typer.Option(help="cpu, or CUDA numbers such as 0,1")] = "cpu",
    run: Annotated[Path | None, typer.Option(help="Run folder; default runs/RECIPE.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the run's checkpoint.")] = False,
    time_budget: Annotated[str | None, typer.Option(help="90s, 9m, 2h, or seconds")] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Begin with these weights (a bundle's safetensors).")
    ] = None,
) -> None:
    """Train a recipe (a name from resources/recipes or a TOML file)."""
    from xgen_studio.jobs.train import train_recipe

    say(train_recipe(recipe, data, devices, run, resume, time_budget, start_from, say))


@app.command()
def evaluate(
    model: Model,
    out: OutDir,
    data: DataDir = None,
    device: DeviceName = "cpu",
    limit: Annotated[int | None, typer.Option(help="At most so many test images.")] = None,
    record: Annotated[
        bool, typer.Option(help="Write the figures into the model's card, too.")
    ] = False,
    study: Annotated[
        Path | None,
        typer.Option(help="Localiser: a folder of runs real-0, real-1, ddpm-0, ... to compare."),
    ] = None,
) -> None:
    """The tables of the paper the model comes from, as table.json and table.md."""
    from xgen_studio.jobs.evaluate import evaluate_model

    with monitor_on_terminal("evaluating") as monitor:
        text = evaluate_model(model, out, data, device, limit, monitor, record, study)
    say(text)


@app.command()
def bundle(
    run: Annotated[Path, typer.Argument(help="Run folder of `xgen train`.")],
    folder: Annotated[Path, typer.Argument(help="Bundle folder, holding model.toml.")],
    network: Annotated[str, typer.Argument(help="Its name in [methods], such as diffusion.")],
) -> None:
    """Put a trained run's averaged weights into a model bundle as NETWORK, replacing the old."""
    from xgen_studio.diffusion.bundle import read_bundle
    from xgen_studio.jobs.bundling import bundle_run

    path = bundle_run(run, folder, network)
    card = read_bundle(folder).networks[network]
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


def main() -> None:
    """Run a command; errors become one line and the contract's exit code."""
    try:
        app()
    except XGenError as error:
        sys.stderr.write(f"xgen: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("xgen: stopped; what was finished is kept\n")
        sys.exit(130)
