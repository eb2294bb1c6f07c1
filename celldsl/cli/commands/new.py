"""`celldsl new NAME`.  In: a name, and a cell that comes with celldsl.  Out: a file to change.

`celldsl new Mine --like gru` writes `mine.cell`, whose cell is called `Mine`.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path

from celldsl.cli.output import CommandError
from celldsl.files import replace_file
from celldsl.syntax.names import is_taken
from celldsl.zoo_index import cell_name, example_paths, unknown_cell

EXAMPLE = "celldsl new Mine --like peephole_lstm"
_CELL = re.compile(r"^cell (\w+)", re.MULTILINE)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the name of the cell")
    parser.add_argument("--like", default="gru", metavar="CELL", help="see `celldsl list`")


def run(arguments: Namespace) -> int:
    name = arguments.name
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        better = re.sub(r"\W+", "_", name.removesuffix(".cell"), flags=re.ASCII).strip("_")
        hint = f"; {better} would do" if re.match("[A-Za-z]", better) else ""
        told = f"{name!r} is no name: letters, digits and _, a letter first{hint}"
        raise CommandError(told, 2)
    if is_taken(name):
        told = f"{name} is a word of the language or of Python, and no name of a cell"
        raise CommandError(f"{told}; choose another, such as My{name.capitalize()}", 2)
    paths = {cell_name(path): path for path in example_paths()}
    if arguments.like not in paths:
        raise CommandError(unknown_cell(arguments.like, paths), 2)
    target = Path(f"{name.lower()}.cell")
    if target.exists():
        raise CommandError(f"{target} exists already")
    text = paths[arguments.like].read_text(encoding="utf-8")
    replace_file(target, [_renamed(text, name, arguments.like).encode()])
    print(f"wrote {target}; check it with\n    celldsl check {target}")
    return 0


def _renamed(text: str, name: str, like: str) -> str:
    """The text with the last cell, which is the file's own, called `name`."""
    own = list(_CELL.finditer(text))[-1]
    text = text[: own.start(1)] + name + text[own.end(1) :]
    return text.replace(f"# {like}.cell", f"# {name.lower()}.cell", 1)
