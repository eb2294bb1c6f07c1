"""What a value leads to.  In: the context of a cell.  Out: the values that reach an output.

reach(context).any         an output depends on them
reach(context).smoothly    an output's gradient gets to them
"""

from __future__ import annotations

from collections.abc import Callable

from celldsl.ir.program import Node
from celldsl.semantics.context import Context
from celldsl.structs import record

FLAT = frozenset({"stop_gradient", "floor", "round", "step", "sign"})
COMPARISONS = frozenset({"lt", "le", "eq", "ne", "and", "or", "not"})


@record
class Reach:
    any: frozenset[str]
    smoothly: frozenset[str]


def reach(w: Context) -> Reach:
    return Reach(_from_outputs(w, _all), _from_outputs(w, _smooth))


def _all(node: Node) -> tuple[str, ...]:
    return node.args


def _smooth(node: Node) -> tuple[str, ...]:
    """The arguments that get a gradient."""
    if node.op in FLAT or node.op in COMPARISONS:
        return ()
    if node.op in ("where", "surrogate"):
        return node.args[1:]
    if node.op in ("clip_gradient", "scale_gradient"):
        return node.args[:1]
    return node.args


def _from_outputs(w: Context, arguments: Callable[[Node], tuple[str, ...]]) -> frozenset[str]:
    """Back from the outputs; a state that is reached leads on to its next value and its start."""
    defined = w.builder.defined
    seen: set[str] = set()
    waiting = [value for _, value in w.outputs]
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue
        seen.add(value)
        if value in w.states:
            state = w.states[value]
            waiting += [v for v in (state.start, state.next) if v is not None]
        elif value in defined:
            waiting += arguments(defined[value])
    return frozenset(seen)


def leaves_below(w: Context, value: str) -> set[str]:
    """The leaves that a value is computed from in one step."""
    seen: set[str] = set()
    waiting, found = [value], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in w.leaves:
            found.add(name)
        elif name in w.builder.defined:
            waiting += w.builder.defined[name].args
    return found
