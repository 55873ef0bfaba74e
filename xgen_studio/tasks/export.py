"""Write a document for other programs: PNG, NIfTI, DICOM, COCO, nnU-Net."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio import __version__
from xgen_studio.document import Document, Picture
from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json
from xgen_studio.imaging import (
    PARTLY,
    Image,
    Label,
    LabelTable,
    Mask,
    PartlySynthetic,
    Volume,
    make_folder,
    together,
    write_dicom_synthetic,
    write_json,
    write_mask,
    write_png16,
    write_volume,
)
from xgen_studio.imaging.dicom.writing import percent
from xgen_studio.imaging.names import base_name
from xgen_studio.registry import wing
from xgen_studio.tasks.provenance import partly_synthetic
from xgen_studio.tasks.targets import plain_name
from xgen_studio.wing import resolve

FORMATS = {
    "png": "PNG: 16-bit picture, mask, provenance",
    "nifti": "NIfTI: picture and mask (needs a spacing), provenance",
    "dicom": "DICOM: marked synthetic (or partly), new UIDs, no patient",
    "coco": "COCO: picture and annotations.json, added to what is there",
    "nnunet": "nnU-Net v2: imagesTr, labelsTr, dataset.json, added to what is there",
}

RESERVED = ("annotations", "dataset")  # what COCO and nnU-Net call their index


@dataclass(frozen=True)
class Case:
    """What is written: a mask, its picture if there is one, a name for both."""

    name: str
    mask: Mask
    picture: Picture | None
    spacing: tuple[float, float] | None  # mm, (x, y)
    wing: str = ""
    burned_in: bool | None = None

    @property
    def provenance(self) -> dict[str, Any] | None:
        """Of all walks that made the picture; None where it was opened, not generated."""
        return provenance_of(self.picture) if self.picture is not None else None

    @property
    def synthetic(self) -> bool | str:
        """Whether the picture is: True, False, or PARTLY."""
        return (self.provenance or {}).get("synthetic", False)


def drawn_by_model(picture: Picture) -> NDArray[np.bool_]:
    """Which pixels (H, W) no real image has: all, of an opened file that says it is synthetic."""
    if picture.synthetic or (picture.recipe and picture.base is None):
        return np.ones(picture.pixels.shape, bool)
    drawn = np.zeros(picture.pixels.shape, bool)
    for made in picture.recipe:
        drawn |= True if made.region is None else made.region
    return drawn


def provenance_of(picture: Picture) -> dict[str, Any] | None:
    """Everything that made a picture, and whether it is synthetic, or PARTLY; None where it is a
    real one."""
    source = base_name(picture.source) or "an opened picture"
    if not picture.recipe:
        return {"synthetic": True, "source": source} if picture.synthetic else None
    walks, drawn = [made.provenance for made in picture.recipe], drawn_by_model(picture)
    found = {**walks[-1], "synthetic": True, "walks": walks}
    found.pop("synthetic_share", None)  # of the last walk
    if picture.base is not None:
        found["drawn_into"] = source
    return found if drawn.all() else found | partly_synthetic(drawn)


def export_document(
    document: Document,
    folder: Path,
    name: str,
    formats: list[str],
    picture: Picture | None = None,
    spacing: tuple[float, float] | None = None,
    burned_in: bool | None = None,
) -> list[Path]:
    """Write a document in each of `formats`; returns the files written.

    `picture` is used in place of the document's own. A generated picture goes with the mask it was
    drawn from, whatever was painted since. `spacing` (x, y) mm is used where the document has none.
    `burned_in` says whether writing is burned into a picture that is partly a real one; None:
    nobody was asked. InputError where a format needs what is not there, or a file is there already;
    nothing is written then, nor where one of the files cannot be.
    """
    if plain_name(name) in RESERVED:
        raise InputError(f"'{name}' is what an index is called; choose another name")
    unknown = [key for key in formats if key not in FORMATS]
    if unknown or not formats:
        raise InputError(f"choose a format among {', '.join(FORMATS)}")
    spacing = document.spacing or spacing
    picture = picture or document.picture
    drawn_from = picture.labels if picture is not None else None
    labels = document.mask.copy() if drawn_from is None else drawn_from
    mask = Mask(labels, document.table, spacing)
    case = Case(name, mask, picture, spacing, document.wing, burned_in)
    make = [_WRITERS[key] for key in formats]
    if {"png", "nifti"} & set(formats):
        make.append(_sidecar)
    writers = [check(case, folder) for check in make]  # all checked before any writes
    make_folder(folder)
    with together():
        return [path for write in writers for path in write()]


Writer = Callable[[], list[Path]]


def _free(*paths: Path) -> None:
    for path in paths:
        if os.path.lexists(path):  # a dangling link, too
            raise InputError(f"{path}: is there already; choose another name")


def _png(case: Case, folder: Path) -> Writer:
    _free(*(folder / f"{case.name}{ending}" for ending in (".png", "_mask.png")))

    def write() -> list[Path]:
        written = [folder / f"{case.name}_mask.png"]
        write_mask(written[0], case.mask)
        if case.picture is not None:
            path = folder / f"{case.name}.png"
            write_png16(path, case.picture.pixels, case.provenance, case.spacing)
            written.append(path)
        return written

    return write


def _sidecar(case: Case, folder: Path) -> Writer:
    """The provenance beside the picture, as BIDS has it."""
    path = folder / f"{case.name}.json"
    _free(path)

    def write() -> list[Path]:
        if case.provenance is None:
            return []
        write_json(path, case.provenance)
        return [path]

    return write


def _nifti(case: Case, folder: Path) -> Writer:
    if case.spacing is None:
        raise InputError(
            "NIfTI needs a spacing, and this document has none: state the mm a pixel, or choose PNG"
        )
    spacing = case.spacing
    _free(folder / f"{case.name}.nii.gz", folder / f"{case.name}_mask.nii.gz")

    def write() -> list[Path]:
        written = [folder / f"{case.name}_mask.nii.gz"]
        write_mask(written[0], case.mask)
        if case.picture is not None:
            path = folder / f"{case.name}.nii.gz"
            voxels = case.picture.pixels[None].astype(np.float32)
            synthetic = case.synthetic is True
            write_volume(path, Volume(voxels, (*spacing, 1.0), synthetic=synthetic))
            written.append(path)
        return written

    return write


def _dicom(case: Case, folder: Path) -> Writer:
    if case.picture is None:
        raise InputError("there is no picture to write as DICOM; draw one first")
    if case.provenance is None:
        raise InputError(
            "the picture was opened, not generated: it is not written as synthetic DICOM; use the"
            " original file"
        )
    picture, provenance, partly = case.picture, case.provenance, None
    if case.synthetic == PARTLY:
        share = provenance["synthetic_share"]
        if case.burned_in is None:
            raise InputError(
                f"{percent(1 - share)} of this picture's pixels are a real one's: say whether"
                " writing (a name, a date) is burned into it; DICOM must state that"
            )
        partly = PartlySynthetic(share, case.burned_in)
    _free(folder / f"{case.name}.dcm")

    def write() -> list[Path]:
        path = folder / f"{case.name}.dcm"
        image = Image(picture.pixels, case.spacing, modality="OT")
        write_dicom_synthetic(path, image, provenance, _about(case), partly)
        return [path]

    return write


def _about(case: Case) -> Mapping[str, str]:
    """What the wing says is seen, by DICOM keyword."""
    place = wing(case.wing).dicom if case.wing else ""
    if not place:
        return {}
    say: Callable[[NDArray[Any], Mapping[str, Any]], Mapping[str, str]] = resolve(place)
    return say(case.mask.labels, case.provenance or {})


def _needs_picture(case: Case, what: str) -> Picture:
    if case.picture is None:
        raise InputError(f"{what} needs a picture beside the mask; draw one first")
    return case.picture


def _existing(path: Path, keys: Mapping[str, type]) -> dict[str, Any]:
    """The JSON that is there already, so that cases can be added; {} where there is none."""
    if not path.exists():
        return {}
    try:
        found = read_json(path)
    except InputError as error:
        raise InputError(f"{path}: cannot be read, so nothing is added to it ({error})") from error
    good = isinstance(found, dict) and all(isinstance(found.get(k), t) for k, t in keys.items())
    if not good:
        raise InputError(f"{path}: is not of this kind; choose another folder")
    return dict(found)


def _run_lengths(inside: NDArray[np.bool_]) -> list[int]:
    """COCO's uncompressed RLE: runs of 0 and 1 in turn, down the columns, beginning with 0."""
    flat = inside.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return [0, *runs] if flat[0] else runs


