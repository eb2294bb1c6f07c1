"""`celldsl.jax` against the reference.  In: a subject, a setup, a form.  Out: an assertion.

Outputs, last states and the gradients of parameters, inputs and start states must agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.end_to_end.compare import TOLERANCE, Drawn, Setup, nested, pick, reference
from tests.end_to_end.subject import Subject
from tests.targets.compare import Found, differences, double_precision, loss


def compare(subject: Subject, setup: Setup, form: str | None) -> None:
    """Raises AssertionError with every array that differs."""
    import celldsl.jax

    dims = subject.dims(subject.sizes[setup.sizes])
    cell = subject.make(dims)
    drawn = Drawn(
        subject.draw_inputs(dims, setup.T, setup.B),
        subject.draw_outputs(dims, setup.T, setup.B),
        subject.draw_states(dims, setup.B),
        subject.draw_states(dims, setup.B, seed=4),
    )
    expected = reference(subject, cell, dims, setup, drawn)
    with double_precision():
        found = run(celldsl.jax.function(cell, form), subject, setup, drawn)
    wrong = [
        f"{name}: {error:.1e}"
        for name, error in differences(found, expected)
        if not error < TOLERANCE
    ]
    assert not wrong, "; ".join(wrong)


def run(apply: Any, subject: Subject, setup: Setup, drawn: Drawn) -> Found:
    """Outputs, last states and gradients by name."""
    import jax
    import jax.numpy as jnp

    spec, keywords = subject.spec, {"reverse": setup.reverse}
    if setup.lengths:
        keywords["lengths"] = np.array(setup.lengths[: setup.B])

    def objective(params: Any, inputs: Any, states: Any) -> Any:
        state = nested(states) if setup.given and states else None
        arrays = [inputs[i.name] for i in spec.inputs]
        y, last = apply(params, *arrays, state, **keywords)
        many = len(spec.outputs) > 1
        outputs = {o.name: pick(y, o.name) if many else y for o in spec.outputs}
        finals = {s.name: pick(last, s.name) for s in spec.states}
        return loss(outputs, finals, drawn, jnp.asarray), (outputs, finals)

    given = (apply.params(), drawn.inputs, drawn.states)
    slope = jax.value_and_grad(objective, (0, 1, 2), has_aux=True, allow_int=True)
    step = jax.jit(slope)
    (_, (outputs, finals)), gradients = jax.tree.map(np.asarray, step(*given))
    return outputs, finals, dict(zip(("params", "inputs", "states"), gradients, strict=True))
