"""How a cell describes itself.  In: a Description.  Out: the text of `help(GRU)` and `repr(cell)`.

GRU(I=28, H=128, activation=tanh) of float32, 60,288 parameters
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from celldsl.runtime.arrays.params import Parameters, count_of
from celldsl.runtime.arrays.shapes import declared_words
from celldsl.runtime.cell.construction import Setting, setting_text
from celldsl.runtime.description import Array, Description, Param


def class_text(description: Description) -> str:
    """What `help` shows of a class: equations, how to build one, names and shapes."""
    signature = signature_text(description)
    lines = [description.equations.strip(), "", f"Build one with {signature}.", ""]
    groups: list[tuple[str, Sequence[Array | Param]]] = [
        ("Inputs", description.inputs),
        ("Outputs", description.outputs),
        ("States", description.states),
        ("Parameters", description.params),
        ("Constants", description.consts),
    ]
    for title, items in groups:
        if items:
            lines += [f"{title}:", *(f"    {item.name}: {item.text}" for item in items), ""]
    lines.append(f"Made from {description.source} by celldsl {description.version}.")
    return "\n".join(lines) + "\n"


def signature_text(description: Description) -> str:
    """`GRU(I=…, H=…, dtype="float32", seed=0, activation="tanh")`."""
    parts = [f"{d.name}={_default(d.fixed)}" for d in description.dims]
    parts += ['dtype="float32"', "seed=0"]
    if description.products:
        parts.append(f'products="{description.products}"')
    for hyper in description.hypers:
        quoted = f'"{hyper.value}"' if isinstance(hyper.value, str) else _default(hyper.value)
        parts.append(f"{hyper.name}={quoted}")
    parts += [f"{const.name}=array" for const in description.consts if not const.value]
    return f"{description.name}({', '.join(parts)})"


def _default(value: object) -> str:
    return "…" if value is None else str(value)


def cell_line(description: Description, values: Mapping[str, Setting], dtype: object) -> str:
    """The first line of `repr(cell)`."""
    dims = {d.name: int(values[d.name]) for d in description.dims}
    settings = ", ".join(f"{name}={setting_text(value)}" for name, value in values.items())
    if description.products:
        settings += f"{', ' if settings else ''}products={description.products}"
    count = count_of(description.params, dims)
    return f"{description.name}({settings}) of {dtype}, {count:,} parameters"


def cell_text(description: Description, values: Mapping[str, Setting], params: Parameters) -> str:
    """`repr(cell)`: settings, equations, and the parameters with their shapes."""
    lines = [cell_line(description, values, params.dtype), ""]
    lines += [f"    {line}" for line in description.equations.strip().splitlines()]
    lines.append("")
    texts = {p.name: p.text for p in description.params}
    for name, array in params.items():
        lines.append(f"    {name}: {declared_words(texts[name], array.shape)}")
    return "\n".join(line.rstrip() for line in lines)
