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
from celldsl.jit.lowering.vector_width import PANEL_BYTES

_INT = ir.IntType(64)


@intrinsic
def integers(_context: TypingContext, length: types.Type) -> Definition:
    """A pointer to integers that live until the function returns."""
    if not isinstance(length, types.IntegerLiteral):
        return None

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, ___: Values) -> Value:
        return on_stack(builder, _INT, size=length.literal_value)

    return Pointer(types.intp, -1)(length), generate


@intrinsic
def vector_lanes(_context: TypingContext, like: types.Type) -> Definition:
    def generate(_: Context, __: ir.IRBuilder, ___: Signature, args: Values) -> Value:
        return _INT(host_lanes(args[0].type.pointee))

    return types.intp(like), generate


@intrinsic
def gather_lanes(
    _context: TypingContext, to: types.Type, source: types.Type, inside: types.Type,
    count: types.Type,
) -> Definition:  # fmt: skip
    if not isinstance(count, types.IntegerLiteral):
        return None

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        target, address, inside_bits, _count = args
        lanes = host_lanes(target.type.pointee)
        for start in range(0, count.literal_value, lanes):
            bits = builder.lshr(inside_bits, _INT(start))
            value = load_masked(builder, builder.gep(address, [_INT(start)]), bits, lanes)
            store_vector(builder, value, builder.gep(target, [_INT(start)]))
        return context.get_dummy_value()

    return types.void(to, source, types.intp, count), generate


@intrinsic
def turn_lanes(  # type: ignore[no-untyped-def]
    _, to, step, source, starts, line_of, place_of, lines, places
):
    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        target, step, address, starts, line_of, place_of, lines, places = args
        lanes = host_lanes(target.type.pointee)
        rows = []
        for i in range(lanes):
            start, line, column = (
                builder.load(builder.gep(table, [_INT(i)])) for table in (starts, line_of, place_of)
            )
            bits = builder.and_(
                builder.load(builder.gep(lines, [line])),
                builder.load(builder.gep(places, [column])),
            )
            rows.append(load_masked(builder, builder.gep(address, [start]), bits, lanes))
        for lane, value in enumerate(turned(builder, rows)):
            store_vector(builder, value, builder.gep(target, [builder.mul(step, _INT(lane))]))
        return context.get_dummy_value()

    number = Pointer(types.intp, -1)
    return types.void(to, types.intp, source, *[number] * 5), generate


def turned(builder: ir.IRBuilder, rows: list[Value]) -> list[Value]:
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
                made[i], made[i + step] = (shuffled(builder, *pair, order)
                                           for order in (first, second))  # fmt: skip
        rows = made
        step *= 2
    return rows


def shuffled(builder: ir.IRBuilder, a: Value, b: Value, order: list[int]) -> Value:
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order)
    return builder.shuffle_vector(a, b, mask)


def load_masked(builder: ir.IRBuilder, address: Value, bits: Value, lanes: int) -> Value:
    """A vector from memory, of which the first bits say where it is read; zeros elsewhere."""
    vector = ir.VectorType(address.type.pointee, lanes)
    number, mask = ir.IntType(32), _mask(builder, bits, lanes)
    kind = ir.FunctionType(vector, [vector.as_pointer(), number, mask.type, vector])
    load = _of_memory(builder, "load", kind, vector)
    at = builder.bitcast(address, vector.as_pointer())
    return builder.call(load, [at, number(_align(vector)), mask, vector(None)])


def store_masked(builder: ir.IRBuilder, value: Value, address: Value, bits: Value) -> None:
    """A vector to memory, of which the first bits say where it is written."""
    vector, number = value.type, ir.IntType(32)
    mask = _mask(builder, bits, vector.count)
    kind = ir.FunctionType(ir.VoidType(), [vector, vector.as_pointer(), number, mask.type])
    store = _of_memory(builder, "store", kind, vector)
    at = builder.bitcast(address, vector.as_pointer())
    builder.call(store, [value, at, number(_align(vector)), mask])


def _of_memory(
    builder: ir.IRBuilder, what: str, kind: ir.FunctionType, vector: ir.VectorType
) -> ir.Function:
    name = f"llvm.masked.{what}.v{vector.count}f{8 * element_bytes(vector.element)}.p0"
    return known_function(builder.module, kind, name)


def _mask(builder: ir.IRBuilder, bits: Value, lanes: int) -> Value:
    mask_type = ir.VectorType(ir.IntType(1), lanes)
    return builder.bitcast(builder.trunc(bits, ir.IntType(lanes)), mask_type)


def load_vector(builder: ir.IRBuilder, address: Value, lanes: int) -> Value:
    vector = ir.VectorType(address.type.pointee, lanes)
    return builder.load(builder.bitcast(address, vector.as_pointer()), align=_align(vector))


def store_vector(builder: ir.IRBuilder, value: Value, address: Value) -> None:
    at = builder.bitcast(address, value.type.as_pointer())
    builder.store(value, at, align=_align(value.type))


def _align(vector: ir.VectorType) -> int:
    return element_bytes(vector.element)


def element_bytes(element: ir.Type) -> int:
    return 4 if isinstance(element, ir.FloatType) else 8


def host_lanes(element: ir.Type) -> int:
    """Elements of a vector of this machine."""
    return PANEL_BYTES // 2 // element_bytes(element)
