"""Pictures of the cells that pages show.  In: docs/*.md.  Out: docs/img/PAGE/NAME.svg.

    python docs/make_pictures.py              draws them
    python docs/make_pictures.py --check      says which of them are out of date

A page shows `img/tutorial/gate.svg`, and has a block of a cell whose first line is `# gate.cell`.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.pictures.boxes import graph_of
from celldsl.pictures.svg import PAGE, svg_text
from celldsl.pipeline import front

DOCS = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    wrong = stale(drawn())
    if parser.parse_args().check:
        print("\n".join(str(path.relative_to(DOCS)) for path in wrong))
        return 1 if wrong else 0
    for path, text in wrong.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def drawn() -> dict[Path, str]:
    """Every picture of a cell that a page shows, as it should be."""
    found = {}
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        cells = dict(re.findall(r"^```cell\n# (\w+)\.cell\n(.*?)^```$", text, re.M | re.S))
        for name in re.findall(rf"\]\(img/{page.stem}/(\w+)\.svg\)", text):
            lowered = front(Source(f"{name}.cell", cells[name]), Report(), None, {}, DOCS, None)
            picture = svg_text(graph_of(lowered.program, lowered.notes), PAGE)
            found[DOCS / "img" / page.stem / f"{name}.svg"] = picture
    return found


def stale(wanted: dict[Path, str]) -> dict[Path, str]:
    """Those that are not on disk as they should be."""
    return {
        path: text
        for path, text in wanted.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


if __name__ == "__main__":
    sys.exit(main())
