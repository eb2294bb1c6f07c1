"""Values read at another index, and random ones.  In: statements.  Out: expressions.

roll(v, 1)[j]       m_v[((j0 - 1) % d_H)]
pad(v)[j]           (m_v[(j0 - d_K)] if (j0 - d_K) >= 0 and (j0 - d_K) < d_H else zero)
dropout(v, 0.5)     a hash of where it stands: `celldsl.runtime.masks`
"""

from __future__ import annotations

from celldsl.backends.body_text import Text, index_code, operand_code
from celldsl.backends.spelling import factor_code
from celldsl.ir.size import Shape, Size
from celldsl.plan.arrays import contiguous
from celldsl.plan.loops import Statement
from celldsl.plan.places import Memory


def _memory(statement: Statement) -> Memory:
    source = statement.operands[0]
    assert isinstance(source, Memory)
    return source


def rolled(text: Text, statement: Statement, indices: list[str]) -> str:
    source, at = _memory(statement), dict(statement.attributes)
    axis = at["axis"]
    assert isinstance(axis, int)
    moved = list(indices)
    moved[axis] = f"({indices[axis]} - {at['k']}) % {factor_code(_source(statement)[axis])}"
    return f"{text.lane(source.place)}[{index_code(source.strides, moved)}]"


def _source(statement: Statement) -> Shape:
    """The shape of what a shifted operation reads."""
    shape = dict(statement.attributes)["source"]
    assert isinstance(shape, tuple)
    return shape


def padded(text: Text, statement: Statement, indices: list[str]) -> str:
    source, at = _memory(statement), dict(statement.attributes)
    axis, before = at["axis"], at["before"]
    assert isinstance(axis, int) and isinstance(before, Size)
    size = _source(statement)[axis]
    index = f"{indices[axis]} - {factor_code(before)}"
    moved = [index if i == axis else name for i, name in enumerate(indices)]
    inside = f"{index} >= 0 and {index} < {factor_code(size)}"
    return f"({text.lane(source.place)}[{index_code(source.strides, moved)}] if {inside} else zero)"


def windowed(text: Text, statement: Statement, indices: list[str]) -> str:
    """Element [c, k…, l…] is the source at [c, l + k - reach…], zero beyond the border."""
    source, at = _memory(statement), dict(statement.attributes)
    kernel, sizes = at["kernel"], _source(statement)[1:]
    assert isinstance(kernel, tuple)
    rank = len(kernel)
    places = [f"{indices[1 + rank + i]} + {indices[1 + i]} - {kernel[i] // 2}" for i in range(rank)]
    inside = " and ".join(
        f"{place} >= 0 and {place} < {factor_code(size)}"
        for place, size in zip(places, sizes, strict=True)
    )
    index = index_code(source.strides, [indices[0], *places])
    return f"({text.lane(source.place)}[{index}] if {inside} else zero)"


def masked(text: Text, statement: Statement, indices: list[str]) -> str:
    """What dropout multiplies by, or zoneout mixes by: drawn in training, at rest otherwise."""
    at = dict(statement.attributes)
    per = str(at["per"])
    key = text.keys.setdefault((at["site"], per), f"key_{at['site']}")
    shape = at["shape"]
    assert isinstance(shape, tuple)
    index = index_code(contiguous(shape), indices)
    drawn = f"mask_uniform(parameters, {key}, {index})"
    rate = operand_code(text, statement.operands[0], [])
    if at["kind"] == "dropout":
        return f"(one if resting else (zero if {drawn} < {rate} else one / (one - {rate})))"
    return f"({rate} if resting else (one if {drawn} < {rate} else zero))"


def mask_keys(text: Text) -> list[str]:
    """What must be known of each mask before the loops over a row."""
    when = {"step": "t + steps_before(rows), b", "sequence": "-1, b", "parameter": "-1, -1"}
    return [
        f"{name} = mask_key(hyper[{len(text.hypers) + 1}], rows, {site}, {when[per]})"
        for (site, per), name in text.keys.items()
    ]
