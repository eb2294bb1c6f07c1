"""What happens inside a cell along a run, as numbers and as matplotlib figures.

from celldsl import inspection

seen = inspection.look(cell, x)             # x (T, B, I)
print(seen.told())                          # does it forget, does its gradient vanish, and where?
inspection.gradient_figure(seen).savefig("gradient.png")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celldsl.inspection.figures import (
        gradient_figure,
        range_figure,
        spectrum_figure,
        values_figure,
    )
    from celldsl.inspection.jacobian import jacobians, spectrum
    from celldsl.inspection.reach import Gradients, gradients
    from celldsl.inspection.seen import Seen, look

_HOMES = {
    "Gradients": "reach", "gradients": "reach", "jacobians": "jacobian", "spectrum": "jacobian",
    "Seen": "seen", "look": "seen", "gradient_figure": "figures", "range_figure": "figures",
    "spectrum_figure": "figures", "values_figure": "figures",
}  # fmt: skip
__all__ = [
    "Gradients", "Seen", "gradient_figure", "gradients", "jacobians", "look", "range_figure",
    "spectrum", "spectrum_figure", "values_figure",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'celldsl.inspection' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"celldsl.inspection.{_HOMES[name]}"), name)
