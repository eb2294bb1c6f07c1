"""The ends of loops that are not a whole vector long.  In: a loop of a stage.  Out: how it is cut.

    for j in range(31): y[j] = tanh(x[j])       # in vectors of 8

LLVM would compute the last 7 elements one by one, each as dear as a vector.  Instead the loop goes
to 24, and another over the last whole vector, from 23 to 31, in which what the first loop has done
already changes nothing: it writes what is there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from numba import types

from celldsl.runtime.stages.calls import is_elementary
from celldsl.runtime.stages.lanes import LaneType
from celldsl.runtime.stages.panels import panel_width
from celldsl.runtime.stages.scope import Scope
from celldsl.runtime.stages.values import constant, is_real


def vector_of(scope: Scope, body: Sequence[ast.stmt]) -> int:
    """Elements of a vector in the loop with this body; 0 where it is to stay whole.

    Two loops have twice the addresses, which is too dear for arithmetic alone.
    """
    if not _is_plain(body) or not any(_calls(scope, body)):
        return 0
    widths = [panel_width(str(kind.dtype)) // 2 for kind in _lanes(scope, body)]
    return max(widths, default=0)


def _is_plain(body: Sequence[ast.stmt]) -> bool:
    """Whether values are computed and written, and nothing else is done."""
    return all(
        isinstance(node, ast.Assign | ast.AugAssign)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


def _calls(scope: Scope, body: Sequence[ast.stmt]) -> Iterator[bool]:
    """Of each call whether it is of an elementary function."""
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.Call):
            yield is_elementary(scope.known(node.func))


def _lanes(scope: Scope, body: Sequence[ast.stmt]) -> list[Any]:
    """The types of the lanes of reals that the body names."""
    names = {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name)}
    kinds = [scope.names[name].kind for name in names if name in scope.names]
    return [k for k in kinds if isinstance(k, LaneType) and is_real(k.dtype)]


def end_of_vectors(builder: Any, count: Any, vector: int) -> Any:
    """Where the first loop ends: all of it, where it is shorter than a vector."""
    whole = builder.and_(count, constant(types.int64, -vector).code)
    longer = builder.icmp_signed(">", count, constant(types.int64, vector).code)
    return builder.select(longer, whole, count)
