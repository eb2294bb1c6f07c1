"""What primitives mean, in JAX's own operations.  In: operands of a primitive.  Out: its results.

    plain_forward(*operands, how=how)          # outputs and final states
    plain_tangents(*operands, tape, *tangents, how=how, active=active)
    plain_backward(*operands, tape, *cotangents, how=how, wanted=wanted)

Operands are those of `Pass.split`; a tape is read by compiled code alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from celldsl.jax.inputs import as_passed
from celldsl.jax.masks import Draw, draw_masks, steps_done
from celldsl.jax.subject import Pass, Subject
from celldsl.runtime.arrays.state_structure import StateStructure

Arrays = list[Any]


def run_plain(
    subject: Subject,
    params: Mapping[str, Any],
    inputs: Sequence[Any],
    starts: Sequence[Any] | None,
    draw: Draw | None = None,
    **keywords: Any,
) -> Arrays:
    """Outputs (T, B, …) and last states (B, …), by the module's `forward`."""
    module, inputs = subject.plain, as_passed(subject, inputs)
    given: dict[str, Any] = {}
    settings = keywords.pop("settings", {})
    if subject.constants:
        given["constants"] = subject.constants
    if hasattr(module, "SETTINGS"):
        real = {h.name: subject.hypers[h.name] for h in subject.description.hypers if not h.fixed}
        given["settings"] = {**subject.dims, **real, **settings}
    if draw is not None:
        dtype = jnp.result_type(*inputs, *params.values())
        given["masks"] = draw_masks(module, params, given, draw, dtype)
    state = None if starts is None else pack_state(subject.state_structure, starts, module)
    y, last = module.forward(params, *inputs, state, **given, **keywords)
    outputs = list(y) if len(subject.outputs) > 1 else [y]
    return [*flat(outputs), *flat(last)]


def plain_forward(*operands: Any, how: Pass) -> Arrays:
    subject, own = how.subject, how.split(operands)
    (lengths,), (resets,) = own.lengths or [None], own.resets or [None]
    draw = None
    if how.masked:
        steps = steps_done(how.steps, how.reverse, lengths)
        draw = Draw(own.key[0], steps, jnp.arange(how.batch) % how.period)
    params = dict(zip([slot.name for slot in subject.params], own.params, strict=True))
    starts = own.starts if how.given else None
    keywords = {"lengths": lengths, "reverse": how.reverse, "resets": resets}
    return run_plain(subject, params, own.inputs, starts, draw, **keywords)


def flat(values: Any) -> Arrays:
    """The arrays of nested tuples, in order; an empty cell has none."""
    found: Arrays = jax.tree.leaves(values)
    return found


def pack_state(structure: StateStructure, values: Iterable[Any], module: Any = None) -> Any:
    """Values in order as named tuples nest: those of the cell's class, or of a module of its plain
    code.  Those of the cells of a loop are in a plain tuple."""
    return _packed(structure, iter(values), module)


def _packed(structure: StateStructure, values: Any, module: Any) -> Any:
    inner = structure.inner
    parts = [
        _packed(inner[field], values, module) if field in inner else next(values)
        for field in structure.fields
    ]
    if structure.fields and structure.fields[0].isdigit():
        return tuple(parts)
    kind = structure.type
    return (kind if module is None else getattr(module, kind.__name__))(*parts)


def plain_tangents(*operands: Any, how: Pass, active: tuple[bool, ...]) -> Arrays:
    own = how.split(operands)
    run, given = _function_of(own.primals, how, active)
    return list(jax.jvp(run, given, own.rest[1:])[1])


def plain_backward(*operands: Any, how: Pass, wanted: tuple[bool, ...]) -> Arrays:
    own = how.split(operands)
    run, given = _function_of(own.primals, how, wanted)
    return list(jax.vjp(run, *given)[1](own.rest[1:]))


def _function_of(primals: Arrays, how: Pass, chosen: tuple[bool, ...]) -> tuple[Any, Arrays]:
    """The forward pass as a function of some operands, and these."""
    skip = int(how.masked)
    places = [skip + i for i, own in enumerate(chosen) if own]

    def run(*given: Any) -> Arrays:
        every = list(primals)
        for place, value in zip(places, given, strict=True):
            every[place] = value
        return plain_forward(*every, how=how)

    return run, [primals[place] for place in places]
