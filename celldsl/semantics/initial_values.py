"""Initial values.  In: initialisers and the parameter that they are for.  Out: nodes.

    param s: [H] = uniform(0, 1) * tau

`draw` nodes and what is computed from them go to the initial values of the cell; the start of a
state is computed in the program itself, so that it stays differentiable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size, shape_text
from celldsl.semantics import conversions as convert
from celldsl.semantics import wording
from celldsl.semantics.broadcast import stretched
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Initialiser, Target, Tensor, Value
from celldsl.semantics.pairs import Pair
from celldsl.syntax import ast

# The arguments with their defaults; None must be given.
INITIALISERS: dict[str, tuple[tuple[str, float | None], ...]] = {
    "zeros": (),
    "ones": (),
    "constant": (("v", None),),
    "uniform": (("a", None), ("b", None)),
    "log_uniform": (("a", None), ("b", None)),
    "normal": (("std", 1.0),),
    "truncated_normal": (("std", 1.0),),
    "glorot_uniform": (),
    "glorot_normal": (),
    "he_uniform": (),
    "he_normal": (),
    "lecun_normal": (),
    "orthogonal": (("gain", 1.0),),
    "identity": (("scale", 1.0),),
    "chrono": (("T", None),),
}
RANDOM = frozenset(INITIALISERS) - {"zeros", "ones", "constant", "identity"}
FILLED = {"zeros": 0.0, "ones": 1.0}
NEEDS_FANS = {"glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal"}


@contextmanager
def targeting(f: Environment, target: Target, what: str) -> Iterator[None]:
    """Inside, expressions are initial values of `target`."""
    before = f.target, f.only_initial
    f.target, f.only_initial = target, what
    try:
        with f.context.initial_values() if target.param else nullcontext():
            yield
    finally:
        f.target, f.only_initial = before


def fitted(f: Environment, value: Value, written: ast.Expr, target: Target) -> str | None:
    """The value in the shape of what it is for; where that is complex, the array of its parts."""
    found = convert.number(f, value, written.span)
    if found is None or not _of_kind(f, found, written, target):
        return None
    if fits(f, found.shape, target.shape):
        name = stretched(f, found, target.shape)
        if target.complex and not f.context.is_complex(name):
            name = f.context.complex(Pair(name), "pair", name)
        return f.context.array(name)
    wanted = shape_text(target.shape)
    what = f"`{target.param}`" if target.param else "the state that begins with it"
    f.error(
        "E0405",
        f"`{wording.short(written.span)}` is {shape_text(found.shape)}, and {what} is {wanted}",
        written.span,
    )
    return None


def _of_kind(f: Environment, found: Tensor, written: ast.Expr, target: Target) -> bool:
    """Real numbers are complex ones too, but chance in one part alone is hardly meant."""
    what, text = f"`{target.param}`" if target.param else "the state", wording.short(written.span)
    if f.context.is_complex(found.name):
        if not target.complex:
            told = f"`{text}` is complex, and {what} is real"
            help = convert.to_real(written.span)
            if "." not in target.param:
                help = f"{help}; or declare {what} as `complex`"
            f.error("E0219", told, written.span, help=help)
        return target.complex
    if not target.complex or not _is_drawn(f, found.name):
        return True
    told = f"`{text}` draws real numbers, and {what} is complex"
    f.error("E0219", told, written.span, help=f"draw both parts: `{text} + 1i * {text}`")
    return False


def _is_drawn(f: Environment, value: str) -> bool:
    nodes = {node.name: node for node in f.context.initial.nodes}
    pending, seen = [value], {value}
    while pending:
        node = nodes.get(pending.pop())
        if node is not None and node.op == "draw":
            return True
        new = () if node is None else [arg for arg in node.args if arg not in seen]
        seen.update(new)
        pending += new
    return False


def fits(f: Environment, short: Shape, long: Shape) -> bool:
    """Whether broadcasting brings `short` to `long`."""
    if len(short) > len(long):
        return False
    tail = long[len(long) - len(short) :]
    pairs = zip(short, tail, strict=True)
    return all(a == Size.of(1) or f.context.constraints.equal(a, b) for a, b in pairs)


def drawn(f: Environment, value: Initialiser, span: Span) -> Tensor | None:
    """What an initialiser gives for the parameter at hand."""
    target = f.target
    assert target is not None
    arguments = value.arguments or _defaults(f, value.name, span)
    if arguments is None:
        return None
    name = _plain(f, value.name, arguments, target)
    if name is None:
        if not target.param:
            _refuse(f, value.name, span)
            return None
        name = _draw(f, value.name, arguments, target, span)
    return None if name is None else Tensor(name, target.shape, (None,) * len(target.shape))


def _plain(f: Environment, name: str, arguments: tuple[str, ...], target: Target) -> str | None:
    """Initialisers that are no chance, as ordinary nodes."""
    w = f.context
    if name in FILLED:
        return w.op("broadcast", w.op("number", value=FILLED[name]), shape=target.shape)
    if name == "constant":
        return w.op("broadcast", arguments[0], shape=target.shape)
    square = len(target.shape) == 2 and target.shape[0] == target.shape[1]
    if name == "identity" and square:
        return w.op("mul", w.op("eye", n=target.shape[0]), arguments[0])
    return None


def _draw(
    f: Environment, name: str, arguments: tuple[str, ...], target: Target, span: Span
) -> str | None:
    if name in ("orthogonal", "identity") and len(target.shape) < 2:
        text = shape_text(target.shape)
        what = f"`{target.param}`" if target.param else "the state"
        f.error("E0405", f"`{name}` is for matrices, and {what} is {text}", span)
        return None
    target.draws += 1
    stream = target.param if target.draws == 1 else f"{target.param}#{target.draws}"
    more: dict[str, object] = {"shape": target.shape, "param": stream}
    if name in NEEDS_FANS:
        more.update(fan_in=target.fan_in, fan_out=target.fan_out)
    return f.context.draw(name, arguments, **more)


def _defaults(f: Environment, name: str, span: Span) -> tuple[str, ...] | None:
    values = INITIALISERS[name]
    missing = [n for n, default in values if default is None]
    if missing:
        told = ", ".join(f"`{n}`" for n in missing)
        f.error("E0122", f"`{name}` needs {told}", span, f"write `{name}({', '.join(missing)})`")
        return None
    return tuple(f.context.op("number", value=d) for _, d in values if d is not None)


def _refuse(f: Environment, name: str, span: Span) -> None:
    what = "random" if name in RANDOM else "no rule for this shape"
    f.error(
        "E0403",
        f"a state cannot begin with `{name}`",
        span,
        f"this is {what}",
        help="make it a `param` or a `const`, and begin the state with that",
    )
