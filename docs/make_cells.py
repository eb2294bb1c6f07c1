"""The pages of the cells that come along, and their catalogue.  In: examples/.  Out: files.

    python docs/make_cells.py              writes docs/cells/ and examples/catalogue.toml
    python docs/make_cells.py --check      says which of them are out of date

Everything on a page is taken from the cell's file, its program and `examples/index.toml`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from celldsl.comparison.differences import differences
from celldsl.comparison.reading import Equations, all_equations, nearest_to
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.ir.attributes import SPEC
from celldsl.ir.notes import Notes
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Program, Rows
from celldsl.ir.size import Size, product, shape_text
from celldsl.ir.spec import CellSpec
from celldsl.pictures.boxes import graph_of
from celldsl.pictures.latex import latex_text
from celldsl.pictures.svg import PAGE, svg_text
from celldsl.pipeline import front
from celldsl.zoo_index import Entry, Index, class_name, examples_folder, read_index, summary_of

TOP = Path(__file__).resolve().parents[1]
PAGES = TOP / "docs" / "cells"
RELATIVES, WORDS = 5, 3
ZERO, TWO = Size.of(0), Size.of(2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    wanted = all_files()
    if arguments.check:
        wrong = sorted(stale(wanted))
        print("\n".join(str(path.relative_to(TOP)) for path in wrong))
        return 1 if wrong else 0
    for path in old_files() - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def stale(wanted: dict[Path, str]) -> set[Path]:
    """Files that are not as they would be written, and those that should not be there."""
    found = {p for p, t in wanted.items() if not p.is_file() or p.read_text(encoding="utf-8") != t}
    return found | (old_files() - set(wanted))


def old_files() -> set[Path]:
    return {*PAGES.rglob("*.md"), *PAGES.rglob("*.svg")}


def all_files() -> dict[Path, str]:
    index = read_index()
    known = {name: Facts(entry) for name, entry in index.cells.items()}
    found = {examples_folder() / "catalogue.toml": catalogue(known)}
    found[PAGES / "README.md"] = gallery(index, known)
    for name, facts in known.items():
        found[PAGES / f"{name}.md"] = page(index, facts)
        picture = svg_text(graph_of(facts.program, facts.notes), PAGE)
        found[PAGES / "img" / f"{name}.svg"] = picture
    return found


@cache
def equations() -> dict[str, Equations]:
    return all_equations()


class Facts:
    """What is known of one cell."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.text = entry.path.read_text(encoding="utf-8")
        source = Source(entry.path.name, self.text)
        self.name = class_name(entry.path)
        lowered = front(source, Report(), self.name, {}, entry.path.parent, entry.path)
        self.spec: CellSpec = lowered.spec
        self.program: Program = lowered.program
        self.notes: Notes = lowered.notes

    @property
    def parameters(self) -> Size:
        return summed(product(p.shape) for p in self.spec.params)

    @property
    def state(self) -> Size:
        return summed(product(s.shape) for s in self.spec.states)

    @property
    def flops(self) -> Size:
        """Of one step of one sequence: two for each weight of a product, one for each element."""
        nodes = (*self.program.before, *self.program.step, *self.program.after)
        return summed(flops_of(n, self.program) for n in nodes if n.type.rows == Rows.STEP)

    def relatives(self) -> Iterator[tuple[str, str]]:
        """Names, and in words what tells the two apart."""
        one = equations()[self.entry.name]
        for name, other in nearest_to(one, equations(), RELATIVES, self.entry.name):
            words = list(dict.fromkeys(found.words for found in differences(one, other)))
            more = f"; and {len(words) - WORDS} more" if len(words) > WORDS else ""
            yield name, "; ".join(words[:WORDS]) + more if words else "the same equations"


def summed(sizes: Iterator[Size] | Any) -> Size:
    total = ZERO
    for size in sizes:
        total = total + size
    return total


def flops_of(node: Node, program: Program) -> Size:
    kinds = program.types()
    match OPS[node.op].kind:
        case "contract" if node.op == "einsum":
            letters: dict[str, Size] = {}
            read = node[SPEC].split("->")[0].split(",")
            for axes, arg in zip(read, node.args, strict=True):
                letters |= zip(axes, kinds[arg].shape, strict=True)
            return TWO * product(tuple(letters.values()))
        case "elementwise" | "scan":
            return product(node.type.shape)
        case "reduce":
            return product(kinds[node.args[0]].shape)
    return ZERO


def alone(size: Size, spec: CellSpec) -> Size:
    """With every dim as H, where it has one."""
    if "H" not in {dim.name for dim in spec.dims}:
        return size
    others = {d.name: Size.dim("H") for d in spec.dims if d.name not in ("H",) and d.fixed is None
              and d.default is None}  # fmt: skip
    fixed = {d.name: d.default for d in spec.dims if d.default is not None}
    return size.substitute({**others, **fixed}).substitute(others)


