"""Settings from outside, compared with a cell's header.  In: names and values.  Out: SettingError.

    check_given(cell, {"round": 3})         # Deep has no round; did you mean rounds?

What a command is given must be a dim or a hyperparameter of the cell, and of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from celldsl.diagnostics.errors import SettingError
from celldsl.diagnostics.suggest import nearest
from celldsl.ir.spec import ROUNDED, CellSpec
from celldsl.semantics.structure import Kind, Setting, kind_of, setting_of
from celldsl.syntax import ast

# What the operands of products may be of: the cell's own dtype, or what they are rounded to.
PRODUCTS = (ROUNDED, "float32", "float64")
# What a default of a kind may be replaced by, and how that is said.
FITTING: dict[Kind, tuple[tuple[Kind, ...], str]] = {
    "real": (("real", "integer"), "a number"),
    "integer": (("integer",), "a whole number"),
    "boolean": (("boolean",), "true or false"),
    "function": (("function",), "the name of a function"),
}


def check_given(cell: ast.Cell, given: Mapping[str, Setting]) -> None:
    """Raises SettingError for the first setting that does not fit."""
    dims = {dim.id for dim in cell.dims}
    hypers = {hyper.id: setting_of(hyper.default) for hyper in cell.hyper}
    for name, value in given.items():
        if name in dims:
            _check_size(name, value)
        elif name in hypers:
            _check_kind(name, hypers[name], value)
        else:
            raise SettingError(_unknown(cell.name.id, name, [*dims, *hypers]))


def take_products(given: Mapping[str, Setting]) -> tuple[str, dict[str, Setting]]:
    """What operands of products are rounded to ("": nothing), and the cell's own settings.

    Raises SettingError for another word.
    """
    rest = dict(given)
    asked = rest.pop("products", PRODUCTS[1])
    if asked not in PRODUCTS:
        expected = " or ".join(PRODUCTS)
        raise SettingError(f"products: expected {expected}, got {told(asked)}")
    return (ROUNDED if asked == ROUNDED else ""), rest


def check_conditions(spec: CellSpec, given: Mapping[str, Setting]) -> None:
    """Raises SettingError where what is given breaks a condition, as building the cell would.

    What is not given is as it is by default; a condition on what has no default is left alone.
    """
    known: dict[str, Setting | None] = {h.name: h.value for h in spec.hypers}
    sizes = [(dim.name, dim.fixed if dim.default is None else dim.default.constant)
             for dim in spec.dims]  # fmt: skip
    known |= {**dict(sizes), **given}
    for condition in spec.conditions:
        read = re.findall(r'v\["(\w+)"\]', condition.code)
        plain = not re.search(r"\b(np|numerics)\.", condition.code)
        if not plain or not given.keys() & set(read) or any(known.get(n) is None for n in read):
            continue
        if not eval(condition.code, {"v": known}):
            used = ", ".join(f"{n}={told(known[n] or 0)}" for n in dict.fromkeys(read))
            raise SettingError(
                f"{spec.name}: {condition.why} (requires {condition.text}; with {used})"
            )


def _check_size(name: str, value: Setting) -> None:
    if kind_of(value) != "integer" or isinstance(value, str) or value < 1:
        raise SettingError(f"{name} is a size, a whole number of at least 1, not {told(value)}")


def _check_kind(name: str, default: Setting | None, value: Setting) -> None:
    if default is None:
        return
    kinds, what = FITTING[kind_of(default)]
    if kind_of(value) not in kinds:
        raise SettingError(f"{name} is {what} (default: {told(default)}), not {told(value)}")


def _unknown(cell: str, name: str, known: list[str]) -> str:
    meant = nearest(name, known)
    if meant is not None:
        return f"{cell} has no {name}; did you mean {meant}?"
    return f"{cell} has no {name}; it has {', '.join(sorted(known)) or 'nothing to set'}"


def told(value: Setting) -> str:
    """A value as it is written in a cell."""
    return str(value).lower() if isinstance(value, bool) else str(value)
