"""Kernels as Python text.  In: functions of the kernel IR.  Out: the text of a module's routines.

    text = function_text(function, names, dims, hypers)

A function begins with the sizes, the beginnings of buffers and the numbers of the cell's dtype that
it mentions: LLVM takes a loop that reads a float64 for one of float64, and half as many lanes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import copysign, inf

from celldsl.ir.size import Size
from celldsl.kernel_ir.free import Mentioned, mentioned
from celldsl.kernel_ir.stages import MOST_SCOPES
from celldsl.kernel_ir.statements import (
    Apply,
    Assign,
    Call,
    Count,
    Do,
    For,
    Function,
    If,
    Load,
    Name,
    Note,
    Number,
    Pointer,
    Return,
    Setting,
    Start,
    Statement,
    Update,
    Value,
    Whole,
    Word,
)
from celldsl.plan.layout import word_of
from celldsl.structs import record
from celldsl.targets.numba.names import EXTENTS, Names, size_code

# How tightly Python's operators bind, from the loosest on.
ANY, CHOICE, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, ATOM = range(10)
# Between two arguments: the sign, how tightly it binds, and the left and the right one must.
OPERATORS = {
    "add": ("+", SUM, SUM, PRODUCT),
    "sub": ("-", SUM, SUM, PRODUCT),
    "mul": ("*", PRODUCT, PRODUCT, SIGN),
    "div": ("/", PRODUCT, PRODUCT, SIGN),
    "floordiv": ("//", PRODUCT, PRODUCT, SIGN),
    "mod": ("%", PRODUCT, PRODUCT, SIGN),
    "lt": ("<", COMPARE, SUM, SUM),
    "le": ("<=", COMPARE, SUM, SUM),
    "eq": ("==", COMPARE, SUM, SUM),
    "ne": ("!=", COMPARE, SUM, SUM),
    "and": ("and", AND, AND, NOT),
    "or": ("or", OR, OR, AND),
}
# Functions of compiled code (`celldsl.jit.symbols`).
FUNCTIONS = {
    "exp": "exp", "log": "log", "log1p": "log1p", "expm1": "expm1", "sqrt": "sqrt", "sin": "sin",
    "cos": "cos", "tan": "tan", "atan": "atan", "erf": "erf", "sigmoid": "sigmoid", "tanh": "tanh",
    "softplus": "softplus", "floor": "floor", "round": "round_even", "pow": "power",
    "hypot": "hypot", "copysign": "copysign", "bfloat16": "bfloat16",
}  # fmt: skip
# Where `rows` says what holds for all steps (`celldsl.runtime.description`).
WORDS = {
    "n_steps": "rows[0]",
    "n_batch": "rows[1]",
    "n_rows": "rows[2]",
    "n_states": "rows[3]",
    "first": "rows[4]",
    "count": "rows[5]",
    "n_kept": "rows[2] if rows[7] else rows[1]",
    "own": "rows[8]",
    "sequences": "rows[9]",
    "input_index": "rows[10]",
    "result_index": "rows[11]",
}
NAMED_REALS = {0.0: "zero", 1.0: "one"}


@record
class Printer:
    """`reals` and `settings` are what numbers and hyperparameters are called."""

    names: Names
    reals: Mapping[float, str]
    settings: Mapping[str, str]

    def at(self, value: Value, level: int) -> str:
        """The code, in parentheses where it binds less tightly than `level`."""
        code, binds = self._bound(value)
        return code if binds >= level else f"({code})"

    def code(self, value: Value) -> str:
        return self._bound(value)[0]

    def _bound(self, value: Value) -> tuple[str, int]:
        match value:
            case bool():
                return str(int(value)), ATOM
            case float():
                return self._real(value)
            case int():
                return str(value), ATOM if value >= 0 else SIGN
            case Apply(primitive, args):
                return self._applied(primitive, args)
            case Count(size):
                return _size(size)
            case Name(id):
                return self.names.array(id), ATOM
            case Word(name) | Start(name):
                return name, ATOM
            case Setting(name):
                return self.settings[name], ATOM
        return self._called(value), ATOM

    def _real(self, value: float) -> tuple[str, int]:
        """0.0 and -0.0 are one key of `reals`, which is 0.0."""
        if value == 0 and copysign(1.0, value) < 0:
            return f"-{self.reals[0.0]}", SIGN
        return self.reals[value], ATOM

    def _called(self, value: Value) -> str:
        match value:
            case Pointer(array, at, scope):
                scope = scope if scope < MOST_SCOPES else -1
                given = f"{self.names.array(array)}, {self.code(at)}, {scope}"
                return f"{self.names.own('pointer')}({given})"
            case Load(pointer, index, of_bool):
                code = f"{self.code(pointer)}[{self.code(index)}]"
                return f"({code} != {self.reals[0.0]})" if of_bool else code
            case Number(whole):
                return f"{self.names.own('real')}(parameters, {self.code(whole)})"
            case Whole(number):
                return f"{self.names.own('np')}.int64({self.code(number)})"
            case Call(function, args):
                return f"{self.names.own(function)}({', '.join(map(self.code, args))})"
        raise AssertionError(f"no text for {value}")

    def _applied(self, primitive: str, args: tuple[Value, ...]) -> tuple[str, int]:
        match primitive, args:
            case "where", (condition, yes, no):
                parts = self.at(yes, OR), self.at(condition, OR), self.at(no, CHOICE)
                return f"{parts[0]} if {parts[1]} else {parts[2]}", CHOICE
            case "neg", (x,):
                return f"-{self.at(x, SIGN)}", SIGN
            case "not", (x,):
                return f"not {self.at(x, NOT)}", NOT
        if primitive in FUNCTIONS:
            function = self.names.own(FUNCTIONS[primitive])
            return f"{function}({', '.join(map(self.code, args))})", ATOM
        sign, binds, left, right = OPERATORS[primitive]
        return f"{self.at(args[0], left)} {sign} {self.at(args[1], right)}", binds

    # ------------------------------------------------------------ statements

    def lines(self, statements: Sequence[Statement], depth: int) -> Iterator[str]:
        indent = "    " * depth
        for statement in statements:
            match statement:
                case Assign(target, value):
                    yield f"{indent}{self.code(target)} = {self.code(value)}"
                case Update(target, (value,)):
                    yield f"{indent}{self.code(target)} += {self.code(value)}"
                case Update(target, terms):
                    yield f"{indent}{self.code(target)} += ("
                    for i, term in enumerate(terms):
                        yield f"{indent}    {'+ ' if i else ''}{self.at(term, PRODUCT)}"
                    yield f"{indent})"
                case For(index, start, stop, step, body):
                    over = f"{self.names.own('range')}({self._bounds(start, stop, step)})"
                    yield f"{indent}for {index.id} in {over}:"
                    yield from self.lines(body, depth + 1)
                case If(condition, body, otherwise):
                    yield f"{indent}if {self.code(condition)}:"
                    yield from self.lines(body, depth + 1)
                    if otherwise:
                        yield f"{indent}else:"
                        yield from self.lines(otherwise, depth + 1)
                case Do(call):
                    yield f"{indent}{self.code(call)}"
                case Return(value):
                    yield f"{indent}return {self.code(value)}"
                case Note(text):
                    yield f"{indent}# {text}"

    def _bounds(self, start: Value, stop: Value, step: Value) -> str:
        given = [stop] if (start, step) == (0, 1) else [start, stop]
        given += [] if step == 1 else [step]
        return ", ".join(map(self.code, given))


def _size(size: Size) -> tuple[str, int]:
    code = size_code(size)
    if "//" in code or len(size.terms) > 1:
        return code, SUM if "//" not in code else PRODUCT
    return code, ATOM if code.isidentifier() or code.isdigit() else PRODUCT


def function_text(
    function: Function, names: Names, dims: Sequence[str], hypers: Mapping[str, int]
) -> str:
    """The text of a routine or a phase; `hypers` says where run-time numbers stand."""
    found = mentioned(function.body)
    printer = Printer(names, _real_names(found), _setting_names(found))
    arguments = ", ".join(names.array(name) for name in function.arguments)
    lines = [
        f"@{names.own('noinline' if function.kind == 'apart' else 'routine')}",
        f"def {names.own(function.name)}({arguments}):",
        *size_lines(found, dims),
        *(f"    {name} = {size_code(size)}" for name, size in found.starts.items()),
        *(
            f"    {name} = {names.own('real')}(parameters, {_literal(value, names)})"
            for value, name in printer.reals.items()
        ),
        *(
            f"    {name} = {names.own('real')}(parameters, hyper[{hypers[setting]}])"
            for setting, name in printer.settings.items()
        ),
        *printer.lines(function.body, 1),
    ]
    return "\n".join(lines if function.body else [*lines, "    return"]) + "\n"


def size_lines(found: Mentioned, dims: Sequence[str]) -> Iterator[str]:
    """Dims and numbers of rows under their names."""
    for index, dim in enumerate(dims):
        if dim in found.dims:
            yield f"    d_{dim} = dims[{index}]"
    used = {EXTENTS[dim] for dim in found.dims if dim.startswith("@")} | set(found.words)
    for name, source in WORDS.items():
        if name in used:
            yield f"    {name} = {source}"


def _real_names(found: Mentioned) -> dict[float, str]:
    others = [value for value in found.reals if value not in NAMED_REALS]
    named = {value: name for value, name in NAMED_REALS.items() if value in found.reals}
    return named | {value: f"c{number}" for number, value in enumerate(others)}


def _setting_names(found: Mentioned) -> dict[str, str]:
    """Names that differ by a dot get a number."""
    names: dict[str, str] = {}
    for setting in found.settings:
        word = f"hyper_{word_of(setting)}"
        number = len(names)
        while word in names.values():
            word, number = f"hyper_{word_of(setting)}_{number}", number + 1
        names[setting] = word
    return names


def _literal(value: float, names: Names) -> str:
    if value in (inf, -inf):
        return f"{'-' if value < 0 else ''}{names.own('np')}.inf"
    return repr(value)
