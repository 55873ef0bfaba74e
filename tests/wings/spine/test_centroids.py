"""Files of vertebral centres in every flavour, tried against a mask whose middles are known."""

import json

import numpy as np
import pytest

from tests.wings.spine.masks import LUMBAR, ORIGIN, named, spine, volume
from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.centroids import centres_of, read_centroids, write_centroids
from xgen_studio.wings.spine.science.labels import SpineLabels, read_labels
from xgen_studio.wings.spine.science.levels import LABELS

SPACING = (3.0, 1.5, 2.0)  # x, y, z: a reading of the wrong axis or unit is far away


@pytest.fixture(scope="module")
def mask():
    return named(LUMBAR, spacing=SPACING)


def counted(labels, middles, axes, cubes=False):
    """X, Y, Z of each middle along `axes`, worked out here and not by the code under test."""
    v = labels.volume
    counts = dict(zip("LPS", v.shape[::-1], strict=True))
    steps = dict(zip("LPS", v.spacing, strict=True))
    rows = []
    for level, mm in middles.items():
        index = dict(zip("LPS", (mm - v.origin) / v.spacing, strict=True))
        place = []
        for code in axes:
            axis = code if code in "LPS" else {"R": "L", "A": "P", "I": "S"}[code]
            i = index[axis] if code in "LPS" else counts[axis] - 1 - index[axis]
            place.append(round(i * (steps[axis] if cubes else 1.0), 2))
        rows.append({"label": LABELS[level], **dict(zip("XYZ", place, strict=True))})
    return rows


def save(path, content):
    path.write_text(json.dumps(content))
    return path


def close(found, middles, mm=0.1):
    assert list(found.points) == list(middles)
    for level, middle in middles.items():
        assert np.linalg.norm(found.points[level] - middle) < mm, level


@pytest.mark.parametrize("axes", ["PIR", "LPS", "ASL", "IPL"])
@pytest.mark.parametrize("cubes", [False, True])
def test_verses_list_is_read_along_its_axes_in_voxels_or_in_mm(tmp_path, mask, axes, cubes):
    labels, middles = mask
    rows = [{"direction": list(axes)}, *counted(labels, middles, axes, cubes)]
    found = read_centroids(save(tmp_path / "ctd.json", rows), labels)
    close(found, middles)
    assert found.notes == ()
    assert f"axes {axes}" in found.reading
    assert ("1 mm" in found.reading) == cubes


@pytest.mark.parametrize("axes", ["IPL", "RAS"])
def test_healthiverts_list_counts_along_the_axes_of_the_file(tmp_path, mask, axes):
    labels, middles = mask
    stored = SpineLabels(labels.volume, "a phantom", stored_axes=axes)
    rows = counted(labels, middles, axes)
    found = read_centroids(save(tmp_path / "0007.json", rows), stored)
    close(found, middles)
    assert f"the file's own axes {axes}" in found.reading


def test_a_direction_that_is_not_the_masks_loses_to_the_reading_that_fits(tmp_path, mask):
    labels, middles = mask
    rows = [{"direction": ["R", "A", "S"]}, *counted(labels, middles, "LPS")]
    found = read_centroids(save(tmp_path / "ctd.json", rows), labels)
    close(found, middles)
    assert "own axes LPS" in found.reading


def test_slicers_points_are_turned_to_lps_and_unnamed_ones_said(tmp_path, mask):
    labels, middles = mask
    points = [
        {"label": f"{k} vertebra", "position": (m * (-1, -1, 1)).tolist()}
        for k, m in middles.items()
    ]
    points += [{"label": "F-1", "position": [0, 0, 0]}]
    points += [{"label": "L5", "position": [], "positionStatus": "undefined"}]
    content = {"markups": [{"coordinateSystem": "RAS", "controlPoints": points}]}
    found = read_centroids(save(tmp_path / "a.mrk.json", content), labels)
    close(found, middles)
    assert any("F-1" in note for note in found.notes)


