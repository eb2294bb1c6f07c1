"""Reasons for sizes, as the caller sees them.  In: what a body gives.  Out: the same, told outside.

sub a = GRU[I, 128]         a(x) is [128] because of `128` here, not of `H` in another cell
f = gate(x, 2*H)            f is [2*H] because of `2*H` here, not of `N` in the function
"""

from __future__ import annotations

from collections.abc import Mapping

from celldsl.diagnostics.span import Span
from celldsl.record import replace
from celldsl.semantics.walk.values import Several, Tensor, Value
from celldsl.semantics.walk.walk import Inner


def seen_outside(inner: Inner, value: Value) -> Value:
    """What an inner cell gives."""
    return outward(value, inner.cell.span, inner.given, inner.declared)


def outward(value: Value, body: Span, given: Mapping[str, Span], place: Span) -> Value:
    """The value with reasons inside `body` moved to what was `given` for a name, or to `place`."""
    match value:
        case Several(items):
            return Several(tuple(outward(item, body, given, place) for item in items))
        case Tensor(why=why) if any(reason is not None and _within(reason, body) for reason in why):
            return replace(value, why=tuple(_moved(r, body, given, place) for r in why))
    return value


def _within(reason: Span, body: Span) -> bool:
    return reason.source is body.source and body.start <= reason.start < body.end


def _moved(reason: Span | None, body: Span, given: Mapping[str, Span], place: Span) -> Span | None:
    if reason is None or not _within(reason, body):
        return reason
    return given.get(reason.text, place)
