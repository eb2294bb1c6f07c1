"""Parameters without a gradient, and what cuts it off.  In: a walk over a cell.  Out: warnings.

reach(context).any         an output depends on them
reach(context).smoothly    an output's gradient gets to them
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from celldsl.diagnostics.span import Span
from celldsl.ir.program import Node
from celldsl.semantics.broadcast import COMPARISONS
from celldsl.semantics.context import Context
from celldsl.semantics.wording import Warned, short
from celldsl.structs import record

FLAT = frozenset({"stop_gradient", "floor", "round", "step", "sign"})


def no_gradient(w: Context, ways: Reach) -> Iterator[Warned]:
    """Parameters that an output depends on, but not smoothly.

    What no output depends on is unused, and `step` and its like are told by themselves.  A loop
    makes several parameters at one place: all of them must be without gradient.
    """
    alive = {w.places[name] for name in w.params if name in ways.smoothly}
    told = leaves_below(w, (value for value, _ in _cutting(w, ways)))
    stuck: dict[Span, list[str]] = {}
    for name in w.params:
        if name in ways.any and name not in told and w.places[name] not in alive:
            group = next((s for s, names in stuck.items() if _same_block(names[0], name)), None)
            stuck.setdefault(group or w.places[name], []).append(name)
    for place, names in stuck.items():
        listed = ", ".join(f"`{name}`" for name in names)
        what = "the parameter" if len(names) == 1 else "the parameters"
        help = "every way to an output stops gradients"
        if "." not in names[0]:
            help += ": make it a `const`, if that is meant"
        yield "W0502", f"the gradient of {what} {listed} is always zero", place, help, None


def flat(w: Context, ways: Reach) -> Iterator[Warned]:
    for _, span in _cutting(w, ways):
        name, text = span.text.lstrip("( ").partition("(")[0], short(span)
        yield (
            "W0505",
            f"`{name}` lets no gradient through",
            span,
            f"give it one: `surrogate({text}, …)`, or say `stop_gradient({text})`",
            None,
        )


def _cutting(w: Context, ways: Reach) -> Iterator[tuple[str, Span]]:
    """`step` and its like, where a gradient comes to them and parameters or states lie below.

    A `where` is one of them when it chooses by what is trained between values that are not, in no
    iteration of a loop.
    """
    there = [v for v in w.steps if v in ways.smoothly and v in w.builder.defined]
    nodes = {value: w.builder.defined[value] for value in there}
    wheres = [value for value in there if nodes[value].op == "where"]
    trained = _trained(w) if there else set()
    smooth = {w.steps[value] for value in wheres if not trained.isdisjoint(nodes[value].args[1:])}
    for value in there:
        cut = nodes[value].args[:1] if nodes[value].op == "where" else nodes[value].args
        if w.steps[value] not in smooth and not trained.isdisjoint(cut):
            yield value, w.steps[value]


def _trained(w: Context) -> set[str]:
    """The values that parameters or states lie below."""
    found = {name for name, leaf in w.leaves.items() if leaf.kind in ("param", "state")}
    for node in w.builder.nodes:
        if not found.isdisjoint(node.args):
            found.add(node.name)
    return found


def _same_block(one: str, other: str) -> bool:
    """Whether two parameters are of one `linear` or norm."""
    return "." in one and one.rpartition(".")[0] == other.rpartition(".")[0]


# ---------------------------------------------------------------- what a value leads to


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


def leaves_below(w: Context, values: Iterable[str]) -> set[str]:
    """The leaves that values are computed from in one step."""
    seen: set[str] = set()
    waiting, found = [*values], set()
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
