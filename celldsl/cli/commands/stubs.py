"""`celldsl stubs FILE…`.  In: files.  Out: the types of their cells, `gru.pyi` beside `gru.cell`.

Editors and type checkers read them where a cell is imported by way of `celldsl.importer`;
`celldsl compile` writes those of a module itself.  With an error in one file none is written, and
types that somebody else wrote stay: nothing of theirs is replaced.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from celldsl.cli.options import add_choice, add_files, parse_settings, root_of
from celldsl.cli.output import CommandError, has_failed, print_diagnostics
from celldsl.diagnostics.diagnostic import Diagnostic, Report
from celldsl.diagnostics.errors import CellError
from celldsl.files import replace_file
from celldsl.syntax.limits import read_source
from celldsl.targets.numba.stub import MADE

EXAMPLE = "celldsl stubs gru.cell\n  celldsl stubs cells/*.cell"


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    add_choice(parser)


def run(arguments: Namespace) -> int:
    parse_settings(arguments.set)
    stubs = {name: types_of(Path(name)) for name in arguments.files}
    found: list[Diagnostic] = []
    texts = {name: _types(arguments, Path(name), found) for name in stubs}
    print_diagnostics(found)
    if has_failed(found, strict=False):
        return 1
    for name, stub in stubs.items():
        replace_file(stub, [texts[name].encode()])
        print(f"wrote {stub}")
    return 0


def _types(arguments: Namespace, path: Path, found: list[Diagnostic]) -> str:
    """The types of a file's cells; what is wrong goes into `found`."""
    from celldsl.pipeline import types_source

    report = Report()
    source = read_source(path, report)
    settings, root = parse_settings(arguments.set), root_of(path, arguments.root)
    try:
        if source is None:
            return ""
        return types_source(source.text, str(path), arguments.cell, settings, root, report)
    except CellError as error:
        report.diagnostics += [d for d in error.diagnostics if d not in report.diagnostics]
        return ""
    finally:
        found += report.diagnostics


def types_of(path: Path) -> Path:
    """Where the types of a module or a cell go.  Raises CommandError where others' types are."""
    # A folder has no suffix to replace, and reading it says what is wrong.
    stub = path.parent / f"{path.stem}.pyi"
    if not stub.is_dir() and (not stub.exists() or MADE in _beginning(stub)):
        return stub
    raise CommandError(f"{stub} is there, and celldsl did not write it: move it away first")


def _beginning(stub: Path) -> str:
    with stub.open(encoding="utf-8", errors="replace") as file:
        return file.read(1000)
