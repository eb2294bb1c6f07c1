"""Where does a value stop being finite?  In: programs and one row of a batch.  Out: a Finding.

    found = first_in_forward(program, row, "float32")
    found.equation, found.step          # "c = log(x)", 3
    found.told                          # "log(x)[2] is -inf, with x[2] = 0.0"

The reference evaluates the row, rounded to the cell's dtype after every operation.  From a result
that is not finite the search goes back along what is not finite either, to the value whose operands
all are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from celldsl.ir.attributes import VALUE
from celldsl.ir.notes import labels
from celldsl.ir.program import Node, Origin, Program, Rows, State, cotangent
from celldsl.structs import entity, field, record
from celldsl.targets.reference import Run, evaluate

Array = Any
AtStep = tuple[str, "int | None"]
OPERANDS = 4  # are shown
SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


@record
class Row:
    """One sequence: (T, 1, …) inputs, (1, …) states; what is not there was not passed."""

    leaves: Mapping[str, Array]
    dims: Mapping[str, int]
    steps: int
    starts: Mapping[str, Array] | None


@record
class Finding:
    """`step` counts in the order in which steps are done; None outside the loop over time."""

    told: str
    equation: str | None
    line: int | None
    step: int | None
    operands: dict[str, Any]


def first_in_forward(program: Program, row: Row, dtype: str) -> Finding | None:
    """The value of the forward pass; None where the reference finds all results finite."""
    search = _Search(program, row.steps, dtype)
    run = search.evaluate(row.leaves, row, row.starts)
    targets: list[tuple[int, str]] = []
    for result in program.results:
        step = _first(run.results[result.kind, result.name])
        if step is not None:
            targets.append((step, result.value))
    targets += [(row.steps - 1, name) for name in _bad_states(program, run, row.steps)]
    return search.explain(min(targets)) if targets else None


def first_in_backward(
    forward: Program,
    backward: Program,
    row: Row,
    cotangents: Mapping[str, Array],
    finals: Mapping[str, Array],
    dtype: str,
) -> Finding | None:
    """The cotangent that comes first on the way back; None where all gradients are finite."""
    ahead = _Search(forward, row.steps, dtype)
    saved = ahead.evaluate(row.leaves, row, row.starts).saved
    known = {**row.leaves, **saved, **{cotangent(n): v for n, v in cotangents.items()}}
    search = _Search(backward, row.steps, dtype, ahead)
    run = search.evaluate(known, row, finals, given=row.starts or ())
    targets: list[tuple[int, str]] = []
    for result in backward.results:
        array = run.results[result.kind, result.name]
        if not np.isfinite(array).all():
            step = _last(array) if result.kind == "input" else None
            targets.append((-1 if step is None else step, result.value))
    targets += [(0, name) for name in _bad_states(backward, run, row.steps)]
    if not targets:
        return None
    step, name = max(targets)
    return search.explain((None if step < 0 else step, name))


def _bad_states(program: Program, run: Run, steps: int) -> list[str]:
    """What the final states that are not finite were made of; without a step they were passed."""
    states = program.states if steps else ()
    return [s.next for s in states if not np.isfinite(run.finals[s.name]).all()]


def _first(array: Array) -> int | None:
    """The first step of (T, 1, …) with a number that is not finite."""
    steps = _bad_steps(array)
    return int(steps[0]) if len(steps) else None


def _last(array: Array) -> int | None:
    steps = _bad_steps(array)
    return int(steps[-1]) if len(steps) else None


def _bad_steps(array: Array) -> Array:
    wrong = ~np.isfinite(array)
    return np.flatnonzero(wrong.reshape(len(array), -1).any(axis=1))


@entity
class _Search:
    """The values of one run by name and step, and the way back through them."""

    program: Program
    steps: int
    dtype: str
    ahead: _Search | None = None
    values: dict[AtStep, Array] = field(default_factory=dict)

    def evaluate(
        self,
        leaves: Mapping[str, Array],
        row: Row,
        starts: Mapping[str, Array] | None,
        given: Any = (),
    ) -> Run:
        self.types = self.program.types()
        self.nodes = {node.name: node for node in self.program.nodes()}
        self.states = {state.name: state for state in self.program.states}
        self.names = labels(self.program)
        for leaf in self.program.leaves:
            if leaf.kind != "state":
                self.values[leaf.name, None] = np.asarray(leaves[leaf.name])
        for name, start in (starts or {}).items():
            self.values[f"start {name}", None] = start
        return evaluate(
            self.program, leaves, row.dims, row.steps, 1, starts, None, given, self._observe
        )

    def _observe(self, name: str, step: int | None, value: Array) -> Array:
        rounded = np.asarray(value)
        if rounded.dtype.kind == "f":
            rounded = rounded.astype(self.dtype)
        self.values[name, step] = rounded
        return rounded

    def at(self, name: str, step: int | None) -> Array:
        """A value as a step sees it; all of its steps where `step` is None."""
        if (name, step) in self.values:
            return self.values[name, step]
        if step is None:  # a value of the loop, seen from outside
            return np.stack([self.values[name, t] for t in range(self.steps)])
        value = self.values[name, None]
        whole = self.types[name].rows == Rows.STEP and np.ndim(value) > 0
        return value[step] if whole and len(value) == self.steps else value

    def explain(self, target: tuple[int | None, str]) -> Finding:
        step, name = target
        for _ in range(10 * (len(self.nodes) + len(self.states) + 1) * (self.steps + 1)):
            before = self._one_back(name, step)
            if before is None:
                break
            name, step = before
        return self._finding(name, step)

    def _one_back(self, name: str, step: int | None) -> AtStep | None:
        """What is not finite among what a value was made of."""
        if name in self.states and step is not None:
            return self._into_step(self.states[name], step)
        node = self.nodes.get(name)
        if node is None:
            return None
        if node.op in ("final", "total"):
            state = self.states[node.args[0]]
            return state.next, (0 if self.program.reverse else self.steps - 1)
        return next(self._bad_operands(node, step), None)

    def _into_step(self, state: State, step: int) -> AtStep | None:
        last = self.steps - 1 if self.program.reverse else 0
        if step != last:
            return state.next, step + (1 if self.program.reverse else -1)
        if (f"start {state.name}", None) in self.values:
            return f"start {state.name}", None
        return None if state.start is None else (state.start, None)

    def _bad_operands(self, node: Node, step: int | None) -> Iterator[AtStep]:
        for arg in node.args:
            value = self.at(arg, step)
            if value.dtype.kind != "b" and not np.isfinite(value).all():
                if step is None and self.types[arg].rows == Rows.STEP:
                    steps = _bad_steps(value)
                    yield arg, int(steps[-1] if self.program.reverse else steps[0])
                else:
                    yield arg, step

    def _finding(self, name: str, step: int | None) -> Finding:
        if self.ahead is not None and name in self.ahead.nodes and name not in self.nodes:
            return self.ahead.explain((step, name))  # it was so before the way back began
        value = np.asarray(self.at(name, step))
        index = _first_index(value)
        node = self.nodes.get(name)
        place = tuple(int(i) for i in index[1:]) if np.ndim(value) > 1 else ()
        told = f"{self.text(name)}{_subscript(place)} is {_number(value[index])}"
        if node is None:
            told += ", as it was passed"
        operands: dict[str, Any] = {}
        for arg in self._told_operands(node):
            self._add_operand(operands, arg, step, value, index)
        if operands:
            told += ", with " + ", ".join(f"{n} = {_number(v)}" for n, v in operands.items())
        origin: Origin | None = None if node is None else node.origin
        line = None if origin is None else origin.line
        return Finding(told, None if origin is None else origin.text, line, step, operands)

    def _told_operands(self, node: Node | None) -> list[str]:
        """What a value is made of, but for numbers that stand in the equation."""
        args = [self._inner(arg) for arg in (() if node is None else node.args)]
        nodes = [(arg, self.nodes.get(arg)) for arg in args]
        return [arg for arg, made in nodes if made is None or made.op != "number"][:OPERANDS]

    def _add_operand(
        self, found: dict[str, Any], arg: str, step: int | None, value: Array, index: Any
    ) -> None:
        """An operand's number where it has one there, else its largest."""
        operand = self.at(arg, step)
        own = np.ndim(operand) and np.shape(operand) == np.shape(value)
        if own:
            place = tuple(int(i) for i in index[1:])
            found[f"{self.text(arg)}{_subscript(place)}"] = operand[index].item()
        elif np.size(operand) == 1:
            found[self.text(arg)] = np.asarray(operand).item()
        else:
            largest = np.asarray(operand).reshape(-1)[np.argmax(np.abs(operand))]
            found[f"the largest of {self.text(arg)}"] = largest.item()

    def _inner(self, name: str) -> str:
        """A value without the shape that it was stretched to."""
        node = self.nodes.get(name)
        return node.args[0] if node is not None and node.op == "broadcast" else name

    def text(self, name: str, depth: int = 3) -> str:
        """A value as people may know it."""
        name = self._inner(name)
        if name.startswith("start "):
            return f"the state {name.removeprefix('start ')}"
        if name in self.names:
            return self.names[name].replace("_next", "'")
        node = self.nodes.get(name)
        if node is None:
            if self.ahead is not None and name in self.ahead.nodes:
                return self.ahead.text(name)
            return self._passed(name)
        if node.op == "number":
            return f"{node[VALUE]:g}"
        if not depth:
            return "…"
        args = [self.text(arg, depth - 1) for arg in node.args]
        if node.op in SIGNS and len(args) == 2:
            return f"({args[0]} {SIGNS[node.op]} {args[1]})"
        return f"{node.op}({', '.join(args)})"

    def _passed(self, name: str) -> str:
        """What a caller calls a leaf: `dy`, `dy.c`, `dstate.h`."""
        given = [leaf.name for leaf in self.program.leaves if leaf.name.startswith(cotangent(""))]
        if name not in given:
            return name.replace("@in", "")
        own = name.removeprefix(cotangent(""))
        if own.startswith("state."):
            return f"d{own}"
        outputs = [each for each in given if not each.startswith(cotangent("state."))]
        return "dy" if len(outputs) == 1 else f"dy.{own}"


def _first_index(value: Array) -> Any:
    wrong = np.argwhere(~np.isfinite(value))
    return tuple(wrong[0]) if len(wrong) else (0,) * np.ndim(value)


def _subscript(place: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, place))}]" if place else ""


def _number(value: Any) -> str:
    return f"{float(value):g}" if not isinstance(value, bool) else str(value)
