"""How cells describe themselves.  In: a Description.  Out: what `help`, `repr` and `inspect` show.

    GRU(I=28, H=128, activation=tanh) of float32, 60,288 parameters

    inspect.signature(GRU)          # (*, I: int, H: int, activation: str = 'tanh', dtype=…, seed=0)
    inspect.signature(cell)         # (x, state=None, /, *, lengths=None, reverse=False, …)

Methods take the inputs of any cell; each class has copies of them that say which its own are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature, signature
from types import FunctionType

from celldsl.runtime.arrays.options import CALL_KEYWORDS, STEP_KEYWORDS
from celldsl.runtime.arrays.params import Parameters, count_of
from celldsl.runtime.arrays.validation import declared_words
from celldsl.runtime.cell.construction import Setting, setting_text
from celldsl.runtime.description import Array, Description, Dim, Param


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


KINDS: dict[str, type] = {"real": float, "integer": int, "boolean": bool, "function": str}
DEFAULTS = {"reverse": False, "states": "last"}
# Methods that look at keywords themselves, and those that stand in their bodies alone.
OPTIONS: dict[str, tuple[str, ...]] = {
    "__call__": CALL_KEYWORDS,
    "forward": (),
    "step": STEP_KEYWORDS,
    "backward": (),
    "trace": (),
    "stream": (),
}


def building_signature(described: Description) -> Signature:
    """What builds a cell; sizes and consts that follow from others are left out by default."""
    found = [_named(dim.name, _dim_default(dim), int) for dim in described.dims]
    for hyper in described.hypers:
        default = Parameter.empty if hyper.value is None else hyper.value
        found.append(_named(hyper.name, default, KINDS[hyper.kind]))
    consts = ((const.name, None if const.value else Parameter.empty) for const in described.consts)
    found += [_named(name, default, "numpy.ndarray") for name, default in consts]
    found += [_named("dtype", "float32", "numpy.typing.DTypeLike"), _named("seed", 0, int)]
    options = {"engine": "llvm", "products": described.products or None}
    taken = {each.name for each in found}
    found += [_named(name, value, str) for name, value in options.items() if name not in taken]
    return Signature(found)


def _dim_default(dim: Dim) -> object:
    """None where it is computed of those before it."""
    if dim.default is not None:
        return None
    return Parameter.empty if dim.fixed is None else dim.fixed


def with_own_inputs(described: Description, method: Callable[..., object]) -> Callable[..., object]:
    """A copy of a method of Cell whose signature names the inputs of one cell."""
    found = copied_function(method)
    found.__qualname__ = f"{described.name}.{method.__name__}"
    options = OPTIONS.get(method.__name__, ())
    vars(found)["__signature__"] = _with_inputs(described, signature(method), options)
    return found


def copied_function(function: Callable[..., object]) -> FunctionType:
    """The same code, with attributes of its own."""
    assert isinstance(function, FunctionType)
    found = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    found.__kwdefaults__, found.__doc__ = function.__kwdefaults__, function.__doc__
    found.__annotations__, found.__module__ = function.__annotations__, function.__module__
    found.__qualname__ = function.__qualname__
    return found


def _with_inputs(described: Description, general: Signature, options: tuple[str, ...]) -> Signature:
    """`inputs` becomes the one input, or stays a tuple beside keywords for several."""
    known = dict(general.parameters)
    if known.popitem()[0] == "unknown":  # it is there to be refused
        return general.replace(parameters=list(known.values()))
    names = [each.name for each in described.inputs]
    # An input that is called as an option is goes in by a mapping.
    if len(names) == 1 and names[0] not in {*known, *options}:
        known["inputs"] = known["inputs"].replace(name=names[0])
    found = list(known.values())
    taken = {each.name for each in found}
    more = dict.fromkeys([*options, *(names if len(names) > 1 else ())])
    found += [_named(n, DEFAULTS.get(n), "object") for n in more if n not in taken]
    return general.replace(parameters=found)


def _named(name: str, default: object, annotation: object) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
