"""A cell between layers that fit it to a task.  In: a class, a task.  Out: losses and gradients.

    model = Model(GRU, "gru", task, parameters=4_000, seed=0)
    loss, gradients = model.gradients(x, wanted)

The size of the state is the one whose count of parameters is nearest to `parameters`.  Where the
input of a cell has the size of its state, a linear layer stands before it; one stands behind all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from celldsl.cli.output import CommandError
from celldsl.cli.trial.tasks import Task

Array = Any
SIZES = (2, 3, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40, 44, 48, 56, 64, 80,
         96, 128, 192, 256)  # fmt: skip


class Model:
    """`arrays` has all parameters by name: those of the cell, and of the layers around it."""

    def __init__(self, cls: Any, name: str, task: Task, parameters: int, seed: int) -> None:
        self.name, self.task = name, task
        self.cell, self.hidden = fitted(cls, name, task.inputs, parameters, seed)
        self.input, *self.others = [i.name for i in self.cell.description.inputs]
        self.width = int(self.cell.description.inputs[0].shape(**self.cell.dims)[0])
        features = int(np.prod(self.cell.description.outputs[0].shape(**self.cell.dims), dtype=int))
        random = np.random.default_rng(seed)
        self.arrays: dict[str, Array] = dict(self.cell.params)
        self.before = self.width != task.inputs
        if self.before:
            self._layer("before", task.inputs, self.width, random)
        self._layer("readout", features, task.outputs, random)

    def _layer(self, name: str, inputs: int, outputs: int, random: Any) -> None:
        bound = (6 / (inputs + outputs)) ** 0.5
        weights = random.uniform(-bound, bound, (inputs, outputs)).astype(np.float32)
        self.arrays[f"{name}/W"] = weights
        self.arrays[f"{name}/b"] = np.zeros(outputs, np.float32)

    @property
    def parameters(self) -> int:
        return sum(int(array.size) for array in self.cell.params.values())

    def _inputs(self, x: Array) -> dict[str, Array]:
        if self.before:
            x = x @ self.arrays["before/W"] + self.arrays["before/b"]
        ones = np.ones(x.shape[:2], np.float32)
        return {self.input: np.ascontiguousarray(x), **dict.fromkeys(self.others, ones)}

    def run(self, x: Array, **options: Any) -> Any:
        """What `forward` of the cell gives."""
        return self.cell.forward(self._inputs(x), **options)

    def answers(self, x: Array) -> Array:
        y, _ = self.cell(self._inputs(x))
        return self._read(_first(y)) @ self.arrays["readout/W"] + self.arrays["readout/b"]

    def _read(self, y: Array) -> Array:
        return y[-self.task.read :] if self.task.read else y

    def gradients(self, x: Array, wanted: Array) -> tuple[float, dict[str, Array]]:
        """The loss, and a gradient for each of `arrays`."""
        y, _, tape = self.run(x)
        features = self._read(_first(y))
        answers = features @ self.arrays["readout/W"] + self.arrays["readout/b"]
        loss, slope = self.task.loss(answers, wanted)
        slope = slope.astype(np.float32)
        rows = features.reshape(-1, features.shape[-1])
        found = {"readout/W": rows.T @ slope.reshape(len(rows), -1),
                 "readout/b": slope.sum((0, 1))}  # fmt: skip
        dy = np.zeros_like(_first(y))
        dy[len(dy) - len(slope) :] = slope @ self.arrays["readout/W"].T
        output = self.cell.description.outputs[0]
        shape = (*dy.shape[:2], *output.shape(**self.cell.dims))
        grads = self.cell.backward(tape, {output.name: dy.reshape(shape)})
        if self.before:
            seen = grads.inputs[self.input].reshape(-1, self.width)
            found["before/W"] = x.reshape(len(seen), -1).T @ seen
            found["before/b"] = seen.sum(0)
        return loss, {**grads.params, **found}


def _first(y: Any) -> Array:
    """The first output, or the only one, as (T, B, features)."""
    first = y[0] if isinstance(y, tuple) else y
    return first.reshape(*first.shape[:2], -1)


def fitted(cls: Any, name: str, inputs: int, parameters: int, seed: int) -> tuple[Any, int]:
    """The cell whose count of parameters is nearest, and its size."""
    _check(cls, name)
    best: tuple[float, Any, int] | None = None
    problem, given = "", getattr(cls, "keywords", {})  # by `--set`
    for hidden in SIZES:
        try:
            cell = cls(**_sizes(cls, inputs, hidden), dtype="float32", seed=seed)
        except ValueError as error:
            problem = str(error)  # a condition on sizes
            continue
        gap = abs(np.log(max(sum(a.size for a in cell.params.values()), 1) / parameters))
        if best is None or gap < best[0]:
            best = (gap, cell, given.get(cls.description.outputs[0].text.strip("[]"), hidden))
        elif gap > best[0]:
            break
    if best is None:
        raise CommandError(f"{name}: no size that was tried fits: {problem}")
    return best[1], best[2]


def _check(cls: Any, name: str) -> None:
    described = cls.description
    if lacking := getattr(cls, "lacking", ()):
        told = " and ".join(lacking)
        raise CommandError(f"{name} asks for {told}: give it with --set {lacking[0]}=VALUE", 2)
    first, *others = described.inputs
    if first.text == "[]" or "," in first.text:
        raise CommandError(
            f"{name}: its first input {first.name} is {first.text}, and a task gives a vector at "
            "each step; a cell that fits has `input x: [I]`"
        )
    if other := next((i for i in others if i.text != "[]"), None):
        raise CommandError(
            f"{name} has a second input, {other.name} {other.text}; a task feeds one vector (and "
            "ones to inputs that are [])"
        )
    if const := next((c for c in described.consts if not c.value), None):
        raise CommandError(f"{name} wants an array for `{const.name}`; give it a value in the file")


def _sizes(cls: Any, inputs: int, hidden: int) -> dict[str, int]:
    described = cls.description
    given = getattr(cls, "keywords", {})  # what `--set` says stays so
    free = [
        d.name for d in described.dims if d.default is None and not d.fixed and d.name not in given
    ]
    found = dict.fromkeys(free, hidden)
    first = described.inputs[0].text.strip("[]")
    outputs = described.outputs[0].text
    if first in found and first not in outputs:
        found[first] = inputs
    return found