def catalogue(known: dict[str, Facts]) -> str:
    lines = ["# Made by docs/make_cells.py.", ""]
    for name, facts in known.items():
        lines += [f"[{name}]", f'source = "{digest(facts.text)}"']
        for key, value in amounts(facts).items():
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
        lines.append("")
    return "\n".join(lines)


def digest(text: str) -> str:
    """By which a test sees that a cell has changed since."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def amounts(facts: Facts) -> dict[str, str]:
    return {
        "parameters": str(facts.parameters),
        "parameters_alone": str(alone(facts.parameters, facts.spec)),
        "flops": str(facts.flops),
        "state": str(facts.state),
    }


def gallery(index: Index, known: dict[str, Facts]) -> str:
    lines = [
        "# The cells that come with celldsl",
        "",
        f"{len(known)} cells by family, each a few lines to read and to change. `celldsl list`",
        "shows them too, `celldsl new Mine --like gru` begins a file from one,",
        "`celldsl diff gru cudnn_gru` says how two differ, and `celldsl.zoo.GRU` is one in Python.",
    ]
    for family, what in index.families.items():
        members = [f for f in known.values() if f.entry.family == family]
        lines += ["", f"## {family.replace('_', ' ').capitalize()}", "", f"{what}.", ""]
        lines += ["| cell | what it is | parameters | state |", "|---|---|---|---|"]
        for f in members:
            columns = (
                f"[{f.name}]({f.entry.name}.md)",
                summary_of(f.entry.path),
                formula(f.parameters),
                formula(f.state),
            )
            lines.append(f"| {' | '.join(columns)} |")
    return "\n".join([*lines, *by_library(index), ""])


def by_library(index: Index) -> Iterator[str]:
    """Which cell of a library is which here, with the settings under which they agree."""
    yield from ("", "## By library", "", "Which of a library's cells is which here.", "")
    yield from ("| library | its cell | here |", "|---|---|---|")
    rows = [(row, cell) for cell in index.cells.values() for row in cell.rows]
    order = list(index.libraries)
    for row, cell in sorted(rows, key=lambda pair: order.index(pair[0].split(".")[0])):
        chosen = ", ".join(f"{key}={json.dumps(value)}" for key, value in cell.rows[row].items())
        here = f"[{cell.name}]({cell.name}.md)" + (f" with `{chosen}`" if chosen else "")
        yield f"| {index.libraries[row.split('.')[0]]} | `{row}` | {here} |"
    for row, why in index.left_out.items():
        yield f"| {index.libraries[row.split('.')[0]]} | `{row}` | left out. {why} |"


def formula(size: Size) -> str:
    return f"`{size}`"


def page(index: Index, f: Facts) -> str:
    name = f.entry.name
    lines = [f"# {f.name}", "", summary_of(f.entry.path), "", *f.spec.doc.strip().splitlines(), ""]
    lines += [
        f"[The file](../../examples/{f.entry.family}/{name}.cell) · "
        f"`celldsl new Mine --like {name}` · `celldsl.zoo.{f.name}` · [all cells](README.md)",
        "",
        "## Equations",
        "",
    ]
    lines += ["```math", latex_text(f.program, f.notes), "```", ""]
    lines += [
        f"![What is computed from what, from the left to the right](img/{name}.svg)",
        "",
        "```cell",
        f.text.rstrip("\n"),
        "```",
        "",
    ]
    lines += ["## Amounts", "", *table_of_amounts(f), "", *table_of_params(f)]
    lines += ["## Agrees with", "", *agreements(index, f), ""]
    relatives = list(f.relatives())
    if relatives:
        lines += ["## Relatives", ""]
        lines += [f"- [{other}]({other}.md): {words}" for other, words in relatives]
        lines += [""]
    return "\n".join(lines)


def table_of_amounts(f: Facts) -> Iterator[str]:
    yield "| | formula | with all dims H |"
    yield "|---|---|---|"
    rows = {"parameters": f.parameters, "numbers in the state": f.state,
            "operations in a step": f.flops}  # fmt: skip
    for what, size in rows.items():
        yield f"| {what} | {formula(size)} | {formula(alone(size, f.spec))} |"


def table_of_params(f: Facts) -> Iterator[str]:
    if not f.spec.params:
        return
    yield "| parameter | shape |"
    yield "|---|---|"
    for param in f.spec.params:
        yield f"| `{param.name}` | `{shape_text(param.shape)}` |"
    yield ""


def agreements(index: Index, f: Facts) -> Iterator[str]:
    for row, settings in f.entry.rows.items():
        library = index.libraries[row.split(".")[0]]
        chosen = ", ".join(f"`{key}={json.dumps(value)}`" for key, value in settings.items())
        yield f"- {library} (`{row}`)" + (f", with {chosen}" if chosen else "")


if __name__ == "__main__":
    sys.exit(main())