def _coco(case: Case, folder: Path) -> Writer:
    picture = _needs_picture(case, "COCO")
    index = folder / "annotations.json"
    table = _existing(index, {"images": list, "annotations": list, "categories": list})
    _free(folder / "images" / f"{case.name}.png")
    ours = {label.id: label.name for label in case.mask.table}
    try:
        theirs = {int(c["id"]): str(c["name"]) for c in table.get("categories", [])}
        last_image = max((int(i["id"]) for i in table.get("images", [])), default=0)
        last_note = max((int(a["id"]) for a in table.get("annotations", [])), default=0)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{index}: is no COCO index ({error}); choose another folder") from error
    if any(theirs.get(id, name) != name for id, name in ours.items()):
        raise InputError(
            f"{index}: its categories are others than this document's; choose another folder"
        )

    def write() -> list[Path]:
        file = f"images/{case.name}.png"
        make_folder(folder / "images")
        write_png16(folder / file, picture.pixels, case.provenance, case.spacing)
        images, notes = list(table.get("images", [])), list(table.get("annotations", []))
        number, next_id = last_image + 1, last_note + 1
        height, width = case.mask.shape
        images.append(
            {
                "id": number,
                "file_name": file,
                "width": width,
                "height": height,
                "synthetic": case.synthetic,
            }
        )
        for id in case.mask.present:
            inside = case.mask.labels == id
            rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
            box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
            notes.append(
                {
                    "id": next_id,
                    "image_id": number,
                    "category_id": int(id),
                    "iscrowd": 0,  # 1 would keep it from every training
                    "area": int(inside.sum()),
                    "bbox": [int(value) for value in box],
                    "segmentation": {"size": [height, width], "counts": _run_lengths(inside)},
                }
            )
            next_id += 1
        categories = list(table.get("categories", []))
        categories += [{"id": i, "name": name} for i, name in ours.items() if i not in theirs]
        info = table.get("info") or {"description": "XGen Studio", "version": __version__}
        write_json(
            index,
            {
                **table,
                "info": info,
                "images": images,
                "annotations": notes,
                "categories": categories,
            },
        )
        return [folder / file, index]

    return write


