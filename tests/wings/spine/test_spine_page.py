"""The spine page in a window: opening, choosing, naming, measuring, deciding, reporting."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from tests.studio.driving import FakeEngine, Mouse, pixels, press, wait_for
from tests.wings.spine.masks import named, save, scan
from xgen_studio.imaging import write_volume
from xgen_studio.studio.canvas.slice_view import Plane
from xgen_studio.studio.desk import Desk
from xgen_studio.studio.engine.protocol import CANCELLED
from xgen_studio.studio.settings import Settings
from xgen_studio.wings.spine.pages.card import Notice
from xgen_studio.wings.spine.pages.column_mark import ends_of
from xgen_studio.wings.spine.pages.opening import Opening
from xgen_studio.wings.spine.pages.page import SpinePage
from xgen_studio.wings.spine.pages.workspace import nothing
from xgen_studio.wings.spine.science.examination import examine
from xgen_studio.wings.spine.science.findings import Examination
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.measuring import measure_all
from xgen_studio.wings.spine.science.models import shipped_models
from xgen_studio.wings.spine.science.overruling import Overruled
from xgen_studio.wings.spine.tasks.asks import (
    BodiesProposed,
    Examined,
    ExamineMask,
    GradeScan,
    HealthyShown,
    ProposeBodies,
    ScanGraded,
    ShowHealthy,
)
from xgen_studio.wings.spine.tasks.grading_file import Method, write_grading

LEVELS = ("T12", "L1", "L2", "L3")
FLAG = "its rim is cut"


@pytest.fixture(scope="session")
def phantom():
    """A CT and a mask whose L2 lost the front half of its height; what is found of them."""
    labels, middles = named(LEVELS)
    ct = scan(labels)
    voxels = labels.volume.voxels
    z, y, _ = np.nonzero(voxels == LABELS["L2"])
    middle = labels.volume.mm_to_index(middles["L2"])
    high = (z > middle[0] + 1) & (y < middle[1] + 3)
    where = np.nonzero(voxels == LABELS["L2"])
    voxels[tuple(axis[high] for axis in where)] = 0
    measured = measure_all(labels.volume)
    graded = examine(measured, labels.volume, shipped_models(), flags={"L3": (FLAG,)})
    told = Examined(graded, None, 0.12, {"L3": (FLAG,)}, {"L2": 210.0}, ("a note",))
    return ct, labels.volume, told


class Stage:
    """A page with a worker that the test plays."""

    def __init__(self, qtbot, folder, phantom):
        self.ct, self.labels, self.told = phantom
        self.folder = folder
        self.engine = FakeEngine()
        self.host = QWidget()
        qtbot.addWidget(self.host)
        self.desk = Desk(self.host, nothing())
        self.warned = []
        self.desk.warn = self.warned.append
        (folder / "engine").mkdir()
        opening = Opening(self.desk)
        self.page = SpinePage(self.engine, Settings(), self.desk, opening, folder / "engine")
        qtbot.addWidget(self.page)
        self.desk.work_changed.connect(self.page.lay)
        self.page.resize(1200, 740)
        self.page.show()
        qtbot.waitExposed(self.page)

    @property
    def work(self):
        return self.desk.work

    def open(self, path, **how):
        self.page.opening.open(path, **how)
        assert wait_for(lambda: not self.page.opening.busy, 10)

    def open_ct(self):
        write_volume(self.folder / "ct.nii.gz", self.ct)
        self.open(self.folder / "ct.nii.gz")

    def open_mask(self, **how):
        voxels, grid = self.labels.voxels, self.labels
        self.open(save(self.folder / "m.nii.gz", voxels, grid.spacing, grid.origin), **how)

    def asked(self, kind):
        return [n for n, ask in enumerate(self.engine.asked, 1) if isinstance(ask, kind)]

    def measured(self):
        """Open both, and let the worker measure."""
        self.open_ct()
        self.open_mask()
        self.answer()
        return self

    def answer(self, told=None):
        count = len(self.asked(ExamineMask))
        state = self.page.measuring
        assert wait_for(lambda: state.state == "measuring" and state._number, 10), count
        self.engine.tell(told or self.told, state._number)
        assert state.state == "fresh"

    def row(self, level):
        rows = [self.page.strip.row_at(i) for i in range(self.page.strip.count())]
        return next(row for row in rows if row.level == level)


@pytest.fixture
def stage(qtbot, tmp_path, phantom):
    return Stage(qtbot, tmp_path, phantom)


def test_a_ct_is_opened_with_its_numbers_and_a_mask_is_laid_over_it_as_one_step(stage):
    assert stage.page.empty
    stage.open_ct()
    said = stage.page.scan.lines.text()
    assert "axial slices" in said and "2 x 2 mm in the slice, 2 mm from slice" in said
    assert stage.work.scan is not None and not stage.work.present
    stage.open_mask()
    assert stage.work.present == LEVELS and stage.work.history.names == ["Open mask"]
    assert wait_for(lambda: stage.row("L1").said == "L1: to be measured", 5)
    assert stage.row("T4").said == "T4: not in the mask"
    assert "m.nii.gz" in stage.work.reading.mask_source
    stage.page.undo()
    assert stage.work.present == () and not stage.work.centres


def test_a_mask_without_a_ct_is_measured_and_said_to_be_alone(stage):
    stage.open_mask()
    assert stage.work.scan is None and stage.work.present == LEVELS
    assert "No CT" in stage.page.scan.lines.text()
    assert not stage.page.actions_["spine.propose"].isEnabled()
    stage.answer()
    [ask] = [ask for ask in stage.engine.asked if isinstance(ask, ExamineMask)]
    assert ask.mask.scan is None and np.array_equal(np.load(ask.mask.labels), stage.work.mask)


def test_what_cannot_be_read_is_said_and_changes_nothing(stage):
    stage.measured()
    broken = stage.folder / "broken.nii.gz"
    broken.write_bytes(b"\x1f\x8b no gzip")
    before = stage.work
    stage.open(broken)
    assert len(stage.warned) == 1 and "broken.nii.gz" in stage.warned[0]
    assert stage.work is before and stage.work.present == LEVELS


def test_the_strip_shows_grade_letter_loss_and_doubt_and_the_worst_is_looked_at(stage):
    stage.measured()
    worst = max(stage.told.graded.findings, key=lambda f: f.rhlv[f.worst])
    assert worst.level == "L2" and worst.grade >= 1  # the phantom's own
    assert stage.page.level == "L2"
    assert stage.row("L2").finding.grade == worst.grade and "confidence" in stage.row("L2").said
    assert FLAG in stage.row("L3").said and stage.row("L3").finding.confidence == "low"
    assert stage.row("T4").said == "T4: not in the mask"
    mm = np.array(stage.page.cursor_mm)
    assert np.abs(mm - stage.page.measuring.body("L2").frame.origin).max() <= 2.0
    assert "grade" in stage.page.card.title.text()
    press(stage.page.strip, Qt.Key.Key_Down)
    assert stage.page.level == "L3" and FLAG in stage.page.card.flags.text()
    there = stage.page.measuring.body("L3").frame.origin
    assert np.abs(np.array(stage.page.cursor_mm) - there).max() <= 2.0


def test_a_level_that_cannot_be_measured_says_why(stage):
    stage.open_ct()
    stage.open_mask()
    measured = stage.told.graded.measured
    bodies = {k: v for k, v in measured.bodies.items() if k != "T12"}
    cut = replace(measured, bodies=bodies, reasons={"T12": "it is cut by the upper border"})
    findings = tuple(f for f in stage.told.graded.findings if f.level != "T12")
    graded = replace(stage.told.graded, measured=cut, findings=findings)
    stage.answer(replace(stage.told, graded=graded))
    assert stage.row("T12").said == "T12: not evaluable: it is cut by the upper border"
    stage.page.select("T12")
    assert "cut by the upper border" in stage.page.card.reason.text()
    assert not stage.page.card.overrule.isVisible() and stage.page.plots.columns is None


def test_a_click_on_a_vertebra_chooses_it(stage):
    stage.measured()
    stage.page.select("T12")
    view = stage.page.planes.views[Plane.SAGITTAL]
    at = view.volume.mm_to_index(stage.page.measuring.body("L3").frame.origin)
    Mouse(view).click((float(at[1]) + 0.5, view.row_of(float(at[0]) + 0.5)))
    assert stage.page.level == "L3" and stage.page.brush_bar.label.currentText() == "L3"


def test_a_stroke_makes_the_findings_stale_and_only_the_newest_mask_counts(stage):
    stage.measured()
    page = stage.page
    page.select("L1")
    page.actions_["tool.brush"].setChecked(True)
    view = page.planes.views[Plane.AXIAL]
    x, y = view.middle()
    before = int((stage.work.mask == LABELS["L1"]).sum())
    Mouse(view).drag([(x - 12, y), (x - 14, y)])
    assert int((stage.work.mask == LABELS["L1"]).sum()) > before
    assert page.measuring.state == "stale" and page.strip.stale
    assert "edited" in page.state_words.text()
    assert wait_for(lambda: len(stage.asked(ExamineMask)) == 2, 5)
    assert "measuring" in page.state_words.text()
    page.undo()  # while it is measured
    assert (
        page.measuring.state == "stale"
        and ("cancel", page.measuring._number) not in stage.engine.said
    )
    old = stage.asked(ExamineMask)[-1]
    assert ("cancel", old) in stage.engine.said
    stage.engine.tell(replace(stage.told, notes=("of the older mask",)), old)
    assert page.measuring.state == "stale"
    stage.answer(replace(stage.told, notes=("of the newest mask",)))
    assert page.measuring.examined.notes == ("of the newest mask",) and not page.strip.stale
    last = stage.engine.asked[stage.asked(ExamineMask)[-1] - 1]
    assert np.array_equal(np.load(last.mask.labels), stage.labels.voxels)


def test_other_references_grade_anew_without_the_worker_and_can_be_undone(stage):
    stage.measured()
    page = stage.page
    chosen, asked = page.measuring.references, len(stage.asked(ExamineMask))
    first = page.measuring.of("T12").rhlv
    item = page.references.list.item(2)  # L2, the crushed one
    ticked = item.checkState() == Qt.CheckState.Checked
    item.setCheckState(Qt.CheckState.Unchecked if ticked else Qt.CheckState.Checked)
    assert ("L2" in stage.work.reading.references) != ticked
    assert wait_for(lambda: page.measuring.references == stage.work.reading.references, 10)
    assert page.measuring.of("T12").rhlv != first
    assert page.measuring.of("L3").confidence == "low" and page.measuring.of("L2").density_hu == 210
    assert len(stage.asked(ExamineMask)) == asked
    page.undo()
    assert wait_for(lambda: page.measuring.references == chosen, 10)
    assert page.measuring.of("T12").rhlv == pytest.approx(first)


def test_a_grade_is_overruled_with_a_reason_and_undone(stage):
    stage.measured()
    page = stage.page
    was = int(page.measuring.of("L2").grade)
    dialog = page.ask_overrule()
    dialog.grade.setCurrentIndex((was + 2) % 4)
    ok = dialog.buttons.button(dialog.buttons.StandardButton.Ok)
    assert not ok.isEnabled()
    dialog.reason.setText("Scheuermann, seen on MR")
    ok.click()
    now = page.measuring.of("L2")
    assert int(now.grade) == (was + 2) % 4
    told = f"overruled by the reader from {was} to {(was + 2) % 4}: Scheuermann, seen on MR"
    assert now.reason.startswith(told) and stage.row("L2").by_reader
    assert told[1:] in page.card.reason.text()
    page.undo()
    assert int(page.measuring.of("L2").grade) == was and not stage.row("L2").by_reader


def test_all_names_move_by_one_command_and_the_choice_with_them(stage):
    stage.measured()
    page = stage.page
    page.select("L1")
    page.actions_["spine.down"].trigger()
    assert stage.work.present == ("L1", "L2", "L3", "L4") and page.level == "L2"
    page.undo()
    assert stage.work.present == LEVELS
    page.select("L1")
    page.actions_["spine.t13"].trigger()
    assert stage.work.present == ("T12", "T13", "L1", "L2") and page.level == "T13"
    page.undo()
    page.select("T12")
    for _ in range(12):
        page.actions_["spine.up"].trigger()
    assert stage.work.present == ("C7", "T1", "T2", "T3") and not stage.warned


def test_a_picked_column_is_looked_at_and_marked(stage):
    stage.measured()
    page = stage.page
    page.plots.pick(1, 6)
    top, bottom = ends_of(page.measuring.body("L2"), 1, 6)
    assert np.abs(np.array(page.cursor_mm) - (top + bottom) / 2).max() <= 1.0 + 1e-6
    for mark in page._marks.values():
        assert np.allclose(mark.ends, (top, bottom))
    before = pixels(page.planes.views[Plane.SAGITTAL])
    page.plots.pick(10, 2)
    assert (pixels(page.planes.views[Plane.SAGITTAL]) != before).any()


def test_bodies_are_proposed_from_the_marked_vertebra_as_one_step(stage, tmp_path):
    stage.open_ct()
    page = stage.page
    page.scan.level.setCurrentText("L1")
    page.actions_["spine.mark"].trigger()
    assert "L1" in page.scan.marks.text()
    page.actions_["spine.propose"].trigger()
    [ask] = [ask for ask in stage.engine.asked if isinstance(ask, ProposeBodies)]
    assert ask.scan == stage.folder / "ct.nii.gz"
    assert ask.naming.anchors == {"L1": pytest.approx(page.cursor_mm)}
    stage.engine.step(3, 12)
    assert page.scan.progress.isVisible() and page.scan.progress.value() == 3
    np.save(tmp_path / "labels.npy", stage.labels.voxels)
    steps = len(stage.work.history)
    doubts = {"L3": ("its lower endplate is vague",)}
    source = "proposed by spine-proposal (0123abcd), unedited"
    centres = {"L1": (1.0, 2.0, -300.0)}
    told = BodiesProposed(tmp_path / "labels.npy", centres, doubts, ("counted from L1",), source)
    stage.engine.tell(told)
    stage.engine.end()
    assert wait_for(lambda: stage.work.present == LEVELS, 10)
    assert len(stage.work.history) == steps + 1 and not page.scan.progress.isVisible()
    assert "vague" in page.scan.doubts.text() and "counted from L1" in page.scan.doubts.text()
    assert stage.work.reading.mask_source == source
    stage.answer()
    page.select("L3")
    assert "its lower endplate is vague" in page.card.flags.text()
    page.undo()
    assert stage.work.present == () and stage.work.reading.anchors == ("L1",)


def test_a_proposal_is_cancelled_and_a_failure_is_said(stage):
    stage.open_ct()
    page = stage.page
    page.actions_["spine.propose"].trigger()
    page.scan.cancel.click()
    assert stage.engine.said[-1] == ("cancel", 1) and not page.scan.progress.isVisible()
    stage.engine.end(CANCELLED, 1)
    page.actions_["spine.propose"].trigger()
    stage.engine.fail("no model is called 'spine-proposal'")
    assert stage.warned == ["no model is called 'spine-proposal'"]
    assert not page.scan.progress.isVisible() and stage.work.present == ()


def test_the_healthy_vertebra_of_the_chosen_level_is_shown_and_blended(stage):
    stage.measured()
    page = stage.page
    assert wait_for(lambda: stage.asked(ShowHealthy), 5)
    ask = stage.engine.asked[stage.asked(ShowHealthy)[-1] - 1]
    assert ask.level == "L2" and ask.mask == page.measuring.mask
    real_mask = np.zeros((40, 36, 30), np.uint8)
    real_mask[14:24, 8:28, 5:24] = 1
    healthy_mask = real_mask.copy()
    healthy_mask[24:30, 8:20, 5:24] = 1
    real = np.where(real_mask, 300, -50).astype(np.int16)
    healthy = np.where(healthy_mask, 280, -50).astype(np.int16)
    shown = HealthyShown("L2", 1.0, real, healthy, real_mask, healthy_mask)
    stage.engine.tell(replace(shown, level="L3"))
    assert page.healthy.pictures.shown is None  # of another level
    stage.engine.tell(shown)
    assert page.healthy.pictures.shown is shown
    wide = page.healthy.pictures.width() // 3 - 4
    before = pixels(page.healthy.pictures)
    page.healthy.slider.setValue(100)
    after = pixels(page.healthy.pictures)
    assert (before[:, :wide] != after[:, :wide]).any()
    assert (before[24:-24, 2 * wide + 12 :] == after[24:-24, 2 * wide + 12 :]).all()
    red = after[..., 0].astype(int) - after[..., 2]
    assert (red[30:-30, 2 * wide + 12 :] > 80).sum() > 20  # bone that was lost


def test_an_earlier_grading_is_compared_with_level_by_level(stage):
    stage.measured()
    page = stage.page
    now = page.measuring.examination()
    old = tuple(replace(f, grade=type(f.grade)(0), type="") for f in now.findings)
    path = stage.folder / "grading.json"
    write_grading(replace(now, findings=old), path, Method("a test"))
    page.files.compare_with(path)
    assert stage.row("L2").change.in_words == "new vertebral fracture"
    facts = page.numbers.facts
    texts = [facts.item(i, 1).text() for i in range(facts.rowCount())]
    assert any("new vertebral fracture" in text for text in texts)
    page.undo()
    assert stage.row("L2").change is None
    path.write_text("{}")
    page.files.compare_with(path)
    assert len(stage.warned) == 1 and not stage.work.reading.prior


def test_the_report_is_of_the_mask_as_it_is_with_what_the_reader_decided(stage):
    stage.measured()
    page = stage.page
    stage.work.overrule("L2", 1, "seen on MR")
    stage.work.choose(("T12", "L1"))
    page.asking.report(stage.folder / "out")
    assert wait_for(lambda: stage.asked(GradeScan), 10)
    ask = stage.engine.asked[-1]
    assert ask.out == stage.folder / "out" and ask.ct == stage.folder / "ct.nii.gz"
    assert ask.overruled == (Overruled("L2", 1, "seen on MR"),)
    assert ask.references == ("T12", "L1") and "m.nii.gz" in ask.source
    from xgen_studio.wings.spine.science.labels import read_labels

    assert np.array_equal(read_labels(ask.mask).volume.voxels, stage.work.mask)
    stage.engine.tell(ScanGraded(("Vertebral fracture: L2",)))
    said = []
    stage.desk.message.connect(lambda text, _ms: said.append(text))
    stage.engine.end()
    assert any("Vertebral fracture: L2" in text for text in said)


def test_research_use_is_always_readable(stage):
    for _ in range(2):
        [notice] = stage.page.findChildren(Notice)
        assert notice.isVisible() and "not for diagnosis" in notice.text()
        stage.measured()


def test_every_number_of_a_vertebra_has_a_unit(stage):
    stage.measured()
    numbers = stage.page.numbers
    heads = [numbers.thirds.horizontalHeaderItem(i).text() for i in range(4)]
    assert heads == ["third", "real mm", "healthy mm", "loss %"]
    units = ("mm", "%", "points", "HU", "grade", "of loss")
    for i in range(numbers.facts.rowCount()):
        name, value = (numbers.facts.item(i, j).text() for j in (0, 1))
        plain = (name.startswith("H") and "/" in name) or name == "references"
        assert plain or any(unit in value for unit in units), (name, value)


def test_an_examination_of_the_page_names_its_levels(stage):
    stage.measured()
    found = stage.page.measuring.examination()
    assert isinstance(found, Examination) and [f.level for f in found.findings] == list(LEVELS)
    assert found.round_trip_mm == 0.12 and found.ct_name == "ct.nii.gz"


def test_a_document_is_shown_again_with_the_ct_that_lies_beside_it(window, tmp_path, phantom):
    ct, labels, _ = phantom
    write_volume(tmp_path / "ct.nii.gz", ct)
    page = window.show_workspace("spine").page
    window.open(tmp_path / "ct.nii.gz")
    assert wait_for(lambda: not page.empty and not page.opening.busy, 10)
    window.open(save(tmp_path / "m.nii.gz", labels.voxels, labels.spacing, labels.origin))
    assert wait_for(lambda: page.work.present == LEVELS, 10)
    page.work.overrule("L2", 1, "seen on MR")
    assert window.desk.save_to(tmp_path / "one.xgen")
    page.undo()
    window.open(tmp_path / "one.xgen")
    assert wait_for(lambda: page.work.scan is not None, 10)
    assert page.work.reading.of("L2").grade == 1 and not page.work.history.modified
    assert window.windowTitle().startswith("one.xgen") and not window.all_actions.conflicts()
    (tmp_path / "ct.nii.gz").rename(tmp_path / "elsewhere.nii.gz")
    window.open(tmp_path / "one.xgen")
    assert wait_for(lambda: "shown without its CT" in page.scan.lines.text(), 10)
    assert page.work.scan is None and page.work.present == LEVELS
    page.opening.find_scan(tmp_path / "elsewhere.nii.gz")
    assert wait_for(lambda: page.work.scan is not None, 10)


def test_the_tour_stands_beside_what_it_speaks_of(window):
    from xgen_studio.wings.spine.pages.tour import stops

    window.show_workspace("spine")
    for stop in stops(window):
        assert stop.widget().isVisible() and stop.text
