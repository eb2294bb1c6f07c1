"""What the examples share.  In: a cell file, arrays.  Out: a built cell, a readout.

cell = build_cell("gru.cell", inputs=8, hidden=64, seed=0)
readout = Readout(output_size(cell), classes=10, seed=0)
adam = Adam({"cell": cell.params.flat, "readout": readout.flat}, clip=5.0)

y, state = cell(x)                                  # y (T, B, features)
loss, dlogits = cross_entropy(readout(y[-1]), labels)
dy, dreadout = readout.backward(y[-1], dlogits)
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import celldsl


@contextmanager
def stage(text: str) -> Iterator[None]:
    """Says on a terminal what goes on, as long as it does; in a pipe it stays quiet."""
    if not sys.stderr.isatty():
        yield
        return
    print(f"{text} …", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def load_class(path: str | Path, name: str | None = None) -> Any:
    """The class in a `.cell` file, or in a module that `celldsl compile` wrote."""
    path = Path(path)
    if path.suffix != ".py":
        return celldsl.load(path, name)
    if not path.is_file():
        raise FileNotFoundError(2, "No such module; `celldsl compile` writes one", str(path))
    sys.path.insert(0, str(path.resolve().parent))
    module = import_module(path.stem)
    found = {key: value for key, value in vars(module).items() if hasattr(value, "description")}
    return found[name] if name else list(found.values())[-1]


def complaint(error: Exception) -> str:
    """What to tell a person who gave the wrong file or size."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return str(error).strip()


def build_cell(
    path: str | Path,
    inputs: int,
    hidden: int,
    seed: int,
    name: str | None = None,
    products: str | None = None,
) -> Any:
    """A float32 cell: its input has `inputs` numbers, every other size is `hidden`.

    `products` is "bfloat16" where factors of products are to be rounded.
    """
    with stage(f"reading {Path(path).name}"):
        cls = load_class(path, name)
    if lacking := getattr(cls, "lacking", ()):
        names = " and ".join(lacking)
        raise ValueError(
            f"{cls.__name__} asks for {names}, which decides its structure; the examples choose "
            f"sizes alone: give {names} a default in its header, as in [I, H, K=2]"
        )
    described = cls.description
    if len(described.inputs) != 1:
        raise ValueError(f"{described.name} has several inputs; the examples feed one")
    only = described.inputs[0]
    if only.kind != "real" or only.per != "step" or only.text == "[]" or "," in only.text:
        once = " for each sequence" if only.per != "step" else ""
        raise ValueError(
            f"the input {only.name} of {described.name} is {only.text}{once}; the examples feed a "
            "vector of real numbers at each step, such as [I]"
        )
    sizes = {dim.name: hidden for dim in described.dims if dim.default is None and not dim.fixed}
    input_dim = only.text.strip("[]")
    if input_dim in sizes:
        sizes[input_dim] = inputs
    with stage(f"compiling {described.name}"):
        cell = cls(**sizes, dtype="float32", seed=seed, products=products)
    if only.shape(**cell.dims) != (inputs,):
        raise ValueError(
            f"the input {only.name} of {described.name} is {only.text}; this example feeds "
            f"{inputs} numbers at each step: give it a size of its own, such as [I]"
        )
    return cell


def compile_kernels(cell: Any, inputs: int) -> float:
    """Seconds until the kernels are there: about none when they were compiled before."""
    started = time.perf_counter()
    with stage(f"compiling the passes of {type(cell).__name__}"):
        _, _, tape = cell.forward(np.zeros((1, 1, inputs), np.float32))
        cell.backward(tape)
    return time.perf_counter() - started


def first_output(y: Any) -> Any:
    """The first output of a cell, or its only one, as (T, B, features)."""
    first = y[0] if isinstance(y, tuple) else y
    return first.reshape(*first.shape[:2], -1)


def gradient_of_first(cell: Any, dy: Any) -> dict[str, Any]:
    """What `backward` takes, for a gradient (T, B, features) of the first output."""
    output = cell.description.outputs[0]
    return {output.name: dy.reshape(*dy.shape[:2], *output.shape(**cell.dims))}


def output_size(cell: Any) -> int:
    return int(np.prod(cell.description.outputs[0].shape(**cell.dims), dtype=int))


class Readout:
    """A linear layer from features to classes; `flat` holds its weights and biases."""

    def __init__(self, features: int, classes: int, seed: int) -> None:
        self.shape = (features + 1, classes)
        self.flat = np.zeros(self.shape, np.float32).reshape(-1)
        bound = (6 / (features + classes)) ** 0.5
        random = np.random.default_rng(seed)
        self._table(self.flat)[:-1] = random.uniform(-bound, bound, (features, classes))

    def _table(self, flat: Any) -> Any:
        return flat.reshape(self.shape)

    def __call__(self, features: Any) -> Any:
        table = self._table(self.flat)
        return features @ table[:-1] + table[-1]

    def backward(self, features: Any, dlogits: Any) -> tuple[Any, Any]:
        """The gradients of the features (rows, features) and of `flat`."""
        gradient = np.empty_like(self.flat)
        table = self._table(gradient)
        table[:-1] = features.T @ dlogits
        table[-1] = dlogits.sum(0)
        return dlogits @ self._table(self.flat)[:-1].T, gradient


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def cross_entropy(logits: Any, labels: Any) -> tuple[float, Any]:
    """The mean loss in nats over rows, and its gradient.  NonFiniteError where it is no number."""
    rows = np.arange(len(labels))
    gradient = softmax(logits)
    loss = -np.log(np.maximum(gradient[rows, labels], 1e-30)).mean()
    if not np.isfinite(loss):
        raise celldsl.NonFiniteError(f"the loss is {loss}, though the cell's outputs are finite")
    gradient[rows, labels] -= 1
    return float(loss), gradient / np.float32(len(labels))
