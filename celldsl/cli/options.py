"""Options that several commands take.  In: a parser.  Out: arguments, and values from them.

    settings = parse_settings(["H=64", "activation=relu"])  # {"H": 64, "activation": "relu"}
    refuse_wrong("gru.cell", None, None, {"round": 3})      # SettingError: did you mean rounds?

Every command that builds a cell says the same of a wrong setting, before it does anything.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from celldsl.cli.output import CommandError
from celldsl.files import absolute
from celldsl.pass_flags import checked

if TYPE_CHECKING:
    from celldsl.semantics.lower import Lowered

# Read by BLAS when NumPy is imported.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Setting = int | float | bool | str
# Compiled where they are used: most commands need neither.
_INTEGER = r"[-+]?\d{1,18}"
_REAL = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?inf"


def whole(least: int = 1) -> Callable[[str], int]:
    """The type of an option that is a whole number, and no smaller."""

    def read(text: str) -> int:
        if not re.fullmatch(_INTEGER, text) or int(text) < least:
            told = f"a whole number, {least} or more" if least else "a whole number, not below 0"
            raise ArgumentTypeError(f"expected {told}, not {text}")
        return int(text)

    return read


def positive(text: str) -> float:
    """The type of an option that is a number above 0, and no infinity."""
    if not 0 < (value := _number(text)) < 1e6:
        raise ArgumentTypeError(f"expected a number above 0, not {text}")
    return value


def not_negative(text: str) -> float:
    """The type of an option that is a number, 0 or more, and no infinity."""
    if not 0 <= (value := _number(text)) < 1e6:
        raise ArgumentTypeError(f"expected a number, 0 or more, not {text}")
    return value


def _number(text: str) -> float:
    return float(text) if re.fullmatch(_REAL, text) else -1.0


def add_files(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a .cell file")


def add_root(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--root", metavar="FOLDER", help="files that are used lie inside it (default: the file's)"
    )


def add_choice(parser: ArgumentParser) -> None:
    """What a command that builds a cell takes."""
    parser.add_argument("--cell", metavar="NAME", help="which cell, where the file has several")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a dim or hyperparameter; may be repeated",
    )
    add_root(parser)


def _optimisation(name: str) -> str:
    """The name of an optimisation, as it is called today."""
    try:
        (found,) = checked([name])
    except ValueError as error:
        raise ArgumentTypeError(str(error).removeprefix("without: ")) from None
    return found


def add_without(parser: ArgumentParser) -> None:
    """What a command that generates code takes."""
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        type=_optimisation,
        metavar="NAME",
        help="leave out an optimisation (docs/performance.md names them); may be repeated",
    )


def parse_settings(items: Iterable[str]) -> dict[str, Setting]:
    """The values of `--set` by name.  Raises CommandError."""
    found: dict[str, Setting] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise CommandError(f"--set: expected NAME=VALUE, got {item!r}", 2)
        found[name.strip()] = parse_value(value.strip())
    return found


def parse_value(text: str) -> Setting:
    """`3`, `0.5`, `true` or the name of a function."""
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(_INTEGER, text):
        return int(text)
    return float(text) if re.fullmatch(_REAL, text) else text


def root_of(path: Path, root: str | None) -> Path:
    """The folder that files which are used lie inside."""
    return absolute(root) if root is not None else absolute(path).parent


def refuse_wrong(
    file: str, cell: str | None, root: str | None, settings: Mapping[str, Setting]
) -> None:
    """Raises SettingError for the first that no build of the cell would take."""
    if not settings:
        return
    from celldsl.diagnostics.errors import CellError

    # What is wrong with the cell itself is told where it is loaded.
    with suppress(CellError):
        front_of(file, cell, root, settings)


def front_of(
    file: str, cell: str | None, root: str | None, settings: Mapping[str, Setting]
) -> Lowered:
    """The cell of a file, or one that comes along, as it is with these settings.

    Raises CellError and SettingError.
    """
    from celldsl.api import file_of
    from celldsl.diagnostics.diagnostic import Report
    from celldsl.diagnostics.span import Source
    from celldsl.pipeline import front

    found = file_of(file)
    source = Source(str(found), found.read_text(encoding="utf-8-sig", errors="replace"))
    # A cell that comes along may lie in an archive, where there is no path.
    path = found if isinstance(found, Path) else None
    inside = None if path is None else root_of(path, root)
    return front(source, Report(), cell, settings, inside, path)
