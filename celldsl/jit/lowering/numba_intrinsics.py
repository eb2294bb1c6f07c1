"""What routines call, as Numba sees it.  In: types of Numba's.  Out: types of ours, and back.

    kind_of(array)              # Pointer(float32, -1), for a contiguous array of one axis
    numba_type(kind)            # a type of Numba's
    intrinsic_type(pointer)     # what Numba takes an intrinsic for, where a function names it
    register_elementary()       # tells Numba of tanh and its like, and of `panel_width`

What is Numba's is in this file and `numba_types`: it takes longer to import than a small cell takes
to compile, which needs nothing of it.
"""

# What is subclassed and called here is Numba's, which has no types.
# mypy: disable-error-code="misc, no-untyped-call, untyped-decorator"

from __future__ import annotations

import operator
from functools import cache
from typing import Any

from llvmlite import ir
from numba import types as numba
from numba.core.datamodel import DataModelManager, models, register_default
from numba.core.imputils import lower_builtin
from numba.core.registry import cpu_target
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from celldsl.jit.lowering import types
from celldsl.jit.lowering.expressions import LoweringContext
from celldsl.jit.lowering.pointers import read_element, write_element
from celldsl.jit.lowering.types import Intrinsic, Values
from celldsl.jit.lowering.values import RoutineError
from celldsl.jit.lowering.vector_width import PANEL_BYTES, panel_width
from celldsl.jit.vector_math.functions import FORMULAS, Formula, elementary_function


class NumbaPointer(numba.Type):
    """To Numba what `types.Pointer` is to routines."""

    mutable = True

    def __init__(self, dtype: Any, scope: int) -> None:
        self.dtype = dtype
        self.scope = scope
        super().__init__(name=f"Pointer({dtype}, {scope})")


@register_default(NumbaPointer)
class _PointerModel(models.PrimitiveModel):
    def __init__(self, manager: DataModelManager, pointer: NumbaPointer) -> None:
        element = manager.lookup(pointer.dtype).get_data_type()
        super().__init__(manager, pointer, element.as_pointer())


_PLAIN = {
    kind: getattr(numba, kind.name)
    for kind in (types.int64, types.uint64, types.float32, types.float64, types.boolean, types.none)
}
_OURS = {found: kind for kind, found in _PLAIN.items()}


def kind_of(found: Any) -> types.Type:
    """Raises RoutineError for what no routine takes."""
    match found:
        case numba.Array() if found.ndim != 1 or found.layout != "C":
            raise RoutineError(f"{found} is no contiguous array of one axis")
        case numba.Array():
            return types.Pointer(kind_of(found.dtype), -1)
        case NumbaPointer():
            return types.Pointer(kind_of(found.dtype), found.scope)
        case numba.IntegerLiteral():
            return types.literal(found.literal_value)
        case numba.Integer() if found != numba.uint64:
            return types.int64
    if found not in _OURS:
        raise RoutineError(f"{found} is for no routine")
    return _OURS[found]


def numba_type(kind: types.Type) -> Any:
    if isinstance(kind, types.Pointer):
        return NumbaPointer(_PLAIN[kind.dtype], kind.scope)
    return _PLAIN[kind]


def code_of(context: Any, builder: ir.IRBuilder, kind: Any, value: Any) -> Any:
    """The value as routines take it: of an array, where its numbers are."""
    if isinstance(kind, numba.Array):
        return context.make_array(kind)(context, builder, value).data
    return value


@cache
def intrinsic_type(intrinsic: Intrinsic) -> Any:
    """A function of its own kind."""

    def defined(found: tuple[Any, ...]) -> Any:
        return intrinsic.define(None, *map(_pointed, found))

    def generic(_: AbstractTemplate, arguments: Any, __: object) -> Any:
        known = defined(arguments)
        if known is None:
            return None
        sig = known[0]
        pairs = zip(arguments, sig.args, strict=True)
        return signature(numba_type(sig.return_type), *(_cast_to(*pair) for pair in pairs))

    def call(context: Any, builder: ir.IRBuilder, sig: Any, arguments: Values) -> Any:
        own, generate = defined(sig.args)
        pairs = zip(sig.args, arguments, strict=True)
        codes = [code_of(context, builder, *pair) for pair in pairs]
        found = generate(LoweringContext, builder, own, codes)
        return context.get_dummy_value() if own.return_type == types.none else found

    name = intrinsic.define.__name__
    template = type(f"_Typed_{name}", (AbstractTemplate,), {"generic": generic, "key": intrinsic})
    lower_builtin(intrinsic, numba.VarArg(numba.Any))(call)
    cpu_target.target_context.refresh()
    return numba.Function(template)


