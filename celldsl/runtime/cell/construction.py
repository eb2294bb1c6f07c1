"""What a cell is built with.  In: a Description and keywords.  Out: Settings, checked.

    settings = resolve_settings(GRU.description, {"I": 28, "H": 128, "activation": "tanh"})
    settings.dims       # {"I": 28, "H": 128}
    settings.hypers     # {"activation": "tanh"}

A generated module is good for one structure.  Where another is asked for, it is in
`settings.other`.  A class that `celldsl.load` made has a function `variants` that makes the class
for it; a generated module on its own has not, and says which command makes one:

    activation: this module is made for activation=tanh, got relu; make one for it with
        celldsl compile gru.cell --cell GRU --set activation=relu
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, SupportsFloat, TypeGuard

import numpy as np

from celldsl.jit.gemm.sizes import ROUNDED
from celldsl.runtime.arrays.options import Option, refuse_unknown
from celldsl.runtime.arrays.validation import (
    DType,
    Values,
    check_array,
    check_dtype,
    check_integer,
    declared_words,
)
from celldsl.runtime.description import Description, Hyper
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError


def variant_class(cls: Any, wanted: Mapping[str, Setting], keywords: Mapping[str, Option]) -> Any:
    """The class with the structure that is wanted.  Raises ArgumentError where there is none."""
    made = cls if cls.variants is None else cls.variants(wanted)
    if resolve_settings(made.description, keywords).other is not None:
        raise structure_error(made.description, wanted)
    return made


def structure_error(description: Description, wanted: Mapping[str, Setting]) -> ArgumentError:
    """Says which command makes the code that was asked for."""
    made = {d.name: d.fixed for d in description.dims} | {
        h.name: h.value for h in description.hypers
    }
    made["products"] = description.products or "float32"
    differ = {name: value for name, value in wanted.items() if made[name] != value}
    first = next(iter(differ))
    options = " ".join(f"--set {name}={setting_text(value)}" for name, value in differ.items())
    return ArgumentError(
        f"{first}: this module is made for {first}={setting_text(made[first])}, got "
        f"{setting_text(differ[first])}; make one for it with\n"
        f"    celldsl compile {description.source} --cell {description.name} {options}"
    )


Setting = int | float | bool | str
# What makes machine code of kernels: our lowering, or Numba alone.
ENGINES = ("llvm", "numba")


@dataclass(slots=True)
class Settings:
    """Values of dims and hyperparameters; `given` are the arrays passed for consts.

    `products` is what operands of products are rounded to, "" where they are of `dtype`.
    """

    dims: dict[str, int]
    hypers: dict[str, Setting]
    dtype: DType
    seed: int
    given: dict[str, object] = field(default_factory=dict)
    other: dict[str, Setting] | None = None
    engine: str = "llvm"
    products: str = ""

    @property
    def values(self) -> dict[str, Setting]:
        return {**self.dims, **self.hypers}


def resolve_settings(description: Description, keywords: Mapping[str, Option]) -> Settings:
    """The settings for keywords.  Raises ArgumentError and ArgumentTypeError."""
    refuse_unknown(f"{description.name}()", keywords, accepted_keywords(description))
    hypers = {h.name: _hyper_value(description, h, keywords) for h in description.hypers}
    dims = _dims(description, keywords)
    given = {c.name: keywords[c.name] for c in description.consts if c.name in keywords}
    dtype = check_dtype(keywords.get("dtype", "float32"))
    seed = check_integer("seed", keywords.get("seed", 0), 0)
    engine, products = _engine(description, keywords), _products(description, keywords, dtype)
    settings = Settings(dims, hypers, dtype, seed, given, engine=engine, products=products)
    settings.other = _other_structure(description, settings)
    return settings


def accepted_keywords(description: Description) -> tuple[str, ...]:
    return (*_own_names(description), "dtype", "seed", "engine", "products")


def _own_names(description: Description) -> list[str]:
    groups = (description.dims, description.hypers, description.consts)
    return [item.name for group in groups for item in group]


def _engine(description: Description, keywords: Mapping[str, Option]) -> str:
    """What makes machine code of the cell.  One that has an `engine` of its own has no choice."""
    asked = keywords.get("engine", ENGINES[0])
    if "engine" in _own_names(description):
        return ENGINES[0]
    if asked not in ENGINES:
        wanted = " or ".join(f'"{name}"' for name in ENGINES)
        raise ArgumentError(f"engine: expected {wanted}, got {asked!r}")
    return str(asked)


def _products(description: Description, keywords: Mapping[str, Option], dtype: DType) -> str:
    """What operands of products are rounded to: without a word, what the code was made for."""
    asked = keywords.get("products")
    if asked is None:
        asked = description.products or str(dtype)
    if asked == ROUNDED and dtype != np.float32:
        raise ArgumentError(
            f'products: "{ROUNDED}" goes with dtype="float32", and this cell is of {dtype}; '
            f'leave dtype out, or say products="{dtype}"'
        )
    if asked not in (ROUNDED, str(dtype)):
        wanted = f'"{ROUNDED}" or "{dtype}"' if dtype == np.float32 else f'"{dtype}"'
        raise ArgumentError(f"products: expected {wanted}, got {asked!r}")
    return ROUNDED if asked == ROUNDED else ""


def _dims(description: Description, keywords: Mapping[str, Option]) -> dict[str, int]:
    found: dict[str, int] = {}
    missing: list[str] = []
    for dim in description.dims:
        if dim.name in keywords:
            found[dim.name] = check_integer(dim.name, keywords[dim.name], 1)
        elif dim.default is not None and not missing:
            found[dim.name] = check_integer(dim.name, dim.default(**found), 1)
        elif dim.fixed is not None:
            found[dim.name] = dim.fixed
        elif dim.default is None:
            missing.append(dim.name)
    if missing:
        example = ", ".join(f"{name}=…" for name in missing)
        plural = "s" if len(missing) > 1 else ""
        raise ArgumentTypeError(
            f"{description.name}() needs the size{plural} {', '.join(missing)}: "
            f"{description.name}({example})"
        )
    return found


def _hyper_value(description: Description, hyper: Hyper, keywords: Mapping[str, Option]) -> Setting:
    if hyper.name not in keywords:
        if hyper.value is None:
            raise ArgumentTypeError(f"{description.name}() needs {hyper.name}={hyper.kind}")
        return hyper.value
    return check_hyper(hyper, keywords[hyper.name])


def check_hyper(hyper: Hyper, value: Option) -> Setting:
    """`value` as a plain Python value of the hyperparameter's kind.  Raises ArgumentTypeError."""
    match hyper.kind:
        case "boolean" if isinstance(value, bool | np.bool_):
            return bool(value)
        case "integer" if _is_integer(value):
            return int(value)
        case "real" if _is_integer(value) or isinstance(value, float | np.floating):
            return _as_real(hyper, value)
        case "function" if isinstance(value, str):
            return value
    wanted = {"function": "the name of a function or a cell", "boolean": "True or False"}
    kind = wanted.get(hyper.kind, f"a number ({hyper.kind})")
    raise ArgumentTypeError(f"{hyper.name}: expected {kind}, got {value!r}")


