"""The oracle.  In: any Program and arrays.  Out: what it computes, in float64 or complex128.

    run = evaluate(program, {"x": x, "W": w}, {"I": 3, "H": 5}, T=4, B=2)
    run.results["output", "h"]          (T, B, H)

It runs node by node what the templates of the table say, before and after any pass.  Every array
has all its rows: (T, B, …), (B, …) or (…).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from celldsl.ir.attributes import SITE
from celldsl.ir.ops.spelling import value_text
from celldsl.ir.program import Leaf, Node, Program, Rows, Type, cotangent, saved_value
from celldsl.ir.verify import MOST_ROWS
from celldsl.runtime import numerics
from celldsl.structs import entity, field, record

Array = Any
# Told of every value as it is computed: its name, its step (None: all steps at once), the value.
# What it returns is gone on with.
Observer = Callable[[str, "int | None", Array], Array]


@record
class Run:
    """`results` by kind and name, `finals` by state, `saved` by the name on the tape."""

    results: dict[tuple[str, str], Array]
    finals: dict[str, Array]
    saved: dict[str, Array]


def evaluate(
    program: Program,
    leaves: Mapping[str, Array],
    dims: Mapping[str, int],
    T: int,
    B: int,
    starts: Mapping[str, Array] | None = None,
    masks: Mapping[int, Array] | None = None,
    given: Collection[str] = (),
    observe: Observer | None = None,
) -> Run:
    """Run `program`.

    starts   values of states at the start, (B, …); they come before the program's own
    masks    by site, with all their rows; without one a mask is what it is outside training
    given    states of a backward program whose start the caller gave to the forward one: nothing
             flows on to what the program would have started from
    """
    machine = _Machine(program, dims, T, B, dict(masks or {}), set(given), observe)
    with np.errstate(all="ignore"):
        return machine.run(leaves, starts or {})


def gradients(
    forward: Program,
    backward: Program,
    leaves: Mapping[str, Array],
    dims: Mapping[str, int],
    T: int,
    B: int,
    cotangents: Mapping[str, Array],
    starts: Mapping[str, Array] | None = None,
    final_cotangents: Mapping[str, Array] | None = None,
    masks: Mapping[int, Array] | None = None,
) -> tuple[Run, Run]:
    """Run both programs; `cotangents` are of outputs, `final_cotangents` of final states."""
    first = evaluate(forward, leaves, dims, T, B, starts, masks)
    known = {**leaves, **first.saved, **{cotangent(n): v for n, v in cotangents.items()}}
    second = evaluate(backward, known, dims, T, B, final_cotangents, masks, given=starts or ())
    return first, second


@entity
class _Machine:
    program: Program
    dims: Mapping[str, int]
    T: int
    B: int
    masks: dict[int, Array]
    given: set[str]
    observe: Observer | None
    values: dict[str, Array] = field(default_factory=dict)
    finals: dict[str, Array] = field(default_factory=dict)

    def run(self, leaves: Mapping[str, Array], starts: Mapping[str, Array]) -> Run:
        self.types = self.program.types()
        for leaf in self.program.leaves:
            if leaf.kind != "state":
                self.values[leaf.name] = self._leaf(leaf, leaves)
        self._all_rows(self.program.before)
        self._loop(self._starts(starts))
        self._all_rows(self.program.after)
        return Run(
            {(r.kind, r.name): self._promised(r.value, r.kind) for r in self.program.results},
            self.finals,
            {name: self.values[saved_value(name)] for name in self.program.saved},
        )

    def _shape(self, kind: Type, rows: Rows | None = None) -> tuple[int, ...]:
        lead = ((), (self.B,), (self.T, self.B))[kind.rows if rows is None else rows]
        return (*lead, *(size.evaluate(self.dims) for size in kind.shape))

    def _leaf(self, leaf: Leaf, leaves: Mapping[str, Array]) -> Array:
        value = np.asarray(leaves[leaf.name])
        if value.shape != self._shape(leaf.type):
            raise ValueError(f"{leaf.name} is {value.shape}, not {self._shape(leaf.type)}")
        return np.real(value) != 0 if leaf.type.boolean else value

    def _promised(self, value: str, kind: str) -> Array:
        """A result with the rows that its kind has."""
        shape = self._shape(self.types[value], MOST_ROWS[kind])
        return np.broadcast_to(self.values[value], shape)

    def _starts(self, starts: Mapping[str, Array]) -> dict[str, Array]:
        found = {}
        for state in self.program.states:
            shape = self._shape(self.types[state.name], Rows.BATCH)
            start = np.zeros(()) if state.start is None else self.values[state.start]
            if state.name in starts:
                start = starts[state.name]
            found[state.name] = np.broadcast_to(start, shape)
        return found

    def _all_rows(self, nodes: tuple[Node, ...]) -> None:
        """Nodes outside the loop: a value for each step is computed for all steps at once."""
        for node in nodes:
            if node.op in ("final", "total"):
                state = node.args[0]
                there = node.op == "total" or state not in self.given
                self.values[node.name] = self.finals[state] * there
            else:
                args = [self.values[arg] for arg in node.args]
                self.values[node.name] = self._value(node, args, self._shape(node.type))

    def _loop(self, carried: dict[str, Array]) -> None:
        steps: list[dict[str, Array]] = [{} for _ in range(self.T)]
        order = range(self.T)
        for t in reversed(order) if self.program.reverse else order:
            here = steps[t]
            here.update({name: self._seen(name, t, value) for name, value in carried.items()})
            for node in self.program.step:
                args = [self._at(arg, t, here) for arg in node.args]
                rows = min(node.type.rows, Rows.BATCH)
                here[node.name] = self._value(node, args, self._shape(node.type, rows), t)
            carried = {
                s.name: np.broadcast_to(self._at(s.next, t, here), carried[s.name].shape)
                for s in self.program.states
            }
        self.finals = carried
        self._keep(steps)

    def _at(self, name: str, t: int, here: dict[str, Array]) -> Array:
        """A value as the step sees it at time `t`."""
        if name in here:
            return here[name]
        value = self.values[name]
        return value[t] if self.types[name].rows == Rows.STEP else value

    def _keep(self, steps: list[dict[str, Array]]) -> None:
        """What the steps computed, with all rows."""
        names = [*(s.name for s in self.program.states), *(n.name for n in self.program.step)]
        for name in names:
            kind = self.types[name]
            if kind.rows == Rows.STEP:
                stacked = np.asarray([here[name] for here in steps])
                self.values[name] = stacked.reshape(self._shape(kind))
            elif steps:
                self.values[name] = steps[0][name]

    def _value(
        self, node: Node, args: list[Array], shape: tuple[int, ...], t: int | None = None
    ) -> Array:
        if node.op == "mask" and node[SITE] in self.masks:
            value = self.masks[node[SITE]]
            one_step = t is not None and node.type.rows == Rows.STEP
            return np.broadcast_to(value[t] if one_step else value, shape)
        names = [f"a{i}" for i in range(len(args))]
        ranks = [len(self.types[arg].shape) for arg in node.args]
        text = value_text(node, names, ranks, lambda size: str(size.evaluate(self.dims)))
        scope = {"np": np, "numerics": numerics, **dict(zip(names, args, strict=True))}
        return np.broadcast_to(self._seen(node.name, t, eval(_compiled(text), scope)), shape)

    def _seen(self, name: str, t: int | None, value: Array) -> Array:
        return value if self.observe is None else self.observe(name, t, value)


@cache
def _compiled(text: str) -> CodeType:
    return compile(text, "<value template>", "eval")
