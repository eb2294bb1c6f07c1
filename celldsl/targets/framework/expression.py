"""Nodes as expressions.  In: a node, its arguments as `Text`s, where it is written.  Out: a Text.

    add(x, W)               "x + W"
    einsum(x, W)            "x @ W"          spec="i,ij->j"
    slice(a)                "a[..., :H]"

What only stretches a value is left to broadcasting, and is written where an operation needs the
axes.  Operators and indices are Python's; the rest is spelled by the dialect.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Protocol

from celldsl.ir.attributes import AXIS, PERM, REVERSE, SIZE, SPEC, START, STOP, VALUE
from celldsl.ir.ops.contractions import spec_parts
from celldsl.ir.ops.element import Apply
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Rows, Type
from celldsl.ir.size import Shape, Size
from celldsl.structs import replace
from celldsl.targets.framework.dialect import Dialect
from celldsl.targets.framework.text import (
    ALWAYS,
    ANY,
    ATOM,
    COMPARE,
    NEVER,
    ONE,
    OR,
    POWER,
    PRODUCT,
    SUM,
    UNARY,
    Text,
    is_simple,
    stretched,
    tuple_code,
)

# Between the arguments, and how tightly the left and the right one must bind.
OPERATORS = {
    "add": (" + ", SUM, SUM, PRODUCT),
    "sub": (" - ", SUM, SUM, PRODUCT),
    "mul": (" * ", PRODUCT, PRODUCT, UNARY),
    "div": (" / ", PRODUCT, PRODUCT, UNARY),
    "lt": (" < ", COMPARE, OR, OR),
    "le": (" <= ", COMPARE, OR, OR),
    "eq": (" == ", COMPARE, OR, OR),
    "ne": (" != ", COMPARE, OR, OR),
    "and": (" & ", OR, SUM, SUM),
    "or": (" | ", OR, SUM, SUM),
}
ARITHMETIC = ("add", "sub", "mul", "div", "neg")


class Place(Protocol):
    """Where an expression is written: it notes which names the function needs."""

    dialect: Dialect
    types: dict[str, Type]

    def size(self, size: Size) -> str: ...

    def like(self) -> str: ...

    def read(self, value: str) -> Text: ...

    def inlined(self, value: str) -> Node | None:
        """The node of a value that is written where it is read, at no other place."""


def expression(node: Node, args: Sequence[Text], at: Place) -> Text:
    """The value of a node.  Raises KeyError where neither the dialect nor its entry can say it."""
    kind = OPS[node.op].kind if node.op in OPS else "contract"
    match node.op:
        case "number":
            return _number(node)
        case "size":
            code = at.size(node[SIZE])
            return Text(code, ATOM if is_simple(code) else SUM, number=True)
        case "broadcast":
            return _broadcast(node, args[0])
    if kind == "elementwise":
        return _elementwise(node, list(args), at)
    full = [whole(arg, at.types[name], at) for arg, name in zip(args, node.args, strict=True)]
    result = Text("", ATOM, node.type.shape, max((arg.leads for arg in args), default=NEVER))
    match node.op:
        case "slice":
            index = _index(node, full[0], at)
            return replace(result, code=f"{full[0].at(ATOM)}[{index}]")
        case "reshape":
            return _reshape(node, args[0], full[0], result, at)
        case "einsum":
            return _product(_einsum(node, full, result, at), at)
        case "conv":
            return _product(replace(result, code=_call(node, full, at)), at)
    if kind in ("reduce", "scan") and node.op not in at.dialect.calls:
        return replace(result, code=_along_axis(node, full[0], at))
    return replace(result, code=_call(node, full, at))


def _number(node: Node) -> Text:
    value = node[VALUE]
    return _literal(value)


def _literal(value: float) -> Text:
    if math.isinf(value) or math.isnan(value):
        return Text(f"{'-' * (value < 0)}math.{'nan' if math.isnan(value) else 'inf'}",
                    UNARY if value < 0 else ATOM, number=True)  # fmt: skip
    return Text(repr(value), UNARY if math.copysign(1.0, value) < 0 else ATOM, number=True)


def _broadcast(node: Node, arg: Text) -> Text:
    """Nothing is stretched here; a value without axes gets axes to be stretched."""
    rank = len(node.type.shape)
    if arg.shape is None or len(arg.shape) == rank:
        return arg
    return Text(f"{arg.at(ATOM)}[{', '.join(['...', *['None'] * rank])}]", ATOM,
                (ONE,) * rank, arg.leads)  # fmt: skip


# Those of elementwise operations that are written here, beside the dialect's.
OWN = (*OPERATORS, "neg", "not", "pow", "square")


def _elementwise(node: Node, args: list[Text], at: Place) -> Text:
    entry = OPS[node.op]
    if entry.element is not None and node.op not in OWN and node.op not in at.dialect.calls:
        text = _of_primitives(entry.element(*args), node.type, at)
        return _without_gradient(text, at) if entry.flat else text
    numbers = all(arg.number for arg in args)
    if not numbers and node.op in at.dialect.wants and args[0].number:
        args[0] = _array(args[0], at)
    if numbers and not _python_can(node, args):
        args[0] = _array(args[0], at)
    if node.op == "where" and args[1].number and args[2].number:
        args[1] = _array(args[1], at)
    second = node.op in ("max", "min", "mod") or (node.op == "pow" and not _is_literal(args[1]))
    if second and args[1].number:
        args[1] = _array(args[1], at)
    leads = max(arg.leads for arg in args)
    result = Text("", ATOM, stretched(args), leads, all(arg.number for arg in args))
    if node.op in OPERATORS:
        sign, binds, left, right = OPERATORS[node.op]
        return replace(result, code=f"{args[0].at(left)}{sign}{args[1].at(right)}", binds=binds)
    match node.op:
        case "neg":
            return replace(result, code=f"-{args[0].at(POWER)}", binds=UNARY)
        case "not":
            return replace(result, code=f"~{args[0].at(UNARY)}", binds=UNARY)
        case "pow" if _is_literal(args[1]):
            return replace(result, code=f"{args[0].at(ATOM)} ** {args[1].at(UNARY)}", binds=POWER)
        case "square":
            return replace(result, code=f"{args[0].at(ATOM)} ** 2", binds=POWER)
    return replace(result, code=_call(node, args, at))


def _of_primitives(value: object, kind: Type, at: Place) -> Text:
    """An element as its entry puts it together, of Texts, for an operation without a spelling."""
    match value:
        case Text():
            return value
        case Apply(primitive, args):
            node = Node("", primitive, (), kind)
            return _elementwise(node, [_of_primitives(arg, kind, at) for arg in args], at)
        case float() | int():
            return _literal(float(value))
    raise AssertionError(f"no text for {value}")


def _without_gradient(text: Text, at: Place) -> Text:
    """What is constant almost everywhere has no gradient, whatever it is made of."""
    template = at.dialect.calls["stop_gradient"]
    level = ATOM if _is_owner(template, 0) else ANY
    return replace(text, code=template.format(text.at(level)), binds=ATOM)


def _along_axis(node: Node, value: Text, at: Place) -> str:
    """A reduction or scan without a spelling: a helper goes along the axis, as the entry says."""
    rule, kind = OPS[node.op].reduction, OPS[node.op].kind
    assert rule is not None
    total, x = (Text(name, ATOM, node.type.shape, ALWAYS) for name in ("total", "x"))
    combined = _of_primitives(rule.combine(total, x), node.type, at)
    axis = node[AXIS]
    told = {"reduce": "reduced", "scan": "scanned"}[kind]
    step = f"lambda total, x: {combined.at(ANY)}"
    last = axis - len(at.types[node.args[0]].shape)
    return f"{told}({step}, {_literal(rule.start).at(ANY)}, {value.at(ANY)}, {last})"


def _python_can(node: Node, args: list[Text]) -> bool:
    """Whether numbers of Python give what arrays would: Python refuses to divide by 0."""
    if node.op == "div":
        divisor = args[1].code
        return re.fullmatch(r"[\w* ]+|[\d.]*[1-9][\d.]*", divisor) is not None and divisor != "0"
    return node.op in ARITHMETIC


def _is_literal(text: Text) -> bool:
    """Whether it is a number that is known and not 0."""
    return text.number and re.fullmatch(r"-?[\d.e+-]*[1-9][\d.e+-]*", text.code) is not None


def _array(number: Text, at: Place) -> Text:
    """A number of Python as an array without axes."""
    code = at.dialect.scalar.format(number.at(ANY), like=at.like())
    return Text(code, ATOM, number.shape)


def whole(arg: Text, kind: Type, at: Place) -> Text:
    """A value with all axes that it has in the Program."""
    if arg.shape == kind.shape:
        return arg
    sizes = [at.size(size) for size in kind.shape]
    if not kind.shape:
        return _array(arg, at) if arg.number else replace(arg, shape=())
    if arg.number:
        code = at.dialect.full.format(arg.at(ANY), shape=tuple_code(sizes), like=at.like())
    elif arg.shape is None:
        code = at.dialect.stretch.format(arg.at(ANY), atom=arg.at(ATOM), shape=tuple_code(sizes))
    else:
        code = f"stretch({', '.join([arg.at(ANY), *sizes])})"
    return Text(code, ATOM, kind.shape, arg.leads)


def _call(node: Node, args: Sequence[Text], at: Place) -> str:
    """A template with what it asks for."""
    template = at.dialect.calls[_spelled_as(node, args)]
    fields: dict[str, str] = {}
    for name, value in node.attributes:
        fields[name] = _attribute(value, at)
    if "axis" in fields:
        fields["axis"] = str(int(fields["axis"]) - len(at.types[node.args[0]].shape))
    if "perm" in fields:
        fields["perm"] = _from_end(node)
    if "{like}" in template:
        fields["like"] = at.like()
    rank = len(at.types[node.args[0]].shape) if node.args else 0
    every = ", ".join(arg.at(ANY) for arg in args)
    atoms = [arg.at(ATOM if _is_owner(template, i) else ANY) for i, arg in enumerate(args)]
    return template.format(*atoms, args=every, rank=rank, **fields)


def _spelled_as(node: Node, args: Sequence[Text]) -> str:
    """The operation, or the form of it that mixes values with and without a batch."""
    if node.op == "pick" and args[0].leads == NEVER:
        return "pick_once"
    if node.op == "concat" and {arg.leads for arg in args} not in ({NEVER}, {ALWAYS}):
        return "concat_rows"
    if node.op == "cumsum" and node[REVERSE]:
        return "cumsum_reverse"
    if node.op == "transpose" and node[PERM] == (1, 0):
        return "transpose_last"
    return node.op


def _is_owner(template: str, place: int) -> bool:
    """Whether an argument stands before a dot or a bracket: it must bind tightly there."""
    return f"{{{place}}}." in template or f"{{{place}}}[" in template


def _attribute(value: object, at: Place) -> str:
    match value:
        case Size():
            return at.size(value)
        case tuple():
            return tuple_code([_attribute(item, at) for item in value])
    return repr(value)


def _from_end(node: Node) -> str:
    perm = node[PERM]
    return tuple_code([str(axis - len(perm)) for axis in perm])


def _index(node: Node, arg: Text, at: Place, drop: bool = False) -> str:
    """`..., a:b, :` for a slice; its one element where the axis is dropped."""
    axis = node[AXIS]
    assert arg.shape is not None
    start, stop = node[START], node[STOP]
    begin = "" if start == Size.of(0) and not drop else at.size(start)
    end = "" if stop == arg.shape[axis] else at.size(stop)
    piece = begin if drop else f"{begin}:{end}"
    return ", ".join(["...", piece, *[":"] * (len(arg.shape) - 1 - axis)])


def _reshape(node: Node, arg: Text, full: Text, result: Text, at: Place) -> Text:
    """An index where only axes of size 1 come or go."""
    old, new = at.types[node.args[0]].shape, node.type.shape
    if arg.shape is None and all(size == ONE for size in new):
        return arg
    if arg.shape is not None and len(arg.shape) == len(old):
        index = _inserted(old, new)
        if index is not None:
            shown = iter(arg.shape)
            shape = tuple(ONE if item == "None" else next(shown) for item in index)
            code = f"{arg.at(ATOM)}[{', '.join(['...', *index])}]"
            return replace(result, code=code, shape=shape)
    dropped = _inserted(new, old)
    if dropped is not None and dropped.count("None") == 1:
        cut = at.inlined(node.args[0])
        if cut is not None and cut.op == "slice" and cut[AXIS] == dropped.index("None"):
            source = whole(at.read(cut.args[0]), at.types[cut.args[0]], at)
            return replace(result, code=f"{source.at(ATOM)}[{_index(cut, source, at, drop=True)}]")
        axis = dropped.index("None") - len(dropped)
        return replace(result, code=f"{full.at(ATOM)}.squeeze({axis})")
    sizes = [at.size(size) for size in new]
    return replace(result, code=f"reshape({', '.join([full.at(ANY), str(len(old)), *sizes])})")


def _inserted(old: Shape, new: Shape) -> list[str] | None:
    """How `new` is `old` with axes of size 1 put in: `[":", "None"]`; None where it is not."""
    index: list[str] = []
    left = list(old)
    for place, size in enumerate(new):
        rest = len(new) - place
        if left and size == left[0] and (size != ONE or rest == len(left)):
            index.append(":")
            left.pop(0)
        elif size == ONE:
            index.append("None")
        else:
            return None
    return index if not left and "None" in index else None


def _product(product: Text, at: Place) -> Text:
    template = at.dialect.product
    if template == "{0}":
        return product
    return replace(product, code=template.format(product.at(ANY)), binds=ATOM)


def _einsum(node: Node, args: Sequence[Text], result: Text, at: Place) -> Text:
    left, right, out = spec_parts(node[SPEC])
    alone = [at.types[name].rows == Rows.ONCE for name in node.args]
    match list(left), list(right), list(out):
        case ([*rows, k], [m, n], [*kept, j]) if (
            rows == kept and k == m and n == j and (alone[1] or len(rows) == 1)
        ):
            return _matmul(args[0], args[1], result)
        case ([m, n], [k], [j]) if n == k and m == j and alone[0]:
            if alone[1]:
                return _matmul(args[0], args[1], result)
            return _matmul(args[1], replace(args[0], code=f"{args[0].at(ATOM)}.mT"), result)
        case ([i], [j], []) if i == j:
            product = f"{args[0].at(PRODUCT)} * {args[1].at(UNARY)}"
            return replace(result, code=f"({product}).sum(-1)")
        case ([i], [j], [m, n]) if (i, j) == (m, n) and i != j:
            outer = f"{args[0].at(ATOM)}[..., :, None] * {args[1].at(ATOM)}[..., None, :]"
            return replace(result, code=outer, binds=PRODUCT)
    dots = ["" if one else "..." for one in alone]
    spec = f"{dots[0]}{left},{dots[1]}{right}->{max(dots)}{out}"
    call = at.dialect.calls["einsum"].format(args[0].at(ANY), args[1].at(ANY), spec=f'"{spec}"')
    return replace(result, code=call)


def _matmul(a: Text, b: Text, result: Text) -> Text:
    return replace(result, code=f"{a.at(UNARY)} @ {b.at(UNARY)}", binds=PRODUCT)