def _as_real(hyper: Hyper, value: SupportsFloat) -> float:
    try:
        return float(value)
    except OverflowError:
        told = f"{hyper.name}: expected a number (real), got a whole number that no float holds"
        raise ArgumentError(told) from None


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _other_structure(description: Description, settings: Settings) -> dict[str, Setting] | None:
    """The structure that was asked for, where it is not the one that the code is good for."""
    made: dict[str, Setting | None] = {
        d.name: d.fixed for d in description.dims if d.fixed is not None
    }
    made |= {h.name: h.value for h in description.hypers if h.fixed}
    values = settings.values
    wanted = {name: values[name] for name in made}
    if settings.products != description.products:
        wanted["products"] = settings.products or str(settings.dtype)
    return None if wanted == made else wanted


def setting_text(value: Setting | None) -> str:
    """A value as the command line takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_settings(
    description: Description, settings: Settings
) -> tuple[dict[str, Values], dict[str, object]]:
    """The arrays given for consts, and all values by name, as initial values see them.

    Raises ArgumentError for a `require` that does not hold and for a const that does not fit.
    """
    check_conditions(description, settings.values)
    given = _given_consts(description, settings)
    return given, settings.values | {n: a.astype(np.float64) for n, a in given.items()}


def check_conditions(description: Description, values: Mapping[str, Setting]) -> None:
    """Raises ArgumentError for a `require` that does not hold.

    One that reads what is not among the values is not looked at.
    """
    for condition in description.conditions:
        try:
            holds = condition.holds(values)
        except KeyError:
            continue
        if not holds:
            named = re.findall(r"\w+", condition.text)
            read = [name for name in values if name in named] or list(values)
            used = ", ".join(f"{name}={setting_text(values[name])}" for name in read)
            raise ArgumentError(
                f"{description.name}: {condition.why} (requires {condition.text}; with {used})"
            )


def _given_consts(description: Description, settings: Settings) -> dict[str, Values]:
    """The arrays passed for consts, checked.  Raises where one without a value is missing."""
    found = {}
    for const in description.consts:
        shape = tuple(const.shape(**settings.dims))
        if const.name in settings.given:
            value = settings.given[const.name]
            words = partial(declared_words, const.text, shape)
            found[const.name] = check_array(const.name, value, settings.dtype, shape, words)
        elif not const.value:
            wanted = declared_words(const.text, shape)
            raise ArgumentTypeError(
                f"{description.name}() needs {const.name}=array of shape {wanted}"
            )
    return found
