"""The passes of a cell as JAX's primitives.  In: a Pass, arrays.  Out: arrays.

    outputs_and_finals = run_cell(how, [*key, *params, *inputs, *starts, *lengths, *resets])

Four primitives know each other.

    cell        a forward pass that nobody goes back through
    forward     one that keeps a tape; it takes the place of `cell` where a derivative is asked for
    tangents    the derivative of `cell`, linear in tangents; plain code where it is computed
    backward    its transpose

On the CPU `cell`, `forward` and `backward` are calls of compiled code, elsewhere plain code, and so
is whatever else JAX asks for: forward mode, derivatives of `tangents` and `backward`, batches of
parameters, of keys or of `backward`.  A batch of inputs is folded into that of the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from celldsl.jax.plain_passes import plain_backward, plain_forward, plain_tangents
from celldsl.jax.records import Call
from celldsl.jax.rows import Rows, rows_of
from celldsl.jax.subject import Pass
from celldsl.jax.targets import backward_call, forward_call, tape_words

cell_p = Primitive("celldsl_cell")
forward_p = Primitive("celldsl_forward")
tangents_p = Primitive("celldsl_tangents")
backward_p = Primitive("celldsl_backward")


def run_cell(how: Pass, operands: Sequence[Any]) -> list[Any]:
    """Outputs and final states, for operands as `Pass.split` knows them."""
    found: list[Any] = cell_p.bind(*together(operands), how=how)
    return found


def varying(array: Any) -> frozenset[Any]:
    """The axes of a mesh along which a value differs, inside `shard_map`."""
    aval = jax.typeof(array)
    kind = getattr(aval, "mat", None)
    found: frozenset[Any] = kind.varying if kind is not None else getattr(aval, "vma", frozenset())
    return found


def together(operands: Sequence[Any]) -> list[Any]:
    """Operands that all differ along the same axes of a mesh: one that does not is sent there."""
    axes = frozenset[Any]().union(*map(varying, operands))
    missing = [tuple(axes - varying(each)) for each in operands]
    return [
        _sent(each, names) if names else each for each, names in zip(operands, missing, strict=True)
    ]


def _sent(array: Any, axes: tuple[Any, ...]) -> Any:
    if hasattr(jax.lax, "pcast"):
        return jax.lax.pcast(array, axes, to="varying")
    return jax.lax.pvary(array, axes)  # before JAX 0.8.2


# Shapes.


def _result(shape: tuple[int, ...], dtype: Any, like: Sequence[Any]) -> Any:
    """The type of a result; it differs along the axes along which operands do."""
    return like[0].update(shape=shape, dtype=jnp.dtype(dtype), weak_type=False)


def _results(how: Pass, like: Sequence[Any]) -> list[Any]:
    subject = how.subject
    shapes = how.shapes(subject.outputs, (how.steps, how.batch))
    shapes += how.shapes(subject.states, (how.batch,))
    return [_result(shape, how.dtype, like) for shape in shapes]


def _cell_shapes(*like: Any, how: Pass) -> list[Any]:
    return _results(how, like)


def _forward_shapes(*like: Any, how: Pass) -> list[Any]:
    return [*_results(how, like), _result((tape_words(how),), "uint32", like)]


def _tangents_shapes(*like: Any, how: Pass, active: tuple[bool, ...]) -> list[Any]:
    return _results(how, like)


def _backward_shapes(*like: Any, how: Pass, wanted: tuple[bool, ...]) -> list[Any]:
    own = like[int(how.masked) :]
    return [_result(a.shape, a.dtype, like) for a, wants in zip(own, wanted, strict=False) if wants]


# Derivatives.


def _zero(primal: Any) -> Any:
    """No tangent at all."""
    return ad.Zero(jax.typeof(primal).to_tangent_aval())


def _derivative(primals: Any, tangents: Any, outs: list[Any], tape: Any, how: Pass) -> list[Any]:
    skip = int(how.masked)
    own = tangents[skip : skip + how.differentiable]
    active = tuple(type(t) is not ad.Zero for t in own)
    if not any(active):
        return [_zero(out) for out in outs]
    given = [t for t in own if type(t) is not ad.Zero]
    operands = together([*primals, tape, *given])
    found: list[Any] = tangents_p.bind(*operands, how=how, active=active)
    return found


def _cell_jvp(primals: Any, tangents: Any, *, how: Pass) -> tuple[list[Any], list[Any]]:
    *outs, tape = forward_p.bind(*primals, how=how)
    return outs, _derivative(primals, tangents, outs, tape, how)


def _forward_jvp(primals: Any, tangents: Any, *, how: Pass) -> tuple[list[Any], list[Any]]:
    *outs, tape = forward_p.bind(*primals, how=how)
    found = _derivative(primals, tangents, outs, tape, how)
    return [*outs, tape], [*found, _zero(tape)]


def _tangents_transpose(
    cotangents: Any, *operands: Any, how: Pass, active: tuple[bool, ...]
) -> list[Any]:
    split = how.split(operands)
    primals, (tape, *linear) = split.primals, split.rest
    places = [i for i, own in enumerate(active) if own]
    undefined = [i for i, t in zip(places, linear, strict=True) if ad.is_undefined_primal(t)]
    wanted = tuple(i in undefined for i in range(len(active)))
    given = together([*primals, tape, *map(ad.instantiate_zeros, cotangents)])
    found = iter(backward_p.bind(*given, how=how, wanted=wanted))
    back = [next(found) if ad.is_undefined_primal(t) else None for t in linear]
    return [None] * (len(primals) + 1) + back


def _by_plain_code(primitive: Any, plain: Callable[..., list[Any]]) -> None:
    """The derivative of a primitive is that of its plain code."""

    def jvp(primals: Any, tangents: Any, **how: Any) -> tuple[list[Any], list[Any]]:
        places = [i for i, t in enumerate(tangents) if type(t) is not ad.Zero]

        def run(*given: Any) -> list[Any]:
            every = list(primals)
            for i, value in zip(places, given, strict=True):
                every[i] = value
            return plain(*every, **how)

        given = [primals[i] for i in places], [tangents[i] for i in places]
        found: tuple[list[Any], list[Any]] = jax.jvp(run, *given)
        return found

    ad.primitive_jvps[primitive] = jvp


# Batches.


def _batch_of(operands: Sequence[Any], dims: Sequence[Any]) -> int:
    return next(int(a.shape[d]) for a, d in zip(operands, dims, strict=True) if d is not None)


def _fold(array: Any, dim: Any, axis: int, size: int) -> Any:
    """Folds the axis of a batch into the cell's own, which is `axis`."""
    if dim is None:
        array = jnp.broadcast_to(jnp.expand_dims(array, axis), _with(array.shape, axis, size))
    else:
        array = jnp.moveaxis(array, dim, axis)
    shape = array.shape
    return array.reshape(*shape[:axis], size * shape[axis + 1], *shape[axis + 2 :])


