"""`report.html`: the report of a spine as one file that needs nothing else and prints well."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

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
from xgen_studio.wings.spine.tasks.report_content import PAGE, TITLE, compose
from xgen_studio.wings.spine.tasks.report_drawings import as_svg, colour_of

FILE = "report.html"

# paper is white: what is seen is what is printed. The line at the page's foot is a margin box; for
# browsers that have none, the first and the last line say it, too.
STYLE = """
@page{size:A4;margin:14mm 16mm 18mm;@bottom-center{content:"NOTE";font:8pt sans-serif;color:#a04000}
@bottom-right{content:counter(page) " / " counter(pages);font:8pt sans-serif;color:#666}}
body{font:10pt/1.35 Arial,"Liberation Sans",Helvetica,sans-serif;color:#262a30;background:#fff;
width:PAGEmm;margin:8mm auto}
svg{display:block}
h1{font-size:15pt;margin:0} h2{font-size:12.5pt;margin:7mm 0 2mm;border-bottom:1px solid #c8ccd2}
h3{font-size:11pt;margin:4mm 0 1.5mm} h2,h3{break-after:avoid} p{margin:1.5mm 0}
.note{color:#a04000;margin:0 0 3mm} .answer{font-size:12.5pt;font-weight:600;margin:3mm 0 4mm;
border-left:1.5mm solid #262a30;padding-left:3mm} .small{font-size:8.5pt;color:#5c6168}
table{border-collapse:collapse;width:100%;font-size:8.4pt;table-layout:fixed}
td,th{padding:.7mm 1.2mm;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{font-weight:600;border-bottom:1px solid #262a30;vertical-align:bottom;overflow-wrap:normal}
tr{break-inside:avoid} tbody tr+tr td{border-top:1px solid #e3e5e9}
.grade{color:#fff;border-radius:1mm;padding:.3mm 1.6mm;font-weight:600;
print-color-adjust:exact;-webkit-print-color-adjust:exact}
.row,.beside{display:flex;gap:GAPmm;align-items:flex-start} .beside>div{flex:1}
figure{margin:0 0 2mm} figcaption{font-size:8.5pt;color:#5c6168;max-width:100%}
svg text{font-family:inherit} ul{margin:1mm 0;padding-left:5mm} .together,figure{break-inside:avoid}
@media print{body{margin:0;width:auto}}
"""


def write_report(
    examination: Examination,
    path: Path,
    method: Method,
    pictures: Pictures | None = None,
    prior: Examination | None = None,
) -> None:
    """Write the report as one HTML file: pictures and drawings are inside, files stand in it by
    their base names, nothing of the patient. `prior` is the same patient's earlier scan."""
    blocks = compose(examination, pictures or Pictures(), method, prior)
    style = STYLE.replace("PAGE", f"{PAGE:g}").replace("GAP", "4").replace("NOTE", RESEARCH_USE)
    note = f'<p class="note">{RESEARCH_USE}</p>'
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{TITLE}</title>'
        f"<style>{style}</style><h1>{TITLE}</h1>{note}{_all(blocks)}{note}</html>"
    )
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _all(blocks: Sequence[Block]) -> str:
    return "".join(map(_block, blocks))


def _block(block: Block) -> str:
    match block:
        case Heading(text, rank, grade):
            chip = f" {_chip(str(grade), grade)}" if grade is not None else ""
            return f"<h{rank}>{html.escape(text)}{chip}</h{rank}>"
        case Paragraph(text, tone):
            return f'<p class="{tone}">{html.escape(text)}</p>'
        case Bullets(items):
            return f"<ul>{''.join(f'<li>{html.escape(item)}</li>' for item in items)}</ul>"
        case Table():
            return _table(block)
        case Figures():
            return f'<div class="row">{"".join(map(_figure, block.figures))}</div>'
        case Beside():
            return (
                f'<div class="beside together">{_figure(block.figure)}'
                f"<div>{_all(block.blocks)}</div></div>"
            )
        case Together():
            return f'<div class="together">{_all(block.blocks)}</div>'


def _table(table: Table) -> str:
    share = sum(table.widths)
    columns = "".join(f'<col style="width:{100 * w / share:.2f}%">' for w in table.widths)
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in table.head)
    rows = []
    for i, row in enumerate(table.rows):
        cells = [html.escape(cell) for cell in row]
        if table.grades:
            cells[1] = _chip(row[1], table.grades[i])
        if not table.head:
            cells[0] = f"<b>{cells[0]}</b>"
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    top = f"<thead><tr>{head}</tr></thead>" if table.head else ""
    return f"<table><colgroup>{columns}</colgroup>{top}<tbody>{''.join(rows)}</tbody></table>"


def _chip(text: str, grade: int | None) -> str:
    r, g, b = colour_of(grade)
    return f'<span class="grade" style="background:rgb({r},{g},{b})">{html.escape(text)}</span>'


def _figure(figure: Figure) -> str:
    return (
        f'<figure style="max-width:{figure.drawing.width:.1f}mm">'
        f"{as_svg(figure.drawing, figure.caption)}"
        f"<figcaption>{html.escape(figure.caption)}</figcaption></figure>"
    )
