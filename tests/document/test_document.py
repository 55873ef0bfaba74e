"""Painting, rules and undo of a document."""

import numpy as np
import pytest

from xgen_studio.document import Document, History, Picture, Rules
from xgen_studio.document.history import Replace
from xgen_studio.document.regions import Region, round_segment
from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable

TABLE = LabelTable(
    [Label(1, "leg", (9, 9, 9)), Label(3, "femur", (200, 0, 0)), Label(4, "tibia", (0, 0, 200))]
)


def document(shape=(300, 420)):
    return Document(shape, TABLE, "knee", (0.5, 0.5))


def box(top, left, height, width):
    return Region(top, left, np.ones((height, width), bool))


def test_a_stroke_is_one_change_and_undo_gives_back_every_pixel():
    doc = document()
    doc.fill(box(0, 0, 300, 420), 1, "Fill leg")
    before = doc.mask.copy()
    doc.begin_stroke(3)
    for i in range(20):
        start, end = (10 + 20 * i, 60 + 5 * i), (30 + 20 * i, 65 + 5 * i)
        doc.paint(round_segment(start, end, 14, doc.shape))
    assert doc.end_stroke("Paint femur")
    after = doc.mask.copy()
    assert (after != before).any()
    assert doc.history.names == ["Fill leg", "Paint femur"]
    assert doc.history.undo() == "Paint femur"
    np.testing.assert_array_equal(doc.mask, before)
    doc.history.redo()
    np.testing.assert_array_equal(doc.mask, after)


def test_any_sequence_of_edits_undoes_to_the_beginning_and_redoes_to_the_end():
    rng = np.random.default_rng(4)
    doc = document()
    states = [doc.mask.copy()]
    for _ in range(60):
        doc.begin_stroke(int(rng.choice([0, 1, 3, 4])))
        for _ in range(rng.integers(1, 5)):
            ends = rng.uniform((0, 0), (420, 300), (2, 2))
            doc.paint(round_segment(tuple(ends[0]), tuple(ends[1]), rng.uniform(1, 30), doc.shape))
        if doc.end_stroke("stroke"):
            states.append(doc.mask.copy())
    for state in reversed(states[:-1]):
        doc.history.undo()
        np.testing.assert_array_equal(doc.mask, state)
    for state in states[1:]:
        doc.history.redo()
        np.testing.assert_array_equal(doc.mask, state)


def test_the_mask_stays_the_same_array():
    # the canvas wraps its memory: another array would show an old picture
    doc = document()
    memory = doc.mask.ctypes.data
    doc.fill(box(5, 5, 50, 50), 3, "a")
    doc.put_mask(np.full(doc.shape, 4, np.uint8), "b")
    doc.reshape_label(4, "shrink", 3)
    doc.history.go_to(0)
    doc.history.go_to(3)
    assert doc.mask.ctypes.data == memory


def test_locked_labels_survive_strokes_fills_and_whole_masks():
    doc = document()
    doc.fill(box(50, 50, 40, 40), 3, "femur")
    doc.change_label(3, "Lock femur", locked=True)
    doc.fill(box(0, 0, 300, 420), 4, "tibia")
    assert (doc.mask == 3).sum() == 1600
    doc.put_mask(np.zeros(doc.shape, np.uint8), "clear")
    assert (doc.mask == 3).sum() == 1600 and (doc.mask != 0).sum() == 1600
    assert not doc.fill(box(0, 0, 9, 9), 3, "more femur")


def test_rules_keep_to_background_to_a_label_or_to_grey_values():
    doc = document()
    doc.fill(box(0, 0, 300, 200), 1, "leg")
    doc.fill(box(0, 0, 10, 420), 3, "background only", Rules(over=frozenset({0})))
    assert (doc.mask == 3).sum() == 10 * 220
    doc.fill(box(0, 0, 20, 420), 4, "over leg", Rules(over=frozenset({1})))
    assert (doc.mask == 4).sum() == 20 * 200
    grey = np.zeros(doc.shape, np.float32)
    grey[100:110, 100:110] = 0.7
    doc.put_picture(Picture(grey), "Open")
    doc.fill(box(90, 90, 40, 40), 3, "bright", Rules(limits=(0.6, 0.8)))
    assert (doc.mask[90:130, 90:130] == 3).sum() == 100


def test_a_cancelled_stroke_leaves_no_trace():
    doc = document()
    doc.fill(box(0, 0, 80, 80), 1, "leg")
    before = doc.mask.copy()
    doc.begin_stroke(3)
    doc.paint(box(20, 20, 200, 200))
    doc.editor.cancel()
    np.testing.assert_array_equal(doc.mask, before)
    assert doc.history.names == ["leg"]


