"""`celldsl check FILE…`.  In: files.  Out: every diagnostic, as text or JSON; status 1 for errors.

Imports neither NumPy nor Numba.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from celldsl.cli.options import add_files, add_root, root_of
from celldsl.cli.output import count_text, has_failed, print_diagnostics
from celldsl.diagnostics.diagnostic import Diagnostic, Report
from celldsl.syntax.limits import read_source

EXAMPLE = "celldsl check gru.cell"


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    add_root(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list on stdout")
    parser.add_argument("--strict", action="store_true", help="count warnings as errors")


def run(arguments: Namespace) -> int:
    found = _all_diagnostics(arguments.files, arguments.root)
    if arguments.json:
        from celldsl.diagnostics.render import render_json

        print(render_json(found))
    else:
        print_diagnostics(found, sys.stdout)
        if found:
            print(count_text(found))
    return 1 if has_failed(found, arguments.strict) else 0


def _all_diagnostics(files: list[str], root: str | None) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    for name in files:
        report = Report()
        if read_source(name, report) is not None:
            report = _checked(Path(name), root)
        found += report.diagnostics
    return found


def _checked(path: Path, root: str | None) -> Report:
    from celldsl.pipeline import check_file

    return check_file(path, root_of(path, root))
