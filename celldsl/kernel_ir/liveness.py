"""Which variables are read later.  In: statements.  Out: names.

live_before(body)[i]        those that statement i, or one after it, reads before it is assigned
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.kernel_ir.free import NOTHING
from celldsl.kernel_ir.statements import Assign, For, If, Name, Pointer, Statement, Update
from celldsl.structs import values_of


def live_before(body: Sequence[Statement]) -> list[frozenset[str]]:
    """One more than there are statements: nothing is read after the last."""
    found: list[frozenset[str]] = [frozenset()]
    for statement in reversed(body):
        found.append(_before(statement, found[-1]))
    return found[::-1]


def reads_first(body: Sequence[Statement]) -> frozenset[str]:
    """What statements read that they have not assigned."""
    return live_before(body)[0]


def written(statement: Statement) -> set[str]:
    """The variables that a statement assigns, those of its loops apart."""
    match statement:
        case Assign(Name(id)) | Update(Name(id)):
            return {id}
        case For(body=body):
            return {name for inner in body for name in written(inner)}
        case If(body=body, otherwise=other):
            return {name for inner in (*body, *other) for name in written(inner)}
    return set()


def _before(statement: Statement, after: frozenset[str]) -> frozenset[str]:
    match statement:
        case Assign(Name(id), value):
            return (after - {id}) | _read(value)
        case For(index, start, stop, step, body):
            # It may run no time at all, so that nothing is assigned for sure.
            inside = reads_first(body) - {index.id}
            return after | inside | _read((start, stop, step))
        case If(condition, body, other):
            return after | reads_first(body) | reads_first(other) | _read(condition)
    return after | _read(statement)


def _read(value: object) -> frozenset[str]:
    """All names in an expression, or in a statement that assigns no variable."""
    found: set[str] = set()
    _collect(value, found)
    return frozenset(found)


def _collect(value: object, found: set[str]) -> None:
    match value:
        case Name(id):
            found.add(id)
            return
        case Pointer(array=array, at=at):
            found.add(array)
            _collect(at, found)
            return
    for item in value if type(value) is tuple else values_of(value):
        if type(item) not in NOTHING:
            _collect(item, found)
