"""From a `.cell` file to a class.  In: a path or a text.  Out: the class of a cell.

    GRU = load("gru.cell")
    GRU = compile_source(text)

Generated modules are kept in the user's cache under a hash of all that they depend on.  Where one
is there already nothing of the compiler is imported.
"""

from __future__ import annotations

import errno
import hashlib
import importlib
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import celldsl.generated
from celldsl.cell_warning import give_warnings, keep_warnings
from celldsl.files import cache_root, replace_file
from celldsl.fingerprint import MAX_BYTES, read_limited, source_key, sources_of
from celldsl.pass_flags import checked

if TYPE_CHECKING:
    from celldsl.pipeline import Observed
    from celldsl.runtime.cell.cell import Cell

Structure = Mapping[str, Any]


class Wanted(NamedTuple):
    """What of a text a module is made of."""

    cell: str | None
    structure: Structure
    without: frozenset[str]
    observed: Observed = None


def load(
    path: str | os.PathLike[str],
    cell: str | None = None,
    root: str | os.PathLike[str] | None = None,
    *,
    without: Iterable[str] = (),
) -> type[Cell]:
    """The class of a cell in a file: its only one, or the one that is named.

    A name without a suffix is that of a cell that comes with celldsl, `load("gru")`; a file of that
    name in the current folder, `gru.cell`, goes before it, and a warning says so.
    Files that it uses must lie inside `root`, by default the file's own folder.  `without` names
    optimisations to leave out (`docs/performance.md`), ValueError where there is no such one.
    Raises CellError, which holds every diagnostic, and OSError where the file cannot be read.
    """
    path = file_of(path)
    place = Path(path).resolve()
    inside = Path(root).resolve() if root is not None else place.parent
    wanted = Wanted(cell, {}, checked(without))
    try:
        return _class_of(_read(place), str(path), place, inside, wanted)
    except Exception as error:
        if _is_of_a_cell(error):
            raise error.with_traceback(None) from None
        raise


def _is_of_a_cell(error: Exception) -> bool:
    """Whether a mistake is in a `.cell` file, of which our own frames say nothing."""
    return type(error).__module__ == "celldsl.diagnostics.errors"


def file_of(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """The file that is meant by a path, or by the name of a cell.

    Raises FileNotFoundError where a name is of neither.
    """
    name = os.fspath(path)
    if not re.fullmatch(r"\w+", name) or Path(name).is_file():
        return path
    from celldsl.zoo_index import example_paths, unknown_cell

    known, beside = {found.stem: found for found in example_paths()}, Path(f"{name}.cell")
    if beside.is_file():
        if name in known:
            told = f"{name}: this is {beside} in the current folder, not the cell of that name"
            warnings.warn(f"{told} that comes with celldsl", stacklevel=3)
        return beside
    if name not in known:
        raise FileNotFoundError(
            errno.ENOENT, f"no such file, and {unknown_cell(name, known)}", name
        )
    return known[name]


def _read(place: Path) -> str:
    """The text of a file.  Raises OSError, and CellError where it is too large or not UTF-8."""
    data = read_limited(place)
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
    source = read_source(place, report)
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

    `without` is that of `load`.  Raises CellError, which holds every diagnostic.
    """
    inside = None if root is None else Path(root).resolve()
    # What it uses is found from where it would lie.
    place = None if inside is None else inside / name
    wanted = Wanted(cell, {}, checked(without))
    try:
        return _class_of(text, name if place is None else str(place), place, inside, wanted)
    except Exception as error:
        if _is_of_a_cell(error):
            raise error.with_traceback(None) from None
        raise


def _class_of(
    text: str, name: str, path: Path | None, root: Path | None, wanted: Wanted
) -> type[Cell]:
    """The class for one structure, which knows how to get those for others."""
    key = source_key(text, name, path, root, *wanted)
    folder = cache_root() / key

    def variant(structure: Structure) -> type[Cell]:
        other = wanted._replace(structure={**wanted.structure, **structure})
        return _class_of(text, name, path, root, other)

    sources = sources_of(text, name, path, root, wanted.cell)
    asked = wanted.cell, wanted.structure, sorted(wanted.without), wanted.observed
    reopening = open_sources, (sources, *asked)
    if not any(folder.glob("*.py")):
        from celldsl.diagnostics.errors import UndecidedError

        try:
            _generate_into(folder, text, name, root, wanted)
        except UndecidedError as error:
            from celldsl.unspecialized import undecided_class

            undecided = undecided_class(error.cell, error.lacking, text, variant)
            undecided.reopened = reopening
            return undecided
    found = _import_class(key, next(iter(sorted(folder.glob("*.py")))).stem)
    if wanted.observed is None:
        # Afterwards: what an import does to Python's filters makes it forget what it has shown.
        give_warnings(folder, name)
    hook: Callable[[Structure], type[Cell]] = variant
    found.variants = staticmethod(hook)
    found.reopened = reopening
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
    folder = cache_root() / f"source-{hashlib.sha256(repr(sources).encode()).hexdigest()[:32]}"
    for each, content in sources:
        place = (folder / each).resolve()
        if not place.is_relative_to(folder):
            raise ValueError(f"{each} lies outside the files of {name}")
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(place, [content.encode()])
    return _class_of(text, str(folder / name), folder / name, folder, wanted)


def _generate_into(folder: Path, text: str, name: str, root: Path | None, wanted: Wanted) -> None:
    """Writes the generated module.  Two processes may do it at once: they write the same."""
    from celldsl.diagnostics.diagnostic import Report
    from celldsl.diagnostics.errors import CellError
    from celldsl.pipeline import generate_module

    report = Report()
    module = generate_module(text, name, root=root, report=report, **wanted._asdict())
    if report.has_errors:
        raise CellError(report.diagnostics)
    folder.mkdir(exist_ok=True, mode=0o700)
    keep_warnings(folder, report.diagnostics)
    replace_file(folder / f"{module.cell}.py", [module.text.encode()])


def _import_class(key: str, stem: str) -> type[Cell]:
    """Imports the module in the ordinary way, so that its machine code is cached too."""
    celldsl.generated.__path__[:] = [str(cache_root())]
    importlib.invalidate_caches()
    module = importlib.import_module(f"celldsl.generated.{key}.{stem}")
    found: type[Cell] = getattr(module, stem)
    return found
