"""Pointers that kernels loop over.  In: an array, an offset, a scope.  Out: a pointer.

    gate = pointer(work, row * 4 * H, 0)
    c = pointer(tape, row * H, 1)
    for j in range(H):
        gate[j] = c[j] * real(c, 0.5)

    pointer(x, offset, scope)   a pointer to element `offset` of an array or of another pointer
    x[j], x[j] = value       any integer index; the value becomes the pointer's dtype
    real(x, value)           the value as a number of the pointer's dtype
    address(x)               the address, an intp

`scope` is a literal from 0 to 63.  Pointers of distinct scopes must never overlap in memory; LLVM
then
vectorises loops over them without run-time checks.  Scope -1 promises nothing.  Nothing checks
bounds.  These functions are for compiled code alone.
"""

from __future__ import annotations

import operator
from typing import TypeAlias
from weakref import WeakKeyDictionary

from llvmlite import ir
from numba import types
from numba.core.datamodel import DataModelManager, models, register_default
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic

from celldsl.jit.lowering.llvm_types import (
    Context,
    Intrinsic,
    Signature,
    Types,
    TypingContext,
    Value,
    Values,
)

_ALIAS_SCOPES = 64
_ScopeLists: TypeAlias = "tuple[ir.values.MDValue, ir.values.MDValue]"  # its own, the others
_lane_lists: WeakKeyDictionary[ir.Module, dict[int, _ScopeLists]] = WeakKeyDictionary()


class Pointer(types.Type):  # type: ignore[misc]
    """A pointer to numbers of `dtype`."""

    mutable = True

    def __init__(self, dtype: types.Type, scope: int) -> None:
        self.dtype = dtype
        self.scope = scope
        super().__init__(name=f"Lane({dtype}, {scope})")


@register_default(Pointer)
class _PointerModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: DataModelManager, lane_type: Pointer) -> None:
        element = manager.lookup(lane_type.dtype).get_data_type()
        super().__init__(manager, lane_type, element.as_pointer())


@intrinsic
def pointer(
    _context: TypingContext, base: types.Type, offset: types.Type, scope: types.Type
) -> Intrinsic:
    """A pointer to element `offset` of an array, a pointer or a C pointer."""
    if not (isinstance(scope, types.IntegerLiteral) and isinstance(offset, types.Integer)):
        return None
    if not -1 <= scope.literal_value < _ALIAS_SCOPES:
        return None
    if not isinstance(base, (types.Array, types.CPointer, Pointer)):
        return None

    def generate(context: Context, builder: ir.IRBuilder, sig: Signature, args: Values) -> Value:
        start = args[0]
        if isinstance(base, types.Array):
            start = context.make_array(base)(context, builder, start).data
        return builder.gep(start, [args[1]])

    result = Pointer(base.dtype, scope.literal_value)
    return signature(result, base, types.intp, scope), generate


@intrinsic
def real(_context: TypingContext, like: types.Type, value: types.Type) -> Intrinsic:
    """The value as a number of the dtype of a pointer or array."""
    if not isinstance(like, (types.Array, Pointer)):
        return None

    def generate(_: Context, __: ir.IRBuilder, ___: Signature, args: Values) -> Value:
        return args[1]

    return signature(like.dtype, like, like.dtype), generate


@intrinsic
def address(_context: TypingContext, pointer: types.Type) -> Intrinsic:
    """Where the pointer points."""
    if not isinstance(pointer, Pointer):
        return None

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        return builder.ptrtoint(args[0], context.get_value_type(types.intp))

    return signature(types.intp, pointer), generate


@infer_global(operator.getitem)
class _PointerRead(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Types, kws: object) -> Signature | None:
        pointer, index = args
        if isinstance(pointer, Pointer) and isinstance(index, types.Integer):
            return signature(pointer.dtype, pointer, types.intp)
        return None


@infer_global(operator.setitem)
class _PointerWrite(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Types, kws: object) -> Signature | None:
        pointer, index, _ = args
        if isinstance(pointer, Pointer) and isinstance(index, types.Integer):
            return signature(types.none, pointer, types.intp, pointer.dtype)
        return None


@lower_builtin(operator.getitem, Pointer, types.intp)  # type: ignore[untyped-decorator]
def _pointer_read(context: Context, builder: ir.IRBuilder, sig: Signature, args: Values) -> Value:
    return read_element(builder, args[0], args[1], sig.args[0].scope)


@lower_builtin(operator.setitem, Pointer, types.intp, types.Any)  # type: ignore[untyped-decorator]
def _pointer_write(context: Context, builder: ir.IRBuilder, sig: Signature, args: Values) -> Value:
    write_element(builder, args[0], args[1], args[2], sig.args[0].scope)
    return context.get_dummy_value()


def read_element(builder: ir.IRBuilder, pointer: Value, index: Value, scope: int) -> Value:
    read = builder.load(builder.gep(pointer, [index], inbounds=True))
    return _alias_mark(builder.module, read, scope)


def write_element(
    builder: ir.IRBuilder, pointer: Value, index: Value, value: Value, scope: int
) -> None:
    write = builder.store(value, builder.gep(pointer, [index], inbounds=True))
    _alias_mark(builder.module, write, scope)


def _alias_mark(module: ir.Module, instruction: ir.Instruction, scope: int) -> ir.Instruction:
    if scope >= 0:
        lists = _lane_lists.setdefault(module, {})
        if scope not in lists:
            lists[scope] = _alias_scope(module, scope)
        own, others = lists[scope]
        instruction.set_metadata("alias.scope", own)
        instruction.set_metadata("noalias", others)
    return instruction


def _alias_scope(module: ir.Module, scope: int) -> _ScopeLists:
    """The lists of a scope itself and of all others.

    Made once for a module, because building them is dearer than lowering an access; their content
    is the same in all modules, so that the scopes of modules that are linked together are the same.
    """
    domain = module.add_metadata([ir.MetaDataString(module, "celldsl")])
    names = [ir.MetaDataString(module, f"lane {number}") for number in range(_ALIAS_SCOPES)]
    nodes = [module.add_metadata([name, domain]) for name in names]
    own = nodes.pop(scope)
    return module.add_metadata([own]), module.add_metadata(nodes)
