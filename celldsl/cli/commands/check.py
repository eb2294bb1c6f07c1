"""`celldsl check FILE…`.  In: files, folders, `-`.  Out: every diagnostic; status 1 for errors.

Imports neither NumPy nor Numba.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TextIO

from celldsl.cli.options import add_root, root_of
from celldsl.cli.output import (
    CommandError,
    count_text,
    has_failed,
    print_diagnostics,
    print_file,
    read_stdin,
)
from celldsl.diagnostics.diagnostic import Diagnostic, Report
from celldsl.diagnostics.span import Source
from celldsl.files import absolute
from celldsl.syntax.limits import read_source

EXAMPLE = (
    "celldsl check gru.cell\n"
    "  celldsl check cells/ --fix\n"
    "  celldsl check - --output-format github < gru.cell"
)
STDIN, PAUSE, ROUNDS = "-", 0.3, 10


def add_arguments(parser: ArgumentParser) -> None:
    what = "a .cell file, a folder to search, or - for standard input"
    parser.add_argument("files", nargs="+", metavar="FILE", help=what)
    add_root(parser)
    parser.add_argument("--output-format", choices=["text", "json", "github"], default="text")
    parser.add_argument("--json", action="store_true", help="the same as --output-format json")
    parser.add_argument("--strict", action="store_true", help="count warnings as errors")
    parser.add_argument("--fix", action="store_true", help="write the fixes that messages propose")
    parser.add_argument("--watch", action="store_true", help="again whenever a file changes")


def run(arguments: Namespace) -> int:
    if arguments.json:
        arguments.output_format = "json"
    if arguments.watch and STDIN in arguments.files:
        raise CommandError("--watch: standard input does not change", 2)
    status = _run_once(arguments)
    while arguments.watch:
        _wait(arguments.files)
        print("\x1b[2J\x1b[H" if sys.stdout.isatty() else "", end="")
        status = _run_once(arguments)
    return status


def _run_once(arguments: Namespace) -> int:
    found: list[Diagnostic] = []
    fixed = 0
    for name in _files(arguments.files):
        report, count = _checked(name, arguments)
        found += report.diagnostics
        fixed += count
    # With `-`, standard output is the text that was fixed.
    stream = sys.stderr if arguments.fix and STDIN in arguments.files else sys.stdout
    _show(found, arguments.output_format, stream)
    if fixed:
        print(f"fixed {fixed} problem{'s' * (fixed > 1)}", file=sys.stderr)
    return 1 if has_failed(found, arguments.strict) else 0


def _show(found: list[Diagnostic], form: str, out: TextIO) -> None:
    if form == "text":
        print_diagnostics(found, out)
        if found:
            print(count_text(found), file=out)
        return
    from celldsl.diagnostics.render import render_github, render_json

    text = render_json(found) if form == "json" else render_github(found)
    if text:
        print(text, file=out)


def _files(names: list[str]) -> list[str]:
    """Folders as the `.cell` files in them, but for those in hidden folders."""
    found: list[str] = []
    for name in names:
        if name == STDIN or not os.path.isdir(name):  # noqa: PTH112 as pathlib would import it all
            found.append(name)
            continue
        inside = sorted(
            path
            for path in Path(name).rglob("*.cell")
            if not any(part.startswith(".") for part in path.relative_to(name).parts)
        )
        if not inside:
            raise CommandError(f"{name}: no .cell file is in this folder", 1)
        found += map(str, inside)
    return found


def _checked(name: str, arguments: Namespace) -> tuple[Report, int]:
    """What is wrong with a file, and how many fixes were written."""
    report = Report()
    source = read_stdin(report) if name == STDIN else read_source(name, report)
    if source is None:
        return report, 0
    path = Path(name)
    report = _check(path, source.text, arguments.root)
    if not arguments.fix:
        return report, 0
    text, report, count = _fixed(source.text, path, arguments.root, report)
    if name == STDIN:
        print_file(text)
    elif count:
        from celldsl.files import replace_file

        replace_file(path, [text.encode()])
    return report, count


def _check(path: Path, text: str, root: str | None) -> Report:
    """Of a file as it is on the disk, or of standard input."""
    from celldsl.pipeline import check_file

    if str(path) == STDIN:
        return _check_text(path, text, root)
    return check_file(path, root_of(path, root))


def _check_text(path: Path, text: str, root: str | None) -> Report:
    """Of a text that the file would have."""
    from celldsl.pipeline import check_text

    if str(path) == STDIN:
        return check_text(text, "<stdin>", absolute(root or "."))
    return check_text(text, path.name, root_of(path, root), path)


def _fixed(text: str, path: Path, root: str | None, report: Report) -> tuple[str, Report, int]:
    """Fixes are put in until none is left; one round that makes more errors is taken back."""
    from celldsl.diagnostics.diagnostic import fixed_text

    total = 0
    for _ in range(ROUNDS):
        better, count = fixed_text(Source(path.name, text), report.diagnostics)
        if not count:
            break
        after = _check_text(path, better, root)
        if _errors(after) > _errors(report):
            break
        text, report, total = better, after, total + count
    return text, report, total


def _errors(report: Report) -> int:
    return sum(d.severity == "error" for d in report.diagnostics)


def _wait(names: list[str]) -> None:
    """Until a file is changed, added or gone."""
    import time

    before = _times(names)
    while _times(names) == before:
        time.sleep(PAUSE)


def _times(names: list[str]) -> dict[str, int]:
    return {name: _time(Path(name)) for name in _files(names)}


def _time(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
