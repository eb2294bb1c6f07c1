"""Arguments by name.  In: a call and a signature.  Out: the expression for each name.

    bind(f, `split(v, 2)`, "v, parts, axis=-1", "split")    {"v": v, "parts": 2, "axis": None}

Every function has its messages for too many arguments, missing ones and unknown options from here.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.suggest import nearest
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast
from celldsl.syntax.renamed import GONE, OPTIONS

Bound = dict[str, "ast.Expr | None"]


def bind(
    f: Frame, e: ast.Call, signature: str, name: str, too_many: str | None = None
) -> Bound | None:
    """The arguments by name.  A default in the signature stands for None: the builder knows it.

    `too_many` is the help where there are more arguments than names.
    """
    names_of = [part.strip().partition("=")[0] for part in signature.split(",") if part.strip()]
    required = [part.strip() for part in signature.split(",") if part.strip() and "=" not in part]
    if len(e.args) > len(names_of):
        limit = f"takes {_count(len(names_of))}, not {len(e.args)}"
        f.error("E0122", f"`{name}` {limit}", e.span, f"`{name}({signature})`", help=too_many)
        return None
    bound: Bound = dict.fromkeys(names_of)
    bound.update(zip(names_of, e.args, strict=False))
    known = [_bind_keyword(f, keyword, bound, name, signature) for keyword in e.keywords]
    if not all(known):
        return None
    missing = [n for n in required if bound[n] is None]
    if missing:
        told = ", ".join(f"`{n}`" for n in missing)
        help = _width_help(e) if missing == ["N"] else None
        f.error("E0122", f"`{name}` needs {told}", e.span, f"`{name}({signature})`", help=help)
        return None
    return bound


def _width_help(e: ast.Call) -> str:
    """A `linear` without the size of its result."""
    operands = ", ".join(arg.span.text for arg in e.args)
    return f"N is the size of the result: `{e.function}({operands}, H)`"


def _bind_keyword(f: Frame, keyword: ast.Keyword, bound: Bound, name: str, signature: str) -> bool:
    if keyword.name not in bound:
        help, fix = _option_meant(keyword, list(bound))
        told = f"`{name}` has no option `{keyword.name}`"
        f.error("E0123", told, keyword.span, f"`{name}({signature})`", help=help, fix=fix)
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
