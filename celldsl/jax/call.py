"""A call of `apply`, checked.  In: what a user passes.  Out: a Call.

call = checked_call(subject, "GRU", KEYWORDS, params, [x], {"lengths": lengths}, timed=True)
why_plain(subject, call)        # "settings= is passed"; None where compiled passes run
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from celldsl.jax.arguments import (
    Batch,
    checked_inputs,
    checked_lengths,
    checked_params,
    checked_resets,
    checked_states,
    one_dtype,
)
from celldsl.jax.settings import checked_settings, checked_words
from celldsl.jax.subject import KERNEL_DTYPES, Subject
from celldsl.runtime.arrays import options
from celldsl.runtime.arrays.validation import check_flag
from celldsl.runtime.errors import ArgumentTypeError

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
    given, state = _in_order(where, names, arrays, named)
    inputs, batch = checked_inputs(subject, given, timed)
    starts = checked_states(subject, state, batch)
    numbers = [*zip((s.name for s in subject.params), own, strict=True)]
    numbers += [
        (s.name, a) for s, a in zip(subject.inputs, inputs, strict=True) if s.kind == "real"
    ]
    numbers += zip((f"state.{s.name}" for s in subject.states), starts or [], strict=False)
    dtype = one_dtype(numbers)
    settings = checked_settings(subject, named.get("settings"))
    return Call(
        Batch(batch.steps, batch.lead, dtype, timed),
        own,
        inputs,
        starts,
        checked_words(subject, named.get("key"), named.get("seed")),
        check_flag("reverse", named.get("reverse", False)),
        checked_lengths(named.get("lengths"), batch),
        checked_resets(named.get("resets"), batch),
        settings,
    )


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
    where: str, names: Sequence[str], arrays: tuple[Any, ...], named: Mapping[str, Any]
) -> tuple[list[Any], Any]:
    """The inputs and the state, in order or by keyword."""
    by_name = [name for name in names if name in named]
    if by_name and arrays:
        raise ArgumentTypeError(f"{where}(): pass inputs in order or by keyword, not both")
    if by_name:
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
