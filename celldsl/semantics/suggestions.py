"""Which names could stand in a place.  In: what stands beside it.  Out: a test of names.

    g * hiden        names of a shape that fits beside `g`
    linear(x, Hh)    names of sizes

Asked only where a name is not there, to tell which one was meant.
"""

from __future__ import annotations

from celldsl.ir.size import Shape
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Binding, Fits, Static, Tensor, Unknown, Value
from celldsl.syntax import ast


def elaborate_beside(f: Environment, e: ast.Expr, fits: Fits) -> Value:
    """What an expression means; a name that is not there is taken for one that fits."""
    if not isinstance(e, ast.Name):
        return f.elaborate(e)
    outer, f.fits = f.fits, fits
    try:
        return f.elaborate(e)
    finally:
        f.fits = outer


def is_size(binding: Binding) -> bool:
    return binding.kind in ("dim", "index", "hyper") or isinstance(binding.value, Static)


def has_shape(f: Environment, shape: Shape) -> Fits:
    """Names of values that have a shape, or are scalars."""

    def fits(binding: Binding) -> bool:
        match binding.value:
            case Tensor(shape=found):
                return not found or f.context.constraints.same_shape(found, shape)
            case Static() | Unknown():
                return binding.kind != "sub"
        return False

    return fits


def beside(f: Environment, op: str, other: Value | None) -> Fits:
    """Names that can stand beside a value in an operation."""
    if op == "@" and isinstance(other, Tensor):
        return lambda binding: isinstance(binding.value, Tensor) and bool(binding.value.shape)
    return has_shape(f, other.shape) if isinstance(other, Tensor) else f.fits
