"""All problems of a file.  In: a parsed file.  Out: a report, and what lowering needs.

Every cell is walked with symbolic dims, once for every way through its `if`s, so that a mistake is
found for all sizes and in every branch before any size is known.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from celldsl.diagnostics.diagnostic import Diagnostic, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.semantics.cell import analyse_cell, check_def
from celldsl.semantics.context import MAX_EQUATIONS, Context
from celldsl.semantics.environment import Found, Item, Usage
from celldsl.semantics.foreign_functions import FOREIGN
from celldsl.semantics.lints.lint import lint
from celldsl.semantics.modules import Files, Module, module_of
from celldsl.semantics.structure import Choices
from celldsl.semantics.subcells import cells_of
from celldsl.structs import entity, field, replace
from celldsl.syntax import ast

if TYPE_CHECKING:
    # Of editors: a check by itself keeps nothing.
    from celldsl.semantics.incremental import Lookup, Session

MAX_WALKS = 64
MAX_SPENT = 100_000
OTHER_NUMBERS = (1, 2, 3, 5, 8)


@entity
class Checked:
    """A file that was checked; `wrong` names cells with errors, `spent` counts equations walked.

    `functions` are the spans of the names of its `def`s, `called` those that a cell calls.
    """

    file: ast.File
    source: Source
    module: Module
    functions: frozenset[Span] = frozenset()
    session: Session | None = None
    wrong: set[str] = field(default_factory=set)
    called: set[Span] = field(default_factory=set)
    spent: int = 0


def check(
    file: ast.File,
    source: Source,
    report: Report,
    root: Path | None,
    path: Path | None = None,
    session: Session | None = None,
) -> Checked:
    """Check every cell and function of a file; a `session` knows what was found before."""
    files, parsed = Files(report, root, FOREIGN), len(report.diagnostics)
    files.texts = {} if session is None else session.texts
    if path is not None:
        files.reading.append(path.resolve())
    module = module_of(file, path, files)
    module.broken |= set(file.broken)
    functions = frozenset(item.name.span for item in file.items if isinstance(item, ast.Def))
    checked = Checked(file, source, module, functions, session)
    read = len(report.diagnostics)
    lookup = None if session is None else session.begin(file, source, module)
    for cell in _inner_first(file):
        if checked.spent > MAX_SPENT:
            told = f"more than {MAX_SPENT:,} equations in a file, with those of inner cells"
            report.add("E0303", told, cell.name.span, "the limit is reached here")
            break
        found = _found(cell, checked, lookup)
        checked.wrong |= {cell.name.id} if found.has_errors else set()
        merge(report, found)
        _leave_out(module.cells, cell.name.id, found, module)
    for cell in file.damaged:
        if checked.spent <= MAX_SPENT:
            merge(report, _found(cell, checked, None))
    for function in _uncalled(checked):
        if checked.spent > MAX_SPENT:
            break
        found = _found(function, checked, lookup)
        merge(report, found)
        _leave_out(module.defs, function.name.id, found, module)
    used = report.diagnostics[parsed:read]
    here = [*report.diagnostics[:parsed], *report.diagnostics[read:]]
    report.diagnostics[:] = [*used, *sorted(here, key=lambda d: _place(d, source))]
    return checked


def _found(item: Item, checked: Checked, lookup: Lookup | None) -> Report:
    """What is wrong in a cell or function: what was known of it, or what walks find now."""

    session = checked.session

    def walk() -> Found:
        usage = Usage() if session is None else Usage(seen={}, asked=session.asked)
        if isinstance(item, ast.Cell):
            found, spent = _check_cell(item, checked.module, usage)
        else:
            found, spent = check_def(item, checked.module, usage)
        if session is not None:
            session.take(usage)
        return Found(found, usage.used & checked.functions, spent, usage.seen or {})

    found = walk() if lookup is None else lookup.found(item, walk)
    checked.called |= found.called
    checked.spent += found.spent
    return found.report


def _leave_out(items: dict[str, Any], name: str, found: Report, module: Module) -> None:
    """What is too large is not walked again in everything that holds it."""
    if any(d.code == "E0303" for d in found.diagnostics):
        items.pop(name, None)
        module.broken.add(name)


def _place(d: Diagnostic, source: Source) -> tuple[bool, int]:
    """In the order of the file; what is in others comes after."""
    return d.primary.span.source is not source, d.primary.span.start


def _inner_first(file: ast.File) -> list[ast.Cell]:
    """Cells before those that contain them, so that a problem is told where it is."""
    cells = [item for item in file.items if isinstance(item, ast.Cell)]
    by_name = {cell.name.id: cell for cell in reversed(cells)}
    done: list[ast.Cell] = []
    begun: set[Span] = set()
    # A cell is met twice: before what it contains, and after.
    waiting = [(cell, False) for cell in reversed(cells)]
    while waiting:
        cell, inside_done = waiting.pop()
        if inside_done:
            done.append(cell)
        elif cell.span not in begun:
            begun.add(cell.span)
            inner = [by_name[name] for name in cells_of(cell) if name in by_name]
            waiting += [(cell, True), *((c, False) for c in reversed(inner))]
    return done


def _uncalled(checked: Checked) -> list[ast.Def]:
    """Functions that no cell calls: their names are checked all the same."""
    functions = [item for item in checked.file.items if isinstance(item, ast.Def)]
    return [d for d in functions if d.name.span not in checked.called]


def _check_cell(cell: ast.Cell, home: Module, usage: Usage) -> tuple[Report, int]:
    """What is wrong in a cell, by every way through its branches as far as that stays cheap, and
    how many equations that took.

    The ways that differ in one branch from the first one come first.
    """
    report = Report()
    structural: set[str] = set()
    kinds: dict[str, str] = {}
    pending: list[tuple[bool, ...]] = [()]
    contexts: list[Context] = []
    spent = 0
    while pending and len(contexts) < MAX_WALKS and spent <= MAX_EQUATIONS:
        forced = pending.pop(0)
        choices = Choices(True, structural=structural, kinds=kinds, forced=forced)
        contexts.append(analyse_cell(cell, home, choices, usage))
        # Proofs about sizes take their time too.
        spent += choices.spent + contexts[-1].constraints.shown // 4
        merge(report, contexts[-1].report)
        taken = tuple(choices.taken)
        pending += [
            (*taken[:place], False) for place in range(len(forced), len(taken)) if taken[place]
        ]
    if spent <= MAX_EQUATIONS:
        merge(report, _other_numbers(cell, home, contexts[-1].choices, usage))
    if not report.has_errors and not home.broken:
        lint(cell, home, contexts, usage, report)
    return report, spent


def _other_numbers(cell: ast.Cell, home: Module, known: Choices, usage: Usage) -> Report:
    """Look into branches that the defaults do not reach, with other numbers for loops and dims.

    What is found is told where it stands in such a branch: elsewhere the number may be at fault.
    """
    report = Report()
    for name in sorted(known.structural):
        for number in OTHER_NUMBERS if known.kinds.get(name) in ("integer", "dim") else ():
            hidden = _unvisited(cell.body, usage)
            if not hidden:
                return report
            choices = Choices(True, {name: number}, set(known.structural), kinds=dict(known.kinds))
            found = analyse_cell(cell, home, choices, usage).report.diagnostics
            if not any(d.code == "E0305" for d in found):
                report.diagnostics += [d for d in found if _within(d, hidden)]
    return report


def _unvisited(body: tuple[ast.Statement, ...], usage: Usage) -> list[Span]:
    """The statements of branches that no walk has taken."""
    found: list[Span] = []
    for s in body:
        match s:
            case ast.For(body=inside):
                found += _unvisited(inside, usage)
            case ast.If(body=yes, orelse=no):
                for answer, inside in ((True, yes), (False, no or ())):
                    if (s.span, answer) not in usage.visited:
                        found += [statement.span for statement in inside]
                    else:
                        found += _unvisited(inside, usage)
    return found


def _within(d: Diagnostic, spans: list[Span]) -> bool:
    span = d.primary.span
    return any(own.source is span.source and own.start <= span.start <= own.end for own in spans)


def merge(report: Report, found: Report) -> None:
    """Add what was found, each problem once: the same code at the same place is the same."""
    seen = {(d.code, d.primary.span) for d in report.diagnostics}
    for d in found.diagnostics:
        key = (d.code, d.primary.span)
        if key not in seen:
            seen.add(key)
            report.take(_tidy(d))


def _tidy(d: Diagnostic) -> Diagnostic:
    """Without a second label at the place of the first."""
    kept = tuple(label for label in d.secondary if label.span != d.primary.span)
    return replace(d, secondary=kept)
