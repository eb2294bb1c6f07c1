"""`celldsl show FILE`.  In: a cell and a stage of the compiler.  Out: the cell as it is there.

Shapes and parameters by default.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from celldsl.cli.options import add_choice, parse_settings, root_of
from celldsl.cli.output import print_diagnostics
from celldsl.diagnostics.diagnostic import CellError, Report
from celldsl.diagnostics.span import Source
from celldsl.syntax.limits import read_source

EXAMPLE = "celldsl show gru.cell --set I=28 --set H=128\n  celldsl show gru.cell --ir"
STAGES = {
    "ir": "the program, before any pass",
    "gradient": "the forward and backward programs, after all passes",
    "source": "the generated module",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .cell file")
    add_choice(parser)
    stages = parser.add_mutually_exclusive_group()
    for name, what in STAGES.items():
        stages.add_argument(
            f"--{name}", dest="stage", action="store_const", const=name, help=f"show {what}"
        )


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
    from celldsl.driver import front, generate, optimise

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
        )
    lowered = front(source, report, arguments.cell, settings, root, path)
    if arguments.stage is None:
        from celldsl.cli.summary import summary_text

        return summary_text(lowered.spec, settings)
    from celldsl.ir.text import print_program

    if arguments.stage == "ir":
        return print_program(lowered.program)
    forward, backward = optimise(lowered.program)
    return f"{print_program(forward)}\n{print_program(backward)}"
