"""Values that are not finite, made visible.  In: a call and what it gave.  Out: an error, or none.

    look_at(subject, call, found)

Where CELLDSL_CHECK_NUMERICS=1 is in the environment, results of calls outside `jit` and `grad` are
looked at when they are there; the pass runs once more in NumPy then, which names the equation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from celldsl.bridges.numerics import raise_not_finite
from celldsl.jax.call import Call
from celldsl.jax.subject import Subject
from celldsl.runtime.cell.check_numerics import checks_asked_for


def look_at(subject: Subject, call: Call, found: Sequence[Any]) -> None:
    """Raises NonFiniteError where a result is not finite and all values are known."""
    if not checks_asked_for():
        return
    own = [*call.params, *call.inputs, *(call.starts or []), *call.settings.values(), *found]
    extra = [each for each in (call.lengths, call.resets) if each is not None]
    if any(isinstance(each, jax.core.Tracer) for each in (*own, *extra)):
        return
    if all(bool(jnp.isfinite(each).all()) for each in found):
        return
    dtype = np.float64 if call.batch.dtype == np.float64 else np.float32

    def array(value: Any) -> Any:
        real = jnp.issubdtype(value.dtype, jnp.floating)
        return np.array(value, dtype if real else None)

    names = [slot.name for slot in subject.params]
    raise_not_finite(
        subject.recipe.with_numbers(call.settings),
        dtype,
        dict(zip(names, map(array, call.params), strict=True)),
        {name: array(value) for name, value in subject.constants.items()},
        [array(each) for each in call.inputs],
        [array(each) for each in call.starts] if call.starts else None,
        reverse=call.reverse,
        lengths=None if call.lengths is None else np.array(call.lengths, np.int64),
        resets=None if call.resets is None else np.array(call.resets, bool),
    )
