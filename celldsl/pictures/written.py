"""A Program with complex values as they were written.  In: a Program and notes.  Out: the like.

    %4 = mul(lam_re, z_re), %5 = mul(lam_im, z_im), %6 = sub(%4, %5), …       the Program
    ~1 = mul(~0, z)                                                          what is shown

Leaves of complex numbers have the shape that was declared.  A real value that is a part of a
complex one is `real` or `imag` of it.  Nothing runs this Program: operations such as `conj` are in
no table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from celldsl.ir.notes import Composite, Notes
from celldsl.ir.program import Leaf, Node, Program, Result, Rows, State, Type
from celldsl.structs import replace


def as_written(program: Program, notes: Notes) -> tuple[Program, Notes]:
    found = notes.complex
    if not found.values and not found.leaves:
        return program, notes

    def named(value: str) -> str:
        """A complex leaf has the name of the array that keeps it."""
        whole = found.arrays.get(value, value)
        return found.leaves.get(whole, whole)

    composites = {
        value: Composite(made.function, tuple(map(named, made.args)), made.attributes)
        for value, made in notes.composites.items()
    }
    definitions = [replace(d, value=named(d.value)) for d in notes.definitions]
    states = tuple(
        State(s.name, None if s.start is None else named(s.start), named(s.next))
        for s in program.states
    )
    results = tuple(Result(r.kind, r.name, named(r.value)) for r in program.results)
    nodes = _nodes(program, notes, named)
    for value, made in composites.items():
        if value in nodes:  # what it is made of is not shown
            nodes[value] = replace(nodes[value], args=made.args)
    wanted = [d.value for d in definitions]
    wanted += [v for s in states for v in (s.start, s.next) if v is not None]
    wanted += [r.value for r in results]
    order = _ordered(nodes, composites, wanted)
    shown = replace(
        program,
        leaves=tuple(_leaf(leaf, found.leaves.values()) for leaf in program.leaves),
        before=tuple(node for node in order if node.type.rows < Rows.STEP),
        step=tuple(node for node in order if node.type.rows == Rows.STEP),
        states=states,
        results=results,
    )
    return shown, replace(notes, composites=composites, definitions=definitions)


def _leaf(leaf: Leaf, arrays: Iterable[str]) -> Leaf:
    if leaf.name not in arrays:
        return leaf
    return replace(leaf, type=Type(leaf.type.shape[:-1], leaf.type.rows))


def _nodes(program: Program, notes: Notes, named: Callable[[str], str]) -> dict[str, Node]:
    """All nodes by name: those of complex values, and those whose parts are read."""
    found = dict(notes.complex.unread)
    found.update((node.name, node) for node in program.nodes())
    for name, made in notes.complex.values.items():
        found[name] = replace(made.node, args=tuple(map(named, made.node.args)))
    for name, (side, value) in notes.complex.parts.items():
        if name in found:
            found[name] = replace(found[name], op=side, args=(named(value),), attributes=())
    return found


def _ordered(
    nodes: dict[str, Node], composites: dict[str, Composite], wanted: list[str]
) -> list[Node]:
    """The nodes that are shown, each after what it reads."""
    done: dict[str, Node] = {}
    pending = [(value, False) for value in reversed(wanted)]
    while pending:
        name, ready = pending.pop()
        if name in done or name not in nodes:
            continue
        if ready:
            done[name] = nodes[name]
            continue
        made = composites.get(name)
        args = nodes[name].args if made is None else made.args
        pending += [(name, True), *((arg, False) for arg in reversed(args))]
    return list(done.values())
