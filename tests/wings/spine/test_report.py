"""The report: a page and a PDF with one content."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pypdfium2
import pytest

from tests.wings.spine.examples import METHOD, columns, examination, finding, pictures, views
from xgen_studio.wings.spine.science.findings import THIRDS, Examination, Grade
from xgen_studio.wings.spine.tasks.report import write_report
from xgen_studio.wings.spine.tasks.report_blocks import Picture, Pictures, Views
from xgen_studio.wings.spine.tasks.report_content import compose
from xgen_studio.wings.spine.tasks.report_drawings import (
    Raster,
    Words,
    as_svg,
    curve_drawing,
    curve_of,
    loss_colours,
    map_drawing,
    overview_drawing,
)
from xgen_studio.wings.spine.tasks.report_pdf import write_pdf


def plain(html: str) -> str:
    """The words of a page."""
    text = re.sub(r"<style>.*?</style>", "", html, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(examination(), path, METHOD, pictures())
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    write_pdf(examination(), path, METHOD, pictures())
    document = pypdfium2.PdfDocument(path)
    yield document
    document.close()


def words(document) -> list[str]:
    return [re.sub(r"\s+", " ", page.get_textpage().get_text_range()) for page in document]


def test_the_page_needs_no_other_file(page):
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "<script" not in page and "http" not in page


def test_both_answer_first_and_say_what_a_reader_needs(page, pdf):
    for text in (plain(page), " ".join(words(pdf))):
        assert "Vertebral fracture: L1, grade 3 (severe), wedge; L3, grade 1 (mild)" in text
        assert re.search(r"Levels seen T11-L4 ", text)
        assert "L2 not evaluable" in text and "a screw in its body" in text
        assert "46 (40 to 51)" in text
        assert "13.8 / 17.9 / 24.7" in text and "25.5 / 25.9 / 26.3" in text
        assert "4 over 4 of the 13 vertebrae T4-L4" in text
        assert "The neighbour L1 is fractured, too" in text
        assert "proposed by spine-mask 0.3, edited by the user at L3" in text
        assert "larger / smaller by one voxel" in text and "-3.7 / +4.1 points" in text
        assert "Scheuermann" in text and "acute or old cannot be decided" in text
        assert "0123456789ab" in text and "2026-11-25" in text
        assert "transitional vertebra" in text


def test_no_folder_and_no_patient_stand_in_it(page, pdf):
    for text in (plain(page), " ".join(words(pdf))):
        assert "someone" not in text and "Doe" not in text and "scans" not in text
        assert "labels.nii.gz" in text


def test_what_comes_from_files_is_text_and_no_markup(tmp_path, page):
    assert "ct &lt;3&gt;.nii.gz" in page
    hostile = replace(
        examination(),
        notes=("<script>x</script> & <b>", "see /home/me/Doe/scan 1.nii"),
        ct_name="<i>",
    )
    write_report(hostile, tmp_path / "r.html", METHOD)
    write_pdf(hostile, tmp_path / "r.pdf", METHOD)
    text = (tmp_path / "r.html").read_text()
    assert "<script>" not in text and "&lt;script&gt;x&lt;/script&gt; &amp; &lt;b&gt;" in text
    assert "/home/me" not in text and "see scan 1.nii" in text
    assert "<script>x</script> & <b>" in " ".join(words(pypdfium2.PdfDocument(tmp_path / "r.pdf")))


def test_every_page_of_the_pdf_says_what_it_is_not_for_and_has_its_number(pdf):
    texts = words(pdf)
    assert len(texts) > 2
    for number, text in enumerate(texts, 1):
        assert "research use, not for diagnosis" in text
        assert f"{number} / {len(texts)}" in text
    assert pdf[0].get_size() == pytest.approx((595.3, 841.9), abs=0.1)


def test_the_page_says_it_at_the_foot_of_every_sheet(page):
    assert re.search(r'@bottom-center\{content:"research use, not for diagnosis"', page)
    assert page.count('<p class="note">research use, not for diagnosis</p>') == 2


def test_names_in_any_script_make_no_trouble(tmp_path):
    named = replace(examination(), ct_name="Пациент ≥ 5 脊椎 \ud800.nii", notes=("‮ evil",))
    write_report(named, tmp_path / "r.html", METHOD)
    write_pdf(named, tmp_path / "r.pdf", METHOD)
    assert "Пациент ≥ 5 脊椎" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_without_pictures_columns_or_findings_there_is_a_report(tmp_path):
    sound = Examination((finding("T11", with_columns=False), finding("T12", with_columns=False)))
    write_report(sound, tmp_path / "a.html", METHOD)
    text = plain((tmp_path / "a.html").read_text())
    assert "No vertebral fracture seen in T11-T12." in text
    assert "No CT was given" in text
    assert "fracture liaison" not in text
    for empty in (Examination(()), Examination((), {"L1": "metal"})):
        write_pdf(empty, tmp_path / "b.pdf", METHOD)
        write_report(empty, tmp_path / "b.html", METHOD)
    assert "No vertebra could be evaluated" in (tmp_path / "b.html").read_text()


def test_what_was_not_measured_is_a_dash(tmp_path):
    nothing = dict.fromkeys(THIRDS, np.nan)
    one = replace(
        finding("L1", with_columns=False),
        rhlv=nothing,
        healthy_mm=nothing,
        expected_mm=nothing,
        rhlv_interval=dict.fromkeys(THIRDS, (np.nan, np.nan)),
        voxel_sensitivity={},
        ratios={},
    )
    write_report(Examination((one,)), tmp_path / "r.html", METHOD)
    write_pdf(Examination((one,)), tmp_path / "r.pdf", METHOD)
    text = plain((tmp_path / "r.html").read_text())
    assert not re.search(r"\bnan\b", text)
    assert "one voxel, the loss" not in text  # of no third can it be said


def test_a_grade_without_confidence_wears_no_grade_s_colour(tmp_path):
    doubtful = replace(finding("L1"), confidence="none")
    write_report(Examination((doubtful,)), tmp_path / "r.html", METHOD)
    text = (tmp_path / "r.html").read_text()
    assert "rgb(164,22,34)" not in text
    assert "no reliable grade; grade 3 (severe), wedge as it stands" in plain(text)


def test_a_prior_is_compared_level_by_level(tmp_path):
    now = examination()
    before = replace(
        now.findings[2], grade=Grade.NORMAL, type="", heights_mm={t: 25.0 for t in THIRDS}
    )
    prior = replace(now, findings=(*now.findings[:2], before), ct_name="/a/before.nii.gz")
    write_report(now, tmp_path / "r.html", METHOD, prior=prior)
    write_pdf(now, tmp_path / "r.pdf", METHOD, prior=prior)
    for text in (
        plain((tmp_path / "r.html").read_text()),
        " ".join(words(pypdfium2.PdfDocument(tmp_path / "r.pdf"))),
    ):
        assert "Prior: before.nii.gz" in text
        assert re.search(r"L1 0 to 3 -11.2 .*new vertebral fracture", text)
        assert "only in this scan" in text


def test_the_three_pictures_of_a_vertebra_share_one_scale_and_keep_their_shape():
    wide, tall = (Picture(np.zeros(s, np.uint8), 0.5) for s in ((60, 120), (100, 60)))
    shown = Pictures(views={"L1": Views(wide, tall, wide)})
    blocks = compose(replace(examination(False)), shown, METHOD)
    card = next(b for b in blocks if "L1: grade 3" in str(getattr(b, "blocks", "")))
    row = next(b for b in card.blocks if hasattr(b, "figures"))
    scales = set()
    for figure in row.figures:
        raster = figure.drawing.items[0]
        rows, cols = raster.pixels.shape[:2]
        scales |= {round(raster.width / cols, 6), round(raster.height / rows, 6)}
    assert len(scales) == 1
    assert max(scales) <= 0.5  # life size


def test_the_curve_is_the_loss_of_each_row_with_its_interval():
    curve = curve_of(columns("L1"))
    assert curve.depth[0] == pytest.approx(0.5)
    assert len(curve.depth) == 31  # the oval's rows, those without bone left out
    assert curve.loss[2] == pytest.approx(46.0, abs=0.5)
    assert curve.loss[-1] == pytest.approx(6.0, abs=0.5)
    real, sd = 25.5 * (1 - curve.loss / 100), 0.9
    np.testing.assert_allclose(curve.high, 100 * (1 - real / (25.5 + 1.645 * sd)), atol=0.01)
    np.testing.assert_allclose(curve.low, 100 * (1 - real / (25.5 - 1.645 * sd)), atol=0.01)


def test_the_map_has_the_front_above_and_the_patient_s_right_on_the_left():
    drawing = map_drawing(columns("L1"), 70, 42)
    pixels = next(i for i in drawing.items if isinstance(i, Raster)).pixels
    darkness = 255 - pixels.astype(float).mean(axis=2)
    assert darkness[5, 22] > darkness[27, 22]  # the wedge lost its front
    assert darkness[16, 4] > darkness[16, 40]  # the right side lost more
    (right,) = [i for i in drawing.items if isinstance(i, Words) and i.text == "R"]
    (left,) = [i for i in drawing.items if isinstance(i, Words) and i.text == "L"]
    (front,) = [i for i in drawing.items if isinstance(i, Words) and i.text == "front"]
    (back,) = [i for i in drawing.items if isinstance(i, Words) and i.text == "back"]
    assert right.x < left.x and front.y < back.y


def test_the_map_s_colours_grow_darker_with_the_loss_and_end_at_half():
    colours = loss_colours(np.array([-0.3, 0.0, 0.2, 0.4, 0.5, 0.9, np.nan])).astype(int)
    assert colours[0].tolist() == colours[1].tolist()
    assert np.all(np.diff(colours[1:5].sum(axis=1)) < 0)
    assert colours[4].tolist() == colours[5].tolist()
    assert colours[6].tolist() == [255, 255, 255]


def test_names_beside_the_spine_do_not_overlap_and_stay_on_the_picture():
    marks = {f"T{n}": (40.0, 190.0 + n) for n in range(4, 10)}
    picture = np.zeros((200, 80, 3), np.uint8)
    drawing = overview_drawing(picture, 1.0, marks, {"T4": 2}, 82, 150)
    heights = [i.y for i in drawing.items if isinstance(i, Words)]
    assert np.all(np.diff(heights) >= 4.0)
    assert max(heights) <= drawing.height
    assert next(i.text for i in drawing.items if isinstance(i, Words)) == "T4  2"


def test_drawings_are_well_formed_whatever_a_label_holds():
    drawing = curve_drawing(columns("L3"), 104, 42)
    drawing.items.append(Words(0, 0, "a < b & c"))
    tree = ET.fromstring(as_svg(drawing, 'said "so" <b>'))
    assert tree.attrib["aria-label"] == 'said "so" <b>'
    assert [t for t in tree.itertext() if "a < b & c" in t]


def test_a_vertebra_without_columns_of_bone_is_drawn_as_such():
    empty = replace(columns("L1"), real=np.full((32, 44), np.nan))
    assert "no columns" in as_svg(curve_drawing(empty, 104, 42), "")
    map_drawing(empty, 70, 42)


def test_a_vertebra_that_is_taller_than_predicted_stays_in_the_frame():
    tall = replace(columns("T11"), real=columns("T11").healthy * 1.9)
    drawing = curve_drawing(tall, 104, 42)
    places = [p for i in drawing.items if hasattr(i, "points") for p in i.points]
    assert all(-0.01 <= x <= 104 and -0.01 <= y <= 42.01 for x, y in places)


def test_the_example_s_pictures_differ():
    assert not np.array_equal(views("L1").real.pixels, views("L1").healthy.pixels)
