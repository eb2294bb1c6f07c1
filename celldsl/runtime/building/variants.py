"""The class for another structure.  In: a class and a structure.  Out: a class, or an error.

    activation: this module is made for activation=tanh, got relu; make one for it with
        celldsl compile gru.cell --cell GRU --set activation=relu

A class that `celldsl.load` made has a function `variants` that makes others; a generated module on
its own has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celldsl.runtime.building.settings import Setting, resolve_settings, setting_text
from celldsl.runtime.description import Description
from celldsl.runtime.errors import ArgumentError


def variant_class(cls: Any, wanted: Mapping[str, Setting], keywords: Mapping[str, Any]) -> Any:
    """The class with the structure that is wanted.  Raises ArgumentError where there is none."""
    made = cls if cls.variants is None else cls.variants(wanted)
    if resolve_settings(made.description, keywords).other is not None:
        raise structure_error(made.description, wanted)
    return made


def structure_error(description: Description, wanted: Mapping[str, Setting]) -> ArgumentError:
    """Says which command makes the code that was asked for."""
    made = {d.name: d.fixed for d in description.dims} | {
        h.name: h.value for h in description.hypers
    }
    differ = {name: value for name, value in wanted.items() if made[name] != value}
    first = next(iter(differ))
    options = " ".join(f"--set {name}={setting_text(value)}" for name, value in differ.items())
    return ArgumentError(
        f"{first}: this module is made for {first}={setting_text(made[first])}, got "
        f"{setting_text(differ[first])}; make one for it with\n"
        f"    celldsl compile {description.source} --cell {description.name} {options}"
    )
