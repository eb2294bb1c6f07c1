"""`celldsl explain CODE`.  In: a code of a diagnostic.  Out: what it means, with an example."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from textwrap import indent

from celldsl.cli.output import CommandError

EXAMPLE = "celldsl explain E0014"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", metavar="CODE", help="for one code; else all are listed")


def run(arguments: Namespace) -> int:
    from celldsl.diagnostics.catalogue import CATALOGUE

    if arguments.code is None:
        for code, entry in CATALOGUE.items():
            print(f"{code}  {entry.title}")
        return 0
    code = arguments.code.upper()
    if code not in CATALOGUE:
        raise CommandError(f"no code {arguments.code}; `celldsl explain` lists them")
    entry = CATALOGUE[code]
    print(f"{code}: {entry.title}\n\n{entry.explanation.strip()}")
    for title, text in (("This gives it", entry.bad), ("This is right", entry.good)):
        if text:
            print(f"\n{title}:\n\n{indent(text.rstrip(), '    ')}")
    return 0
