"""Expressions and calls.  In: syntax.  Out: elaborated values, with their nodes in the program.

    elaborate(environment, `u * h`)       Tensor("%12", [H])
    elaborate(environment, `2*H`)         Static(2*H)

Arithmetic on numbers that are known early stays early; everything else becomes nodes.  A call gives
what the function, initialiser or inner cell gives.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Label
from celldsl.ir.size import Size
from celldsl.semantics import conversions as convert
from celldsl.semantics import indexing, names, products
from celldsl.semantics.broadcast import elementwise
from celldsl.semantics.builtins import complex_numbers
from celldsl.semantics.builtins.function import bind
from celldsl.semantics.builtins.table import FUNCTIONS, definition_of
from celldsl.semantics.context import Environment
from celldsl.semantics.def_body import call_def
from celldsl.semantics.environment import (
    CellValue,
    FunctionValue,
    Initialiser,
    Listing,
    Real,
    Static,
    Tensor,
    Truth,
    Unknown,
    Value,
    describe,
)
from celldsl.semantics.folding import folded
from celldsl.semantics.folds import over
from celldsl.semantics.initial_values import INITIALISERS
from celldsl.semantics.inner_steps import step_inner
from celldsl.semantics.names import read_inner
from celldsl.semantics.pairs import NotComplex
from celldsl.semantics.structure import fix
from celldsl.semantics.unknown_names import unknown_function
from celldsl.semantics.wording import beside, elaborate_beside
from celldsl.syntax import ast

ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "**": "pow"}
COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "lt", ">=": "le"}
LOGIC = {"and": "and", "or": "or"}


def elaborate(f: Environment, e: ast.Expr) -> Value:
    """What an expression means here."""
    try:
        return _elaborate(f, e)
    except NotComplex as refused:
        complex_numbers.refuse(f, e, refused)
        return Unknown()


def _elaborate(f: Environment, e: ast.Expr) -> Value:
    match e:
        case ast.Number(value):
            return Static(Size.of(value)) if isinstance(value, int) else Real(value)
        case ast.Imaginary(value):
            return complex_numbers.imaginary(f, value)
        case ast.Boolean(value):
            return Truth(value)
        case ast.Name():
            return f.saw(e.span, names.read(f, e))
        case ast.Attribute():
            return f.saw(e.span, read_inner(f, e))
        case ast.Unary():
            return _unary(f, e)
        case ast.Binary():
            return _chain(f, e)
        case ast.Call():
            return f.saw(e.span, call(f, e))
        case ast.Over():
            return over(f, e)
        case ast.ListOf(items):
            return Listing(tuple(elaborate(f, item) for item in items))
        case ast.Index():
            return indexing.index(f, e)
    _string(f, e)
    return Unknown()


def _string(f: Environment, e: ast.String) -> None:
    """`activation="relu"`"""
    known = names.find_function(f, e.value) is not None or e.value in INITIALISERS
    f.error(
        "E0124",
        "a string is not a value",
        e.span,
        help=f"names stand without quotes: `{e.value}`" if known else None,
        fix=Fix(e.span, e.value) if known else None,
    )


def _unary(f: Environment, e: ast.Unary) -> Value:
    if e.op == "not":
        found = convert.boolean(f, e.operand)
        return Unknown() if found is None else elementwise(f, "not", e.span, (e.operand, found))
    match elaborate(f, e.operand):
        case Static(size):
            return Static(-size if e.op == "-" else size)
        case Real(value):
            return Real(-value if e.op == "-" else value)
        case value:
            found = convert.number(f, value, e.operand.span)
    if found is None or e.op == "+":
        return Unknown() if found is None else found
    return elementwise(f, "neg", e.span, (e.operand, found))


def _chain(f: Environment, e: ast.Binary) -> Value:
    """A long sum is a deep tree on its left: walk down it without recursion."""
    chain: list[ast.Binary] = []
    left: ast.Expr = e
    while isinstance(left, ast.Binary):
        chain.append(left)
        left = left.left
    first = chain[-1]
    value = elaborate_beside(f, left, beside(f, first.op, _named(f, first.right)))
    for binary in reversed(chain):
        right = elaborate_beside(f, binary.right, beside(f, binary.op, value))
        try:
            value = _binary(f, binary, value, right)
        except NotComplex as refused:
            complex_numbers.refuse(f, binary, refused)
            value = Unknown()
    return value


def _named(f: Environment, e: ast.Expr) -> Value | None:
    """What stands on the right of a name, as far as that is a name too."""
    binding = f.find(e.id) if isinstance(e, ast.Name) else None
    return None if binding is None else binding.value


def _binary(f: Environment, e: ast.Binary, left: Value, right: Value) -> Value:
    early = folded(e.op, left, right)
    if early is not None:
        return early
    if e.op in LOGIC:
        a = convert.comparison(f, left, e.left.span)
        b = convert.comparison(f, right, e.right.span)
    else:
        if e.op in ("==", "!=") and _to_truth(f, e, left, right):
            return Unknown()
        check = convert.comparable if e.op in COMPARISONS else convert.number
        a = check(f, left, e.left.span)
        if a is None and e.op in COMPARISONS and _is_complex(f, right):
            return Unknown()
        b = check(f, right, e.right.span)
    if a is None or b is None:
        return Unknown()
    if e.op == "**" and (f.context.is_complex(a.name) or f.context.is_complex(b.name)):
        found = complex_numbers.raised(f, e, a, right)
        if found is not None:
            return found
    return _build(f, e, a, b)


def _is_complex(f: Environment, value: Value) -> bool:
    return isinstance(value, Tensor) and f.context.is_complex(value.name)


def _to_truth(f: Environment, e: ast.Binary, left: Value, right: Value) -> bool:
    """`done == true`: a truth value says it by itself."""
    for value, written, other in ((left, e.left, right), (right, e.right, left)):
        if isinstance(value, Tensor) and value.boolean and isinstance(other, Truth):
            text = written.span.text
            better = text if other.value == (e.op == "==") else f"not {text}"
            told = f"`{text}` is true or false by itself"
            f.error("E0211", told, e.span, help=f"write `{better}`", fix=Fix(e.span, better))
            return True
    return False


def _build(f: Environment, e: ast.Binary, a: Tensor, b: Tensor) -> Value:
    if e.op == "@":
        return products.matmul(f, e, a, b)
    if e.op in (">", ">="):
        return elementwise(f, COMPARISONS[e.op], e.span, (e.right, b), (e.left, a), text=e.op)
    if e.op == "**" and isinstance(e.right, ast.Number) and e.right.value == 2:
        return elementwise(f, "square", e.span, (e.left, a))
    op = ARITHMETIC.get(e.op) or COMPARISONS.get(e.op) or LOGIC[e.op]
    return elementwise(f, op, e.span, (e.left, a), (e.right, b), text=e.op)


def call(f: Environment, e: ast.Call) -> Value:
    binding = f.find(e.function)
    if binding is None:
        return _call_named(f, e)
    f.context.usage.used.add(binding.span)
    match binding.value:
        case FunctionValue() as function:
            return apply(f, function, e)
        case Tensor(hyper=str(name)):
            fix(f.context.choices, name, "function")
        case _ if binding.kind == "sub" and e.function in f.inner:
            return step_inner(f, f.inner[e.function], e)
        case Unknown():
            return Unknown()
        case CellValue():
            told = f"`{e.function}` is a cell and cannot be called"
            help = f"declare an inner cell: `sub g = {e.function}[…]`, then `g(…)`"
            f.error("E0121", told, e.name_span, help=help)
            return Unknown()
    hides = e.function in FUNCTIONS
    f.error(
        "E0121",
        f"`{e.function}` is {describe(binding.value)} and cannot be called",
        e.name_span,
        secondary=(Label(binding.span, "it is defined here"),),
        help=f"it hides the function: give it another name, such as `{e.function}_`"
        if hides
        else f"to multiply, write `{e.function} * (…)`",
    )
    return Unknown()


def _call_named(f: Environment, e: ast.Call) -> Value:
    function = names.find_function(f, e.function)
    if function is not None:
        return apply(f, function, e)
    if e.function in INITIALISERS:
        return _initialiser(f, e)
    if e.function in f.home.cells:
        f.error(
            "E0121",
            f"`{e.function}` is a cell and cannot be called",
            e.name_span,
            help=f"declare an inner cell: `sub g = {e.function}[…]`, then `g(…)`",
        )
    else:
        unknown_function(f, e.function, e.name_span)
        _look_into(f, e)
    return Unknown()


def _initialiser(f: Environment, e: ast.Call) -> Value:
    """`uniform(-1, 1)`: the arguments are numbers or hyperparameters."""
    arguments = INITIALISERS[e.function]
    signature = ", ".join(n if d is None else f"{n}={d:g}" for n, d in arguments)
    bound = bind(f, e, signature, e.function)
    if bound is None:
        return Unknown()
    values: list[str] = []
    for name, default in arguments:
        found = _scalar(f, bound[name], default, name)
        if found is None:
            return Unknown()
        values.append(found)
    return Initialiser(e.function, tuple(values))


def _scalar(
    f: Environment, written: ast.Expr | None, default: float | None, name: str
) -> str | None:
    if written is None:
        assert default is not None
        return f.context.op("number", value=default)
    found = convert.real(f, written, f"`{name}`")
    return None if found is None else found.name


def _look_into(f: Environment, e: ast.Call) -> None:
    """Tell what is wrong in the arguments of a call that cannot be made."""
    for arg in e.args:
        if isinstance(arg, ast.Call | ast.Binary | ast.Unary):
            f.elaborate(arg)


def apply(f: Environment, function: FunctionValue, e: ast.Call) -> Value:
    """Call a function by the name of a builtin or its definition."""
    if function.definition is None and function.name in FUNCTIONS:
        entry = FUNCTIONS[function.name]
        bound = bind(f, e, entry.signature, function.name, entry.too_many)
        if bound is None:
            _look_into(f, e)
            return Unknown()
        return entry.build(f, e, bound)
    if function.definition is None:
        function = definition_of(function.name)
    return call_def(f, function, e)
