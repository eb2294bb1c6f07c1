"""Plain code against the reference.  In: a subject, a target, a setup.  Out: an assertion.

Outputs, last states and the gradients of parameters, inputs and start states must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.end_to_end.compare import TOLERANCE, Drawn, Expected, Setup, distance, pick, reference
from tests.end_to_end.subject import SIZES, Arrays, Subject
from tests.targets.written import Values, draw_values, written

# (loss of NumPy-like arrays, their values) -> loss results and gradients as NumPy arrays
Found = tuple[Arrays, Arrays, dict[str, Arrays]]


def compare(subject: Subject, target: str, setup: Setup) -> None:
    """Raises AssertionError with every array that differs."""
    dims = subject.dims(SIZES[setup.sizes])
    values = draw_values(subject, dims)
    drawn = Drawn(
        subject.draw_inputs(dims, setup.T, setup.B),
        subject.draw_outputs(dims, setup.T, setup.B),
        subject.draw_states(dims, setup.B),
        subject.draw_states(dims, setup.B, seed=4),
    )
    expected = reference(subject, values, dims, setup, drawn)  # type: ignore[arg-type]
    run = {"torch": run_torch, "jax": run_jax}[target]
    found = run(written(subject, target), subject, dims, values, setup, drawn)
    wrong = [
        f"{name}: {error:.1e}"
        for name, error in differences(found, expected)
        if not error < TOLERANCE
    ]
    assert not wrong, "; ".join(wrong)


def differences(found: Found, expected: Expected) -> Iterator[tuple[str, float]]:
    outputs, finals, gradients = found
    for name, wanted in expected.outputs.items():
        yield f"output {name}", distance(outputs[name], wanted)
    for name, wanted in expected.finals.items():
        yield f"state {name}", distance(finals[name], wanted)
    groups = {
        "params": expected.d_params, "inputs": expected.d_inputs, "states": expected.d_starts,
    }  # fmt: skip
    for group, arrays in groups.items():
        for name, wanted in arrays.items():
            yield f"d {group} {name}", distance(gradients[group][name], wanted)


def call_forward(
    module: Any, subject: Subject, dims: dict[str, int], arrays: dict[str, Arrays], setup: Setup,
    lengths: Any,
) -> tuple[Arrays, Arrays]:  # fmt: skip
    """Outputs and last states by name."""
    keywords: dict[str, Any] = {"reverse": setup.reverse, "lengths": lengths}
    if subject.spec.consts:
        keywords["constants"] = arrays["consts"]
    if hasattr(module, "SETTINGS"):
        keywords["settings"] = {**dims, **module.SETTINGS}
    spec = subject.spec
    # JAX sorts the keys of dicts.
    starts = {s.name: arrays["states"][s.name] for s in spec.states}
    state = packed(module.State, starts) if setup.given else None
    inputs = [arrays["inputs"][i.name] for i in spec.inputs]
    y, last = module.forward(arrays["params"], *inputs, state, **keywords)
    names = [o.name for o in spec.outputs]
    outputs = dict(zip(names, y, strict=True)) if len(names) > 1 else {names[0]: y}
    return outputs, {s.name: pick(last, s.name) for s in subject.spec.states}


def packed(kind: Any, values: Arrays) -> Any:
    """The named tuple of values by dotted names."""
    return _packed(kind, values, "")


def _packed(kind: Any, values: Arrays, prefix: str) -> Any:
    below = list(dict.fromkeys(n.removeprefix(prefix).split(".")[0]
                               for n in values if n.startswith(prefix)))  # fmt: skip
    parts = [
        values[f"{prefix}{n}"] if f"{prefix}{n}" in values
        else _packed(getattr(_module_of(kind), f"{_name(kind)}_{n}", f"{_name(kind)}_{n}"), values,
                     f"{prefix}{n}.")
        for n in below
    ]  # fmt: skip
    return tuple(parts) if below[0].isdigit() else kind(*parts)


def _name(kind: Any) -> str:
    return kind if isinstance(kind, str) else kind.__name__


def _module_of(kind: Any) -> Any:
    import sys

    return sys.modules["written_cell"]


def loss(outputs: Arrays, finals: Arrays, drawn: Drawn, asarray: Callable[[Any], Any]) -> Any:
    pairs = [(outputs[n], drawn.dy[n]) for n in outputs]
    pairs += [(finals[n], drawn.dstate[n]) for n in finals]
    return sum((value * asarray(weight)).sum() for value, weight in pairs)


def run_torch(
    module: Any, subject: Subject, dims: dict[str, int], values: Values, setup: Setup, drawn: Drawn
) -> Found:
    import torch

    groups = {"params": values.params, "inputs": drawn.inputs, "states": drawn.states}
    arrays = {
        group: {n: torch.tensor(a, requires_grad=True) for n, a in each.items()}
        for group, each in groups.items()
    }
    arrays["consts"] = {n: torch.tensor(a) for n, a in values.consts.items()}
    lengths = torch.tensor(setup.lengths[: setup.B]) if setup.lengths else None
    outputs, finals = call_forward(module, subject, dims, arrays, setup, lengths)
    leaves = [(g, n, a) for g in groups for n, a in arrays[g].items()]
    total = loss(outputs, finals, drawn, torch.tensor)
    found = torch.autograd.grad(total, [a for _, _, a in leaves], allow_unused=True) \
        if total.requires_grad else [None] * len(leaves)  # fmt: skip
    gradients: dict[str, Arrays] = {g: {} for g in groups}
    for (group, name, leaf), gradient in zip(leaves, found, strict=True):
        gradients[group][name] = np.zeros(leaf.shape) if gradient is None else gradient.numpy()
    return _numpy(outputs), _numpy(finals), gradients


def _numpy(arrays: Arrays) -> Arrays:
    return {n: np.asarray(a.detach() if hasattr(a, "detach") else a) for n, a in arrays.items()}


def run_jax(
    module: Any, subject: Subject, dims: dict[str, int], values: Values, setup: Setup, drawn: Drawn
) -> Found:
    import jax
    import jax.numpy as jnp

    groups = {"params": values.params, "inputs": drawn.inputs, "states": drawn.states}
    with jax.enable_x64(True):
        lengths = jnp.asarray(setup.lengths[: setup.B]) if setup.lengths else None
        consts = {n: jnp.asarray(a) for n, a in values.consts.items()}

        def objective(arrays: dict[str, Arrays]) -> Any:
            every = {**arrays, "consts": consts}
            outputs, finals = call_forward(module, subject, dims, every, setup, lengths)
            return loss(outputs, finals, drawn, jnp.asarray), (outputs, finals)

        arrays = jax.tree.map(jnp.asarray, groups)
        found = jax.jit(jax.value_and_grad(objective, has_aux=True))(arrays)
        (_, (outputs, finals)), gradients = jax.tree.map(np.asarray, found)
    return outputs, finals, gradients
