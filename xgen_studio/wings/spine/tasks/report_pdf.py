"""`report.pdf`: the report of a spine on A4, its drawings as vectors."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, KeepTogether, PageTemplate
from reportlab.platypus import Paragraph as Text
from reportlab.platypus import Table as Grid

import xgen_studio
from xgen_studio.imaging import atomic_write
from xgen_studio.wings.spine.science.findings import Examination
from xgen_studio.wings.spine.tasks.grading_file import RESEARCH_USE, Method
from xgen_studio.wings.spine.tasks.report_blocks import (
    Beside,
    Block,
    Bullets,
    Figure,
    Figures,
    Heading,
    Paragraph,
    Pictures,
    Table,
    Together,
)
from xgen_studio.wings.spine.tasks.report_content import GAP, PAGE, TITLE, compose
from xgen_studio.wings.spine.tasks.report_drawings import (
    Colour,
    Drawing,
    Raster,
    Stroke,
    Words,
    colour_of,
    raster_png,
)

FILE = "report.pdf"
TOP, BOTTOM = 14 * mm, 18 * mm
INK, FAINT, NOTE = HexColor(0x262A30), HexColor(0x5C6168), HexColor(0xA04000)


def _style(name: str, size: float, **options: Any) -> ParagraphStyle:
    said = {"fontName": "Helvetica", "textColor": INK, "leading": 1.25 * size} | options
    return ParagraphStyle(name, fontSize=size, **said)


STYLES = {
    "": _style("text", 9.5, spaceAfter=3),
    "answer": _style(
        "answer",
        12.5,
        fontName="Helvetica-Bold",
        spaceAfter=9,
        borderPadding=(1, 0, 3, 8),
        leftIndent=8,
    ),
    "caution": _style("caution", 9.5, textColor=NOTE, spaceAfter=6),
    "small": _style("small", 7.6, textColor=FAINT, spaceBefore=2, spaceAfter=4),
    "cell": _style("cell", 7.8),
    "bold cell": _style("bold cell", 7.8, fontName="Helvetica-Bold"),
    "chip": _style("chip", 7.8, fontName="Helvetica-Bold", textColor=Color(1, 1, 1)),
    "h1": _style("h1", 15, fontName="Helvetica-Bold", spaceAfter=1),
    "h2": _style("h2", 12, fontName="Helvetica-Bold", spaceBefore=14, spaceAfter=5, keepWithNext=1),
    "h3": _style("h3", 10, fontName="Helvetica-Bold", spaceBefore=8, spaceAfter=3, keepWithNext=1),
    "bullet": _style("bullet", 9, leftIndent=10, bulletIndent=2, spaceAfter=1.5),
}


def write_pdf(
    examination: Examination,
    path: Path,
    method: Method,
    pictures: Pictures | None = None,
    prior: Examination | None = None,
) -> None:
    """Write the report as a PDF with the content of `report.write_report`; every page has its
    number and says that it is not for diagnosis. Letters that the fonts of every PDF reader lack
    (the names of files may hold them) come as '?'."""
    blocks = compose(examination, pictures or Pictures(), method, prior)
    story = [Text(_said(TITLE), STYLES["h1"]), Text(RESEARCH_USE, STYLES["caution"])]
    buffer = io.BytesIO()
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        title=TITLE,
        author=f"XGen Studio {xgen_studio.__version__}",
        subject=RESEARCH_USE,
    )
    side = (A4[0] - PAGE * mm) / 2
    frame = Frame(side, BOTTOM, PAGE * mm, A4[1] - TOP - BOTTOM, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate("page", [frame]))
    document.build([*story, *_all(blocks, PAGE)], canvasmaker=_Numbered)
    with atomic_write(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


class _Numbered(Canvas):
    """A canvas that writes the foot of each page when it knows how many there are."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 (reportlab's name)
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self.setFont("Helvetica", 8)
            self.setFillColor(NOTE)
            self.drawCentredString(A4[0] / 2, 10 * mm, RESEARCH_USE)
            self.setFillColor(FAINT)
            right = (A4[0] + PAGE * mm) / 2
            self.drawRightString(right, 10 * mm, f"{number} / {len(self._pages)}")
            super().showPage()
        super().save()


class _Drawn(Flowable):
    """A drawing in the flow of a page."""

    def __init__(self, drawing: Drawing) -> None:
        super().__init__()
        self.drawing = drawing
        self.width, self.height = drawing.width * mm, drawing.height * mm

    def draw(self) -> None:
        for item in self.drawing.items:
            _put(self.canv, item, self.height)


