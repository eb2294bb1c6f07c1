"""Every entry of the table has every facet; what one lacks is named."""

from __future__ import annotations

import pytest

from celldsl.ir.ops.element import Apply, Count, Value
from celldsl.ir.ops.op import Op
from celldsl.ir.ops.spelling import PYTHON, element_value
from celldsl.ir.ops.table import OPS
from celldsl.ir.size import Size
from celldsl.structs import replace
from celldsl.targets.jax.dialect import JAX
from celldsl.targets.numba.printer import FUNCTIONS, OPERATORS
from celldsl.targets.torch.dialect import TORCH
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
    missing = missing_facets(OPS[name])
    assert not missing, f"{name} lacks {', '.join(missing)}"


def test_a_facet_that_is_missing_is_named() -> None:
    """Nothing is left for a target to stumble over."""
    bare = replace(OPS["sum"], name="prod", reduction=None, doc="", cost=3)
    assert missing_facets(bare) == [
        "doc", "a cost of 0, 1, 4 or 8", "how its loop goes (`reduction`)",
    ]  # fmt: skip
    unknown = replace(OPS["tanh"], name="arctanh", value="")
    assert missing_facets(unknown) == [
        "value", "an `element`, or a spelling of the primitive in every target",
    ]  # fmt: skip
    bent = replace(OPS["relu"], name="prod")
    assert missing_facets(bent) == [
        "a spelling in PyTorch and JAX, which would differentiate its `element`",
    ]  # fmt: skip
    moved = replace(OPS["roll"], gather=None)
    assert missing_facets(moved) == ["where its elements are read (`gather`, `view`)"]


def missing_facets(entry: Op) -> list[str]:
    """What an entry must say, in words."""
    known = {**PYTHON, "where": None}.keys() & {*FUNCTIONS, *OPERATORS, "where", "neg", "not"}
    # Those that plans know by name, and write themselves.
    planned = ("fold", "concat", "mask")
    facets = {
        "doc": entry.doc,
        "value": entry.value,
        "a gradient": entry.gradient or entry.kind == "rows",
        "a cost of 0, 1, 4 or 8": entry.cost in (0, 1, 4, 8),
        "an `element`, or a spelling of the primitive in every target":
            not entry.primitive or entry.name in known,
        "a spelling in PyTorch and JAX, which would differentiate its `element`":
            entry.slope == "smooth" or {entry.name} <= TORCH.calls.keys() & JAX.calls.keys(),
        "how its loop goes (`reduction`)": entry.reduction or entry.kind not in ("reduce", "scan"),
        "where its elements are read (`gather`, `view`)":
            entry.gather or entry.view or entry.kind not in ("shape", "source")
            or entry.loop == "none" or entry.name in planned,
        "a case in tests/ir/ops/cases.py": entry.name in CASES or entry.name in ("prod", "arctanh"),
    }  # fmt: skip
    return [facet for facet, there in facets.items() if not there]


@pytest.mark.parametrize("name", [n for n, entry in OPS.items() if entry.element is not None])
def test_an_element_is_made_of_primitives(name: str) -> None:
    entry = OPS[name]
    assert entry.element is not None
    arguments = tuple(Count(Size.dim(f"A{i}")) for i in range(entry.arity or 0))
    used = primitives_of(entry.element(*arguments))
    made = used - {n for n, other in OPS.items() if other.primitive}
    assert not made, f"write what {', '.join(sorted(made))} is made of: it has an `element` itself"


@pytest.mark.parametrize("name", [n for n, entry in OPS.items() if entry.reduction is not None])
def test_a_loop_of_a_reduction_agrees_with_its_value(name: str) -> None:
    rule = OPS[name].reduction
    assert rule is not None
    assert primitives_of(rule.combine(Count(Size.dim("A")), Count(Size.dim("B")))) <= {*OPS}
    total: float = rule.start
    for x in (0.5, -2.0, 1.5):
        total = element_value(rule.combine(total, x))
    values = {"sum": 0.0, "amax": 1.5, "amin": -2.0, "cumsum": 0.0, "cumprod": -1.5}
    assert total == values.get(name, total)


def primitives_of(value: Value) -> set[str]:
    if isinstance(value, Apply):
        return {value.primitive}.union(*map(primitives_of, value.args))
    return set()