def test_fcsv_is_read_with_the_system_it_names(tmp_path, mask):
    labels, middles = mask
    head = "# CoordinateSystem = LPS\n# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc\n"
    lines = [f"p{k},{x},{y},{z},0,0,0,1,1,1,0,{k},\n" for k, (x, y, z) in middles.items()]
    (tmp_path / "a.fcsv").write_text(head + "".join(lines))
    close(read_centroids(tmp_path / "a.fcsv", labels), middles)
    close(read_centroids(tmp_path / "a.fcsv"), middles)  # millimetres need no picture


@pytest.mark.parametrize("from_voxel", [True, False])
def test_a_row_of_payers_table_is_found_by_name_and_placed(tmp_path, mask, from_voxel):
    labels, middles = mask
    v = labels.volume
    source = tmp_path / "sub-verse401_split-verse253_seg-vert_msk.nii.gz"
    labels = SpineLabels(Volume(v.voxels, v.spacing, v.origin, source=source), "a phantom")
    row = np.full((26, 3), np.nan)
    for level, mm in middles.items():
        row[LABELS[level] - 1] = mm - ORIGIN if from_voxel else mm
    other = np.full((26, 3), 7.0)
    rows = {"verse401_verse201_CT-iso": other, "verse401_verse253_CT-iso": row}
    lines = [f"{id},{','.join(map(str, r.ravel()))}" for id, r in rows.items()]
    (tmp_path / "landmarks.csv").write_text("\n".join(lines) + "\n")
    found = read_centroids(tmp_path / "landmarks.csv", labels)
    close(found, middles)
    assert found.notes == ("row verse401_verse253_CT-iso",)


def test_the_last_column_is_t13_or_s2_by_its_height(tmp_path):
    row = np.full((26, 3), np.nan)
    row[22:24, 2] = 100, 70
    row[22:24, :2] = 0
    for name, last, level in (("verse", 240.0, "T13"), ("csi", 10.0, None)):
        row[25] = 0, 0, last
        row[24] = (0, 0, 40.0)
        path = tmp_path / f"{name}.csv"
        path.write_text(f"{name}," + ",".join(map(str, row.ravel())) + "\n")
        points = read_centroids(path).points
        assert ("T13" in points) == (level == "T13")
        assert ("S1" in points) == (level is None)
        assert ("L6" in points) == (level == "T13")


def test_a_point_beside_its_vertebra_is_worked_out_from_the_mask_and_said(tmp_path, mask):
    labels, middles = mask
    wrong = {**middles, "L2": middles["L2"] + (0, 0, 60.0)}
    del wrong["L4"]
    rows = [{"direction": list("LPS")}, *counted(labels, wrong, "LPS")]
    rows.append({"label": 99, "X": 1, "Y": 1, "Z": 1})
    found = read_centroids(save(tmp_path / "ctd.json", rows), labels)
    close(found, middles, mm=4.0)
    assert any(note.startswith("L2's point lies") for note in found.notes)
    assert any("L4: no point in the file" in note for note in found.notes)
    assert any("99" in note for note in found.notes)


def test_voxels_without_a_picture_are_refused_and_with_a_ct_placed(tmp_path, mask):
    labels, middles = mask
    path = save(tmp_path / "c.json", [{"direction": list("PIR")}, *counted(labels, middles, "PIR")])
    with pytest.raises(InputError, match="open it with its mask or CT"):
        read_centroids(path)
    close(read_centroids(path, ct=labels.volume), middles)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{"label": 20, "X": 1, "Y": 2}], "no three numbers"),
        ([{"label": "L1", "X": 1, "Y": 2, "Z": 3}], "no whole number"),
        ([{"label": 20, "X": 1, "Y": 2, "Z": 3}] * 2, "there twice"),
        ([{"direction": ["P", "A", "R"]}], "no three axes"),
        ([{"direction": ["P", "I", "R"]}], "no centre of a vertebra"),
        ({"points": []}, "neither"),
        ({"markups": [3]}, "no list of points"),
        ([{"direction": 5}], "no three axes"),
    ],
)
def test_a_file_of_something_else_is_refused_in_one_line(tmp_path, mask, content, said):
    path = save(tmp_path / "ctd.json", content)
    with pytest.raises(InputError, match=said) as caught:
        read_centroids(path, mask[0])
    assert str(path) in str(caught.value)


