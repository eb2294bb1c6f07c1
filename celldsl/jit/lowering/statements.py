"""Routines as LLVM's instructions.  In: a routine, types of arguments.  Out: a module's function.

    code = RoutineCode(module)
    function, kind = code.function(forward_1, (types.int64, Pointer(types.float32, -1)))

Routines are a small part of Python: numbers and pointers; assignments, `for … in range(…)`,
`while`, `if`, `return`; arithmetic, comparisons, conditions; calls of routines and of what `calls`
knows.  A name keeps its type.  What is assigned in the body of a loop or of an `if`, and nowhere
else, is known there alone.  Anything else is a `RoutineError`.  Numba takes ten times as long to
compile the same text to code that computes the same: it is made for all of Python.

A loop over elements that is no whole number of vectors long is cut:

    for j in range(31): y[j] = tanh(x[j])       # in vectors of 8

LLVM would compute the last 7 elements one by one, each as dear as a vector.  Instead the loop goes
to 24, and another over the last whole vector, from 23 to 31, which writes at 23 what is there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from llvmlite import ir

from celldsl.jit.functions import Routine
from celldsl.jit.lowering import types
from celldsl.jit.lowering.expressions import (
    is_elementary,
    stage_call,
    stage_condition,
    stage_element,
    stage_value,
)
from celldsl.jit.lowering.pointers import read_element, write_element
from celldsl.jit.lowering.scope import Scope
from celldsl.jit.lowering.types import Made, Pointer, Value
from celldsl.jit.lowering.values import RoutineError, Typed, cast, combined, constant, is_real
from celldsl.jit.lowering.vector_width import panel_width


def vector_of(scope: Scope, body: Sequence[ast.stmt]) -> int:
    """Elements of a vector in the loop with this body; 0 where it is to stay whole.

    Two loops have twice the addresses, which is too dear for arithmetic alone.
    """
    if not _is_plain(body) or not any(_calls(scope, body)):
        return 0
    widths = [panel_width(str(kind.dtype)) // 2 for kind in _pointers(scope, body)]
    return max(widths, default=0)


def _is_plain(body: Sequence[ast.stmt]) -> bool:
    """Whether values are computed and written, and nothing else is done."""
    return all(
        isinstance(node, ast.Assign | ast.AugAssign)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


def _calls(scope: Scope, body: Sequence[ast.stmt]) -> Iterator[bool]:
    """Of each call whether it is of an elementary function."""
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.Call):
            yield is_elementary(scope.known(node.func))


def _pointers(scope: Scope, body: Sequence[ast.stmt]) -> list[Any]:
    """The types of the pointers of reals that the body names."""
    names = {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name)}
    kinds = [scope.names[name].kind for name in names if name in scope.names]
    return [k for k in kinds if isinstance(k, Pointer) and is_real(k.dtype)]


def end_of_vectors(builder: ir.IRBuilder, count: Value, vector: int) -> Value:
    """Where the first loop ends: all of it, where it is shorter than a vector."""
    whole = builder.and_(count, constant(types.int64, -vector).code)
    longer = builder.icmp_signed(">", count, constant(types.int64, vector).code)
    return builder.select(longer, whole, count)


ROUTINE_PREFIX = "celldsl.routine."


Key = tuple[Routine, tuple[types.Type, ...]]
Elsewhere = Callable[[Key, ir.Module], "Made | None"]


class RoutineCode:
    """The routines of one module, each once for types of arguments.

    `elsewhere` declares in a module those that are in another one.
    """

    def __init__(self, module: ir.Module, elsewhere: Elsewhere | None = None) -> None:
        self.module = module
        self._elsewhere = elsewhere
        self._made: dict[Key, Made] = {}

    def function(self, routine: Routine, kinds: Sequence[types.Type]) -> Made:
        """The function, and the type of what it returns.  Raises RoutineError.

        One that stands apart is the same for pointers of any scope.
        """
        if routine.noinline:
            kinds = [Pointer(k.dtype, -1) if isinstance(k, Pointer) else k for k in kinds]
        key = routine, tuple(kinds)
        if key not in self._made:
            there = self._elsewhere(key, self.module) if self._elsewhere is not None else None
            symbol = f"{ROUTINE_PREFIX}{len(self.module.functions)}.{routine.name}"
            self._made[key] = there or self.written(key, symbol)
        return self._made[key]

    def written(self, key: Key, symbol: str) -> Made:
        """The function of this module."""
        routine, kinds = key
        scope = Scope(self, routine, kinds, symbol)
        try:
            _write_suite(scope, scope.tree.body)
        except RoutineError as error:
            raise RoutineError(f"{routine.name}: {error}") from None
        scope.end()
        return scope.function, scope.result


def _write_suite(scope: Scope, statements: Sequence[ast.stmt]) -> None:
    for statement in statements:
        _write(scope, statement)


def _write(scope: Scope, node: ast.stmt) -> None:
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=parts)):
            values = [stage_value(scope, part) for part in parts]
            for target, given in zip(targets, values, strict=True):
                _store(scope, target, given)
        case ast.Assign(targets=[target], value=given):
            _store(scope, target, stage_value(scope, given))
        case ast.AugAssign():
            _update(scope, node)
        case ast.For(target=ast.Name(id=name), iter=ast.Call() as over, body=body, orelse=[]):
            _loop(scope, name, over, body)
        case ast.While(test=test, body=body, orelse=[]):
            _repeat(scope, test, body)
        case ast.If(test=test, body=body, orelse=other):
            _choose(scope, test, body, other)
        case ast.Return(value=None):
            scope.builder.ret_void()
        case ast.Return(value=ast.expr() as given):
            result = stage_value(scope, given)
            scope.give(result.kind)
            scope.builder.ret(cast(scope.builder, result, scope.result))
        case ast.Expr(value=ast.Call() as given):
            stage_call(scope, given)
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return
        case _:
            first = ast.unparse(node).partition("\n")[0]
            raise RoutineError(f"`{first}` is for no routine")


def _store(scope: Scope, target: ast.expr, given: Typed) -> None:
    match target:
        case ast.Name(id=name):
            scope.assign(name, given)
        case ast.Subscript():
            _put(scope, *stage_element(scope, target), given)
        case _:
            raise RoutineError(f"nothing is assigned to `{ast.unparse(target)}` in a routine")


def _put(scope: Scope, pointer: Typed, index: Value, given: Typed) -> None:
    code = cast(scope.builder, given, pointer.kind.dtype)
    if scope.counts is not None:
        old = read_element(scope.builder, pointer.code, index, pointer.kind.scope)
        code = scope.builder.select(scope.counts, code, old)
    write_element(scope.builder, pointer.code, index, code, pointer.kind.scope)


def _update(scope: Scope, node: ast.AugAssign) -> None:
    """`x[j] += …` and its like; the index is computed once."""
    builder, operation = scope.builder, type(node.op)
    if isinstance(node.target, ast.Subscript):
        pointer, index = stage_element(scope, node.target)
        old = Typed(
            pointer.kind.dtype, read_element(builder, pointer.code, index, pointer.kind.scope)
        )
        _put(
            scope, pointer, index, combined(builder, operation, old, stage_value(scope, node.value))
        )
    else:
        old = stage_value(scope, node.target)
        _store(
            scope, node.target, combined(builder, operation, old, stage_value(scope, node.value))
        )


def _loop(scope: Scope, name: str, over: ast.Call, body: Sequence[ast.stmt]) -> None:
    """Over a range.  The index is counted apart, whatever the body makes of its name."""
    if scope.known(over.func) is not range:
        raise RoutineError(f"no loop over `{ast.unparse(over)}` in a routine")
    builder = scope.builder
    zero, one = (constant(types.int64, number).code for number in (0, 1))
    given = [cast(builder, stage_value(scope, argument), types.int64) for argument in over.args]
    start, stop, step = (zero, *given, one) if len(given) == 1 else (*given, one)[:3]
    vector = vector_of(scope, body) if len(given) == 1 else 0
    if not vector:
        _count(scope, name, (start, stop, step), body)
        return
    whole = end_of_vectors(builder, stop, vector)
    _count(scope, name, (start, whole, step), body)
    rest, after = scope.blocks("rest", "done")
    builder.cbranch(builder.icmp_signed("<", whole, stop), rest, after)
    builder.position_at_end(rest)
    last = builder.sub(stop, constant(types.int64, vector).code)
    _count(scope, name, (last, stop, step), body, whole)
    builder.branch(after)
    builder.position_at_end(after)


def _count(
    scope: Scope,
    name: str,
    over: tuple[Value, Value, Value],
    body: Sequence[ast.stmt],
    fresh: Any = None,
) -> None:
    """The loop itself.  Below an index `fresh`, where there is one, its body changes nothing."""
    builder, (start, stop, step) = scope.builder, over
    place = scope.stack(types.int64, f"next {name}")
    builder.store(start, place)
    test, inside, after = scope.blocks("for", "do", "done")
    builder.branch(test)
    builder.position_at_end(test)
    index = builder.load(place)
    more = builder.icmp_signed("<", index, stop)
    if getattr(step, "constant", None) != 1:
        forwards = builder.icmp_signed(">", step, constant(types.int64, 0).code)
        more = builder.select(forwards, more, builder.icmp_signed(">", index, stop))
    builder.cbranch(more, inside, after)
    outer = _begin(scope, inside)
    scope.assign(name, Typed(types.int64, index))
    scope.counts = None if fresh is None else builder.icmp_signed(">=", index, fresh)
    _write_suite(scope, body)
    scope.counts = None
    builder.store(builder.add(index, step, flags=("nsw",)), place)
    _end(scope, test, after, outer)


def _repeat(scope: Scope, test: ast.expr, body: Sequence[ast.stmt]) -> None:
    again, inside, after = scope.blocks("while", "do", "done")
    scope.builder.branch(again)
    scope.builder.position_at_end(again)
    scope.builder.cbranch(stage_condition(scope, test), inside, after)
    outer = _begin(scope, inside)
    _write_suite(scope, body)
    _end(scope, again, after, outer)


def _choose(
    scope: Scope, test: ast.expr, body: Sequence[ast.stmt], other: Sequence[ast.stmt]
) -> None:
    inside, outside, after = scope.blocks("then", "else", "end")
    scope.builder.cbranch(stage_condition(scope, test), inside, outside)
    for block, suite in ((inside, body), (outside, other)):
        outer = _begin(scope, block)
        _write_suite(scope, suite)
        _end(scope, after, after, outer)


def _begin(scope: Scope, block: ir.Block) -> dict[str, Typed]:
    """A suite, in which names of its own may be assigned.  Returns those around it."""
    scope.builder.position_at_end(block)
    return dict(scope.names)


def _end(scope: Scope, target: ir.Block, after: ir.Block, outer: dict[str, Typed]) -> None:
    if not scope.builder.block.is_terminated:
        scope.builder.branch(target)
    scope.builder.position_at_end(after)
    scope.names = outer
