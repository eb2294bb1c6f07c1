"""From a `.cell` file to a class.  In: a path or a text.  Out: the class of a cell.

    GRU = load("gru.cell")
    GRU = compile_source(text)

Generated modules are kept in the user's cache under a hash of all that they depend on.  Where one
is there already nothing of the compiler is imported.
"""

from __future__ import annotations

import errno
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from celldsl.carried_files import carried
from celldsl.cell_warning import give_warnings, kept_warnings
from celldsl.files import absolute, has_file
from celldsl.fingerprint import MAX_BYTES, read_limited, source_key, sources_of
from celldsl.jit.forks import READING
from celldsl.kept_modules import KeptModule, find, forget, keep
from celldsl.pass_flags import checked
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError

if TYPE_CHECKING:
    from importlib.abc import Traversable

    from celldsl.pipeline import Observed
    from celldsl.runtime.cell.cell import Cell
    from celldsl.zoo_index import CellFile

Structure = Mapping[str, Any]


class Wanted(NamedTuple):
    """What of a text a module is made of."""

    cell: str | None
    structure: Structure
    without: frozenset[str]
    observed: Observed = None


class UnknownCellError(FileNotFoundError):
    """A name of neither a file nor a cell that comes with celldsl."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def load(
    path: str | bytes | os.PathLike[str] | Traversable,
    cell: str | None = None,
    root: str | os.PathLike[str] | None = None,
    *,
    without: Iterable[str] = (),
) -> type[Cell]:
    """The class of a cell in a file: its only one, or the one that is named.

    A name without a suffix is that of a cell that comes with celldsl, `load("gru")`; a file of that
    name in the current folder, `gru.cell`, goes before it, and a warning says so.
    What `importlib.resources.files` finds may be given too, in an archive as well.
    Files that it uses must lie inside `root`, by default the file's own folder.  `without` names
    optimisations to leave out (`docs/performance.md`), ValueError where there is no such one.
    Raises CellError, which holds every diagnostic, and OSError where the file cannot be read.
    """
    if path == "":
        raise ArgumentError("path: expected a file or the name of a cell, got ''")
    found = file_of(path) if isinstance(path, str | bytes | os.PathLike) else path
    if not hasattr(found, "read_text"):
        kind = type(path).__name__
        raise ArgumentTypeError(f"path: expected a file or the name of a cell, got {kind}")
    if not isinstance(found, Path):
        return _load_resource(found, cell, without)
    file = absolute(found)
    inside = absolute(root) if root is not None else file.parent
    wanted = Wanted(cell, {}, checked(without))
    try:
        return _class_of(_read(file), os.fspath(found), file, inside, wanted)
    except Exception as error:
        if _is_of_a_cell(error):
            raise error.with_traceback(None) from None
        raise


def _load_resource(file: Traversable, cell: str | None, without: Iterable[str]) -> type[Cell]:
    """From an archive, where a file uses no others."""
    return compile_source(file.read_text(encoding="utf-8"), cell, name=str(file), without=without)


def _is_of_a_cell(error: Exception) -> bool:
    """Whether a mistake is in a `.cell` file, of which our own frames say nothing."""
    return type(error).__module__ == "celldsl.diagnostics.errors"


def file_of(path: str | bytes | os.PathLike[str]) -> CellFile:
    """The file that is meant by a path, or by the name of a cell.

    Raises UnknownCellError where a name is of neither.
    """
    name = os.fsdecode(path)
    if "\n" in name:
        raise ArgumentError("path: this is the text of a cell; pass it to celldsl.compile_source")
    if not re.fullmatch(r"\w[\w -]*", name) or has_file(name):
        return Path(name)
    from celldsl.zoo_index import cell_name, example_paths, unknown_cell

    known, beside = {cell_name(found): found for found in example_paths()}, Path(f"{name}.cell")
    if has_file(beside):
        if name in known:
            told = f"{name}: this is {beside} in the current folder, not the cell of that name"
            warnings.warn(f"{told} that comes with celldsl", stacklevel=3)
        return beside
    if name not in known:
        raise UnknownCellError(errno.ENOENT, f"no such file, and {unknown_cell(name, known)}", name)
    return known[name]


def _read(file: Path) -> str:
    """The text of a file.  Raises OSError, and CellError where it is too large or not UTF-8."""
    data = read_limited(file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if text and len(data) <= MAX_BYTES:
        return text
    from celldsl.diagnostics.diagnostic import Report
    from celldsl.diagnostics.errors import CellError
    from celldsl.syntax.limits import read_source

    report = Report()
    source = read_source(file, report)
    if source is None:
        raise CellError(report.diagnostics)
    return source.text


def compile_source(
    text: str,
    cell: str | None = None,
    root: str | os.PathLike[str] | None = None,
    name: str = "<source>",
    *,
    without: Iterable[str] = (),
) -> type[Cell]:
    """The class of a cell in a text.  It may use other files where a `root` is given.

    `without` is that of `load`.  Raises CellError, which holds every diagnostic, and
    ArgumentTypeError where `text` is no text.
    """
    if not isinstance(text, str) or (text.endswith(".cell") and "\n" not in text):
        found = repr(text) if isinstance(text, str) else type(text).__name__
        told = "expected the text of a cell"
        raise ArgumentTypeError(f"text: {told}, got {found}; celldsl.load takes a file")
    inside = None if root is None else absolute(root)
    # What it uses is found from where it would lie.
    file = None if inside is None else inside / name
    wanted = Wanted(cell, {}, checked(without))
    try:
        return _class_of(text, name if file is None else str(file), file, inside, wanted)
    except Exception as error:
        if _is_of_a_cell(error):
            raise error.with_traceback(None) from None
        raise


def _class_of(
    text: str, name: str, path: Path | None, root: Path | None, wanted: Wanted
) -> type[Cell]:
    """The class for one structure, which knows how to get those for others."""
    key = source_key(text, name, path, root, *wanted)

    def variant(structure: Structure) -> type[Cell]:
        other = wanted._replace(structure={**wanted.structure, **structure})
        from celldsl.diagnostics.errors import SettingError

        try:
            return _class_of(text, name, path, root, other)
        except SettingError as error:
            raise ArgumentError(str(error)) from None

    sources = sources_of(text, name, path, root, wanted.cell)
    asked = wanted.cell, wanted.structure, sorted(wanted.without), wanted.observed
    reopening = open_sources, (sources, *asked)
    with READING:  # one thread makes the class, and no fork leaves half of it to a child
        kept = find(key)
        if kept is None:
            from celldsl.diagnostics.errors import UndecidedError
            from celldsl.runtime.threads.job_functions import begin_ahead

            begin_ahead()
            try:
                kept = _generate(key, text, name, root, wanted)
            except UndecidedError as error:
                from celldsl.unspecialized import undecided_class

                undecided = undecided_class(error.cell, error.lacking, text, variant)
                undecided.reopened = reopening
                return undecided
        try:
            found = kept.imported()
        except Exception:
            # Damaged where nobody looked, as Python's own bytecode is.
            forget(kept)
            found = _generate(key, text, name, root, wanted).imported()
    if wanted.observed is None:
        # Afterwards: what an import does to Python's filters makes it forget what it has shown.
        give_warnings(kept.warnings, name)
    hook: Callable[[Structure], type[Cell]] = variant
    found.variants = staticmethod(hook)
    found.reopened, found.observed = reopening, wanted.observed
    return found


def open_sources(
    sources: Sequence[tuple[str, str]],
    cell: str | None,
    structure: Structure,
    without: Iterable[str],
    observed: Observed = None,
) -> type[Cell]:
    """The class of a cell whose files are these: (name inside the root, text), its own first.

    It is what a pickled class is opened with, anywhere.  `observed` is that of
    `celldsl.pipeline.generate_module`.  Raises ValueError for names that lead out of the root.
    """
    wanted = Wanted(cell, dict(structure), checked(without), observed)
    (name, text), *used = sources
    if not used:
        return _class_of(text, name, None, None, wanted)
    root = carried(sources)
    return _class_of(text, str(root / name), root / name, root, wanted)


def _generate(key: str, text: str, name: str, root: Path | None, wanted: Wanted) -> KeptModule:
    from celldsl.diagnostics.diagnostic import Report
    from celldsl.diagnostics.errors import CellError
    from celldsl.pipeline import generate_module

    report = Report()
    module = generate_module(text, name, root=root, report=report, **wanted._asdict())
    if report.has_errors:
        raise CellError(report.diagnostics)
    return keep(key, module.cell, module.text, kept_warnings(report.diagnostics))
