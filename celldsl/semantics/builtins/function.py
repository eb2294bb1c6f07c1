"""What a builtin function is, and its arguments.  In: a call, a signature.  Out: tensors, options.

    Function("split", "v, parts, axis=-1", "equal parts, or parts of given sizes", build_split)

`signature` gives the names of the arguments; one with `=` may be left out, and the text after it
is what the builder takes then.  `build` gets the arguments as they were written.  `too_many` is the
help for who gives more arguments than there are.
"""

from __future__ import annotations

from collections.abc import Callable

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.suggest import nearest
from celldsl.ir.size import Size, shape_text
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics import wording
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor, Value
from celldsl.semantics.sizes import whole
from celldsl.structs import record
from celldsl.syntax import ast
from celldsl.syntax.hints.other_names import GONE, OPTIONS

Bound = dict[str, "ast.Expr | None"]
Build = Callable[[Environment, ast.Call, Bound], Value]


@record
class Function:
    name: str
    signature: str
    doc: str
    build: Build
    elementwise: bool = False
    too_many: str | None = None


# ---------------------------------------------------------------- arguments


def bind(
    f: Environment, e: ast.Call, signature: str, name: str, too_many: str | None = None
) -> Bound | None:
    """The arguments by name.  A default in the signature stands for None: the builder knows it.

    A last name with a star has all arguments from there on, as a list.  `too_many` is the help
    where there are more arguments than names.
    """
    parts = [part.strip() for part in signature.split(",") if part.strip()]
    names_of = [part.partition("=")[0].lstrip("*") for part in parts]
    required = [part.lstrip("*") for part in parts if "=" not in part]
    args: tuple[ast.Expr, ...] = e.args
    if parts and parts[-1].startswith("*") and len(args) >= len(parts):
        rest = args[len(parts) - 1 :]
        listed = ast.ListOf(rest, span=rest[0].span.until(rest[-1].span))
        args = (*args[: len(parts) - 1], listed)
    if len(args) > len(names_of):
        limit = f"takes {_count(len(names_of))}, not {len(e.args)}"
        f.error("E0122", f"`{name}` {limit}", e.span, _shown(name, signature), help=too_many)
        return None
    bound: Bound = dict.fromkeys(names_of)
    bound.update(zip(names_of, args, strict=False))
    known = [_bind_keyword(f, keyword, bound, name, signature) for keyword in e.keywords]
    if not all(known):
        return None
    missing = [n for n in required if bound[n] is None]
    if missing:
        told = ", ".join(f"`{n}`" for n in missing)
        help = _missing_help(e, name, missing)
        f.error("E0122", f"`{name}` needs {told}", e.span, _shown(name, signature), help=help)
        return None
    return bound


def _shown(name: str, signature: str) -> str:
    """The signature as a call of it; `args=…` may be left out."""
    parts = [part.strip() for part in signature.split(",")]
    return f"`{name}({', '.join(f'{p}…' if p.endswith('=') else p for p in parts)})`"


def _missing_help(e: ast.Call, name: str, missing: list[str]) -> str | None:
    """A `linear` without the size of its result, one bound of two, a gradient of nothing."""
    texts = [arg.span.text for arg in e.args]
    match missing:
        case ["N"]:
            return f"N is the size of the result: `{e.function}({', '.join(texts)}, H)`"
        case ["high"] if len(texts) == 2:
            bound = texts[1].lstrip("-")
            return f"both bounds are written: `{name}({texts[0]}, -{bound}, {bound})`"
        case ["n"] if name == "one_hot" and texts:
            return f"say among how many, as the input does: `one_hot({texts[0]}, V)`"
        case ["wrt"] if texts:
            return f"say with respect to what: `{name}({texts[0]}, W)`"
    return None


