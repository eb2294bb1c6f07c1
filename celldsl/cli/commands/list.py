"""`celldsl list`.  In: nothing.  Out: the cells that come with celldsl, a line each."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from celldsl.cli.examples import example_paths, summary_of

EXAMPLE = "celldsl list"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--paths", action="store_true", help="print where the files are instead")


def run(arguments: Namespace) -> int:
    paths = example_paths()
    width = max((len(path.stem) for path in paths), default=0)
    for path in paths:
        print(path if arguments.paths else f"{path.stem:{width}}  {summary_of(path)}".rstrip())
    return 0
