"""Cells in JAX: `apply = celldsl.jax.function(cell)`."""

from __future__ import annotations

try:
    import jax as _jax  # noqa: F401
except ImportError as error:
    raise ImportError("celldsl.jax needs JAX: pip install 'celldsl[jax]'") from error

from celldsl.jax.apply import Apply, function

__all__ = ["Apply", "function"]
