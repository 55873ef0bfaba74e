"""Good files of every kind that is read, and who reads them, for `tests.fuzz`."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz_inside import Damage, inside
from tests.tasks.fixtures import tiny_card


@dataclass(frozen=True)
class Reader:
    """A reader and the good files it is given.

    files   names and contents of a case; of several cases one is taken by the length of damage
    read    what is done with the path of the first file
    """

    name: str
    cases: Callable[[], list[dict[str, bytes]]]
    read: Callable[[Path], Any]
    damaged: int = 0  # which file of a case is damaged

    def write(self, folder: Path, damage: Damage | None) -> Path:
        """Write a case, damaged or good; the path that is read."""
        cases = _made(self.cases)
        case, pick = cases[0], 0
        if damage is not None:
            pick = sum(damage(bytes(range(256))))
            case = cases[pick % len(cases)]
        folder.mkdir(parents=True, exist_ok=True)
        names = list(case)
        for number, (name, content) in enumerate(case.items()):
            if damage is not None and number == min(self.damaged, len(names) - 1):
                below = pick // len(cases) % 2  # half of what is packed is damaged inside
                content = inside(name, content, damage) if below else damage(content)
            (folder / name).write_bytes(content)
        return folder / names[0]


@cache
def _made(cases: Callable[[], list[dict[str, bytes]]]) -> list[dict[str, bytes]]:
    return cases()


def _saved(write: Callable[[Path], Any], name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


RNG = np.random.default_rng(0)
VOLUME = RNG.integers(-1000, 1500, (5, 6, 7)).astype(np.int16)
MASK = (np.indices((24, 30)).sum(0) // 12 % 3).astype(np.uint8)
GREY = RNG.integers(0, 255, (24, 30), np.uint8)


def _itk(array: np.ndarray, name: str) -> bytes:
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.7, 0.8, 1.5)[: array.ndim])
    compress = "raw" not in name
    return _saved(lambda p: sitk.WriteImage(image, str(p), compress), name)


def _detached(array: np.ndarray, name: str) -> dict[str, bytes]:
    import SimpleITK as sitk

    with tempfile.TemporaryDirectory() as folder:
        sitk.WriteImage(sitk.GetImageFromArray(array), str(Path(folder) / name), False)
        files = {p.name: p.read_bytes() for p in Path(folder).iterdir()}
    return {name: files.pop(name), **files}


def _nifti() -> list[dict[str, bytes]]:
    return [
        {"v.nii": _itk(VOLUME, "v.nii")},
        {"v.nii.gz": _itk(VOLUME.astype(np.float32), "v.nii.gz")},
        {"m.nii.gz": _itk(MASK[None], "m.nii.gz")},
    ]


def _texts(ending: str, detached: str) -> list[dict[str, bytes]]:
    """A format with a text header: packed, plain, in two files, flat."""
    return [
        {f"v{ending}": _itk(VOLUME, f"v{ending}")},
        {f"raw{ending}": _itk(VOLUME.astype(np.float32), f"raw{ending}")},
        _detached(VOLUME, f"v{detached}"),
        {f"m{ending}": _itk(MASK, f"m{ending}")},
    ]


def _metaimage() -> list[dict[str, bytes]]:
    return _texts(".mha", ".mhd")


def _nrrd() -> list[dict[str, bytes]]:
    return _texts(".nrrd", ".nhdr")


def _pillow(array: np.ndarray, kind: str, **options: Any) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)
    return out.getvalue()


def _png() -> list[dict[str, bytes]]:
    from PIL import Image

    palette = io.BytesIO()
    Image.fromarray(MASK * 100).quantize(3).save(palette, "PNG")
    return [
        {"a.png": _pillow(GREY, "PNG")},
        {"b.png": _pillow(GREY.astype(np.uint16) * 257, "PNG")},
        {"c.png": _pillow(np.stack([GREY] * 3, -1), "PNG")},
        {"d.png": palette.getvalue()},
        {"e.png": _pillow(MASK, "PNG")},
    ]


def _picture() -> list[dict[str, bytes]]:
    return [{"a.jpg": _pillow(GREY, "JPEG")}, {"a.bmp": _pillow(GREY, "BMP")}]


def _tiff() -> list[dict[str, bytes]]:
    import tifffile

    def tiff(array: np.ndarray, **options: Any) -> bytes:
        out = io.BytesIO()
        tifffile.imwrite(out, array, **options)
        return out.getvalue()

    return [
        {"a.tif": tiff(GREY)},
        {"b.tif": tiff(GREY, compression="lzw", rowsperstrip=5)},
        {"c.tif": tiff(GREY, compression="zlib", tile=(16, 16))},
        {"d.tif": tiff(GREY / 255, compression="packbits")},
        {"e.tif": tiff(np.stack([GREY] * 3, -1), compression="jpeg")},
    ]


def _dicom_file(array: np.ndarray, **more: Any) -> Any:
    import pydicom
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    ds = pydicom.Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = CTImageStorage, "1.2.3", "CT"
    ds.SeriesInstanceUID, ds.PixelSpacing = "1.2", [0.7, 0.8]
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    ds.Rows, ds.Columns, ds.SamplesPerPixel = *array.shape[-2:], 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8 * array.itemsize
    ds.HighBit, ds.PixelRepresentation = 8 * array.itemsize - 1, int(array.dtype.kind == "i")
    ds.RescaleSlope, ds.RescaleIntercept, ds.WindowCenter, ds.WindowWidth = 1, -1024, 40, 400
    ds.PixelData = array.tobytes()
    ds["PixelData"].VR = "OW" if array.itemsize > 1 else "OB"
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return ds


def _dicom_bytes(ds: Any) -> bytes:
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _dicom() -> list[dict[str, bytes]]:
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

    cases = [{"ct.dcm": _dicom_bytes(_dicom_file(VOLUME[0]))}]
    run_lengths = _dicom_file(GREY.astype(np.uint16))
    run_lengths.compress(RLELossless)
    cases.append({"rle.dcm": _dicom_bytes(run_lengths)})
    for kind, syntax in (("JPEG", JPEGBaseline8Bit), ("JPEG2000", JPEG2000Lossless)):
        ds = _dicom_file(GREY)
        ds.PixelData = encapsulate([_pillow(GREY, kind)])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        ds.file_meta.TransferSyntaxUID = syntax
        cases.append({f"{kind}.dcm": _dicom_bytes(ds)})
    ours = _saved(_write_synthetic, "ours.dcm")
    return [*cases, {"ours.dcm": ours}]


def _write_synthetic(path: Path) -> None:
    from xgen_studio.imaging import Image, write_dicom_synthetic

    write_dicom_synthetic(path, Image(GREY, (0.3, 0.4), modality="DX"), {"synthetic": True})


def _series() -> list[dict[str, bytes]]:
    slices = {}
    for k in range(3):
        ds = _dicom_file(VOLUME[k], ImagePositionPatient=[0, 0, 2.0 * k], InstanceNumber=k)
        ds.SOPInstanceUID = f"1.2.3.{k}"
        slices[f"{k}.dcm"] = _dicom_bytes(ds)
    return [slices]


def _pictures(path: Path) -> None:
    """All that can be done with an image file; a refusal by one does not keep it from the next."""
    from xgen_studio.errors import InputError
    from xgen_studio.imaging import attenuation_up, display_8bit, read_image, read_mask, read_volume

    refused = []
    for read in (read_image, read_volume, read_mask):
        try:
            found = read(path)
        except InputError as error:
            refused.append(error)
            continue
        if read is read_image:
            display_8bit(found)
            attenuation_up(found)
        elif read is read_volume:
            found.to_lps()
    if len(refused) == 3 or any("unforeseen" in str(error) for error in refused):
        raise refused[-1]


def _read_series(path: Path) -> None:
    from xgen_studio.imaging import read_volume

    read_volume(path.parent)


# -- texts -----------------------------------------------------------------------------------------


def _landmarks() -> list[dict[str, bytes]]:
    from xgen_studio.wings.hand.science.annotation import Annotation
    from xgen_studio.wings.hand.science.landmarks import NAMES
    from xgen_studio.wings.hand.science.writing import HEADER, coco

    points = RNG.uniform((10, 20), (300, 400), (37, 2)).round(2)
    hand = Annotation.of(points)
    row = ",".join(str(v) for v in points.ravel())
    controls = [
        {"label": n, "position": [*map(float, p), 0.0], "positionStatus": "defined"}
        for n, p in zip(NAMES, points, strict=True)
    ]
    shapes = [
        {"label": str(n), "shape_type": "point", "points": [list(map(float, p))]}
        for n, p in enumerate(points)
    ]
    table = coco({"h.png": Annotation(hand.points, hand.states, (400, 500))}, "d")
    napari = "\n".join(
        ["index,axis-0,axis-1", *(f"{n},{y},{x}" for n, (x, y) in enumerate(points))]
    )
    return [
        {"t.csv": f"{','.join(HEADER)}\n7,{row}\n8,{row}\n".encode()},
        {"coco.json": json.dumps(table).encode()},
        {"m.mrk.json": json.dumps({"markups": [{"controlPoints": controls}]}).encode()},
        {"l.json": json.dumps({"shapes": shapes, "imagePath": "7.jpg"}).encode()},
        {"n.csv": napari.encode()},
    ]


def _read_landmarks(path: Path) -> None:
    from xgen_studio.wings.hand.science.reading import read_annotations

    read_annotations(path)


def _recipes() -> list[dict[str, bytes]]:
    from xgen_studio.tasks.train import find_recipe

    names = ("knee-xray", "knee-drr-unet", "hand-ddpm")
    return [{f"{n}.toml": find_recipe(n).read_bytes()} for n in names]


def _read_recipe(path: Path) -> None:
    from xgen_studio.training.build import make_learner
    from xgen_studio.training.recipe import load_recipe

    make_learner(load_recipe(path))


def _bundle() -> list[dict[str, bytes]]:
    import tomli_w

    from xgen_studio.networks import build_network
    from xgen_studio.networks.weights import save_weights

    options = {"channels": [8, 8], "blocks": 1, "heads": 2, "pixel_width": 4, "patch": 2}
    options |= {"condition_channels": 3}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        digest = save_weights(build_network("unet", options), path)
        weights = path.read_bytes()
    network = {
        "file": "net.safetensors",
        "sha256": digest,
        "architecture": "unet",
        "options": options,
        "process_options": {"sigma_data": 0.5},
    }
    card = tiny_card({"ctm": "diffusion"}, {"diffusion": network})
    return [{"model.toml": tomli_w.dumps(card).encode(), "net.safetensors": weights}]


def _read_bundle(path: Path) -> None:
    from xgen_studio.bundles import read_bundle

    bundle = read_bundle(path.parent)
    bundle.sampling()
    bundle.model(bundle.default_method)


def _weights() -> list[dict[str, bytes]]:
    [case] = _bundle()
    return [{"net.safetensors": case["net.safetensors"]}]


def _read_weights(path: Path) -> None:
    from xgen_studio.networks.weights import read_weights

    read_weights(path)


def _arrays() -> list[dict[str, bytes]]:
    def write(path: Path) -> None:
        np.savez_compressed(path, a=VOLUME, b=MASK, names=np.array(["x", "yy"]))

    return [{"set.npz": _saved(write, "set.npz")}]


def _read_arrays(path: Path) -> None:
    from xgen_studio.training.arrays import read_arrays

    read_arrays(path.parent, path.stem, {"a"})


def _document() -> Any:
    from xgen_studio.document import Document, Picture
    from xgen_studio.registry import wings
    from xgen_studio.wings.knee.science.labels import TABLE

    wings()
    document = Document(MASK.shape, TABLE, "knee")
    document.mask[...] = MASK
    document.picture = Picture((GREY / 255).astype(np.float32), source="a.png")
    return document


def _volume() -> Any:
    from xgen_studio.document import VolumeWork
    from xgen_studio.imaging import LabelTable, Volume

    scan = Volume(np.zeros((3, *MASK.shape), np.int16), (0.7, 0.8, 2.0), source=Path("ct.nii"))
    work = VolumeWork.over(scan, LabelTable.of((1, 2)), "knee")
    work.mask[1] = MASK != 0
    work.centres = {1: (2.0, 3.0, 1.0)}
    return work


def _documents() -> list[dict[str, bytes]]:
    from xgen_studio.document.files import save_document

    return [
        {"d.xgen": _saved(lambda path, work=work: save_document(path, work, {}), "d.xgen")}
        for work in (_document(), _volume())
    ]


def _read_document(path: Path) -> None:
    from xgen_studio.document.files import load_document

    load_document(path)


def _journals() -> list[dict[str, bytes]]:
    from xgen_studio.document.journal import Journal

    with tempfile.TemporaryDirectory() as folder:
        journal, document = Journal(Path(folder)), _document()
        assert journal.note(document).result()
        document.mask[3:9, 4:8] = 1
        assert journal.note(document).result()
        content = journal.path.read_bytes()
        journal.close()
    return [{"j.journal": content}]


def _read_journal(path: Path) -> None:
    from xgen_studio.document.journal import read_journal

    read_journal(path)


def _hands() -> list[dict[str, bytes]]:
    """A folder that was screened and reviewed, whose pairs lie elsewhere."""
    from xgen_studio.tasks.ask import perform
    from xgen_studio.tasks.bench import Bench
    from xgen_studio.wings.hand.science.landmarks import COUNT
    from xgen_studio.wings.hand.tasks.asks import Screen
    from xgen_studio.wings.hand.tasks.review import REVIEW, Review

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        points = np.stack([np.linspace(100, 400, COUNT), np.linspace(80, 500, COUNT) % 97 * 4], 1)
        row = ",".join(f"{v:.2f}" for v in points.ravel())
        (folder / "t.csv").write_text(f"7,{row}\n8,{row}\n")
        list(perform(Screen(folder / "run", landmarks=folder / "t.csv"), Bench()))
        review = Review.open(folder / "run")
        review.save()
        screening = (folder / "run" / "screening.json").read_bytes()
        reviewed = (folder / "run" / REVIEW).read_bytes()
    return [{"screening.json": screening, REVIEW: reviewed}]


def _read_hands(path: Path) -> None:
    from xgen_studio.wings.hand.tasks.review import Review

    Review.open(path.parent)


def _state() -> list[dict[str, bytes]]:
    from dataclasses import asdict

    from xgen_studio.studio.settings import Preferences

    own = asdict(Preferences()) | {"own_keys": {"file.open": ["Ctrl+O"]}, "layout": {"knee": "AA"}}
    return [
        {
            "settings.json": json.dumps(own).encode(),
            "recent.json": json.dumps(["/tmp/a.xgen", "/tmp"]).encode(),
        }
    ]


def _read_state(path: Path) -> None:
    """As a window does that opens; nothing may keep it from that."""
    from xgen_studio.studio.recent import Recent
    from xgen_studio.studio.settings import Settings

    os.environ["XGEN_STATE"] = str(path.parent)
    Settings()
    Recent().paths()


def _run_folder() -> list[dict[str, bytes]]:
    status = {"state": "finished", "pid": 4, "step": 9, "steps": 10, "facts": {"examples": 3}}
    return [
        {
            "status.json": json.dumps(status).encode(),
            "events.jsonl": b'{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n',
        }
    ]


def _read_run(path: Path) -> None:
    from xgen_studio.training.run_folder import RunFolder

    folder = RunFolder(path.parent)
    folder.status()
    folder.events()


def readers() -> list[Reader]:
    """All readers."""
    return [
        Reader("nifti", _nifti, _pictures),
        Reader("metaimage", _metaimage, _pictures),
        Reader("nrrd", _nrrd, _pictures),
        Reader("png", _png, _pictures),
        Reader("picture", _picture, _pictures),
        Reader("tiff", _tiff, _pictures),
        Reader("dicom", _dicom, _pictures),
        Reader("series", _series, _read_series),
        Reader("landmarks", _landmarks, _read_landmarks),
        Reader("recipe", _recipes, _read_recipe),
        Reader("bundle", _bundle, _read_bundle),
        Reader("weights", _weights, _read_weights),
        Reader("arrays", _arrays, _read_arrays),
        Reader("document", _documents, _read_document),
        Reader("journal", _journals, _read_journal),
        Reader("screening", _hands, _read_hands),
        Reader("review", _hands, _read_hands, damaged=1),
        Reader("settings", _state, _read_state),
        Reader("recent", _state, _read_state, damaged=1),
        Reader("status", _run_folder, _read_run),
        Reader("events", _run_folder, _read_run, damaged=1),
    ]
