"""A labelled volume: strokes, fills, renumbering and centres under one undo; its file, its scan."""

import json
import zipfile

import numpy as np
import pytest

from xgen_studio.document import Rules, VolumeWork
from xgen_studio.document.blocks import Block, stroke
from xgen_studio.document.files import load_document, save_document
from xgen_studio.document.journal import Journal, read_journal
from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable, Volume, write_volume

TABLE = LabelTable(
    [
        Label(19, "T12", (200, 80, 0)),
        Label(20, "L1", (0, 200, 0)),
        Label(21, "L2", (0, 0, 200)),
        Label(28, "T13", (200, 0, 200)),
    ]
)
SHAPE = (24, 150, 300)  # more than one tile a slice


def scan(file=None, shift=0):
    rng = np.random.default_rng(3)
    voxels = rng.integers(-200, 1200, SHAPE).astype(np.int16) + np.int16(shift)
    tilt = np.deg2rad(12)
    turned = np.array(
        [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    )
    return Volume(voxels, (0.7, 0.8, 2.5), (-40.0, 12.0, -700.0), turned, source=file)


@pytest.fixture
def work():
    return VolumeWork.over(scan(), TABLE, "spine")


def block(z, y, x, size=(3, 10, 12)):
    return Block((z, y, x), np.ones(size, bool))


def test_a_stroke_is_one_step_and_undo_gives_back_every_voxel(work):
    work.fill(block(2, 5, 7, (20, 140, 250)), 20, "Fill")
    before = work.mask.copy()
    heard = []
    work.voxels_touched.connect(heard.append)
    work.begin_stroke(19)
    for i in range(20):
        ends = (4 + i / 2, 20 + 5 * i, 30 + 12 * i), (5 + i / 2, 25 + 5 * i, 42 + 12 * i)
        work.paint(stroke(*ends, (6, 6), work.spacing, work.shape))
    assert work.end_stroke("Paint T12")
    after = work.mask.copy()
    assert (after != before).any() and work.history.names == ["Fill", "Paint T12"]
    work.history.undo()
    np.testing.assert_array_equal(work.mask, before)
    work.history.redo()
    np.testing.assert_array_equal(work.mask, after)
    shadow = before
    for window in heard:
        shadow[window] = work.mask[window]
    np.testing.assert_array_equal(shadow, work.mask)


def test_a_cancelled_stroke_leaves_no_trace(work):
    work.fill(block(2, 5, 7), 20, "Fill")
    before = work.mask.copy()
    work.begin_stroke(19)
    work.paint(block(1, 0, 0, (9, 140, 290)))
    work.editor.cancel()
    np.testing.assert_array_equal(work.mask, before)
    assert work.history.names == ["Fill"]


def test_rules_are_those_of_a_flat_mask(work):
    work.fill(block(5, 20, 20), 20, "L1")
    work.fill(block(5, 20, 32), 21, "L2")
    work.change_label(21, "Lock", locked=True)
    grey = work.scan.voxels
    work.fill(block(5, 20, 10, (3, 10, 60)), 19, "x", Rules(over=frozenset({0}), limits=(300, 900)))
    painted = work.mask == 19
    assert painted.any() and not (painted & ((grey < 300) | (grey > 900))).any()
    assert (work.mask[5:8, 20:30, 20:32] == 20).all()
    work.fill(block(5, 20, 10, (3, 10, 60)), 0, "Erase")
    assert (work.mask != 0).sum() == (work.mask == 21).sum() == 360


def test_deltas_are_small_and_a_long_history_stays_in_its_budget(work):
    work.history.budget = 60_000
    for i in range(60):
        at = (3 + i % 15, 30 + i, 40 + 3 * i)
        work.fill(stroke(at, at, (7, 7), work.spacing, work.shape), 19 + i % 3, "dab")
    assert work.history.size <= 60_000 and 5 < len(work.history) < 60
    assert work.history.size / len(work.history) < 0.02 * work.mask.nbytes


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_between_painted_slices_the_gap_is_filled_along_any_axis(work, axis):
    starts = [6, 40, 60]
    size = [8, 30, 40]
    for offset in (0, 10):
        first, shape = list(starts), list(size)
        first[axis] += offset
        shape[axis] = 1
        work.fill(Block(tuple(first), np.ones(shape, bool)), 20, "Paint L1")
    work.fill(block(0, 100, 200), 21, "L2")
    assert work.fill_between(20, axis)
    lengths = list(size)
    lengths[axis] = 11
    expected = np.zeros(SHAPE, bool)
    expected[tuple(slice(s, s + n) for s, n in zip(starts, lengths, strict=True))] = True
    np.testing.assert_array_equal(work.mask == 20, expected)
    assert work.history.names[-1] == "Fill between slices of L1"
    work.history.undo()
    assert (work.mask == 20).sum() == 2 * np.prod(size) // size[axis]
    assert not work.fill_between(28, axis)


def test_the_fill_between_slices_spares_what_the_rules_spare(work):
    work.fill(block(5, 20, 20, (1, 20, 20)), 20, "a")
    work.fill(block(11, 20, 20, (1, 20, 20)), 20, "b")
    work.fill(block(8, 25, 25, (1, 4, 4)), 21, "L2")
    work.change_label(21, "Lock", locked=True)
    work.fill_between(20, 0)
    assert (work.mask[8, 25:29, 25:29] == 21).all() and (work.mask == 20).sum() == 7 * 400 - 16


def test_renumbering_moves_labels_and_centres_at_once_and_back(work):
    for i, label in enumerate((19, 20, 21)):
        work.fill(block(2 + 5 * i, 20, 130, (4, 20, 30)), label, "Paint")
    work.put_centres({19: (1.0, 2.0, 3.0), 20: (4.0, 5.0, 6.0)}, "Centres")
    before, steps = work.mask.copy(), len(work.history)
    assert work.renumber({19: 28, 20: 19, 21: 20}, "Renumber from T12")
    for old, new in {19: 28, 20: 19, 21: 20}.items():
        np.testing.assert_array_equal(work.mask == new, before == old)
    assert work.centres == {28: (1.0, 2.0, 3.0), 19: (4.0, 5.0, 6.0)}
    assert len(work.history) == steps + 1
    work.history.undo()
    np.testing.assert_array_equal(work.mask, before)
    assert work.centres == {19: (1.0, 2.0, 3.0), 20: (4.0, 5.0, 6.0)}


def test_a_label_merged_into_another_leaves_it_its_own_centre(work):
    work.fill(block(2, 20, 20), 19, "a")
    work.fill(block(2, 20, 40), 20, "b")
    work.put_centres({19: (1.0, 2.0, 3.0), 20: (4.0, 5.0, 6.0)}, "Centres")
    work.renumber({19: 20}, "Merge")
    assert work.centres == {20: (4.0, 5.0, 6.0)} and (work.mask == 20).sum() == 720
    work.remove(20)
    assert not work.mask.any() and work.centres == {}


def test_what_is_locked_or_unknown_is_not_renumbered(work):
    work.fill(block(2, 20, 20), 19, "a")
    work.change_label(20, "Lock", locked=True)
    for mapping, said in (({19: 20}, "L1 is locked"), ({19: 7}, "label 19"), ({0: 19}, "label 0")):
        with pytest.raises(InputError, match=said):
            work.renumber(mapping, "x")
    assert (work.mask == 19).sum() == 360 and not work.editor.active


def test_the_largest_part_stays(work):
    work.fill(block(2, 20, 20, (5, 30, 30)), 19, "big")
    work.fill(block(15, 100, 200, (2, 9, 9)), 19, "stray")
    work.fill(block(15, 100, 220), 20, "other")
    assert work.keep_largest(19) and (work.mask == 19).sum() == 4500
    assert (work.mask == 20).sum() == 360
    assert not work.keep_largest(19)
    work.history.undo()
    assert (work.mask == 19).sum() == 4662


def test_a_proposal_replaces_a_box_but_for_what_is_locked(work):
    work.fill(block(5, 20, 20), 21, "L2")
    work.change_label(21, "Lock", locked=True)
    proposal = np.full((10, 40, 200), 20, np.uint8)
    assert work.put_mask(proposal, "Proposal", (2, 10, 15))
    assert (work.mask == 20).sum() == proposal.size - 360 and (work.mask == 21).sum() == 360
    work.history.undo()
    assert (work.mask != 0).sum() == 360
    with pytest.raises(InputError, match="beyond"):
        work.put_mask(proposal, "x", (20, 0, 0))
    with pytest.raises(InputError, match="does not name"):
        work.put_mask(proposal - 15, "x")


def test_a_dragged_centre_is_one_step(work):
    work.put_centres({19: (1.0, 2.0, 3.0), 20: (0.0, 0.0, 0.0)}, "Centres")
    before = dict(work.centres)
    for i in range(5):
        work.drag_centre(19, (1.0 + i, 2.0, 3.0))
    work.drop_centres(before, "Move T12")
    assert work.history.names == ["Centres", "Move T12"] and work.centres[19][0] == 5.0
    work.history.undo()
    assert work.centres == before
    work.drop_centres(before, "Move T12")
    assert work.history.count == 2
    with pytest.raises(InputError, match="label 3"):
        work.put_centres({3: (0.0, 0.0, 0.0)}, "x")


def test_everything_survives_file_and_journal(work, tmp_path):
    work.scan_file = tmp_path / "scans" / "ct.nii.gz"
    work.fill(block(5, 120, 120), 20, "a")
    work.put_centres({20: (1.5, -2.0, 3.0)}, "Centre")
    work.change_label(20, "Hide", visible=False)
    save_document(tmp_path / "a.xgen", work)
    journal = Journal(tmp_path / "journal")
    assert journal.note(work).result()
    first = journal.path.stat().st_size
    work.fill(block(5, 20, 20), 19, "b")
    assert journal.note(work).result()
    assert journal.path.stat().st_size - first < 3000  # its tiles, no more
    for again, mask in (
        (load_document(tmp_path / "a.xgen")[0], work.mask == 20),
        (read_journal(journal.path)[0], work.mask > 0),
    ):
        assert isinstance(again, VolumeWork) and again.wing == "spine"
        np.testing.assert_array_equal(again.mask > 0, mask)
        assert again.labels == work.labels and again.centres == work.centres
        np.testing.assert_allclose(
            again.grid.index_to_mm((3, 2, 1)), work.grid.index_to_mm((3, 2, 1)), atol=1e-9
        )
        assert again.scan is None and again.scan_print == work.scan_print
        assert again.scan_file == work.scan_file
    journal.close()
    with zipfile.ZipFile(tmp_path / "a.xgen") as archive:
        card = archive.read("xgen.json").decode()
    assert "scans/ct.nii.gz" in card and str(tmp_path) not in card


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": [24, 150, 301]}, "not what it must be"),
        ({"shape": [24, 0, 300]}, "limit"),
        ({"spacing": [0.7, -1, 2]}, "spacing"),
        ({"direction": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]}, "LPS"),
        ({"direction": [[1, 1, 0], [0, 1, 0], [0, 0, 1]]}, "orthonormal"),
        ({"origin": [0, 0]}, "origin"),
        ({"labels": [{"id": 19, "name": "T12", "colour": [1, 2, 3]}]}, "does not name"),
        ({"labels": [{"id": 300, "name": "T12", "colour": [1, 2, 3]}]}, "1 to 255"),
        ({"centres": [{"label": 5, "at": [0, 0, 0]}]}, "centres"),
        ({"centres": [{"label": 20, "at": [0, 0, 1e9]}]}, "centre"),
        ({"more": 1}, "more"),
    ],
)
def test_a_damaged_document_gets_one_line(work, tmp_path, change, said):
    work.fill(block(5, 20, 20), 20, "a")
    save_document(tmp_path / "a.xgen", work)
    with zipfile.ZipFile(tmp_path / "a.xgen") as archive:
        head, mask = json.loads(archive.read("xgen.json")), archive.read("mask.raw")
    head["card"] |= change
    with zipfile.ZipFile(tmp_path / "b.xgen", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xgen.json", json.dumps(head))
        archive.writestr("mask.raw", mask)
    with pytest.raises(InputError, match=said) as caught:
        load_document(tmp_path / "b.xgen")
    assert "\n" not in str(caught.value)


def test_the_scan_is_found_again_and_another_one_is_told(work, tmp_path):
    file = tmp_path / "ct.nii.gz"
    write_volume(file, scan())
    made = VolumeWork.over(scan(file), TABLE, "spine")
    assert made.take_scan(made.read_scan()) == "" and not made.history.modified
    other = tmp_path / "other.nii.gz"
    write_volume(other, scan(shift=5))
    said = made.take_scan(made.read_scan(other))
    assert "other.nii.gz" in said and made.scan_file == other and made.history.modified


def test_a_missing_scan_and_one_on_another_grid_are_refused(work, tmp_path):
    work.scan_file = tmp_path / "gone.nii.gz"
    with pytest.raises(InputError, match=r"gone\.nii\.gz: the scan of this document is not there"):
        work.read_scan()
    whole = scan()
    for voxels, origin, said in (
        (whole.voxels[:-1], whole.origin, "300 x 150 x 23 voxels"),
        (whole.voxels, (-40.0, 15.0, -700.0), "3.0 mm beside"),
    ):
        file = tmp_path / "wrong.nii.gz"
        write_volume(file, Volume(voxels, whole.spacing, origin, whole.direction))
        with pytest.raises(InputError, match=said):
            work.read_scan(file)


def test_a_mask_lies_in_the_order_of_the_planes():
    flipped = Volume(np.zeros((2, 3, 4), np.uint8), (1, 1, 1), direction=np.diag([1.0, 1, -1]))
    with pytest.raises(ValueError, match="LPS"):
        VolumeWork(flipped, TABLE, "spine")
