"""Plain code against the reference.  In: a subject, a target, a setup.  Out: an assertion.

Outputs, last states and the gradients of parameters, inputs and start states must agree.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.end_to_end.compare import TOLERANCE, Drawn, Expected, Setup, distance, pick, reference
from tests.end_to_end.subject import Arrays, Subject
from tests.targets.written import WRITTEN, Values, draw_values, written

TARGETS = ("torch", "jax")
# Compiling takes longer than running.
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
# Outputs, last states, and gradients by group.
Found = tuple[Arrays, Arrays, dict[str, Arrays]]


def compare(subject: Subject, target: str, setup: Setup) -> None:
    """Raises AssertionError with every array that differs."""
    dims = subject.dims(subject.sizes[setup.sizes])
    values = draw_values(subject, dims)
    drawn = Drawn(
        subject.draw_inputs(dims, setup.T, setup.B),
        subject.draw_outputs(dims, setup.T, setup.B),
        subject.draw_states(dims, setup.B),
        subject.draw_states(dims, setup.B, seed=4),
    )
    expected = reference(subject, values, dims, setup, drawn)  # type: ignore[arg-type]
    found = RUN[target](written(subject, target), subject, dims, values, setup, drawn)
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
    lengths: Any, **more: Any,
) -> tuple[Arrays, Arrays]:  # fmt: skip
    """Outputs and last states by name."""
    keywords: dict[str, Any] = {"reverse": setup.reverse, "lengths": lengths, **more}
    if subject.spec.consts:
        keywords["constants"] = arrays["consts"]
    if hasattr(module, "SETTINGS"):
        keywords["settings"] = {**dims, **module.SETTINGS}
    spec = subject.spec
    # JAX sorts the keys of dicts.
    state = None
    if setup.given:
        state = packed(module.State, {s.name: arrays["states"][s.name] for s in spec.states})
    inputs = [arrays["inputs"][i.name] for i in spec.inputs]
    y, last = module.forward(arrays["params"], *inputs, state, **keywords)
    names = [o.name for o in spec.outputs]
    outputs = dict(zip(names, y, strict=True)) if len(names) > 1 else {names[0]: y}
    return outputs, {s.name: pick(last, s.name) for s in subject.spec.states}


def packed(kind: Any, values: Arrays, prefix: str = "") -> Any:
    """The named tuple of values by dotted names; tuples for the numbers of a loop."""
    below = [n.removeprefix(prefix) for n in values if n.startswith(prefix)]
    fields = list(dict.fromkeys(name.split(".")[0] for name in below))
    module = sys.modules[WRITTEN]

    def part(field: str) -> Any:
        if f"{prefix}{field}" in values:
            return values[f"{prefix}{field}"]
        inner = f"{kind if isinstance(kind, str) else kind.__name__}_{field}"
        return packed(getattr(module, inner, inner), values, f"{prefix}{field}.")

    parts = [part(field) for field in fields]
    return tuple(parts) if fields[:1] and fields[0].isdigit() else kind(*parts)


def loss(outputs: Arrays, finals: Arrays, drawn: Drawn, asarray: Callable[[Any], Any]) -> Any:
    pairs = [(outputs[n], drawn.dy[n]) for n in outputs]
    pairs += [(finals[n], drawn.dstate[n]) for n in finals]
    return sum((value * asarray(weight)).sum() for value, weight in pairs)


def run_torch(
    module: Any, subject: Subject, dims: dict[str, int], values: Values, setup: Setup, drawn: Drawn,
    **more: Any,
) -> Found:  # fmt: skip
    import torch

    groups = {"params": values.params, "inputs": drawn.inputs, "states": drawn.states}
    arrays = {
        group: {n: torch.tensor(a, requires_grad=a.dtype.kind == "f") for n, a in each.items()}
        for group, each in groups.items()
    }
    arrays["consts"] = {n: torch.tensor(a) for n, a in values.consts.items()}
    lengths = torch.tensor(setup.lengths[: setup.B]) if setup.lengths else None
    outputs, finals = call_forward(module, subject, dims, arrays, setup, lengths, **more)
    leaves = [(g, n, a) for g in groups for n, a in arrays[g].items() if a.requires_grad]
    total = loss(outputs, finals, drawn, torch.tensor)
    found = [None] * len(leaves)
    if total.requires_grad:
        found = torch.autograd.grad(total, [a for _, _, a in leaves], allow_unused=True)
    gradients: dict[str, Arrays] = {g: {} for g in groups}
    for (group, name, leaf), gradient in zip(leaves, found, strict=True):
        gradients[group][name] = np.zeros(leaf.shape) if gradient is None else gradient.numpy()
    return _numpy(outputs), _numpy(finals), gradients


def _numpy(arrays: Arrays) -> Arrays:
    return {n: np.asarray(a.detach() if hasattr(a, "detach") else a) for n, a in arrays.items()}


def double_precision() -> Any:
    """A context in which JAX's arrays may be of float64."""
    import jax

    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64  # before JAX 0.8

    return enable_x64(True)


def run_jax(
    module: Any, subject: Subject, dims: dict[str, int], values: Values, setup: Setup, drawn: Drawn,
    **more: Any,
) -> Found:  # fmt: skip
    import jax
    import jax.numpy as jnp

    groups = {"params": values.params, "inputs": drawn.inputs, "states": drawn.states}
    with double_precision():
        lengths = jnp.asarray(setup.lengths[: setup.B]) if setup.lengths else None
        consts = {n: jnp.asarray(a) for n, a in values.consts.items()}

        def objective(arrays: dict[str, Arrays]) -> Any:
            every = {**arrays, "consts": consts}
            outputs, finals = call_forward(module, subject, dims, every, setup, lengths, **more)
            return loss(outputs, finals, drawn, jnp.asarray), (outputs, finals)

        arrays = jax.tree.map(jnp.asarray, groups)
        slope = jax.value_and_grad(objective, has_aux=True, allow_int=True)
        run = jax.jit(slope, compiler_options=QUICKLY)
        found = run(arrays)
        (_, (outputs, finals)), gradients = jax.tree.map(np.asarray, found)
    return outputs, finals, gradients


RUN: dict[str, Callable[..., Found]] = {"torch": run_torch, "jax": run_jax}


def as_array(target: str, values: Any) -> Any:
    """An array of the library, in its ordinary precision where that is JAX's."""
    if target == "torch":
        import torch

        return torch.tensor(values)
    import jax.numpy as jnp

    return jnp.asarray(values)


def flat_gradients(
    target: str, module: Any, subject: Subject, dims: dict[str, int], values: Values,
    inputs: Arrays, states: Arrays, dy: Arrays, dstate: Arrays, masks: list[Any] | None = None,
) -> Arrays:  # fmt: skip
    """Everything by one name: outputs, last states, gradients, with masks that are given."""
    drawn = Drawn(inputs, dy, states, dstate)
    more = {} if masks is None else {"masks": tuple(as_array(target, mask) for mask in masks)}
    outputs, finals, found = RUN[target](module, subject, dims, values, Setup(), drawn, **more)
    flat = {f"output {n}": v for n, v in outputs.items()}
    flat |= {f"state {n}": v for n, v in finals.items()}
    flat |= {f"d {n}": v for g in ("params", "inputs") for n, v in found[g].items()}
    return flat | {f"d state {n}": v for n, v in found["states"].items()}
