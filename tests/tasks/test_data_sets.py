"""Exported data sets, loaded and judged by the programs they are for."""

import contextlib
import io
import json
import os
from copy import deepcopy

import numpy as np
import PIL.Image
import pytest

from xgen_studio.document import Document, Made, Picture
from xgen_studio.tasks.export import export_document
from xgen_studio.wings.hand.science.annotation import Annotation, State
from xgen_studio.wings.hand.science.landmarks import COUNT, NAMES
from xgen_studio.wings.hand.tasks.annotating import save_annotation
from xgen_studio.wings.knee.science.labels import TABLE

coco = pytest.importorskip("pycocotools.coco")
cocoeval = pytest.importorskip("pycocotools.cocoeval")
cocomask = pytest.importorskip("pycocotools.mask")


def knee(seed):
    """A document with all labels in irregular places, one in many pieces."""
    made = Document((40, 70), TABLE, "knee", (0.5, 0.25))
    rng = np.random.default_rng(seed)
    made.mask[...] = rng.integers(0, 2, (40, 70))
    for i, label in enumerate(TABLE):
        made.mask[3 * i : 3 * i + 12, 9 * i : 9 * i + 14 + seed] = label.id
    pixels = rng.random((40, 70)).astype(np.float32)
    made.put_picture(Picture(pixels, (Made(made.mask.copy(), {"synthetic": True}),)), "Keep")
    return made


@pytest.fixture
def knees(tmp_path):
    """Two knees exported as COCO and nnU-Net."""
    made = {name: knee(i) for i, name in enumerate(("one", "two"))}
    for name, document in made.items():
        export_document(document, tmp_path, name, ["coco", "nnunet"])
    return made


def loaded(path):
    with contextlib.redirect_stdout(io.StringIO()):
        return coco.COCO(str(path))


def average_precision(truth, found, kind, sigmas=None):
    with contextlib.redirect_stdout(io.StringIO()):
        judged = cocoeval.COCOeval(truth, truth.loadRes(deepcopy(found)), kind)
        if sigmas is not None:
            judged.params.kpt_oks_sigmas = sigmas
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return judged.stats[0]


def test_coco_masks_decode_to_the_labels_and_a_perfect_detector_has_an_ap_of_1(knees, tmp_path):
    truth = loaded(tmp_path / "annotations.json")
    assert {c["name"] for c in truth.loadCats(truth.getCatIds())} == set(TABLE.names)
    found = []
    for image in truth.loadImgs(truth.getImgIds()):
        document = knees[os.path.splitext(os.path.basename(image["file_name"]))[0]]
        with PIL.Image.open(tmp_path / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
        rebuilt = np.zeros(document.shape, np.uint8)
        for note in truth.loadAnns(truth.getAnnIds(image["id"])):
            inside = truth.annToMask(note).astype(bool)
            assert not rebuilt[inside].any() and note["area"] == inside.sum()
            rebuilt[inside] = note["category_id"]
            run_lengths = truth.annToRLE(note)
            box = cocomask.toBbox(run_lengths).tolist()
            assert box == note["bbox"]
            found.append(
                {
                    "image_id": image["id"],
                    "category_id": note["category_id"],
                    "segmentation": run_lengths,
                    "bbox": box,
                    "score": 0.9,
                }
            )
        np.testing.assert_array_equal(rebuilt, document.mask)
    masks = [{k: v for k, v in one.items() if k != "bbox"} for one in found]
    boxes = [{k: v for k, v in one.items() if k != "segmentation"} for one in found]
    assert average_precision(truth, masks, "segm") == pytest.approx(1)
    assert average_precision(truth, boxes, "bbox") == pytest.approx(1)
    assert average_precision(truth, masks[:-3], "segm") < 0.9  # it does look


def test_coco_keypoints_load_and_a_perfect_localiser_has_an_ap_of_1(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "hands.json"
    for name in ("a.png", os.fsdecode(b"b\xe4.png")):
        points = rng.uniform((10, 20), (500, 700), (COUNT, 2)).round(2)
        points[5] = np.nan
        states = [State.PLACED] * COUNT
        states[5], states[7] = State.ABSENT, State.OCCLUDED
        save_annotation(path, name, Annotation(points, tuple(states), (520, 720)))
    truth = loaded(path)
    assert [i["file_name"] for i in truth.loadImgs(truth.getImgIds())] == ["a.png", "b%E4.png"]
    [category] = truth.loadCats(truth.getCatIds())
    assert category["keypoints"] == list(NAMES)
    notes = truth.loadAnns(truth.getAnnIds())
    assert {note["num_keypoints"] for note in notes} == {COUNT - 1}
    assert notes[1]["keypoints"][15:18] == [0, 0, 0] and notes[1]["keypoints"][23] == 1
    keys = ("image_id", "category_id", "keypoints")
    found = [{k: note[k] for k in keys} | {"score": 1.0} for note in notes]
    sigmas = np.full(COUNT, 0.05)
    assert average_precision(truth, found, "keypoints", sigmas) == pytest.approx(1)
    found[0]["keypoints"] = [v + 90 for v in found[0]["keypoints"]]
    assert average_precision(truth, found, "keypoints", sigmas) < 0.6


def test_nnunet_finds_nothing_wrong_with_the_data_set(knees, tmp_path):
    """What `nnUNetv2_plan_and_preprocess --verify_dataset_integrity` checks (nnU-Net 2,
    experiment_planning/verify_dataset_integrity.py), and what its NaturalImage2DIO reads."""
    table = json.loads((tmp_path / "dataset.json").read_text())
    assert {"labels", "channel_names", "numTraining", "file_ending"} <= set(table)
    ending, channels = table["file_ending"], table["channel_names"]
    assert ending == ".png" and table["overwrite_image_reader_writer"] == "NaturalImage2DIO"
    assert list(channels) == [str(i) for i in range(len(channels))]
    assert table["labels"]["background"] == 0
    assert sorted(table["labels"].values()) == list(range(len(TABLE) + 1))  # consecutive
    images = {p.name for p in (tmp_path / "imagesTr").iterdir()}
    cases = {p.name.removesuffix(ending) for p in (tmp_path / "labelsTr").iterdir()}
    assert images == {f"{case}_{i:04d}{ending}" for case in cases for i in range(len(channels))}
    assert table["numTraining"] == len(cases) == 2
    for case in cases:
        with (
            PIL.Image.open(tmp_path / "imagesTr" / f"{case}_0000{ending}") as image,
            PIL.Image.open(tmp_path / "labelsTr" / f"{case}{ending}") as labels,
        ):
            pixels, ids = np.asarray(image), np.asarray(labels)
        # a PNG has no spacing, origin or direction for it, so that these are equal
        assert pixels.shape == ids.shape and pixels.ndim == ids.ndim == 2
        assert np.isfinite(pixels.astype(float)).all()
        assert set(np.unique(ids)) <= set(table["labels"].values())
        wanted = np.zeros(ids.shape, int)
        for label in TABLE:
            wanted[knees[case].mask == label.id] = table["labels"][label.name]
        np.testing.assert_array_equal(ids, wanted)