def _bind_keyword(
    f: Environment, keyword: ast.Keyword, bound: Bound, name: str, signature: str
) -> bool:
    if keyword.name not in bound:
        help, fix = _option_meant(keyword, list(bound))
        told = f"`{name}` has no option `{keyword.name}`"
        f.error("E0123", told, keyword.span, _shown(name, signature), help=help, fix=fix)
        return False
    if bound[keyword.name] is not None:
        f.error("E0123", f"`{keyword.name}` is given twice", keyword.span)
        return False
    bound[keyword.name] = keyword.value
    return True


def _option_meant(keyword: ast.Keyword, known: list[str]) -> tuple[str | None, Fix | None]:
    """What to write for an option that is called otherwise elsewhere, or is not there."""
    elsewhere = OPTIONS.get(keyword.name)
    near = elsewhere if elsewhere in known else nearest(keyword.name, known)
    if near is None:
        return GONE.get(keyword.name), None
    fix = Fix(keyword.span, f"{near}={keyword.value.span.text}")
    return (f"here it is `{near}`" if near == elsewhere else f"did you mean `{near}`?"), fix


def _count(number: int) -> str:
    return "1 argument" if number == 1 else f"{number} arguments"


def given(a: Bound, name: str) -> ast.Expr:
    """An argument that the binding has made sure of."""
    expression = a[name]
    assert expression is not None
    return expression


def tensor(f: Environment, a: Bound, name: str) -> Tensor | None:
    return convert.tensor(f, given(a, name))


def ranked(f: Environment, a: Bound, name: str, least: int, e: ast.Call) -> Tensor | None:
    """A tensor of at least so many axes."""
    found = tensor(f, a, name)
    if found is None or len(found.shape) >= least:
        return found
    text, kind = wording.short(given(a, name).span), "an axis" if least == 1 else f"{least} axes"
    f.error(
        "E0210",
        f"`{e.function}` needs {kind}, and `{text}` is {shape_text(found.shape)}",
        given(a, name).span,
    )
    return None


def axis(f: Environment, a: Bound, rank: int, default: int = -1, name: str = "axis") -> int | None:
    """An axis from 0; `-1` is the last."""
    written = a.get(name)
    found: int | None = default
    if written is not None and _is_data(f, written):
        told = f"`{written.span.text}` stands where an axis is expected, and is a value"
        help = "elementwise operations on two values are written out: `a + b`, `max(a, b)`"
        f.error("E0124", told, written.span, help=help)
        return None
    if written is not None:
        found = written_sizes.integer(f, written, "an axis")
    if found is None:
        return None
    if not -rank <= found < rank:
        where = f"it is one of 0 to {rank - 1}" if rank > 1 else "axis 0 is the only one"
        f.error(
            "E0210",
            f"there is no axis {found}",
            (written or given(a, "v")).span,
            where,
            help="batch and time are no axes: a cell is written for one example at one step",
        )
        return None
    return found % rank


def _is_data(f: Environment, e: ast.Expr) -> bool:
    binding = f.find(e.id) if isinstance(e, ast.Name) else None
    return binding is not None and isinstance(binding.value, Tensor) and not binding.value.hyper


def flag(f: Environment, a: Bound, name: str, default: bool) -> bool | None:
    written = a[name]
    return default if written is None else convert.truth(f, written, f"`{name}`")


def divided(
    f: Environment,
    size: Size,
    parts: Size | int,
    written: ast.Node,
    what: str,
    help: str | None = None,
) -> Size | None:
    """`size / parts`, which must be whole for all sizes."""
    try:
        share = size / parts
    except (ValueError, ZeroDivisionError):
        f.error("E0207", f"{what}: {size} cannot be divided by {parts}", written.span)
        return None
    return whole(f, share, written.span, what, help)


def plain_name(e: ast.Expr) -> str | None:
    """What an operand is called in the name of its block; None where it has a number."""
    match e:
        case ast.Name(id, primed):
            return f"{id}_next" if primed else id
        case ast.Call(function="dropout" | "stop_gradient", args=(first, *_)):
            return plain_name(first)
    return None