def _nnunet(case: Case, folder: Path) -> Writer:
    picture = _needs_picture(case, "nnU-Net")
    index = folder / "dataset.json"
    table = _existing(index, {"labels": dict, "channel_names": dict})
    _free(folder / "imagesTr" / f"{case.name}_0000.png", folder / "labelsTr" / f"{case.name}.png")
    # nnU-Net wants consecutive ids: ours are, as long as the table begins at 1
    order = {label.id: i for i, label in enumerate(case.mask.table, start=1)}
    names = {"background": 0} | {label.name: order[label.id] for label in case.mask.table}
    if table and table["labels"] != names:
        raise InputError(
            f"{index}: its labels are others than this document's; choose another folder"
        )

    def write() -> list[Path]:
        make_folder(folder / "imagesTr")
        make_folder(folder / "labelsTr")
        image = folder / "imagesTr" / f"{case.name}_0000.png"
        labels = folder / "labelsTr" / f"{case.name}.png"
        write_png16(image, picture.pixels, case.provenance, case.spacing)
        ids = np.zeros(256, np.uint8)
        for id, number in order.items():
            ids[id] = number
        renumbered = LabelTable(
            Label(order[label.id], label.name, label.colour) for label in case.mask.table
        )
        write_mask(labels, Mask(ids[case.mask.labels], renumbered, case.spacing))
        cases = {p.stem for p in (folder / "labelsTr").glob("*.png") if not p.name.startswith(".")}
        write_json(
            index,
            {
                **table,
                "channel_names": {"0": "radiograph"},
                "labels": names,
                "numTraining": len(cases | {case.name}),
                "file_ending": ".png",
                "overwrite_image_reader_writer": "NaturalImage2DIO",
                "description": "made with XGen Studio; pictures may be synthetic, see their PNG"
                " text",
            },
        )
        return [image, labels, index]

    return write


_WRITERS: dict[str, Callable[[Case, Path], Writer]] = {
    "png": _png,
    "nifti": _nifti,
    "dicom": _dicom,
    "coco": _coco,
    "nnunet": _nnunet,
}
