"""Landmark files of five kinds say the same; what cannot be used gets one line."""

import json
import os

import numpy as np
import pytest

from xgen_studio.errors import InputError
from xgen_studio.imaging import Image, read_image, write_dicom_synthetic
from xgen_studio.wings.hand.science.annotation import Annotation, State
from xgen_studio.wings.hand.science.landmarks import COUNT, NAMES
from xgen_studio.wings.hand.science.reading import read_annotations, read_landmarks

POINTS = np.random.default_rng(0).uniform((10, 20), (500, 700), (COUNT, 2)).round(2)


def table(points, id="7"):
    return id + "," + ",".join(str(v) for v in np.ravel(points))


def coco(points, states=(2,) * COUNT):
    keypoints = [v for (x, y), s in zip(points, states, strict=True) for v in (x, y, s)]
    return {
        "images": [{"id": 1, "file_name": "7.jpg", "width": 520, "height": 720}],
        "categories": [{"id": 1, "keypoints": list(NAMES)}],
        "annotations": [{"image_id": 1, "category_id": 1, "keypoints": keypoints}],
    }


def slicer(points, system="LPS", labels=NAMES):
    sign = -1 if system == "RAS" else 1
    controls = [
        {"label": label, "position": [sign * x, sign * y, 0.0], "positionStatus": "defined"}
        for label, (x, y) in zip(labels, points, strict=True)
    ]
    return {"markups": [{"coordinateSystem": system, "controlPoints": controls}]}


def labelme(points):
    shapes = [
        {
            "label": str(n),
            "shape_type": "point",
            "flags": {"occluded": n == 3},
            "points": [[float(v) + 0.5 for v in p]],
        }  # px from the edge, as labelme's canvas counts
        for n, p in enumerate(points)
    ]
    return {"shapes": shapes, "imagePath": "7.jpg", "imageWidth": 520, "imageHeight": 720}


def napari(points):
    rows = [f"{n},{y},{x}" for n, (x, y) in enumerate(points)]
    return "\n".join(["index,axis-0,axis-1", *rows])


@pytest.fixture
def file(tmp_path):
    def write(content, name="7.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_every_kind_of_file_says_the_same(file):
    for path in (
        file(table(POINTS), "a.csv"),
        file(coco(POINTS)),
        file(labelme(POINTS), "b.json"),
        file(slicer(POINTS), "7.mrk.json"),
        file(slicer(POINTS, "RAS"), "7.mrk.json"),
        file(napari(POINTS), "7.csv"),
    ):
        found = read_landmarks(path)
        assert list(found) == ["7"]
        np.testing.assert_allclose(found["7"], POINTS)


def test_names_count_and_not_the_order(file):
    order = np.random.default_rng(1).permutation(COUNT)
    shuffled = slicer(POINTS[order], labels=[NAMES[n] for n in order])
    np.testing.assert_allclose(read_landmarks(file(shuffled))["7"], POINTS)


def test_slicer_s_own_running_names_are_taken_in_order(file):
    running = slicer(POINTS, labels=[f"F-{n + 1}" for n in range(COUNT)])
    np.testing.assert_allclose(read_landmarks(file(running))["7"], POINTS)


def test_occluded_and_absent_are_kept(file):
    assert read_annotations(file(labelme(POINTS)))["7"].states[3] is State.OCCLUDED
    states = [2] * COUNT
    states[5] = 0
    annotation = read_annotations(file(coco(POINTS, states)))["7"]
    assert annotation.next_absent() == 5 and np.isnan(annotation.points[5]).all()
    with pytest.raises(InputError, match="7 has no landmark 5; all 37"):
        read_landmarks(file(coco(POINTS, states)))


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (table(POINTS[:36]), "a.csv", "72 coordinates; 74 are needed"),
        (table(POINTS) + "\n" + table(POINTS), "a.csv", "id 7 is there twice"),
        (table(POINTS).replace(str(POINTS[0, 0]), "nan", 1), "a.csv", "NaN"),
        (table(POINTS).replace(str(POINTS[0, 0]), "cat", 1), "a.csv", "no number"),
        ("", "a.csv", "holds no landmarks"),
        (coco(POINTS * 3), "a.json", "differ in scale"),
        (coco(POINTS[:30], (2,) * 30), "a.json", "30 keypoints, 37 are named"),
        (labelme(POINTS[:30]) | {"imageWidth": None}, "a.json", ""),
        (labelme(np.concatenate([POINTS, POINTS[:1]])), "a.json", "no landmark is called '37'"),
        (slicer(POINTS, labels=(NAMES[0], *NAMES[:-1])), "a.json", "is there twice"),
        (slicer(POINTS, labels=("thumb tipp", *NAMES[1:])), "a.json", "'thumb tipp'"),
        (napari(POINTS[:20]), "a.csv", "20 points; 37"),
        ({"cats": 1}, "a.json", "neither COCO"),
        ({"annotations": [{"image_id": 1}]}, "a.json", "holds no landmarks"),
        ("{", "a.json", "JSON"),
    ],
)
def test_what_cannot_be_used_gets_one_line(file, content, name, message):
    path = file(content, name)
    if not message:  # numbered points may be fewer: the others are absent
        assert read_annotations(path)["7"].next_absent() == 30
        return
    with pytest.raises(InputError) as error:
        read_annotations(path)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_an_annotation_is_placed_in_order_and_flipped():
    made = Annotation.empty()
    for n, (x, y) in enumerate(POINTS):
        assert made.next_absent() == n
        made = made.put(n, (x, y))
    assert made.complete and made.without(4).next_absent() == 4
    twice = made.flipped(600).flipped(600)
    np.testing.assert_allclose(twice.points, POINTS)
    np.testing.assert_allclose(made.flipped(600).points[:, 0], 599 - POINTS[:, 0])


