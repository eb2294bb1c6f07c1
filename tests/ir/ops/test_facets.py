"""Every entry of the table has every facet; what one lacks is named."""

from __future__ import annotations

import string

import pytest

from celldsl.ir.ops.spelling import FUNCTIONS
from celldsl.ir.ops.table import OPS
from tests.ir.ops.cases import CASES

AGREED = [
    "number", "size", "eye", "arange", "mask", "add", "sub", "mul", "div", "neg", "pow",
    "square", "exp", "log", "log1p", "expm1", "sqrt", "abs", "sign", "sin", "cos", "tan",
    "atan", "erf", "floor", "round", "mod", "step", "min", "max", "clip", "where", "lt", "le",
    "eq", "ne", "and", "or", "not", "sigmoid", "tanh", "relu", "softplus", "stop_gradient",
    "surrogate", "slice", "concat", "reshape", "transpose", "broadcast", "roll", "pad",
    "window", "fold", "sum", "amax", "amin", "cumsum", "cumprod", "einsum", "rowsum",
    "einsum_rows", "final",
]  # fmt: skip


def test_every_operation_is_there() -> None:
    assert set(AGREED) <= set(OPS)
    assert all(name == entry.name for name, entry in OPS.items())


@pytest.mark.parametrize("name", OPS)
def test_facets(name: str) -> None:
    entry = OPS[name]
    missing = [
        facet
        for facet, there in {
            "doc": entry.doc,
            "value": entry.value,
            "gradient": entry.gradient or entry.kind == "rows",
            "code": entry.code or entry.kind != "elementwise",
            "a case in tests/ops/cases.py": name in CASES,
        }.items()
        if not there
    ]
    assert not missing, f"{name} lacks {', '.join(missing)}"
    assert entry.cost in (0, 1, 4, 8), f"{name} has no cost of the scale"


@pytest.mark.parametrize("name", [n for n, entry in OPS.items() if entry.code])
def test_code_uses_arguments_and_known_functions_alone(name: str) -> None:
    entry = OPS[name]
    fields = {field for _, field, _, _ in string.Formatter().parse(entry.code) if field is not None}
    assert fields <= {str(i) for i in range(entry.arity or 0)}
    names = compile(entry.code.format("a", "b", "c"), name, "eval").co_names
    assert set(names) <= {*FUNCTIONS, "a", "b", "c"}
