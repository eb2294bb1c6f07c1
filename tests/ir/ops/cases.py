"""What to try each operation on.  In: nothing.  Out: shapes of arguments and attributes by op.

Shapes are of the dims N and M, which the tests make 1, 2 and 7.
"""

from __future__ import annotations

from typing import Any

from celldsl.ir.ops.table import OPS
from celldsl.ir.size import Shape, Size

N, M = Size.dim("N"), Size.dim("M")
ZERO, ONE, TWO = Size.of(0), Size.of(1), Size.of(2)
Case = tuple[list[Shape], dict[str, Any]]

CASES: dict[str, list[Case]] = {
    "number": [([], {"value": 2.5})],
    "size": [([], {"size": N * 2 + M})],
    "eye": [([], {"n": N})],
    "arange": [([], {"n": N})],
    "mask": [
        ([()], {"site": 0, "per": "parameter", "kind": kind, "shape": (N, M)})
        for kind in ("dropout", "zoneout")
    ],
    "slice": [
        ([(N, M)], {"axis": 0, "start": ZERO, "stop": N}),
        ([(N, M + 2)], {"axis": 1, "start": ONE, "stop": M}),
        ([(N * 3, M)], {"axis": 0, "start": N, "stop": N * 2}),
    ],
    "concat": [
        ([(N,), (M,), (N,)], {"axis": 0}),
        ([(N, M), (N, ONE)], {"axis": 1}),
        ([(N, M)], {"axis": 0}),
    ],
    "reshape": [
        ([(N, M)], {"shape": (M * N,)}),
        ([(N * 2,)], {"shape": (TWO, N)}),
        ([()], {"shape": (ONE, ONE)}),
    ],
    "transpose": [
        ([(N, M)], {"perm": (1, 0)}),
        ([(N, M, TWO)], {"perm": (2, 0, 1)}),
        ([()], {"perm": ()}),
    ],
    "broadcast": [
        ([()], {"shape": (N, M)}),
        ([(N, ONE)], {"shape": (N, M)}),
        ([(ONE, M, ONE)], {"shape": (N, M, TWO)}),
        ([(ONE,)], {"shape": (ONE,)}),
    ],
    "roll": [([(N, M)], {"axis": 0, "k": 1}), ([(N, M)], {"axis": 1, "k": -3})],
    "pad": [
        ([(N, M)], {"axis": 0, "before": ONE, "after": M}),
        ([(N, M)], {"axis": 1, "before": ZERO, "after": ZERO}),
    ],
    "window": [
        ([(N, M)], {"kernel": (3,)}),
        ([(TWO, N, M)], {"kernel": (3, 5)}),
        ([(N,)], {"kernel": (1,)}),
    ],
    "flip": [([(N,)], {"axis": 0}), ([(N, M, TWO)], {"axis": 1})],
    "fold": [
        ([(N, Size.of(3), M)], {"kernel": (3,)}),
        ([(TWO, Size.of(3), Size.of(5), N, M)], {"kernel": (3, 5)}),
    ],
    **{
        name: [([(N, M)], {"axis": 0}), ([(N, M, TWO)], {"axis": 1})]
        for name, entry in OPS.items()
        if entry.kind in ("reduce", "scan")
    },
    "cumsum": [
        ([(N, M)], {"axis": axis, "reverse": reverse})
        for axis in (0, 1)
        for reverse in (False, True)
    ],
    "einsum": [
        ([(N,), (N, M)], {"spec": "i,ij->j"}),
        ([(N,), (M,)], {"spec": "i,j->ij"}),
        ([(N, M), (N, M)], {"spec": "ij,ij->"}),
        ([(N, M), (M, TWO)], {"spec": "ij,jk->ik"}),
        ([(N, M), (N, TWO)], {"spec": "ai,aj->aij"}),
        ([(N,), (M,)], {"spec": "i,j->j"}),
        ([(), (M,)], {"spec": ",j->j"}),
        ([(TWO, N, M), (TWO, M)], {"spec": "nvk,nk->nv"}),
        ([(N, M), (M, N, TWO)], {"spec": "nk,knh->h"}),
    ],
    "add_at": [
        ([(N, M + 2), (N, M)], {"axis": 1, "start": ONE}),
        ([(N + 3, M), (N, M)], {"axis": 0, "start": ONE}),
        ([(M,), (M,)], {"axis": 0, "start": ZERO}),
    ],
    "rowsum": [([(N, M)], {})],
    "einsum_rows": [([(N,), (M,)], {"spec": "i,j->ij"}), ([(N,), (N,)], {"spec": "i,i->"})],
    "final": [([(N,)], {})],
    "total": [([(N,)], {})],
    # The last argument is an integer below N.
    "pick": [([(N,), ()], {}), ([(N, M), ()], {}), ([(N, M, TWO), ()], {})],
    "place": [([(), ()], {"n": N}), ([(M,), ()], {"n": N}), ([(M, TWO), ()], {"n": N})],
    "scatter_rows": [([(M,), ()], {"n": N})],
    **{
        name: [([(N, M)] * (entry.arity or 0), {}), ([()] * (entry.arity or 0), {})]
        for name, entry in OPS.items()
        if entry.kind == "elementwise"
    },
}
