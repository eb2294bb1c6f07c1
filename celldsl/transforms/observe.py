"""What a caller sees and moves besides outputs and inputs.  In: programs.  Out: with more of them.

Values of equations, from the states that went into each step: a program without a loop.

    program, spec = values_alone(program, spec, {"%7": shape})      # outputs value0, …

States after every step:

    spec = spec_with_states(spec)                       # also outputs state.h, state.g.h
    forward = forward_with_states(forward)
    backward = backward_with_states(backward)           # reads d:state.h at every step

A forward program gets them when all passes are done, so that it computes what it would without.  No
output of a cell may be called `state`, so the names are free.

    probed(program, {"r": "%7"})        # an input `probe:r`, a scalar `scale:r`

Whoever reads the value reads `scale:r * value + probe:r` instead.  With probes of 0 and scales of 1
that is the value, and the gradient of `probe:r` is that of the value at each step.  A value that
parameters alone decide has a scale and no probe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from celldsl.ir.builder import Builder
from celldsl.ir.program import Leaf, Node, Program, Result, Rows, Type, cotangent
from celldsl.ir.size import Shape
from celldsl.ir.spec import ArraySpec, CellSpec
from celldsl.structs import replace


def output_of(state: str) -> str:
    """What a state is called as an output."""
    return f"state.{state}"


def spec_with_states(spec: CellSpec) -> CellSpec:
    """The states after every step are outputs behind the cell's own, in order."""
    more = tuple(ArraySpec(output_of(s.name), s.shape) for s in spec.states)
    return replace(spec, outputs=(*spec.outputs, *more))


def forward_with_states(forward: Program) -> Program:
    """Every state's next value is a result too."""
    more = tuple(Result("output", output_of(s.name), s.next) for s in forward.states)
    return replace(forward, results=(*forward.results, *more))


def backward_with_states(backward: Program) -> Program:
    """Adds the cotangent of each step's state to what comes back from the steps after it."""
    types = backward.types()
    # Sums over steps are states of the way back alone.
    own = [s.name for s in backward.states if not s.name.startswith("@")]
    given = {name: cotangent(output_of(name)) for name in own}
    leaves = [Leaf("input", d, Type(types[s].shape, Rows.STEP)) for s, d in given.items()]
    builder = Builder([*backward.leaves, *leaves], taken=[n.name for n in backward.nodes()])
    sums = {state: builder.op("add", state, d) for state, d in given.items()}

    def read(node: Node) -> Node:
        if node.op in ("final", "total"):  # what is left after all steps
            return node
        return replace(node, args=tuple(sums.get(arg, arg) for arg in node.args))

    return replace(
        backward,
        leaves=(*leaves, *backward.leaves),
        step=(*builder.nodes, *map(read, backward.step)),
        after=tuple(map(read, backward.after)),
        states=tuple(replace(s, next=sums.get(s.next, s.next)) for s in backward.states),
        results=tuple(replace(r, value=sums.get(r.value, r.value)) for r in backward.results),
    )


def values_alone(
    p: Program, spec: CellSpec, values: Sequence[tuple[str, Shape]]
) -> tuple[Program, CellSpec]:
    """A program that outputs these values, with the states as inputs behind the cell's own.

    Comparisons come out as 0 and 1.
    """
    names = _names_of_inputs(p)
    types = p.types()
    builder = Builder(p.leaves, taken=[node.name for node in p.nodes()])
    for node in p.nodes():
        builder.keep(node)
    begin = len(builder.nodes)
    results, outputs = [], []
    for number, (value, shape) in enumerate(values):
        shown = builder.op("where", value, 1.0, 0.0) if types[value].boolean else value
        results.append(Result("output", f"value{number}", shown))
        outputs.append(ArraySpec(f"value{number}", shape))
    made = builder.nodes[begin:]
    leaves = [Leaf("input", names[x.name], x.type) if x.kind == "state" else x for x in p.leaves]
    program = replace(
        p,
        leaves=tuple(leaves),
        before=_renamed((*p.before, *(n for n in made if n.type.rows < Rows.STEP)), names),
        step=_renamed((*p.step, *(n for n in made if n.type.rows == Rows.STEP)), names),
        states=(),
        results=tuple(replace(r, value=names.get(r.value, r.value)) for r in results),
    )
    more = tuple(ArraySpec(names[s.name], s.shape) for s in spec.states)
    inputs = (*spec.inputs, *more)
    return program, replace(spec, inputs=inputs, outputs=tuple(outputs), states=())


def _names_of_inputs(p: Program) -> dict[str, str]:
    """What states are called as inputs: nothing else is called so."""
    taken = {leaf.name for leaf in p.leaves}
    found: dict[str, str] = {}
    for state in p.states:
        name = f"before_{state.name.replace('.', '_')}"
        while name in taken:
            name += "_"
        taken.add(name)
        found[state.name] = name
    return found


def _renamed(nodes: Sequence[Node], names: Mapping[str, str]) -> tuple[Node, ...]:
    return tuple(replace(n, args=tuple(names.get(arg, arg) for arg in n.args)) for n in nodes)


def without_gradients(forward: Program) -> Program:
    """The backward program of a cell that nobody goes back through."""
    return replace(
        forward, leaves=(), before=(), step=(), after=(), states=(), results=(), saved=(),
        reverse=True,
    )  # fmt: skip


# ---------------------------------------------------------------- probes


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
