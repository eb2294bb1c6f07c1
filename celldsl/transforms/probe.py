"""Values that can be moved from outside.  In: a Program, values.  Out: the same with probes.

    probed(program, {"r": "%7"})        # an input `probe:r`, a scalar `scale:r`

Whoever reads the value reads `scale:r * value + probe:r` instead.  With probes of 0 and scales of 1
that is the value, and the gradient of `probe:r` is that of the value at each step.  A value that
parameters alone decide has a scale and no probe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from celldsl.ir.builder import Builder
from celldsl.ir.program import Leaf, Node, Program, Rows, Type
from celldsl.structs import replace


def probe_of(name: str) -> str:
    return f"probe:{name}"


def scale_of(name: str) -> str:
    return f"scale:{name}"


def probed(p: Program, values: Mapping[str, str]) -> Program:
    """`values` are states or values of real numbers; one that has two names is probed by both."""
    types = p.types()
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    leaves = [leaf for name, value in values.items() for leaf in _leaves(name, types[value])]
    builder = Builder([*p.leaves, *leaves], taken=[node.name for node in p.nodes()])
    read: dict[str, str] = {}

    def probe(value: str) -> None:
        for name in names.get(value, ()):
            moved = read.get(value, value)
            scale = builder.broadcast(scale_of(name), types[value].shape)
            moved = builder.op("mul", scale, moved)
            if types[value].rows == Rows.STEP:
                moved = builder.op("add", moved, probe_of(name))
            read[value] = moved

    def region(nodes: Iterable[Node], states: Iterable[str] = ()) -> tuple[Node, ...]:
        before = len(builder.nodes)
        for state in states:
            probe(state)
        for node in nodes:
            builder.keep(replace(node, args=tuple(read.get(arg, arg) for arg in node.args)))
            probe(node.name)
        return tuple(builder.nodes[before:])

    early = region(p.before)
    step = region(p.step, [state.name for state in p.states])
    return replace(
        p,
        leaves=(*p.leaves, *leaves),
        before=early,
        step=step,
        after=region(p.after),
        states=tuple(
            replace(s, next=read.get(s.next, s.next), start=read.get(s.start or "", s.start))
            for s in p.states
        ),
        results=tuple(replace(r, value=read.get(r.value, r.value)) for r in p.results),
    )


def _leaves(name: str, kind: Type) -> list[Leaf]:
    scale = Leaf("hyper", scale_of(name), Type((), Rows.ONCE))
    if kind.rows != Rows.STEP:
        return [scale]
    return [scale, Leaf("input", probe_of(name), Type(kind.shape, Rows.STEP))]
