"""Vectors read in pieces and turned, in LLVM's own terms.  In: pointers.  Out: memory, written.

    integers(length)                       a pointer to integers on the stack, of a literal length
    vector_lanes(like)                     elements of a vector of the host
    gather_lanes(to, source, inside, n)    to[l] = source[l] where bit l of `inside` is 1, else 0,
                                           for l below a literal n
    turn_lanes(to, step, source, starts, line_of, place_of, lines, places)
        to[l * step + i] = source[starts[i] + l] where bit l of lines[line_of[i]] and of
        places[place_of[i]] is 1, else 0, for l and i below `vector_lanes(to)`

Nothing is read where a bit is 0.
"""

from __future__ import annotations

from llvmlite import ir

from celldsl.jit.lowering import types
from celldsl.jit.lowering.emit import known_function, on_stack
from celldsl.jit.lowering.intrinsics import intrinsic
from celldsl.jit.lowering.llvm_types import (
    Context,
    Intrinsic,
    Signature,
    TypingContext,
    Value,
    Values,
)
from celldsl.jit.lowering.types import Pointer
from celldsl.jit.lowering.vector_width import PANEL_BYTES

_INT = ir.IntType(64)


@intrinsic
def integers(_context: TypingContext, length: types.Type) -> Intrinsic:
    """A pointer to integers that live until the function returns."""
    if not isinstance(length, types.IntegerLiteral):
        return None

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, ___: Values) -> Value:
        return on_stack(builder, _INT, size=length.literal_value)

    return Pointer(types.intp, -1)(length), generate


@intrinsic
def vector_lanes(_context: TypingContext, like: types.Type) -> Intrinsic:
    def generate(_: Context, __: ir.IRBuilder, ___: Signature, args: Values) -> Value:
        return _INT(_lanes(args[0].type.pointee))

    return types.intp(like), generate


@intrinsic
def gather_lanes(
    _context: TypingContext, to: types.Type, source: types.Type, inside: types.Type,
    count: types.Type,
) -> Intrinsic:  # fmt: skip
    if not isinstance(count, types.IntegerLiteral):
        return None

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        target, address, inside_bits, _count = args
        lanes = _lanes(target.type.pointee)
        for start in range(0, count.literal_value, lanes):
            bits = builder.lshr(inside_bits, _INT(start))
            value = _masked(builder, builder.gep(address, [_INT(start)]), bits)
            _store(builder, value, builder.gep(target, [_INT(start)]))
        return context.get_dummy_value()

    return types.void(to, source, types.intp, count), generate


@intrinsic
def turn_lanes(  # type: ignore[no-untyped-def]
    _, to, step, source, starts, line_of, place_of, lines, places
):
    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        target, step, address, starts, line_of, place_of, lines, places = args
        lanes = _lanes(target.type.pointee)
        rows = []
        for i in range(lanes):
            start, line, column = (
                builder.load(builder.gep(table, [_INT(i)])) for table in (starts, line_of, place_of)
            )
            bits = builder.and_(
                builder.load(builder.gep(lines, [line])),
                builder.load(builder.gep(places, [column])),
            )
            rows.append(_masked(builder, builder.gep(address, [start]), bits))
        for lane, value in enumerate(_turned(builder, rows)):
            _store(builder, value, builder.gep(target, [builder.mul(step, _INT(lane))]))
        return context.get_dummy_value()

    number = Pointer(types.intp, -1)
    return types.void(to, types.intp, source, *[number] * 5), generate


def _turned(builder: ir.IRBuilder, rows: list[Value]) -> list[Value]:
    """The transpose of a square: blocks off the diagonal change places, small ones first."""
    lanes = len(rows)
    step = 1
    while step < lanes:
        # Element k of a pair's first row comes from where its index has no bit of `step`.
        first = [k if not k & step else lanes + k - step for k in range(lanes)]
        second = [k + step if not k & step else lanes + k for k in range(lanes)]
        made = list(rows)
        for i in range(lanes):
            if not i & step:
                pair = rows[i], rows[i + step]
                made[i], made[i + step] = (_shuffled(builder, *pair, order)
                                           for order in (first, second))  # fmt: skip
        rows = made
        step *= 2
    return rows


def _shuffled(builder: ir.IRBuilder, a: Value, b: Value, order: list[int]) -> Value:
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order)
    return builder.shuffle_vector(a, b, mask)


def _masked(builder: ir.IRBuilder, address: Value, bits: Value) -> Value:
    """A vector from memory, of which the first bits say where it is read; zeros elsewhere."""
    element = address.type.pointee
    lanes = _lanes(element)
    vector = ir.VectorType(element, lanes)
    mask_type = ir.VectorType(ir.IntType(1), lanes)
    mask = builder.bitcast(builder.trunc(bits, ir.IntType(lanes)), mask_type)
    number = ir.IntType(32)
    kind = ir.FunctionType(vector, [vector.as_pointer(), number, mask_type, vector])
    name = f"llvm.masked.load.v{lanes}f{8 * _bytes(element)}.p0"
    load = known_function(builder.module, kind, name)
    at = builder.bitcast(address, vector.as_pointer())
    return builder.call(load, [at, number(_bytes(element)), mask, vector(None)])


def _store(builder: ir.IRBuilder, value: Value, address: Value) -> None:
    at = builder.bitcast(address, value.type.as_pointer())
    builder.store(value, at, align=_bytes(address.type.pointee))


def _bytes(element: ir.Type) -> int:
    return 4 if isinstance(element, ir.FloatType) else 8


def _lanes(element: ir.Type) -> int:
    return PANEL_BYTES // 2 // _bytes(element)
