"""`celldsl fmt FILE…`.  In: files, or `-` for stdin.  Out: the canonical layout, in their place.

With `--check` or `--diff` no file is written, and the status is 1 where one would be.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from celldsl.cli.output import print_diagnostics, print_file, read_stdin
from celldsl.diagnostics.diagnostic import Diagnostic, Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.span import Source
from celldsl.files import replace_file
from celldsl.syntax.limits import read_source

EXAMPLE = "celldsl fmt gru.cell\n  celldsl fmt --check cells/*.cell"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a .cell file, or - for stdin")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 for changes")
    parser.add_argument("--diff", action="store_true", help="write nothing; show the changes")
    parser.add_argument("--ascii", action="store_true", help="spell Unicode out")


def run(arguments: Namespace) -> int:
    """Formats all files before it writes any: with an error in one, none is touched."""
    sources = {name: _read(name) for name in arguments.files}
    formatted: dict[str, str] = {}
    changed = []
    for name, source in sources.items():
        text = None if source is None else _format(source, arguments.ascii)
        if source is not None and text is not None:
            formatted[name] = text
            if text != source.text:
                changed.append(name)
                _show(arguments, name, source.text, text)
    failed = len(formatted) < len(sources)
    if arguments.check or arguments.diff:
        return 1 if changed or failed else 0
    if not failed:
        _write(formatted, changed)
    return 1 if failed else 0


def _show(arguments: Namespace, name: str, before: str, after: str) -> None:
    if arguments.diff:
        print(_difference(name, before, after), end="")
    if arguments.check:
        print(f"would change {name}", file=sys.stderr)


def _read(name: str) -> Source | None:
    """The source of a file, or None once it has been said why there is none."""
    report = Report()
    source = read_stdin(report) if name == "-" else read_source(name, report)
    print_diagnostics(report.diagnostics)
    return source


def _mistakes(source: Source) -> list[Diagnostic]:
    """What is wrong, with words on what people bring from elsewhere."""
    from celldsl.semantics.foreign_functions import FOREIGN
    from celldsl.syntax.parse import parse

    report = Report()
    parse(source, report, FOREIGN)
    return report.diagnostics


def _format(source: Source, spelled_out: bool) -> str | None:
    from celldsl.syntax.format.format import format_source

    try:
        return format_source(source, ascii=spelled_out)
    except CellError:
        print_diagnostics(_mistakes(source))
        return None


def _difference(name: str, before: str, after: str) -> str:
    from difflib import unified_diff

    lines = unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        name,
        f"{name} (new)",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _write(formatted: dict[str, str], changed: list[str]) -> None:
    for name, text in formatted.items():
        if name == "-":
            print_file(text)
        elif name in changed:
            replace_file(name, [text.encode()])
