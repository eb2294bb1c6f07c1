"""Numbers that are passed with a call: hyperparameters, keys, seeds.  In: those.  Out: checked.

    checked_settings(subject, {"rate": 0.1})        # ArgumentError where no build would take it
    checked_words(subject, key, seed)               # (2,), or None where no mask is drawn

A number whose value is not known when a program is traced cannot be refused.  A rate of such a kind
that is none makes NaN of its mask (`celldsl/jax/masks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from celldsl.jax.masks import words_of_key, words_of_seed
from celldsl.jax.subject import Subject
from celldsl.runtime.arrays.validation import check_integer
from celldsl.runtime.cell.construction import check_conditions, check_hyper
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError, nearest_name


def checked_settings(subject: Subject, given: Any) -> Mapping[str, Any]:
    """Hyperparameters by name; those whose values are known are checked as a build checks them."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ArgumentTypeError(f"settings: expected a mapping, got {type(given).__name__}")
    known = {h.name: h for h in subject.description.hypers if not h.fixed}
    values = {**subject.dims, **subject.hypers}
    for name, value in given.items():
        if name not in known:
            near = nearest_name(str(name), known)
            told = f"did you mean {near}?" if near else f"there are {', '.join(known) or 'none'}"
            raise ArgumentError(f"settings: {name} is no run-time hyperparameter; {told}")
        if _is_traced(name, value):
            values.pop(name)
        else:
            scalar = isinstance(value, jax.Array | np.ndarray)
            values[name] = check_hyper(known[name], np.asarray(value)[()] if scalar else value)
    check_conditions(subject.description, values)
    return given


def _is_traced(name: str, value: Any) -> bool:
    """Whether the value is not known.  Raises for an array that is no number."""
    if isinstance(value, jax.Array | np.ndarray) and value.shape != ():
        raise ArgumentError(f'settings["{name}"]: expected a number, got the shape {value.shape}')
    return isinstance(value, jax.core.Tracer)


def checked_words(subject: Subject, key: Any, seed: Any) -> Any:
    """What masks are drawn from; None where the cell has none, or nothing asks for any."""
    if key is not None and seed is not None:
        raise ArgumentTypeError("key: pass a key or a seed, not both")
    if seed is not None:
        seed = check_integer("seed", seed, 0)
    if key is not None:
        check_key(key)
    if not subject.description.masks or (key is None and seed is None):
        return None
    return words_of_key(key) if seed is None else words_of_seed(seed)


def check_key(key: Any) -> None:
    """Raises for what is no single key of `jax.random`, of the new kind or the old."""
    if not isinstance(key, jax.Array | np.ndarray):
        told = f"got {type(key).__name__}; pass jax.random.key(0)"
        raise ArgumentTypeError(f"key: expected a key of jax.random, {told}")
    new = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not new and key.dtype != np.uint32:
        told = f"got an array of {key.dtype}; pass jax.random.key(0)"
        raise ArgumentTypeError(f"key: expected a key of jax.random, {told}")
    if key.ndim != (0 if new else 1):
        told = f"got the shape {key.shape}; go through several by jax.vmap"
        raise ArgumentError(f"key: expected a single key of jax.random, {told}")
