"""A cell at a glance.  In: its spec and sizes.  Out: shapes, parameters and how many there are.

parameters          3*H*I + 3*H*H + 3*H = 60,288
    r_u.W_x         [I, 2*H]    (28, 256)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from celldsl.cli.options import Setting
from celldsl.cli.output import CommandError
from celldsl.ir.size import NotIntegral, Shape, Size, product, shape_text
from celldsl.ir.spec import ArraySpec, CellSpec, ParamSpec, array_text


def summary_text(spec: CellSpec, settings: Mapping[str, Setting]) -> str:
    """Sizes are numbers as well where `settings` has all dims."""
    sizes = sizes_of(spec, settings)
    lines = [_head(spec), *(f"    {line}" for line in spec.doc.strip().splitlines()), ""]
    lines += _section("inputs", spec.inputs, sizes)
    lines += _section("states", spec.states, sizes)
    lines += _section("outputs", spec.outputs, sizes)
    lines += _section("parameters", spec.params, sizes)
    lines += _section("constants", spec.consts, sizes)
    return "\n".join([*lines, _count(spec, sizes)])


def _head(spec: CellSpec) -> str:
    dims = ", ".join(d.name if d.default is None else f"{d.name}={d.default}" for d in spec.dims)
    hypers = ", ".join(
        h.name if h.value is None else f"{h.name}={_value(h.value)}" for h in spec.hypers
    )
    return f"{spec.name}" + (f"[{dims}]" if dims else "") + (f"({hypers})" if hypers else "")


def _value(value: Setting) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def sizes_of(spec: CellSpec, settings: Mapping[str, Setting]) -> dict[str, int] | None:
    """All dims as numbers, or None where one is not given."""
    found: dict[str, int] = {}
    for dim in spec.dims:
        value = settings.get(dim.name, dim.fixed)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            found[dim.name] = value
        elif dim.default is not None and dim.default.dims <= set(found):
            found[dim.name] = dim.default.evaluate(found)
        else:
            return None
    return found


def _section(
    title: str, items: Sequence[ArraySpec | ParamSpec], sizes: dict[str, int] | None
) -> list[str]:
    if not items:
        return []
    width = max(len(item.name) for item in items)
    shapes = [
        array_text(item) if isinstance(item, ArraySpec) else shape_text(item.shape)
        for item in items
    ]
    wide = max(map(len, shapes))
    lines = [
        f"    {item.name:{width}}  {shape:{wide}}  {_numbers(item.shape, sizes)}".rstrip()
        for item, shape in zip(items, shapes, strict=True)
    ]
    return [title, *lines, ""]


def _numbers(shape: Shape, sizes: dict[str, int] | None) -> str:
    if sizes is None:
        return ""
    try:
        numbers = [size.evaluate(sizes) for size in shape]
    except NotIntegral as error:
        raise CommandError(f"--set: {error}", 2) from None
    return str(tuple(numbers))


def _count(spec: CellSpec, sizes: dict[str, int] | None) -> str:
    total = Size.of(0)
    for param in spec.params:
        total = total + product(param.shape)
    number = "" if sizes is None or total.constant is not None else f" = {total.evaluate(sizes):,}"
    return f"{total}{number} parameters"
