"""The functions and cells that a file sees.  In: a parsed file and the root.  Out: a Module.

`use A as B from "path.cell"` reads the other file, which must lie inside the root once links are
resolved.  A circle of files is reported as the circle that it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from celldsl.carried_files import is_file
from celldsl.diagnostics.diagnostic import Fix, Label, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.diagnostics.suggest import nearest
from celldsl.structs import entity, field
from celldsl.syntax import ast
from celldsl.syntax.hints.other_names import NO_WORDS, Foreign
from celldsl.syntax.limits import MAX_FILES, read_source
from celldsl.syntax.parse import parse

# Files of a folder that a misspelt name is compared with.
MAX_LOOKED_AT = 1000
MAX_NAMED = 4


@entity
class Module:
    """`defs` and `cells` hold, by the name used here, the definition and the file it is in."""

    path: Path | None
    defs: dict[str, tuple[ast.Def, Module]] = field(default_factory=dict)
    cells: dict[str, tuple[ast.Cell, Module]] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)


@entity
class Files:
    """The files of a run: `read` are done, `reading` are under way, outermost first.

    `texts` are what files have in an editor, which are not what lies on the disk yet.
    """

    report: Report
    root: Path | None
    foreign: Foreign = NO_WORDS
    read: dict[Path, Module | None] = field(default_factory=dict)
    reading: list[Path] = field(default_factory=list)
    texts: Mapping[Path, str] = field(default_factory=dict)


def module_of(file: ast.File, path: Path | None, files: Files) -> Module:
    """The module of a parsed file, with what it uses from others."""
    module = Module(path)
    for item in file.items:
        match item:
            case ast.Use():
                _use(item, module, files)
            case ast.Def():
                _declare(module, item.name, files.report)
                module.defs.setdefault(item.name.id, (item, module))
            case ast.Cell():
                _declare(module, item.name, files.report)
                module.cells.setdefault(item.name.id, (item, module))
    return module


def _declare(module: Module, name: ast.Declared, report: Report) -> None:
    _claim(module, name.id, name.span, report)


def _claim(module: Module, name: str, span: Span, report: Report) -> None:
    if name in module.spans:
        first = Label(module.spans[name], "first here")
        report.add("E0102", f"`{name}` is defined twice in this file", span, secondary=(first,))
    module.spans.setdefault(name, span)


def _use(use: ast.Use, module: Module, files: Files) -> None:
    other = _load(use, module, files)
    for name in use.names:
        _claim(module, name.alias, name.span, files.report)
        if other is None:
            module.broken.add(name.alias)
        elif name.id in other.cells:
            module.cells.setdefault(name.alias, other.cells[name.id])
        elif name.id in other.defs:
            module.defs.setdefault(name.alias, other.defs[name.id])
        else:
            module.broken.add(name.alias)
            near = nearest(name.id, [*other.cells, *other.defs])
            there = ", ".join(f"`{n}`" for n in [*other.cells, *other.defs][:MAX_NAMED])
            hint = f"did you mean `{near}`?" if near else f"it has {there}" if there else None
            files.report.add("E0114", f'`{name.id}` is not in "{use.path}"', name.span, help=hint)


def _load(use: ast.Use, module: Module, files: Files) -> Module | None:
    path = _resolve(use, module, files)
    if path is None:
        return None
    if path in files.reading:
        circle = [*files.reading[files.reading.index(path) :], path]
        text = " -> ".join(p.name for p in circle)
        files.report.add("E0115", f"files use each other in a circle: {text}", use.path_span)
        return None
    if path not in files.read:
        if len(files.read) >= MAX_FILES:
            told = f"a cell uses {MAX_FILES} files at most, with those that they use"
            files.report.add("E0113", told, use.path_span)
            return None
        files.read[path] = _parse(path, use, files)
    return files.read[path]


def _resolve(use: ast.Use, module: Module, files: Files) -> Path | None:
    """The file that is meant, if it may be read."""
    if module.path is None or files.root is None:
        why = "this source has no folder: give it a root to use other files"
        files.report.add("E0113", f'cannot use "{use.path}"', use.path_span, why)
        return None
    try:
        path = (module.path.parent / use.path).resolve()
        inside = path.is_relative_to(files.root.resolve())
        found = inside and is_file(path)
    except (OSError, ValueError, RuntimeError):
        inside, found = True, False
    if not inside:
        files.report.add(
            "E0113",
            f'"{use.path}" lies outside the root',
            use.path_span,
            "files stay inside the folder of the first file, or inside --root",
        )
        return None
    if not found:
        told, (help, fix) = (
            f'there is no file "{use.path}"',
            _meant(use.path, path, use.path_span),
        )
        files.report.add("E0113", told, use.path_span, help=help, fix=fix)
        return None
    return path


def _meant(written: str, path: Path, span: Span) -> tuple[str, Fix | None]:
    """What to write for a file that is not there."""
    if not written.endswith(".cell"):
        better = f'"{written}.cell"'
        return f"write `{better}`", Fix(span, better)
    try:
        there = [found.name for found in islice(path.parent.glob("*.cell"), MAX_LOOKED_AT)]
    except OSError:
        there = []
    near = nearest(path.name, there)
    if near is not None:
        better = f'"{written.removesuffix(path.name)}{near}"'
        return f"did you mean `{better}`?", Fix(span, better)
    help = "a path begins at the folder of the file that it stands in; "
    return help + "a cell that comes with celldsl is copied there by `celldsl new`", None


def _source(path: Path, files: Files) -> Source | None:
    if path in files.texts:
        return Source(path.name, files.texts[path])
    return read_source(path, files.report)


def _parse(path: Path, use: ast.Use, files: Files) -> Module | None:
    before = len(files.report.diagnostics)
    source = _source(path, files)
    file = (
        None
        if source is None
        else parse(Source(path.name, source.text), files.report, files.foreign)
    )
    if file is None or any(d.severity == "error" for d in files.report.diagnostics[before:]):
        return None
    files.reading.append(path)
    module = module_of(file, path, files)
    files.reading.pop()
    return module