def _put(canvas: Canvas, item: Stroke | Words | Raster, height: float) -> None:
    """Draw one thing; a PDF's y grows upward from the drawing's foot."""
    canvas.saveState()
    if isinstance(item, Raster):
        picture = ImageReader(io.BytesIO(raster_png(item)))
        y = height - (item.y + item.height) * mm
        canvas.drawImage(picture, item.x * mm, y, item.width * mm, item.height * mm)
    elif isinstance(item, Words):
        canvas.setFillColor(_colour(item.colour))
        font, size = "Helvetica-Bold" if item.bold else "Helvetica", item.size * mm
        canvas.setFont(font, size)
        text = _latin(item.text)
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[item.anchor]
        x = item.x * mm - share * stringWidth(text, font, size)
        canvas.drawString(x, height - item.y * mm, text)
    else:
        path = canvas.beginPath()
        (x, y), *rest = item.points
        path.moveTo(x * mm, height - y * mm)
        for x, y in rest:
            path.lineTo(x * mm, height - y * mm)
        if item.filled:
            path.close()
        canvas.setFillColor(_colour(item.colour, item.opacity))
        canvas.setStrokeColor(_colour(item.colour))
        canvas.setLineWidth(item.width * mm)
        canvas.setLineJoin(1)
        if item.dashed:
            canvas.setDash(1 * mm, 0.8 * mm)
        canvas.drawPath(path, stroke=int(not item.filled), fill=int(item.filled))
    canvas.restoreState()


def _colour(colour: Colour, opacity: float = 1.0) -> Color:
    r, g, b = (c / 255 for c in colour)
    return Color(r, g, b, opacity)


def _latin(text: str) -> str:
    return text.encode("cp1252", "replace").decode("cp1252")


def _said(text: str) -> str:
    """A text for reportlab's paragraphs, which read marks like those of HTML."""
    return escape(_latin(text))


def _all(blocks: Sequence[Block], width: float) -> list[Flowable]:
    return [flowable for block in blocks for flowable in _block(block, width)]


def _block(block: Block, width: float) -> list[Flowable]:
    """What a block is on a column of `width` mm."""
    match block:
        case Heading(text, rank, grade):
            if grade is not None:
                r, g, b = colour_of(grade)
                text = f'<font color="#{r:02x}{g:02x}{b:02x}">&#9632;</font> {_said(text)}'
                text = text.replace("&#9632;", '<font name="ZapfDingbats">n</font>')
                return [Text(text, STYLES[f"h{rank}"])]
            return [Text(_said(text), STYLES[f"h{rank}"])]
        case Paragraph(text, tone):
            return [Text(_said(text), STYLES[tone])]
        case Bullets(items):
            return [Text(_said(item), STYLES["bullet"], bulletText="•") for item in items]
        case Table():
            return [_table(block, width)]
        case Figures():
            return [_side_by_side([_figure(f) for f in block.figures], width)]
        case Beside():
            taken = block.figure.drawing.width
            right = width - taken - GAP
            cells = [_figure(block.figure), (_all(block.blocks, right), right)]
            return [_side_by_side(cells, width)]
        case Together():
            return [KeepTogether(_all(block.blocks, width))]


def _figure(figure: Figure) -> tuple[list[Flowable], float]:
    caption = Text(_said(figure.caption), STYLES["small"])
    return [_Drawn(figure.drawing), caption], figure.drawing.width


def _side_by_side(cells: list[tuple[list[Flowable], float]], width: float) -> Flowable:
    """Columns of their own widths, mm, and the rest of the line empty."""
    gaps = [(w + GAP) * mm for _, w in cells]
    rest = max(width * mm - sum(gaps), 0.0)
    plain = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]
    plain += [("RIGHTPADDING", (0, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 2)]
    return Grid([[*(flow for flow, _ in cells), ""]], [*gaps, rest], style=plain, hAlign="LEFT")


def _table(table: Table, width: float) -> Flowable:
    share = sum(table.widths)
    first = STYLES["bold cell"] if not table.head else STYLES["cell"]
    rows = [
        [Text(_said(cell), first if i == 0 else STYLES["cell"]) for i, cell in enumerate(row)]
        for row in table.rows
    ]
    style: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("LINEBELOW", (0, 0), (-1, -2), 0.3, HexColor(0xE3E5E9)),
    ]
    if table.head:
        rows.insert(0, [Text(_said(cell), STYLES["bold cell"]) for cell in table.head])
        style += [("LINEBELOW", (0, 0), (-1, 0), 0.6, INK), ("VALIGN", (0, 0), (-1, 0), "BOTTOM")]
    for i, grade in enumerate(table.grades):
        at, white = (
            i + bool(table.head),
            STYLES["bold cell"].clone("chip", textColor=Color(1, 1, 1)),
        )
        rows[at][1] = Text(_said(table.rows[i][1]), white)
        style.append(("BACKGROUND", (1, at), (1, at), _colour(colour_of(grade))))
    widths = [w / share * width * mm for w in table.widths]
    return Grid(rows, widths, style=style, repeatRows=int(bool(table.head)), hAlign="LEFT")