def test_every_change_of_the_mask_is_heard_with_its_box():
    doc = document()
    heard = []
    doc.mask_touched.connect(heard.append)
    shadow = doc.mask.copy()
    rng = np.random.default_rng(0)
    for _ in range(10):
        ends = rng.uniform((0, 0), (420, 300), (2, 2))
        doc.fill(round_segment(tuple(ends[0]), tuple(ends[1]), 9, doc.shape), 3, "s")
        if rng.random() < 0.4:
            doc.history.undo()
    doc.history.go_to(0)
    doc.history.go_to(4)
    for left, top, width, height in heard:
        part = slice(top, top + height), slice(left, left + width)
        shadow[part] = doc.mask[part]
    np.testing.assert_array_equal(shadow, doc.mask)
    assert doc.revision == len(heard)


def test_renaming_locking_and_pictures_are_undone_in_order_with_strokes():
    doc = document()
    doc.fill(box(0, 0, 9, 9), 3, "Paint femur")
    doc.change_label(3, "Rename femur", name="femur (left)")
    doc.put_picture(Picture(np.zeros(doc.shape, np.float32)), "Accept radiograph")
    assert doc.state(3).label.name == "femur (left)"
    doc.history.undo()
    assert doc.picture is None
    doc.history.undo()
    assert doc.state(3).label.name == "femur"
    doc.history.undo()
    assert not doc.mask.any()
    with pytest.raises(InputError, match="there twice"):
        doc.change_label(3, "Rename", name="tibia")


def test_shrinking_a_bone_gives_the_rim_to_the_leg_around_it():
    doc = document()
    doc.fill(box(0, 0, 300, 420), 1, "leg")
    doc.fill(box(100, 100, 60, 60), 3, "femur")
    doc.reshape_label(3, "shrink", 5)
    assert (doc.mask == 3).sum() == 50 * 50
    assert not (doc.mask == 0).any()
    doc.reshape_label(3, "grow", 5)
    assert (doc.mask == 3).sum() == pytest.approx(3600, rel=0.02)


def test_a_mask_or_picture_of_another_size_is_refused():
    doc = document()
    with pytest.raises(InputError, match="does not fit"):
        doc.put_mask(np.zeros((10, 10), np.uint8), "x")
    with pytest.raises(InputError, match="size"):
        doc.put_picture(Picture(np.zeros((10, 10), np.float32)), "x")


def test_the_history_forgets_the_oldest_beyond_its_budget():
    history, value = History(budget=1000), []
    for i in range(20):
        history.did(Replace(f"c{i}", value.append, i, i + 1))
    assert history.size <= 1000
    assert history.names == [f"c{i}" for i in range(15, 20)]


def test_modified_follows_saving_and_undo():
    doc = document()
    assert not doc.history.modified
    doc.fill(box(0, 0, 9, 9), 3, "a")
    assert doc.history.modified
    doc.history.mark_saved()
    doc.fill(box(0, 0, 9, 9), 4, "b")
    doc.history.undo()
    assert not doc.history.modified
    doc.history.undo()
    doc.fill(box(9, 9, 9, 9), 4, "another way")
    assert doc.history.modified  # as many changes as were saved, but not the same


def test_a_long_stroke_keeps_kilobytes():
    doc = document((1024, 1024))
    doc.begin_stroke(3)
    for i in range(120):
        doc.paint(round_segment((100 + 6 * i, 500), (106 + 6 * i, 500), 32, doc.shape))
    doc.end_stroke("long")
    assert doc.history.size < 20_000


def test_a_long_history_is_gone_through_at_once():
    doc = Document((64, 64), TABLE, "knee")
    told = []
    doc.history_changed.connect(lambda: told.append(1))
    for i in range(400):
        doc.fill(Region(i % 60, 0, np.ones((1, 64), bool)), 1 + 2 * (i // 60 % 2), "line")
    assert len(told) == len(doc.history)
    done, before = len(doc.history), doc.history.size
    doc.history.go_to(0)
    assert len(told) == done + 1 and not doc.mask.any()
    assert doc.history.size == before == sum(c.size for c in doc.history._undone)
    assert [doc.history.name_at(i) for i in range(done)] == doc.history.names


def test_showing_only_one_label_is_one_step_however_many_there_are():
    many = LabelTable(Label(i, f"organ {i}", (i, i, i)) for i in range(1, 72))
    doc = Document((20, 20), many, "knee")
    doc.show_only(40, "Show only organ 40")
    assert [s.label.id for s in doc.labels if s.visible] == [40]
    assert len(doc.history) == 1
    doc.history.undo()
    assert all(s.visible for s in doc.labels)
