"""Cells as modules.  In: `import celldsl.importer`.  Out: imports find `.cell` files.

    import celldsl.importer
    from cells.gru import GRU           # cells/gru.cell

A `.cell` file is a file in the sense that a `.py` is: it is found on `sys.path` and in packages,
compiled when it is new or changed, and cached.  A `.py` of the same name comes first.
In an archive it is found as well, and may use no other files.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from pkgutil import get_importer
from types import ModuleType
from typing import TYPE_CHECKING, Any
from zipimport import zipimporter

from celldsl.api import compile_source, load
from celldsl.files import has_file
from celldsl.fingerprint import read_limited

if TYPE_CHECKING:
    from celldsl.runtime.cell.cell import Cell

_CELL = re.compile(r"^cell\s+(\w+)", re.MULTILINE)


class CellFinder(MetaPathFinder):
    """Finds `name.cell` where `name.py` would be looked for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        file_name = f"{fullname.rpartition('.')[2]}.cell"
        for entry in sys.path if path is None else path:
            file = Path(entry or ".") / file_name
            if has_file(file):
                return spec_from_file_location(fullname, file, loader=CellLoader(file))
            packed = _in_archive(entry, file_name)
            if packed is not None:
                return spec_from_file_location(fullname, file, loader=CellLoader(file, packed))
        return None


def _in_archive(entry: str, file_name: str) -> bytes | None:
    """A file's content, where an entry of the path is an archive, or a folder in one."""
    if ".zip" not in entry and not has_file(entry):
        return None
    importer = get_importer(entry)
    if not isinstance(importer, zipimporter):
        return None
    try:
        return importer.get_data(f"{importer.archive}{os.sep}{importer.prefix}{file_name}")
    except OSError:
        return None


class CellLoader(Loader):
    """Makes a module whose attributes are the cells of a file."""

    def __init__(self, file: Path, packed: bytes | None = None) -> None:
        self.file = file
        self.packed = packed

    def exec_module(self, module: ModuleType) -> None:
        """Compiles a file's only cell now, and each of several when it is asked for."""
        names = list(dict.fromkeys(_CELL.findall(self._text())))
        module.__dict__["__all__"] = names
        if len(names) > 1:
            module.__dict__["__getattr__"] = self._getter(module, names)
        else:
            found = self._class(None)
            setattr(module, found.__name__, found)
            module.__doc__ = found.__doc__

    def _class(self, name: str | None) -> type[Cell]:
        if self.packed is None:
            return load(self.file, name)
        return compile_source(self._text(), name, name=str(self.file))

    def _text(self) -> str:
        packed = read_limited(self.file) if self.packed is None else self.packed
        return packed.decode("utf-8-sig", "replace")

    def _getter(self, module: ModuleType, names: list[str]) -> Any:
        def get(name: str) -> Any:
            if name not in names:
                raise AttributeError(f"{self.file} has no cell {name}")
            found = self._class(name)
            setattr(module, name, found)
            return found

        return get


def install() -> None:
    """Lets imports find cells; a second call changes nothing."""
    if not any(isinstance(finder, CellFinder) for finder in sys.meta_path):
        sys.meta_path.append(CellFinder())


install()
