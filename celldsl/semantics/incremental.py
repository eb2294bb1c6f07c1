"""What an editor keeps between checks of a text.  In: cells and functions.  Out: what was found.

    session = Session()
    check(file, source, report, root, path, session)     again and again, as the text changes

A cell is walked again when its text has changed, or that of a function or cell which it reads, of a
file that is used, or the names of the file that it mentions; one with mistakes with any of them,
since another may have been meant.  What was found before is told at the places where the same text
stands now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from celldsl.diagnostics.diagnostic import Diagnostic, Fix, Label, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.semantics.environment import Found, Item, Sight, Usage, Value
from celldsl.semantics.lints.inner import ANY, states_read_around
from celldsl.semantics.modules import Module
from celldsl.structs import entity, field, record, replace
from celldsl.syntax import ast

_WORD = re.compile(r"[^\W\d]\w*")


@record
class Kept:
    """What was found, where in `source` the texts stood that it is about, and `names` beside it.

    `warned` says that warnings were looked for.
    """

    found: Found
    source: Source
    starts: dict[str, int]
    names: tuple[str, ...]
    warned: bool


@entity
class Session:
    """`texts` are files as they are in the editor, by path.

    `asked` is a name that stands where an editor wants to know what may stand: see `Usage`.
    """

    texts: Mapping[Path, str] = field(default_factory=dict)
    kept: dict[tuple[object, ...], Kept] = field(default_factory=dict)
    fresh: dict[tuple[object, ...], Kept] = field(default_factory=dict)
    asked: str = ""
    sight: Sight | None = None
    seen: dict[Span, Value] = field(default_factory=dict)

    def begin(self, file: ast.File, source: Source, module: Module) -> Lookup:
        """A check begins: what it does not ask for will be forgotten, unless it is a question."""
        if not self.asked:
            self.kept, self.fresh = self.fresh, {}
        self.seen, self.sight = {}, None
        return Lookup(self, file, source, module)

    def take(self, usage: Usage) -> None:
        """A walk has ended."""
        self.seen.update(usage.seen or {})
        self.sight = self.sight or usage.sight


class Lookup:
    """The cells and functions of one text by what their walks depend on."""

    def __init__(self, session: Session, file: ast.File, source: Source, module: Module) -> None:
        self.session, self.source, self.around = session, source, states_read_around(module)
        items = [i for i in file.items if isinstance(i, ast.Cell | ast.Def)]
        self.items = {item.name.id: item for item in items}
        self.words = {name: set(_WORD.findall(i.span.text)) for name, i in self.items.items()}
        elsewhere = {
            item.span.source.text
            for item, _ in (*module.cells.values(), *module.defs.values())
            if item.span.source is not source
        }
        self.names = (*sorted(module.spans), "", *sorted(module.broken))
        # Where something cannot be read, nothing is warned of.
        self.warns = not module.broken
        self.world = (len(items) == len(self.items), module.path, *sorted(elsewhere))

    def found(self, item: Item, walk: Callable[[], Found]) -> Found:
        """What was found of an item, or what `walk` finds."""
        session = self.session
        reads = sorted(self._reads(item.name.id))
        around = self.around.get(item.name.id, set()) | self.around.get(ANY, set())
        texts = tuple((name, self.items[name].span.text) for name in reads)
        key = (*self.world, item.span.text, *texts, *self._mentioned(reads), "", *sorted(around))
        kept = session.fresh.get(key) or session.kept.get(key)
        if kept is not None and kept.names != self.names and not self._still_right(kept):
            kept = None
        starts = {name: self.items[name].span.start for name in reads}
        found = walk() if kept is None else Moved(kept, starts, self.source).found()
        if not session.asked and self._may_be_kept(found, reads):
            warned = self.warns if kept is None else kept.warned
            session.fresh[key] = Kept(found, self.source, starts, self.names, warned)
        if kept is not None:
            session.seen.update(found.seen)
        return found

    def _may_be_kept(self, found: Found, reads: list[str]) -> bool:
        """Whether all that was found in this text lies in items that are read."""
        spans = [self.items[name].span for name in reads]
        return bool(self.world[0]) and all(
            place.source is not self.source
            or any(s.start <= place.start and place.end <= s.end for s in spans)
            for d in found.report.diagnostics
            for place in _places(d)
        )

    def _still_right(self, kept: Kept) -> bool:
        """What is right does not depend on names that it does not read; words on a mistake may."""
        return not kept.found.report.diagnostics and (kept.warned or not self.warns)

    def _mentioned(self, reads: list[str]) -> list[str]:
        """The names of the file that stand in some items, those of other files included."""
        words = set[str]().union(*(self.words[name] for name in reads))
        if not all(word.isascii() for word in words):
            return list(self.names)
        return [name for name in self.names if name in words or not name]

    def _reads(self, name: str) -> set[str]:
        """The items that one depends on, itself included: those that it names, and so on.

        A name can be written in several ways where letters are not ASCII: then it is all of them.
        """
        done: set[str] = set()
        waiting = [name]
        while waiting:
            at = waiting.pop()
            if at in done or at not in self.items:
                continue
            done.add(at)
            words = self.words[at]
            ascii_only = all(word.isascii() for word in words)
            waiting += (words & self.items.keys()) if ascii_only else self.items
        return done


class Moved:
    """What was found, at the places where its texts stand now."""

    def __init__(self, kept: Kept, starts: dict[str, int], source: Source) -> None:
        self.kept, self.source = kept, source
        self.places = sorted((old, starts[name] - old) for name, old in kept.starts.items())

    def found(self) -> Found:
        before = self.kept.found
        report = Report([self.diagnostic(d) for d in before.report.diagnostics])
        seen = {self.span(span): value for span, value in before.seen.items()}
        return Found(report, set(map(self.span, before.called)), before.spent, seen)

    def span(self, span: Span) -> Span:
        if span.source is not self.kept.source:
            return span
        shift = next((by for start, by in reversed(self.places) if start <= span.start), 0)
        return Span(self.source, span.start + shift, span.end + shift)

    def label(self, label: Label) -> Label:
        return Label(self.span(label.span), label.text)

    def diagnostic(self, d: Diagnostic) -> Diagnostic:
        fix = None if d.fix is None else Fix(self.span(d.fix.span), d.fix.replacement)
        others = tuple(map(self.label, d.secondary))
        return replace(d, primary=self.label(d.primary), secondary=others, fix=fix)


def _places(d: Diagnostic) -> Iterator[Span]:
    yield d.primary.span
    yield from (label.span for label in d.secondary)
    if d.fix is not None:
        yield d.fix.span
