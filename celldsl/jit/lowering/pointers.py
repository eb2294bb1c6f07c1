"""Pointers that kernels loop over.  In: an array, an offset, a scope.  Out: a pointer.

    gate = pointer(work, row * 4 * H, 0)
    c = pointer(tape, row * H, 1)
    for j in range(H):
        gate[j] = c[j] * real(c, 0.5)

    pointer(x, offset, scope)   a pointer to element `offset` of an array or of another pointer
    x[j], x[j] = value       any integer index; the value becomes the pointer's dtype
    real(x, value)           the value as a number of the pointer's dtype
    address(x)               the address, an intp
    words_at(place)          a pointer to the integers at an address

`scope` is a literal from 0 to 63.  Pointers of distinct scopes must never overlap in memory; LLVM
then vectorises loops over them without run-time checks.  Scope -1 promises nothing.  Nothing checks
bounds.  These functions are for compiled code alone.
"""

from __future__ import annotations

from typing import TypeAlias
from weakref import WeakKeyDictionary

from llvmlite import ir

from celldsl.jit.lowering import types
from celldsl.jit.lowering.types import (
    Context,
    Definition,
    Pointer,
    Signature,
    TypingContext,
    Value,
    Values,
    intrinsic,
)

_ALIAS_SCOPES = 64
_ScopeLists: TypeAlias = "tuple[ir.values.MDValue, ir.values.MDValue]"  # its own, the others
_lane_lists: WeakKeyDictionary[ir.Module, dict[int, _ScopeLists]] = WeakKeyDictionary()


@intrinsic
def pointer(
    _context: TypingContext, base: types.Type, offset: types.Type, scope: types.Type
) -> Definition:
    """A pointer to element `offset` of an array or a pointer."""
    if not (isinstance(scope, types.IntegerLiteral) and isinstance(offset, types.Integer)):
        return None
    if not -1 <= scope.literal_value < _ALIAS_SCOPES:
        return None
    if not isinstance(base, Pointer):
        return None

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, args: Values) -> Value:
        return builder.gep(args[0], [args[1]])

    return Pointer(base.dtype, scope.literal_value)(base, types.intp, scope), generate


@intrinsic
def real(_context: TypingContext, like: types.Type, value: types.Type) -> Definition:
    """The value as a number of the dtype of a pointer or array."""
    if not isinstance(like, Pointer):
        return None

    def generate(_: Context, __: ir.IRBuilder, ___: Signature, args: Values) -> Value:
        return args[1]

    return like.dtype(like, like.dtype), generate


@intrinsic
def address(_context: TypingContext, pointer: types.Type) -> Definition:
    """Where the pointer points."""
    if not isinstance(pointer, Pointer):
        return None

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        return builder.ptrtoint(args[0], context.get_value_type(types.intp))

    return types.intp(pointer), generate


@intrinsic
def words_at(_context: TypingContext, place: types.Type) -> Definition:
    """The integers at an address."""

    def generate(context: Context, builder: ir.IRBuilder, sig: Signature, args: Values) -> Value:
        return builder.inttoptr(args[0], context.get_value_type(sig.return_type))

    return Pointer(types.intp, -1)(types.intp), generate


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
