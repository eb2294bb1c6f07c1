"""A call of `apply`, checked.  In: what a user passes.  Out: a Call.

    call = checked_call(subject, "GRU", KEYWORDS, params, [x], {"lengths": lengths}, timed=True)
    why_plain(subject, call)                        # "settings= is passed"; None: compiled passes
    checked_settings(subject, {"rate": 0.1})        # ArgumentError where no build would take it
    checked_words(subject, key, seed)               # (2,), or None where no mask is drawn
    look_at(subject, call, found)                   # NonFiniteError where a result is not finite

A number whose value is not known when a program is traced cannot be refused.  A rate of such a kind
that is none makes NaN of its mask (`celldsl/jax/masks.py`).  Where CELLDSL_CHECK_NUMERICS=1 is in
the environment, results of calls outside `jit` and `grad` are looked at when they are there; the
pass runs once more in NumPy then, which names the equation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from celldsl.bridges.in_numpy import raise_not_finite
from celldsl.jax.arguments import (
    Batch,
    checked_inputs,
    checked_lengths,
    checked_params,
    checked_resets,
    checked_states,
    one_dtype,
)
from celldsl.jax.masks import words_of_key, words_of_seed
from celldsl.jax.subject import KERNEL_DTYPES, Subject
from celldsl.runtime.arrays import options
from celldsl.runtime.arrays.validation import by_name, check_flag, check_integer
from celldsl.runtime.cell.check_numerics import checks_asked_for
from celldsl.runtime.cell.construction import check_conditions, check_hyper
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError, nearest_name

# What words of other libraries lead to in JAX.
ANSWERS = {
    **options.ANSWERS,
    "training": "masks are drawn where a key is passed, key=jax.random.key(0), and rest without",
    "checkpoint": "jax.checkpoint around the call computes values again",
    "check_numerics": "CELLDSL_CHECK_NUMERICS=1 in the environment asks for it",
    "batch_first": "arrays are time-major, (T, …): pass x.swapaxes(0, 1)",
}
KEYS = ("rng", "rngs", "prng_key", "random_key")


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose arguments are checked: arrays are (T, B, …) and (B, …)."""

    batch: Batch
    params: list[Any]
    inputs: list[Any]
    starts: list[Any] | None
    words: Any
    reverse: bool
    lengths: Any
    resets: Any
    settings: Mapping[str, Any]


def checked_call(
    subject: Subject,
    where: str,
    known: Sequence[str],
    params: Mapping[str, Any],
    arrays: tuple[Any, ...],
    named: dict[str, Any],
    *,
    timed: bool,
) -> Call:
    """A call of `where`, which knows keywords beside the inputs.  Raises what the checks raise."""
    where = where.format(subject.description.name)
    names = [slot.name for slot in subject.inputs]
    _refuse_unknown(where, named, (*names, *known))
    own = checked_params(subject, params)
    check_hidden(subject, arrays, known)
    given, state = _in_order(where, names, known, arrays, named)
    inputs, batch = checked_inputs(subject, given, timed)
    starts = checked_states(subject, state, batch)
    numbers = [*zip((s.name for s in subject.params), own, strict=True)]
    numbers += [
        (s.name, a) for s, a in zip(subject.inputs, inputs, strict=True) if s.kind == "real"
    ]
    numbers += zip((f"state.{s.name}" for s in subject.states), starts or [], strict=False)
    dtype = one_dtype(numbers)
    asked = {name: value for name, value in named.items() if name in known}
    settings = checked_settings(subject, asked.get("settings"))
    return Call(
        Batch(batch.steps, batch.lead, dtype, timed),
        own,
        inputs,
        starts,
        checked_words(subject, asked.get("key"), asked.get("seed")),
        check_flag("reverse", asked.get("reverse", False)),
        checked_lengths(asked.get("lengths"), batch),
        checked_resets(asked.get("resets"), batch),
        settings,
    )


def check_hidden(subject: Subject, arrays: tuple[Any, ...], known: Sequence[str]) -> None:
    """Raises for an input that is called as a keyword, where inputs do not stand in order."""
    names = [slot.name for slot in subject.inputs]
    if len(arrays) < len(names) and not isinstance(next(iter(arrays), None), Mapping):
        options.refuse_hidden(None, names, known)


def _refuse_unknown(where: str, named: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raises for a keyword that is not known.  What is random elsewhere is a key here."""
    for name in named:
        if name in KEYS and name not in known and "key" in known:
            raise ArgumentTypeError(f'{where}() has no argument "{name}"; did you mean "key"?')
    options.refuse_unknown(f"{where}()", named, known, ANSWERS)


def why_plain(subject: Subject, call: Call) -> str | None:
    """What keeps compiled passes from running."""
    if call.batch.dtype.name not in KERNEL_DTYPES:
        return f"arrays are of {call.batch.dtype.name}"
    if call.settings:
        return "settings= is passed"
    return subject.no_kernels


def _in_order(
    where: str,
    names: Sequence[str],
    known: Sequence[str],
    arrays: tuple[Any, ...],
    named: Mapping[str, Any],
) -> tuple[list[Any], Any]:
    """The inputs and the state: in order, in a mapping or by keyword."""
    if arrays and isinstance(arrays[0], Mapping):
        inputs: list[Any] = by_name("inputs", arrays[0], tuple(names))
        arrays = (*inputs, *arrays[1:])
    by_keyword = [name for name in names if name in named and name not in known]
    if by_keyword and arrays:
        raise ArgumentTypeError(f"{where}(): pass inputs in order or by keyword, not both")
    if by_keyword:
        return [named.get(name) for name in names], named.get("state")
    if not len(names) <= len(arrays) <= len(names) + 1:
        wanted = ", ".join(("params", *names, "state=None"))
        raise ArgumentTypeError(
            f"{where}({wanted}): expected {len(names)} inputs, then a state, got "
            f"{len(arrays)} arrays after params"
        )
    if len(arrays) > len(names):
        if named.get("state") is not None:
            raise ArgumentTypeError(f"{where}(): state was passed twice, in order and by keyword")
        return list(arrays[:-1]), arrays[-1]
    return list(arrays), named.get("state")


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


def look_at(subject: Subject, call: Call, found: Sequence[Any]) -> None:
    """Raises NonFiniteError where a result is not finite, if the environment asks for that.

    What is traced does when it runs: JAX makes an error of its own of it, which has its text.
    """
    if not checks_asked_for():
        return
    known, form = jax.tree.flatten(
        (call.params, call.inputs, call.starts, call.settings, call.lengths, call.resets, found)
    )

    def look(*values: Any) -> None:
        *own, results = jax.tree.unflatten(form, values)
        if not all(np.isfinite(each).all() for each in results):
            _raise_not_finite(subject, _with_values(call, *own))

    if any(isinstance(each, jax.core.Tracer) for each in known):
        jax.debug.callback(look, *known)
    else:
        look(*known)


def _with_values(
    call: Call, params: Any, inputs: Any, starts: Any, settings: Any, lengths: Any, resets: Any
) -> Call:
    return replace(
        call, params=params, inputs=inputs, starts=starts, settings=settings,
        lengths=lengths, resets=resets,
    )  # fmt: skip


def _raise_not_finite(subject: Subject, call: Call) -> NoReturn:
    """The arrays of the call are known."""
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
