"""The demo: every wing once on its sample cases, as pictures, JSON and one index.html."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from xgen_studio.bundles import open_bundle
from xgen_studio.errors import CallError
from xgen_studio.imaging import atomic_write, make_folder, write_json
from xgen_studio.paths import bundle_folders
from xgen_studio.registry import wings
from xgen_studio.tasks.asks import Demo
from xgen_studio.tasks.bench import Bench
from xgen_studio.wing import resolve

FILE = "demo.json"
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;
background:#16181d;color:#e6e8eb}
h1{font-weight:600} h2{margin-top:2em} figure{display:inline-block;margin:0 1em 1em 0}
img{display:block;background:#000;border-radius:4px} figcaption{color:#9aa3ad;font-size:13px}
.note{color:#e0b050}
"""


@dataclass
class Page:
    """Sections of figures on the way to index.html."""

    folder: Path
    parts: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    def section(self, title: str, text: str) -> None:
        """A heading and a sentence."""
        self.parts.append(f"<h2>{html.escape(title)}</h2><p>{html.escape(text)}</p>")

    def figure(self, file: str, caption: str) -> None:
        """A picture of the folder with its caption."""
        self.made.append(file)
        self.parts.append(
            f'<figure><img src="{file}" alt="{html.escape(caption)}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )

    def save(self) -> Path:
        """Write index.html."""
        body = "\n".join(self.parts)
        text = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>XGen Studio demo</title>'
            f"<style>{STYLE}</style><h1>XGen Studio demo</h1>"
            '<p class="note">Every picture here is synthetic. For research and teaching, not for'
            f" diagnosis.</p>{body}</html>"
        )
        path = self.folder / "index.html"
        with atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return path


def ready(model: str, method: str) -> bool:
    """Whether a bundle is installed and holds the network of a method."""
    return model in bundle_folders() and open_bundle(model).holds(method)


def run_demo(ask: Demo, bench: Bench) -> Iterator[Path]:
    """Write the demo into a folder of its own; tells its index.html."""
    out = ask.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not (out / FILE).exists():
        raise CallError(f"{out}: holds something that is no demo; name another folder with -o")
    make_folder(out)
    write_json(out / FILE, {"pictures": [], "synthetic": True})  # ours, even if cut off
    page = Page(out)
    shown = [wing for wing in wings() if wing.demo]
    for i, wing in enumerate(shown):
        bench.report(i, len(shown), wing.title)
        add: Callable[[Page, Bench], None] = resolve(wing.demo)
        add(page, bench)
    write_json(out / FILE, {"pictures": page.made, "synthetic": True})
    bench.report(len(shown), len(shown), "demo")
    yield page.save()
