"""What the documentation shows is true: its cells compile, its Python runs.

    ```cell             a whole file without errors; a first line `# gates.cell` gives its name
    ```cell error       a whole file with errors; the next ```message block is what is said of it
    ```diff             a line of the cell above, changed; a ```message block follows here too
    ```python           blocks of a page run in order, in a folder with the cells of that page and
                        of examples/; a ```output block after one is what it prints

`pytest tests/docs --renew` writes the messages and outputs anew.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from celldsl.cli.main import main
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.render import render_text
from celldsl.diagnostics.span import Source
from celldsl.pipeline import generate
from celldsl.semantics.builtins.table import FUNCTIONS, PRELUDE
from celldsl.syntax.format.format import format_source
from celldsl.zoo_index import example_paths

TOP = Path(__file__).parents[2]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
CELL_PAGES = sorted((TOP / "docs" / "cells").glob("*.md"))
BLOCK = re.compile(r"^```(\w[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\w+\.cell)\n")
# Followed in an empty folder: all files are those that the page writes.
FROM_NOTHING = ("tutorial.md", "cookbook.md")
FOLLOWED = {"cell error": "message", "diff": "message", "python": "output"}


@dataclass(frozen=True)
class Block:
    page: Path
    kind: str
    text: str
    line: int
    name: str | None
    told: str | None

    @property
    def label(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(*kinds: str) -> list[Block]:
    return [block for page in PAGES for block in blocks_of(page) if block.kind in kinds]


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    found = list(BLOCK.finditer(text))
    for place, block in enumerate(found):
        after = found[place + 1] if place + 1 < len(found) else None
        kind = block[1].strip()
        told = after[2] if after and after[1] == FOLLOWED.get(kind) else None
        name = NAMED.match(block[2])
        line = text.count("\n", 0, block.start()) + 1
        yield Block(page, kind, block[2], line, name[1] if name else None, told)


def write_cells(page: Path, folder: Path, beside: Iterable[Path]) -> None:
    """The cells of the page that have names, and those of other files."""
    for path in beside:
        shutil.copy(path, folder)
    for block in blocks_of(page):
        if block.name and block.kind == "cell":
            (folder / block.name).write_text(block.text, encoding="utf-8")


def write_targets(page: Path) -> None:
    """What the commands of a page write that its cells use or its Python imports."""
    for block in blocks_of(page):
        if block.kind == "sh":
            for command in re.findall(
                r"^celldsl (new \w+ --like \w+|compile .*--target \w+)", block.text, re.M
            ):
                assert main(command.split()) == 0


def compiled(block: Block, folder: Path) -> Report:
    """All that is said of a block; the errors too."""
    report = Report()
    cells = re.findall(r"^cell (\w+)", block.text, re.MULTILINE)
    name = str(folder / (block.name or "cell.cell"))
    for cell in cells:
        with contextlib.suppress(CellError):
            generate(block.text, name, cell=cell, root=folder, report=report)
    return report


def messages(block: Block, folder: Path) -> str:
    report = compiled(block, folder)
    assert report.has_errors
    told = "\n".join(f"{render_text(d)}\n" for d in report.diagnostics)
    return told.replace(f"{folder}/", "")


@pytest.mark.parametrize("block", blocks("cell"), ids=lambda b: b.label)
def test_cells_compile(block: Block, tmp_path: Path) -> None:
    write_cells(block.page, tmp_path, example_paths())
    found = compiled(block, tmp_path).diagnostics
    assert not found, "\n".join(map(render_text, found))


@pytest.mark.parametrize("block", blocks("cell"), ids=lambda b: b.label)
def test_cells_are_laid_out(block: Block) -> None:
    assert format_source(Source("cell.cell", block.text)) == block.text


@pytest.mark.parametrize("block", blocks("cell error"), ids=lambda b: b.label)
def test_messages_are_as_shown(block: Block, tmp_path: Path, renew: bool) -> None:
    settle(block, messages(block, tmp_path), renew)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: Any, renew: bool) -> None:
    # What the front page shows is pasted in a fresh checkout, which has no cell at its top.
    if page.name != "README.md":
        write_cells(page, tmp_path, () if page.name in FROM_NOTHING else example_paths())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    outside = r"^(?:import|from) (torch|jax|flax|equinox|optax)\b"
    for library in re.findall(outside, page.read_text(encoding="utf-8"), re.M):
        pytest.importorskip(library)
    write_targets(page)
    space: dict[str, Any] = {"__name__": "page"}
    for block in blocks_of(page):
        if block.kind == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.text, block.label, "exec", dont_inherit=True), space)
            settle(block, printed.getvalue(), renew)


@pytest.mark.parametrize("block", blocks("diff"), ids=lambda b: b.label)
def test_changed_lines_say_what_is_shown(block: Block, tmp_path: Path, renew: bool) -> None:
    before, after = (line[1:] for line in block.text.splitlines())
    cell = [b for b in blocks_of(block.page) if b.kind == "cell" and b.line < block.line][-1]
    assert cell.text.count(f"{before}\n") == 1
    changed = replace(block, text=cell.text.replace(before, after), name=cell.name)
    settle(block, messages(changed, tmp_path), renew)


def settle(block: Block, found: str, renew: bool) -> None:
    """Compares what was found with what the page shows, or writes it there."""
    told = block.told or ""
    if renew and told != found:
        page = block.page.read_text(encoding="utf-8")
        kind = FOLLOWED[block.kind]
        shown = f"```{block.kind}\n{block.text}```\n"
        between = page.partition(shown)[2].partition(f"```{kind}\n")[0]
        old = f"{shown}{between}```{kind}\n{told}```"
        assert page.count(old) == 1, f"{block.label} has no ```{kind} block"
        page = page.replace(old, f"{shown}{between}```{kind}\n{found}```")
        block.page.write_text(page, encoding="utf-8")
    else:
        assert told == found


def test_the_reference_has_every_function() -> None:
    text = (TOP / "docs" / "language.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    called = {name for row in rows for name in re.findall(r"`(\w+)\(", row)}
    assert not {*FUNCTIONS, *PRELUDE} - called


@pytest.mark.parametrize("page", [*PAGES, *CELL_PAGES], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"`[^`]*`", "", BLOCK.sub("", page.read_text(encoding="utf-8")))
    for target in re.findall(r"\]\(([^)\s]+)", prose):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            other = page.parent / path if path else page
            assert other.exists(), target
            assert not anchor or anchor in anchors(other), target


def anchors(page: Path) -> set[str]:
    """Of headings, as Markdown makes them."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_every_page_is_on_the_site() -> None:
    text = (TOP / "docs" / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^[\w/]+$", text, re.MULTILINE))
    assert {path.stem for path in (TOP / "docs").glob("*.md")} - {"index"} <= listed


def test_pictures_are_as_they_would_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOP / "docs"))
    maker = importlib.import_module("make_pictures")
    wanted = maker.drawn()
    assert len(wanted) > 5
    assert not maker.stale(wanted), "run python docs/make_pictures.py"


def test_the_map_of_the_code_names_what_is_there() -> None:
    text = (TOP / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:celldsl|tests|docs|grammars|examples|\.ci)/[\w./]+)`", text)
    assert len(named) > 20
    if not (TOP / "celldsl").is_dir():
        pytest.skip("these are the tests of an installed wheel, without the sources")
    assert not [path for path in named if not (TOP / path).exists()]
