"""Reductions and scans along an axis.  In: `sum(v)`, `softmax(v, axis=0)`.  Out: their nodes."""

from __future__ import annotations

from collections.abc import Callable

from celldsl.ir.ops.op import Op
from celldsl.ir.ops.table import OPS
from celldsl.semantics import conversions as convert
from celldsl.semantics.builtins import composites
from celldsl.semantics.builtins.function import Bound, Build, Function, axis, ranked
from celldsl.semantics.context import Context, Environment
from celldsl.semantics.environment import Tensor, Unknown, Value
from celldsl.syntax import ast

SMALLEST = 1e-12
Along = Callable[[Context, str, int], str]


def _along(make: Along, keeps: bool) -> Build:
    """A function along the last axis or `axis=`; reductions drop it."""

    def build(f: Environment, e: ast.Call, a: Bound) -> Value:
        v = ranked(f, a, "v", 1, e)
        place = None if v is None else axis(f, a, len(v.shape))
        if v is None or place is None:
            return Unknown()
        name = make(f.context, v.name, place)
        why = v.why or (None,) * len(v.shape)
        return Tensor(name, f.context.shape(name), why if keeps else why[:place] + why[place + 1 :])

    return build


def _op(name: str) -> Along:
    return lambda w, v, place: w.op(name, v, axis=place)


def reduce_extreme(f: Environment, e: ast.Call, a: Bound, op: str) -> Value:
    return _along(_op(op), keeps=False)(f, e, a)


def _normalize(f: Environment, e: ast.Call, a: Bound) -> Value:
    """PyTorch's: a value over its norm, or over `eps` where that is greater."""
    v = ranked(f, a, "v", 1, e)
    place = None if v is None else axis(f, a, len(v.shape))
    eps = None if a["eps"] is None else convert.real(f, a["eps"], "`eps`")
    if v is None or place is None or (a["eps"] is not None and eps is None):
        return Unknown()
    w = f.context
    least = w.op("number", value=SMALLEST) if eps is None else eps.name
    length = w.op("max", composites.norm(w, v.name, place), least)
    return Tensor(w.op("div", v.name, composites.along(w, length, place, v.name)), v.shape, v.why)


def _entry(name: str, doc: str, make: Along, keeps: bool = False) -> Function:
    return Function(name, "v, axis=-1", doc, _along(make, keeps))


def _of_entry(entry: Op) -> Function:
    """The function of an operation: it drops the axis, or keeps it where it is a scan."""
    whole = {"reverse": False} if entry.name == "cumsum" else {}

    def make(w: Context, v: str, place: int) -> str:
        return w.op(entry.name, v, axis=place, **whole)

    return _entry(entry.function, entry.doc, make, keeps=entry.kind == "scan")


ENTRIES = (
    *(
        _of_entry(entry)
        for entry in OPS.values()
        if entry.function and entry.kind in ("reduce", "scan")
    ),
    _entry("mean", "the mean along an axis", composites.mean),
    _entry("norm", "the Euclidean norm along an axis; its gradient at 0 is 0", composites.norm),
    _entry("logsumexp", "log(sum(exp(v))), without overflow", composites.logsumexp),
    _entry("softmax", "exp(v) / sum(exp(v)), without overflow", composites.softmax, keeps=True),
    Function("normalize", "v, axis=-1, eps=1e-12", "v / max(norm(v), eps)", _normalize),
)  # fmt: skip