def test_what_is_written_is_verses_list_and_reads_back(tmp_path, mask):
    labels, middles = mask
    turned = Volume(
        np.zeros((40, 50, 60), np.uint8), (1.0, 2.0, 3.0), (60.0, 70.0, -400.0),
        np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]]),
    )  # fmt: skip
    write_centroids(tmp_path / "out.json", dict(reversed(middles.items())), turned)
    written = json.loads((tmp_path / "out.json").read_text())
    assert written[0] == {"direction": ["P", "I", "R"]}
    assert [entry["label"] for entry in written[1:]] == [LABELS[level] for level in LUMBAR]
    close(read_centroids(tmp_path / "out.json", ct=turned), middles, mm=0.01)
    write_centroids(tmp_path / "mine.json", middles, labels.volume)
    close(read_centroids(tmp_path / "mine.json", labels), middles, mm=0.01)
    with pytest.raises(InputError, match="no level"):
        write_centroids(tmp_path / "bad.json", {"vertebra 1": (0, 0, 0)}, turned)
    assert not (tmp_path / "bad.json").exists()


def test_the_middle_of_a_body_is_found_in_a_whole_vertebra_and_in_a_crushed_one():
    labels, middles = named(LUMBAR)
    crushed = labels.volume.voxels.copy()
    z, y, _ = labels.volume.mm_to_index(middles["L2"])
    crushed[int(z) + 1 :, : int(y) + 8][crushed[int(z) + 1 :, : int(y) + 8] == LABELS["L2"]] = 0
    made = SpineLabels(volume(crushed), "a phantom")
    for level, middle in centres_of(made).items():
        assert np.hypot(*(middle - middles[level])[:2]) < 3.0, level


def test_bodies_without_names_have_middles_too():
    voxels, middles = spine([1, 2, 3], arches=False)
    centres = centres_of(SpineLabels(volume(voxels.astype(np.uint8)), "", named=False))
    assert list(centres) == ["vertebra 1", "vertebra 2", "vertebra 3"]
    assert np.allclose(list(centres.values()), middles + ORIGIN, atol=1.5)


@pytest.mark.parametrize("id", ["verse012/sub-verse012", "verse_masks/sub-verse004"])
def test_verses_own_points_lie_in_verses_masks_and_ours_beside_them(data, id):
    mask = data / "spine" / f"{id}_seg-vert_msk.nii.gz"
    if not mask.exists():
        pytest.skip(f"{id} is not among the shared data")
    labels = read_labels(mask)
    found = read_centroids(data / "spine" / f"{id}_seg-subreg_ctd.json", labels)
    assert found.notes == ()
    assert "in voxels of the file" in found.reading
    for level, middle in centres_of(labels).items():
        assert np.linalg.norm(found.points[level] - middle) < 3.5, level


def test_the_middle_of_c1_is_that_of_its_ring():
    z, y, x = np.indices((20, 60, 70))
    far = np.hypot(y - 28, (x - 33) * 0.8)
    ring = (far > 17) & (far < 23) & (abs(z - 9) < 5)
    ring |= (far > 12) & (far < 26) & (abs(z - 9) < 6) & (x > 48)  # a thicker left side
    made = SpineLabels(volume(ring.astype(np.uint8) * LABELS["C1"]), "a phantom")
    inside = (centres_of(made)["C1"] - ORIGIN) / 2.0
    assert np.hypot(inside[0] - 33, inside[1] - 28) < 8