def _pointed(found: Any) -> types.Type:
    """Intrinsics see where an array begins, whatever its axes are."""
    if isinstance(found, numba.Array):
        return types.Pointer(kind_of(found.dtype), -1)
    return kind_of(found)


def _cast_to(given: Any, kind: types.Type) -> Any:
    kept = isinstance(given, numba.Array | numba.IntegerLiteral | NumbaPointer)
    return given if kept and not isinstance(kind, types.Float) else numba_type(kind)


# ---------------------------------------------------------------- elements


@infer_global(operator.getitem)
class _PointerRead(AbstractTemplate):
    def generic(self, args: Any, kws: object) -> Any:
        pointer, index = args
        if isinstance(pointer, NumbaPointer) and isinstance(index, numba.Integer):
            return signature(pointer.dtype, pointer, numba.intp)
        return None


@infer_global(operator.setitem)
class _PointerWrite(AbstractTemplate):
    def generic(self, args: Any, kws: object) -> Any:
        pointer, index, _ = args
        if isinstance(pointer, NumbaPointer) and isinstance(index, numba.Integer):
            return signature(numba.none, pointer, numba.intp, pointer.dtype)
        return None


@lower_builtin(operator.getitem, NumbaPointer, numba.intp)
def _pointer_read(context: Any, builder: ir.IRBuilder, sig: Any, args: Values) -> Any:
    return read_element(builder, args[0], args[1], sig.args[0].scope)


@lower_builtin(operator.setitem, NumbaPointer, numba.intp, numba.Any)
def _pointer_write(context: Any, builder: ir.IRBuilder, sig: Any, args: Values) -> Any:
    write_element(builder, args[0], args[1], args[2], sig.args[0].scope)
    return context.get_dummy_value()


# ---------------------------------------------------------------- elementary functions


@cache
def register_elementary() -> None:
    for function, formula in FORMULAS.items():
        table = 1  # of coefficients, the last argument of each formula
        _register_formula(function, formula.__code__.co_argcount - table)
    infer_global(panel_width)(_PanelWidth)
    lower_builtin(panel_width, numba.Any)(_write_panel_width)
    cpu_target.target_context.refresh()
    cpu_target.typing_context.refresh()


def _register_formula(function: Formula, count: int) -> None:
    """Compiled code that calls the function gets the formula."""

    def generic(_: AbstractTemplate, arguments: Any, __: object) -> Any:
        if not all(isinstance(a, numba.Float | numba.Integer) for a in arguments):
            return None
        single = all(a == numba.float32 for a in arguments)
        kind = numba.float32 if single else numba.float64
        return signature(kind, *[kind] * len(arguments))

    def write(_: Any, builder: ir.IRBuilder, __: Any, arguments: Values) -> Any:
        kind = arguments[0].type
        made = elementary_function(builder.module, function, kind, len(arguments))
        return builder.call(made, arguments)

    template = type(f"_Typed_{function.__name__}", (AbstractTemplate,), {"generic": generic})
    infer_global(function)(template)
    lower_builtin(function, *[numba.Float] * count)(write)


class _PanelWidth(AbstractTemplate):
    def generic(self, args: Any, kws: object) -> Any:
        return signature(numba.intp, *args) if hasattr(args[0], "dtype") else None


def _write_panel_width(context: Any, _: ir.IRBuilder, sig: Any, __: Values) -> Any:
    return context.get_constant(numba.intp, PANEL_BYTES // (sig.args[0].dtype.bitwidth // 8))
