"""Types that the table infers, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from celldsl.ir.attributes import Attributes
from celldsl.ir.ops.op import TypeMismatch
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Rows, Type
from celldsl.ir.size import Size

H, I2, ONE = Size.dim("H"), Size.dim("I"), Size.of(1)
V = Type((H,), Rows.STEP)
B = Type((H,), Rows.BATCH)
P = Type((H,), Rows.ONCE)
C = Type((H,), Rows.STEP, boolean=True)
M = Type((I2, H), Rows.ONCE)
S = Type((), Rows.ONCE)

GOOD: list[tuple[str, list[Type], dict[str, Any], Type]] = [
    ("add", [V, P], {}, V),
    ("add", [B, P], {}, B),
    ("lt", [P, B], {}, Type((H,), Rows.BATCH, True)),
    ("where", [C, P, P], {}, V),
    ("rowsum", [B], {}, P),
    ("final", [V], {}, B),
    ("einsum", [V, M], {"spec": "j,ij->i"}, Type((I2,), Rows.STEP)),
    ("einsum_rows", [V, B], {"spec": "i,j->ij"}, Type((H, H), Rows.ONCE)),
    ("mask", [S], {"site": 1, "per": "step", "kind": "dropout", "shape": (H,)}, V),
    ("mask", [S], {"site": 1, "per": "sequence", "kind": "zoneout", "shape": (H,)}, B),
    ("mask", [S], {"site": 1, "per": "parameter", "kind": "dropout", "shape": (H,)}, P),
    ("slice", [V], {"axis": 0, "start": ONE, "stop": H}, Type((H - 1,), Rows.STEP)),
    ("concat", [V, Type((I2,), Rows.ONCE)], {"axis": 0}, Type((H + I2,), Rows.STEP)),
    ("reshape", [M], {"shape": (H * I2,)}, Type((I2 * H,), Rows.ONCE)),
    ("broadcast", [C], {"shape": (H,)}, C),
    ("sum", [M], {"axis": 1}, Type((I2,), Rows.ONCE)),
]

BAD: list[tuple[str, list[Type], dict[str, Any]]] = [
    ("add", [V, M], {}),
    ("add", [V, C], {}),
    ("and", [C, V], {}),
    ("where", [V, V, V], {}),
    ("where", [C, C, V], {}),
    ("rowsum", [P], {}),
    ("einsum_rows", [P, P], {"spec": "i,i->"}),
    ("einsum", [V, M], {"spec": "i,ij->j"}),
    ("einsum", [V, V], {"spec": "ij,i->j"}),
    ("einsum", [V, V], {"spec": "i,i->k"}),
    ("einsum", [M, V], {"spec": "ii,i->i"}),
    ("mask", [V], {"site": 1, "per": "step", "kind": "dropout", "shape": (H,)}),
    ("mask", [S], {"site": 1, "per": "step", "kind": "other", "shape": (H,)}),
    ("slice", [V], {"axis": 1, "start": ONE, "stop": H}),
    ("slice", [V], {"axis": 0, "start": ONE, "stop": Size.of(0)}),
    ("slice", [V], {"axis": 0, "start": ONE, "stop": H + 1}),
    ("concat", [V, M], {"axis": 0}),
    ("concat", [V, C], {"axis": 0}),
    ("reshape", [M], {"shape": (H,)}),
    ("transpose", [M], {"perm": (0, 0)}),
    ("broadcast", [V], {"shape": (I2, H)}),
    ("broadcast", [V], {"shape": (I2,)}),
    ("window", [M], {"kernel": (2,)}),
    ("fold", [M], {"kernel": (3,)}),
    ("sum", [S], {"axis": 0}),
    ("sum", [C], {"axis": 0}),
    ("cumsum", [M], {"axis": 2, "reverse": False}),
    ("cumsum", [M], {"axis": 1}),
    ("sum", [M], {"axis": 1, "reverse": False}),
    ("sum", [M], {"axis": True}),
    ("sum", [M], {"axis": "1"}),
    ("reshape", [M], {"shape": (3, 4)}),
]


@pytest.mark.parametrize(("op", "types", "attributes", "expected"), GOOD)
def test_infers(op: str, types: list[Type], attributes: dict[str, Any], expected: Type) -> None:
    assert OPS[op].type_of(types, Attributes.of(attributes)) == expected


@pytest.mark.parametrize(("op", "types", "attributes"), BAD)
def test_refuses(op: str, types: list[Type], attributes: dict[str, Any]) -> None:
    with pytest.raises(TypeMismatch):
        OPS[op].type_of(types, Attributes.of(attributes))