def _with(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    return (*shape[:axis], size, *shape[axis:])


def _folded(operands: Any, dims: Any, how: Pass) -> tuple[list[Any], list[int]]:
    """A batch of inputs and start states, as one pass over a larger batch."""
    size = _batch_of(operands, dims)
    first = int(how.masked) + len(how.subject.params)
    last = first + len(how.subject.inputs)
    given = list(operands[:first])
    inputs = zip(how.subject.inputs, operands[first:last], dims[first:last], strict=True)
    given += [_fold(a, d, 0 if own.per == "sequence" else 1, size) for own, a, d in inputs]
    rest = list(zip(operands[last:], dims[last:], strict=True))
    resets = [rest.pop()] if how.resets else []
    given += [_fold(a, d, 0, size) for a, d in rest]
    given += [_fold(a, d, 1, size) for a, d in resets]
    found = cell_p.bind(*together(given), how=replace(how, batch=size * how.batch))
    outputs = len(how.subject.outputs)
    axes = [1] * outputs + [0] * (len(found) - outputs)
    unfolded = [
        a.reshape(*a.shape[:axis], size, how.batch, *a.shape[axis + 1 :])
        for a, axis in zip(found, axes, strict=True)
    ]
    return unfolded, axes


def _vmapped(plain: Callable[..., Any], operands: Any, dims: Any, **how: Any) -> Any:
    found = jax.vmap(partial(plain, **how), in_axes=tuple(dims))(*operands)
    return found, [0] * len(found)


def _cell_batch(operands: Any, dims: Any, *, how: Pass) -> Any:
    fixed = int(how.masked) + len(how.subject.params)
    if any(dim is not None for dim in dims[:fixed]):
        return _vmapped(plain_forward, operands, dims, how=how)
    return _folded(operands, dims, how)


def _forward_batch(operands: Any, dims: Any, *, how: Pass) -> Any:
    """`backward` of a batch is plain code, which reads no tape."""
    found, axes = _cell_batch(operands, dims, how=how)
    return [*found, jnp.zeros((tape_words(how),), "uint32")], [*axes, None]


# Code.


def _foreign(call: Call, operands: Sequence[Any], rows: Rows) -> list[Any]:
    """A call of compiled code, without its scratch memory."""
    like = [jax.typeof(operands[0])]
    results = [_result(r.shape, r.dtype, like) for r in call.results]
    given = together([*operands, *rows.words])
    found: list[Any] = jax.ffi.ffi_call(call.name, results)(*given)
    return found[:-1]


def _forward_by_code(operands: Sequence[Any], how: Pass, keep: bool) -> list[Any]:
    own = how.split(operands)
    rows = rows_of(how, own, keep)
    inputs = rows.inputs_in(how.subject, own.inputs)
    given = [*own.key, *own.params, *inputs, *map(rows.dealt, own.starts)]
    found = _foreign(forward_call(how, keep), given, rows)
    tape = [found.pop()] if keep else []
    count = len(how.subject.outputs)
    return [*map(rows.rows_out, found[:count]), *map(rows.undealt, found[count:]), *tape]


def _cell_code(*operands: Any, how: Pass) -> list[Any]:
    return _forward_by_code(operands, how, keep=False)


def _forward_code(*operands: Any, how: Pass) -> list[Any]:
    return _forward_by_code(operands, how, keep=True)


def _backward_code(*operands: Any, how: Pass, wanted: tuple[bool, ...]) -> list[Any]:
    subject, own = how.subject, how.split(operands)
    rows = rows_of(how, own, keep=True)
    tape, *cotangents = own.rest
    count, first = len(subject.outputs), len(subject.params)
    given = [*own.key, *own.params, *rows.inputs_in(subject, own.inputs)]
    given += [*map(rows.dealt, own.starts), tape]
    given += [*map(rows.rows_in, cotangents[:count]), *map(rows.dealt, cotangents[count:])]
    found = iter(_foreign(backward_call(how, wanted), given, rows))
    of_params = [next(found) for wants in wanted[:first] if wants]
    of_inputs = [
        rows.rows_out(next(found)) if slot.per == "step" else rows.undealt(next(found))
        for slot, wants in zip(subject.inputs, wanted[first:], strict=False)
        if wants
    ]
    return [*of_params, *of_inputs, *map(rows.undealt, found)]


def _plain_forward_and_tape(*operands: Any, how: Pass) -> list[Any]:
    return [*plain_forward(*operands, how=how), jnp.zeros((tape_words(how),), "uint32")]


@cache
def _compiled(primitive: Any, how: tuple[tuple[str, Any], ...]) -> Any:
    return jax.jit(partial(primitive.bind, **dict(how)))


def _run_alone(primitive: Any, *operands: Any, **how: Any) -> Any:
    """A primitive outside of any program is a program of its own, in `jax.disable_jit` too."""
    run = _compiled(primitive, tuple(sorted(how.items())))
    if not jax.config.jax_disable_jit:
        return run(*operands)
    with jax.disable_jit(False):
        return run(*operands)


def _define(primitive: Any, shapes: Any, plain: Any, code: Any = None, batch: Any = None) -> None:
    primitive.multiple_results = True
    primitive.def_abstract_eval(shapes)
    primitive.def_impl(partial(_run_alone, primitive))
    mlir.register_lowering(primitive, mlir.lower_fun(plain, multiple_results=True))
    if code is not None:
        lowered = mlir.lower_fun(code, multiple_results=True)
        mlir.register_lowering(primitive, lowered, platform="cpu")
    batching.primitive_batchers[primitive] = partial(_vmapped, plain) if batch is None else batch


_define(cell_p, _cell_shapes, plain_forward, _cell_code, _cell_batch)
_define(forward_p, _forward_shapes, _plain_forward_and_tape, _forward_code, _forward_batch)
_define(tangents_p, _tangents_shapes, plain_tangents)
_define(backward_p, _backward_shapes, plain_backward, _backward_code)
ad.primitive_jvps[cell_p] = _cell_jvp
ad.primitive_jvps[forward_p] = _forward_jvp
_by_plain_code(tangents_p, plain_tangents)
_by_plain_code(backward_p, plain_backward)
ad.primitive_transposes[tangents_p] = _tangents_transpose
