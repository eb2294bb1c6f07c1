"""`celldsl diff A B`.  In: two cells, files or names.  Out: how they differ, and the equations.

What is the same mathematics is no difference: packed gates, two biases for one, the order of sums.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from celldsl.api import file_of
from celldsl.comparison.differences import differences
from celldsl.comparison.reading import Equations, equations_of
from celldsl.structs import replace

EXAMPLE = "celldsl diff gru.cell mine.cell\n  celldsl diff lstm peephole_lstm"


def add_arguments(parser: ArgumentParser) -> None:
    what = "a .cell file, or a cell that comes with celldsl"
    parser.add_argument("a", metavar="A", help=what)
    parser.add_argument("b", metavar="B", help="another one")


def run(arguments: Namespace) -> int:
    a, b = (equations_of(file_of(name)) for name in (arguments.a, arguments.b))
    if a.cell == b.cell and arguments.a != arguments.b:
        a, b = replace(a, cell=arguments.a), replace(b, cell=arguments.b)
    print("\n".join(_lines(a, b)))
    return 0


def _lines(a: Equations, b: Equations) -> Iterator[str]:
    found = differences(a, b)
    if not found:
        yield f"{a.cell} and {b.cell} have the same equations"
        return
    wide = max(len(a.cell), len(b.cell))
    for difference in found:
        yield difference.words
        for name, term in ((a.cell, difference.left), (b.cell, difference.right)):
            if term:
                yield f"    {name:{wide}}  {term}"
