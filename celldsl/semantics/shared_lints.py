"""Weights that may be meant to be one set.  In: a walk over a cell.  Out: warnings.

    for k in 0..6:
        v = v + dt * f(v, x)        six sets of weights, where `f` is a plain `def` with a `linear`

A helper that is called for several gates stays clean: none of its calls depends on another.
"""

from __future__ import annotations

from collections.abc import Iterator

from celldsl.diagnostics.span import Span
from celldsl.semantics.context import Context, WeightCall

CODE = "W0511"
Found = tuple[str, str, Span, "str | None", "str | None"]


def separate_weights(w: Context) -> Iterator[Found]:
    """One warning for each function, at the first call that tells."""
    for calls in w.weight_calls.values():
        found = _looped(calls) or _dependent(w, calls)
        if found is None:
            continue
        call, told = found
        help = (
            f"one set for all calls is `shared def {call.name}(…)`; if each is to have its own, "
            f"say so behind the call: `# celldsl: ignore[{CODE}]`"
        )
        yield CODE, told, call.name_span, help, None


def _looped(calls: list[WeightCall]) -> tuple[WeightCall, str] | None:
    for call in calls:
        count = sum(other.span == call.span for other in calls)
        if call.looped and count > 1:
            return call, f"`{call.name}` has weights of its own in each of {count} iterations"
    return None


def _dependent(w: Context, calls: list[WeightCall]) -> tuple[WeightCall, str] | None:
    for place, call in enumerate(calls):
        before = {value for other in calls[:place] for value in other.gave}
        if before and _reaches(w, call.given, before):
            told = f"`{call.name}` is called with what it gave before, and has other weights here"
            return call, told
    return None


def _reaches(w: Context, values: tuple[str, ...], wanted: set[str]) -> bool:
    """Whether the values are made of wanted ones, in the same step."""
    pending, seen = list(values), set(values)
    while pending:
        name = pending.pop()
        if name in wanted:
            return True
        node = w.builder.defined.get(name)
        for arg in () if node is None else node.args:
            if arg not in seen:
                seen.add(arg)
                pending.append(arg)
    return False