def test_columns_in_another_order_are_refused(file):
    columns = ["id", *(f"x{n}" for n in range(37)), *(f"y{n}" for n in range(37))]
    row = ",".join(["7", *(f"{v}" for v in POINTS.T.ravel())])
    with pytest.raises(InputError, match="x0, y0, x1"):
        read_landmarks(file(",".join(columns) + "\n" + row, "order.csv"))
    text = "index,axis-0,axis-1,axis-2\n" + "\n".join(
        f"{n},0,{y},{x}" for n, (x, y) in enumerate(POINTS)
    )
    with pytest.raises(InputError, match="three dimensions"):
        read_landmarks(file(text, "deep.csv"))


def test_odd_digits_are_no_numbers_and_endless_sizes_get_one_line(file):
    odd = "\n".join(["index,axis-0,axis-1,label", *(f"{n},1,{n},\u00b2" for n in range(37))])
    assert list(read_landmarks(file(odd, "odd.csv"))) == ["odd"]  # then the order counts
    table = coco(POINTS)
    table["images"][0]["width"] = float("inf")
    with pytest.raises(InputError, match="not finite"):
        read_landmarks(file(table))


def picture(path, spacing=None, origin=None, turned=False):
    """A radiograph of the landmarks' size, as DICOM, or as PNG without a spacing."""
    pixels = np.zeros((720, 520), np.uint16)
    pixels[:, 260:] = 900
    if spacing is None:
        import PIL.Image

        PIL.Image.fromarray(pixels.astype(np.uint8)).save(path)
        return
    direction = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]) if turned else np.eye(3)
    place = {} if origin is None else {"origin": origin, "direction": direction}
    image = Image(pixels, spacing, modality="DX", **place)
    write_dicom_synthetic(path, image, {"synthetic": True})


@pytest.mark.parametrize("system", ["LPS", "RAS"])
@pytest.mark.parametrize(
    ("spacing", "origin", "turned"),
    [(None, None, False), ((0.14, 0.14), None, False), ((0.14, 0.2), (-30.0, 12.0, 5.0), True)],
)
def test_millimetres_of_slicer_become_pixels_of_their_picture(
    file, tmp_path, system, spacing, origin, turned
):
    picture(tmp_path / ("hand.png" if spacing is None else "hand.dcm"), spacing, origin, turned)
    x, y = (POINTS * (spacing or (1, 1))).T
    if turned:
        x, y = -y, x
    x, y = (x + (origin or (0, 0))[0], y + (origin or (0, 0))[1])
    content = slicer(np.stack([x, y], 1), system)
    sign = -1 if system == "RAS" else 1
    assert content["markups"][0]["controlPoints"][0]["position"][0] == sign * x[0]
    found = read_annotations(file(content, "hand.mrk.json"))["hand"]
    np.testing.assert_allclose(found.points, POINTS, atol=1e-3)
    # a picture that is at hand counts, wherever it lies
    if spacing:
        alone = file(content, "alone.mrk.json")
        at_hand = read_annotations(alone, read_image(tmp_path / "hand.dcm"))["alone"]
        np.testing.assert_allclose(at_hand.points, POINTS, atol=1e-3)


def test_a_path_of_windows_is_no_name(file):
    content = labelme(POINTS) | {"imagePath": "..\\images\\3143.jpg"}
    assert list(read_annotations(file(content))) == ["3143"]
    content = coco(POINTS)
    content["images"][0]["file_name"] = "C:\\Users\\x\\7.png"
    assert list(read_annotations(file(content))) == ["7"]


def test_coco_annotations_of_other_kinds_are_passed_over(file):
    content = coco(POINTS)
    content["images"].append({"id": 2, "file_name": "8.jpg", "width": 520, "height": 720})
    content["categories"] += [{"id": 2, "name": "ring"}, {"id": 3, "keypoints": ["a", "b"]}]
    content["annotations"] += [
        {"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "segmentation": [[1, 2, 3, 4]]},
        {"image_id": 2, "category_id": 3, "keypoints": [1, 2, 2, 3, 4, 2]},
    ]
    found = read_annotations(file(content))
    np.testing.assert_allclose(found["7"].points, POINTS)
    assert list(found) == ["7"]


def test_minus_one_in_a_table_says_that_a_landmark_was_not_seen(file):
    points = POINTS.copy()
    points[3] = -1
    path = file(table(points), "a.csv")
    assert read_annotations(path)["7"].states[3] is State.ABSENT
    with pytest.raises(InputError, match="no landmark 3"):
        read_landmarks(path)


def test_a_table_that_is_a_pipe_a_device_or_absurd_is_refused_at_once(file, tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zero.csv"):
        with pytest.raises(InputError, match="ordinary file"):
            read_annotations(tmp_path / name)
    far = POINTS.copy()
    far[4, 1] = 1e302
    with pytest.raises(InputError, match="beyond any image"):
        read_annotations(file(table(far), "far.csv"))
    with pytest.raises(InputError, match="no markup"):
        read_annotations(file({"markups": []}, "none.mrk.json"))
