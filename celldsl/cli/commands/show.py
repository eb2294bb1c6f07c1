"""`celldsl show FILE`.  In: a cell, one of its forms in the compiler.  Out: that form.

Shapes and parameters by default.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from celldsl.api import file_of
from celldsl.cli.options import add_choice, add_without, parse_settings, root_of, whole
from celldsl.cli.output import CommandError, print_diagnostics, print_file
from celldsl.cli.views import plan_text, sizes_of, summary_text
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.span import Source
from celldsl.syntax.limits import read_source

if TYPE_CHECKING:
    from celldsl.semantics.lower import Lowered

EXAMPLE = (
    "celldsl show gru.cell --set I=28 --set H=128\n"
    "  celldsl show gru.cell --ir\n"
    "  celldsl show gru.cell --plan --set I=128 --set H=128 --steps 100 --batch 32\n"
    "  celldsl show gru.cell --diagram gru.svg\n"
    "  celldsl show gru.cell --text"
)
IN_TERMINAL, STDOUT = "", "-"
FORMS = {
    "ir": "the program, before any pass",
    "gradient": "the forward and backward programs, after all passes",
    "plan": "what the optimiser did and why, with amounts where all sizes are set",
    "source": "the generated module",
    "latex": "the equations as LaTeX",
}


FILES = ("source", "latex")  # what would be in a file


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .cell file, or a cell that comes along")
    add_choice(parser)
    add_without(parser)
    forms = parser.add_mutually_exclusive_group()
    for name, what in FORMS.items():
        forms.add_argument(
            f"--{name}", dest="form", action="store_const", const=name, help=f"show {what}"
        )
    pictures = parser.add_argument_group("pictures, of the backward pass with --gradient")
    pictures.add_argument(
        "--diagram",
        nargs="?",
        const=IN_TERMINAL,
        metavar="OUT.svg",
        help="write a picture; `-` prints it; without a file it is drawn as by --text",
    )
    pictures.add_argument("--text", action="store_true", help="draw for a terminal")
    pictures.add_argument(
        "--fold",
        action="append",
        default=[],
        metavar="NAME",
        help="draw loops, inner cells or an ode of this name as one box; may be repeated",
    )
    pictures.add_argument("--theme", choices=["auto", "light", "dark"], default="auto")
    pictures.add_argument("--width", type=_width, metavar="PIXELS", help="of the page")
    plan = parser.add_argument_group("sizes for --plan")
    plan.add_argument("--steps", type=whole(), default=100, metavar="T", help="(default: 100)")
    plan.add_argument("--batch", type=whole(), default=32, metavar="B", help="(default: 32)")
    plan.add_argument("--dtype", choices=["float32", "float64"], default="float32")


def _width(text: str) -> float:
    if not text.isdecimal() or not 200 <= int(text) <= 20_000:
        raise ArgumentTypeError(f"a width is a whole number from 200 to 20000, not {text}")
    return float(text)


def run(arguments: Namespace) -> int:
    if arguments.diagram == IN_TERMINAL:
        arguments.diagram, arguments.text = None, True
    if (arguments.diagram or arguments.text) and arguments.form not in (None, "gradient"):
        raise CommandError(f"a picture shows the step or --gradient, not --{arguments.form}", 2)
    if arguments.diagram and arguments.text:
        raise CommandError("--text draws for a terminal, --diagram into a file: take one", 2)
    report = Report()
    arguments.file = file_of(arguments.file)
    source = read_source(arguments.file, report)
    try:
        text = "" if source is None else _text(arguments, source, report)
    except CellError as error:
        report = Report(list(error.diagnostics))
    print_diagnostics(report.diagnostics)
    if report.has_errors:
        return 1
    if arguments.form in FILES or arguments.diagram == STDOUT:
        print_file(text if text.endswith("\n") else f"{text}\n")
    elif text:
        print(text.rstrip("\n"))
    return 0


def _text(arguments: Namespace, source: Source, report: Report) -> str:
    from celldsl.pipeline import front, generate

    settings = parse_settings(arguments.set)
    # A cell that comes along may lie in an archive, where there is no path.
    path = Path(arguments.file) if isinstance(arguments.file, str | os.PathLike) else None
    root = None if path is None else root_of(path, arguments.root)
    if arguments.form == "source":
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
    if arguments.diagram is not None or arguments.text:
        return _drawn(arguments, lowered)
    match arguments.form:
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
    return _programs(lowered, arguments.form, arguments.without)


def _drawn(arguments: Namespace, lowered: Lowered) -> str:
    from celldsl.cli.views import graph_for
    from celldsl.pictures.graph import is_meant, names_of, without
    from celldsl.pictures.svg import svg_text
    from celldsl.pictures.terminal import text_picture

    graph = graph_for(lowered, arguments.form == "gradient")
    known = names_of(graph)
    for name in arguments.fold:
        if not any(is_meant(k, [name]) for k in known):
            told = ", ".join(f"`{k}`" for k in known) or "none"
            message = f"--fold: there is no loop, inner cell or ode `{name}`; there are {told}"
            raise CommandError(message, 2)
    graph = without(graph, arguments.fold)
    if arguments.text:
        return text_picture(graph)
    svg = svg_text(graph, arguments.width, arguments.theme)
    if arguments.diagram == STDOUT:
        return svg
    from celldsl.files import is_special, replace_file

    replace_file(Path(arguments.diagram), [svg.encode()])
    return "" if is_special(arguments.diagram) else f"wrote {arguments.diagram}"


def _programs(lowered: Lowered, form: str, without: Collection[str]) -> str:
    from celldsl.ir.text import print_program
    from celldsl.pipeline import Artefacts

    if form == "ir":
        return print_program(lowered.program)
    forward, backward = Artefacts(lowered, without).optimised
    return f"{print_program(forward)}\n{print_program(backward)}"
