"""Settings of a command that builds a cell.  In: the file and `--set`.  Out: nothing, or an error.

    refuse_wrong("gru.cell", None, None, {"round": 3})      # SettingError: did you mean rounds?

Every command says the same of a setting, before it does anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from celldsl.cli.options import Setting, root_of

if TYPE_CHECKING:
    from celldsl.semantics.lower import Lowered


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
