"""Generated modules, on disk or in memory.  In: a key.  Out: the class in such a module.

    kept = find(key)                                  # None where none is there, or none is whole
    kept = kept or keep(key, "GRU", text, warnings)
    GRU = kept.imported()

A module lies in `<cache>/<key>/GRU.py`, with its warnings beside it, and ends in a line with the
hash of what is above.  One that is damaged, or was written by somebody who is not trusted, is as
good as none.  Where nothing can be written the module is in memory, under the same name.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from celldsl.cache_folders import cache_root, cache_roots, is_trusted, warn_of_memory
from celldsl.cell_warning import Kept
from celldsl.files import has_file, matching, remove, replace_file

if TYPE_CHECKING:
    from celldsl.runtime.cell.cell import Cell

PACKAGE = "celldsl.generated"
_WARNINGS = "warnings.json"
_MARK = "# sha256 "
_in_memory: dict[str, KeptModule] = {}


class KeptModule(NamedTuple):
    """`file` is None for one in memory; `warnings` are those of `celldsl check`."""

    key: str
    stem: str
    text: str
    warnings: list[Kept]
    file: Path | None

    @property
    def name(self) -> str:
        return f"{PACKAGE}.{self.key}.{self.stem}"

    def imported(self) -> type[Cell]:
        """The class, from a module that has one name in every process.

        Raises what the module raises, where what Python keeps of it is damaged too.
        """
        module = sys.modules.get(self.name) or self._loaded()
        found: type[Cell] = getattr(module, self.stem)
        # Who prints a class or asks for help sees no hash.
        for each in (found, *vars(found).values()):
            if isinstance(each, type) and each.__module__ == self.name:
                each.__module__ = PACKAGE
        return found

    def _loaded(self) -> ModuleType:
        if self.file is None:
            spec = ModuleSpec(self.name, _TextLoader(self), origin=f"{self.key}/{self.stem}.py")
        else:
            found = spec_from_file_location(self.name, self.file)
            assert found is not None, self.file
            spec = found
        module = module_from_spec(spec)
        assert spec.loader is not None
        sys.modules[self.name] = module
        try:
            spec.loader.exec_module(module)
            getattr(module, self.stem)
        except BaseException:
            del sys.modules[self.name]
            raise
        return module


class _TextLoader(InspectLoader):
    """Runs a module from its text; tracebacks and the compiler find the text here."""

    def __init__(self, kept: KeptModule) -> None:
        self.kept = kept

    def get_source(self, fullname: str) -> str:
        return self.kept.text

    def get_code(self, fullname: str) -> Any:
        return compile(self.kept.text, f"{self.kept.key}/{self.kept.stem}.py", "exec")


def find(key: str) -> KeptModule | None:
    """The module of a key, from where it can be trusted."""
    if key in _in_memory:
        return _in_memory[key]
    found = (_read(key, root / key) for root in cache_roots())
    return next((kept for kept in found if kept is not None), None)


def _read(key: str, folder: Path) -> KeptModule | None:
    file = next(iter(matching(folder, "*.py")), None)
    if file is None or not (is_trusted(folder) and is_trusted(file)):
        return None
    try:
        text = file.read_text(encoding="utf-8")
        beside = folder / _WARNINGS
        warnings = json.loads(beside.read_bytes()) if has_file(beside) else []
    except (OSError, ValueError):
        return None
    return KeptModule(key, file.stem, text, warnings, file) if _is_whole(text) else None


def _is_whole(text: str) -> bool:
    body, mark, digest = text.rpartition(_MARK)
    return bool(mark) and hashlib.sha256(body.encode()).hexdigest() == digest.strip()


def keep(key: str, stem: str, text: str, warnings: Sequence[Kept]) -> KeptModule:
    """Writes a module, or keeps it in memory where that cannot be done."""
    body = text if text.endswith("\n") else f"{text}\n"
    text = f"{body}{_MARK}{hashlib.sha256(body.encode()).hexdigest()}\n"
    kept = KeptModule(key, stem, text, list(warnings), None)
    root = cache_root()
    if root is None:
        warn_of_memory(f"{stem}.py")
    else:
        try:
            return kept._replace(file=_write(root / key, kept))
        except OSError as error:
            warn_of_memory(error.filename or str(root / key), error)
    _in_memory[key] = kept
    return kept


def _write(folder: Path, kept: KeptModule) -> Path:
    """Two processes may do it at once: they write the same.  Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    if kept.warnings:
        replace_file(folder / _WARNINGS, [json.dumps(kept.warnings).encode()])
    file = folder / f"{kept.stem}.py"
    replace_file(file, [kept.text.encode()])
    return file


def forget(kept: KeptModule) -> None:
    """Removes what Python keeps of a module, where it cannot be imported."""
    if kept.file is None:
        return
    for bytecode in matching(kept.file.parent / "__pycache__", f"{kept.file.stem}.*"):
        remove(bytecode)
