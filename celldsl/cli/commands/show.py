"""`celldsl show FILE`.  In: a cell and a stage of the compiler.  Out: the cell as it is there.

Shapes and parameters by default.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from celldsl.cli.options import add_choice, add_without, parse_settings, root_of
from celldsl.cli.output import print_diagnostics
from celldsl.cli.views.planned import plan_text
from celldsl.cli.views.summary import sizes_of, summary_text
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.span import Source
from celldsl.syntax import ast
from celldsl.syntax.limits import read_source

if TYPE_CHECKING:
    from celldsl.semantics.lower import Lowered

EXAMPLE = (
    "celldsl show gru.cell --set I=28 --set H=128\n"
    "  celldsl show gru.cell --ir\n"
    "  celldsl show gru.cell --plan --set I=128 --set H=128 --steps 100 --batch 32\n"
    "  celldsl show gru.cell --diagram gru.svg"
)
STAGES = {
    "ir": "the program, before any pass",
    "gradient": "the forward and backward programs, after all passes",
    "plan": "what the optimiser did and why, with amounts where all sizes are set",
    "source": "the generated module",
    "latex": "the equations as LaTeX",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .cell file")
    add_choice(parser)
    add_without(parser)
    stages = parser.add_mutually_exclusive_group()
    for name, what in STAGES.items():
        stages.add_argument(
            f"--{name}", dest="stage", action="store_const", const=name, help=f"show {what}"
        )
    stages.add_argument("--diagram", metavar="OUT.svg", help="write a picture of who reads whom")
    plan = parser.add_argument_group("sizes for --plan")
    plan.add_argument("--steps", type=int, default=100, metavar="T", help="(default: 100)")
    plan.add_argument("--batch", type=int, default=32, metavar="B", help="(default: 32)")
    plan.add_argument("--dtype", choices=["float32", "float64"], default="float32")


def run(arguments: Namespace) -> int:
    report = Report()
    source = read_source(arguments.file, report)
    try:
        text = "" if source is None else _text(arguments, source, report)
    except CellError as error:
        report = Report(list(error.diagnostics))
    print_diagnostics(report.diagnostics)
    if report.has_errors:
        return 1
    print(text.rstrip("\n"))
    return 0


def _text(arguments: Namespace, source: Source, report: Report) -> str:
    from celldsl.pipeline import front, generate

    settings = parse_settings(arguments.set)
    path = Path(arguments.file)
    root = root_of(path, arguments.root)
    if arguments.stage == "source":
        return generate(
            source.text,
            source.name,
            cell=arguments.cell,
            structure=settings,
            root=root,
            report=report,
            without=arguments.without,
        )
    lowered = front(source, report, arguments.cell, settings, root, path)
    if arguments.diagram is not None:
        return _write_diagram(_syntax(source, lowered.spec.name), Path(arguments.diagram))
    match arguments.stage:
        case None:
            return summary_text(lowered.spec, settings)
        case "latex":
            from celldsl.pictures.latex import latex_text

            return latex_text(lowered.program, lowered.notes)
        case "plan":
            sizes = sizes_of(lowered.spec, settings)
            return plan_text(
                lowered,
                sizes,
                arguments.steps,
                arguments.batch,
                arguments.dtype,
                arguments.without,
            )
    return _programs(lowered, arguments.stage, arguments.without)


def _syntax(source: Source, name: str) -> ast.Cell:
    """The syntax tree of a cell that is known to be right."""
    from celldsl.syntax.parse import parse

    file = parse(source, Report())
    items = () if file is None else file.items
    return next(item for item in items if isinstance(item, ast.Cell) and item.name.id == name)


def _write_diagram(cell: ast.Cell, path: Path) -> str:
    from celldsl.cli.views.diagram import diagram
    from celldsl.files import replace_file

    replace_file(path, [diagram(cell).encode()])
    return f"wrote {path}"


def _programs(lowered: Lowered, stage: str, without: Collection[str]) -> str:
    from celldsl.ir.text import print_program
    from celldsl.pipeline import Artefacts

    if stage == "ir":
        return print_program(lowered.program)
    forward, backward = Artefacts(lowered, without).optimised
    return f"{print_program(forward)}\n{print_program(backward)}"
