"""`celldsl list`.  In: a family or a word, or nothing.  Out: cells that come along, a line each.

A line has the name, how many parameters there are, and what the cell is.  With `--like` it is the
relatives of a cell instead, with what tells each apart.
"""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from celldsl.cli.output import CommandError, print_diagnostics
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.suggest import nearest
from celldsl.zoo_index import Entry, Index, Known, read_catalogue, read_index, summary_of

if TYPE_CHECKING:
    from celldsl.comparison.reading import Equations

EXAMPLE = (
    "celldsl list\n"
    "  celldsl list spiking\n"
    "  celldsl list --grep time\n"
    "  celldsl list --like peephole_lstm\n"
    "  celldsl list --like mine.cell"
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("family", nargs="?", metavar="FAMILY", help="one family alone")
    parser.add_argument("--grep", metavar="WORD", help="those whose name or text has the word")
    parser.add_argument("--like", metavar="CELL", help="the relatives of a cell, or of a file")
    parser.add_argument("--paths", action="store_true", help="print where the files are instead")


def run(arguments: Namespace) -> int:
    index = read_index()
    if arguments.family is not None and arguments.family not in index.families:
        meant = nearest(arguments.family, index.families)
        there = f"there are {', '.join(index.families)}"
        looks = f"`celldsl list --grep {shlex.quote(arguments.family)}` looks for a word"
        hint = f"did you mean {meant}?" if meant else f"{there}; {looks}"
        raise CommandError(f"no family {arguments.family}; {hint}", 2)
    if arguments.like is not None:
        try:
            print(relatives_text(arguments.like))
        except CellError as error:
            print_diagnostics(error.diagnostics)
            return 1
        return 0
    chosen = [entry for entry in index.cells.values() if _is_asked_for(entry, arguments)]
    if not chosen:
        raise CommandError(f"no cell has {arguments.grep!r} in its name or text")
    paths = (str(entry.path) for entry in chosen)
    print("\n".join(paths if arguments.paths else _lines(index, chosen, arguments.grep or "")))
    return 0


def _is_asked_for(entry: Entry, arguments: Namespace) -> bool:
    if arguments.family not in (None, entry.family):
        return False
    word = (arguments.grep or "").lower()
    return any(word in text.lower() for text in _texts(entry))


def _texts(entry: Entry) -> list[str]:
    """What is looked through for a word."""
    return [entry.name, *entry.rows, *entry.path.read_text(encoding="utf-8").splitlines()]


def _lines(index: Index, chosen: list[Entry], word: str) -> Iterator[str]:
    """A heading for each family; formulas of parameters in the cell's dims, and with I = H.

    Below it stands where the word was found, if not there.
    """
    known = read_catalogue()
    wide = max(len(entry.name) for entry in chosen)
    for place, family in enumerate(dict.fromkeys(entry.family for entry in chosen)):
        if place:
            yield ""
        yield f"{family}: {index.families[family]}"
        for entry in chosen:
            if entry.family == family:
                amount = _amount(known[entry.name])
                line = f"  {entry.name:{wide}}  {summary_of(entry.path)}"
                yield f"{line}  {amount}"
                if word.lower() not in line.lower():
                    found = next(t for t in _texts(entry) if word.lower() in t.lower())
                    yield " " * (wide + 6) + found.strip(' "')


def _amount(known: Known) -> str:
    return (
        f"[{known.parameters}]"
        if known.parameters == known.parameters_alone
        else (f"[{known.parameters}; with all dims H: {known.parameters_alone}]")
    )


COUNT, TOLD = 6, 4


def relatives_text(like: str) -> str:
    """The relatives of a cell or of a file, with what tells each apart.

    Raises FileNotFoundError where there is no such cell or file.
    """
    from celldsl.api import file_of
    from celldsl.comparison.reading import all_equations, equations_of, nearest_to

    one = equations_of(file_of(like))
    found = nearest_to(one, all_equations(), COUNT, like)
    if not found:
        return f"no cell that comes with celldsl has much in common with {one.cell}"
    return "\n".join(line for name, other in found for line in _told(one, name, other))


def _told(one: Equations, name: str, other: Equations) -> Iterator[str]:
    from celldsl.comparison.differences import differences

    words = list(dict.fromkeys(found.words for found in differences(one, other)))
    if not words:
        yield f"{name}: the same equations"
        return
    yield f"{name}:"
    yield from (f"    {text}" for text in words[:TOLD])
    if len(words) > TOLD:
        yield f"    and {len(words) - TOLD} more: celldsl diff"
