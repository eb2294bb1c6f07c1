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

from celldsl.ir.attributes import AXIS, PERM, REVERSE, SIZE, VALUE
from celldsl.ir.ops.element import Apply
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Type
from celldsl.ir.size import Size
from celldsl.structs import replace
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
    Enclosing,
    Text,
    as_array,
    is_simple,
    stretched,
    tuple_code,
    whole,
)
from celldsl.targets.framework.views import contraction, index_code, reshaped

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


def expression(node: Node, args: Sequence[Text], at: Enclosing) -> Text:
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
            index = index_code(node, full[0], at)
            return replace(result, code=f"{full[0].at(ATOM)}[{index}]")
        case "reshape":
            return reshaped(node, args[0], full[0], result, at)
        case "einsum":
            return _product(contraction(node, full, result, at), at)
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


def _elementwise(node: Node, args: list[Text], at: Enclosing) -> Text:
    entry = OPS[node.op]
    if entry.element is not None and node.op not in OWN and node.op not in at.dialect.calls:
        text = _of_primitives(entry.element(*args), node.type, at)
        return _without_gradient(text, at) if entry.flat else text
    numbers = all(arg.number for arg in args)
    if not numbers and node.op in at.dialect.wants and args[0].number:
        args[0] = as_array(args[0], at)
    if numbers and not _python_can(node, args):
        args[0] = as_array(args[0], at)
    if node.op == "where" and args[1].number and args[2].number:
        args[1] = as_array(args[1], at)
    second = node.op in ("max", "min", "mod") or (node.op == "pow" and not _is_literal(args[1]))
    if second and args[1].number:
        args[1] = as_array(args[1], at)
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


def _of_primitives(value: object, kind: Type, at: Enclosing) -> Text:
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


def _without_gradient(text: Text, at: Enclosing) -> Text:
    """What is constant almost everywhere has no gradient, whatever it is made of."""
    template = at.dialect.calls["stop_gradient"]
    level = ATOM if _is_owner(template, 0) else ANY
    return replace(text, code=template.format(text.at(level)), binds=ATOM)


def _along_axis(node: Node, value: Text, at: Enclosing) -> str:
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


def _call(node: Node, args: Sequence[Text], at: Enclosing) -> str:
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


def _attribute(value: object, at: Enclosing) -> str:
    match value:
        case Size():
            return at.size(value)
        case tuple():
            return tuple_code([_attribute(item, at) for item in value])
    return repr(value)


def _from_end(node: Node) -> str:
    perm = node[PERM]
    return tuple_code([str(axis - len(perm)) for axis in perm])


def _product(product: Text, at: Enclosing) -> Text:
    template = at.dialect.product
    if template == "{0}":
        return product
    return replace(product, code=template.format(product.at(ANY)), binds=ATOM)
