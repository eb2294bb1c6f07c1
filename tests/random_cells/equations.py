"""Equations of random cells.  In: a draft.  Out: nothing; the draft has a line or a few more.

linear(draft)       'v3 = sigmoid(linear([x0, h1], 2*H))'
"""

from __future__ import annotations

from collections.abc import Callable

from tests.random_cells.draft import Draft
from tests.random_cells.size import IN, H, N, Width

UNARY = (
    "tanh({})", "sigmoid({})", "sin({})", "atan({})", "softsign({})", "exp(-square({}))",
    "log1p(abs({}))", "sqrt(1.0 + square({}))", "relu({}) - 0.1", "gelu({})", "hard_tanh({})",
    "softplus({})", "0.5 - {}", "1.0 / (1.5 + sin({}))", "clip({}, -0.5, 1.0)", "({}) ** 2 / 4",
)  # fmt: skip
BINARY = (
    "{} + {}", "{} - {}", "{} * tanh({})", "{} / (1.0 + square({}))", "max({}, {})", "min({}, {})",
    "where({0} > {1}, {1}, {0} * {1})", "{0} * {1} + (1 - {0}) * {1}",
)  # fmt: skip
REDUCTIONS = ("sum", "mean", "max", "min", "norm", "logsumexp")
WIDTHS = (H, H, IN, N, H + H, H + H + IN, Width({"H": 4}), Width({"1": 3}))


def unary(draft: Draft) -> None:
    value, shape = draft.pick() or draft.values[0]
    draft.define(shape, draft.rng.choice(UNARY).format(value))


def binary(draft: Draft) -> None:
    """Of one shape, or with a number."""
    value, shape = draft.pick() or draft.values[0]
    other = draft.pick(shape=()) if draft.rng.random() < 0.2 else draft.pick(shape=shape)
    second = draft.of_shape(shape) if other is None else other[0]
    draft.define(shape, draft.rng.choice(BINARY).format(value, second))


def linear(draft: Draft) -> None:
    """Of one to three operands, perhaps split after."""
    rng = draft.rng
    operands = list(dict.fromkeys(_operand(draft) for _ in range(rng.randint(1, 3))))
    width = rng.choice(WIDTHS)
    bias = rng.choice(["", ", bias=false", ", bias=0.5"])
    product = f"linear([{', '.join(operands)}], {width.text}{bias})"
    form = rng.choice(["{}", "tanh({})", "sigmoid({})", "0.5 * {}"])
    name = draft.define((width,), form.format(product))
    if width.halves is not None and rng.random() < 0.7:
        _split(draft, name, width.halves)


def _operand(draft: Draft) -> str:
    """A vector; sometimes a product of two."""
    value, shape = draft.pick(rank=1) or draft.values[0]
    if draft.rng.random() < 0.3:
        return f"{value} * {draft.of_shape(shape)}"
    return value


def _split(draft: Draft, value: str, half: Width) -> None:
    names = draft.name("v"), draft.name("v")
    draft.lines.append(f"{', '.join(names)} = split({value}, 2)")
    draft.values += [(name, (half,)) for name in names]


def split(draft: Draft) -> None:
    halved = [(e, s[0].halves) for e, s in draft.values if len(s) == 1]
    fitting = [(value, half) for value, half in halved if half is not None]
    if not fitting:
        return concat(draft)
    value, half = draft.rng.choice(fitting)
    assert half is not None
    return _split(draft, value, half)


def concat(draft: Draft) -> None:
    pieces = [draft.pick(rank=1) or draft.values[0] for _ in range(draft.rng.randint(2, 3))]
    width = sum((shape[0] for _, shape in pieces), Width({}))
    draft.define((width,), f"concat([{', '.join(e for e, _ in pieces)}])")


def cut(draft: Draft) -> None:
    value, shape = draft.pick(rank=1) or draft.values[0]
    first = shape[0].first
    if first is None:
        draft.define(shape, f"roll({value}, {draft.rng.choice([1, -1, 2])})")
    else:
        draft.define((first,), f"{value}[:{first.text}]")


def reduce(draft: Draft) -> None:
    value, shape = draft.pick(rank=draft.rng.choice([1, 2])) or draft.values[0]
    name = draft.rng.choice(REDUCTIONS)
    if len(shape) == 2 and draft.rng.random() < 0.5:
        draft.define(shape[1:], f"0.3 * {name}({value}, axis=0)")
    else:
        draft.define(shape[:-1], f"0.3 * {name}({value})")


def norm(draft: Draft) -> None:
    value, shape = draft.pick(rank=1) or draft.values[0]
    kind = draft.rng.choice(["layer_norm", "rms_norm", "softmax", "cumsum", "normalize"])
    draft.define(shape, f"{kind}({value})")


def product(draft: Draft) -> None:
    """Of a parameter, from either side, or of two values."""
    rng = draft.rng
    value, (width,) = draft.pick(rank=1) or draft.values[0]
    other = rng.choice(WIDTHS)
    match rng.randrange(6):
        case 0:
            draft.define((other,), f"{value} @ {draft.param((width, other))}")
        case 1:
            draft.define((other,), f"{draft.param((other, width))} @ {value}")
        case 2:
            draft.define((), f"tanh(dot({value}, {draft.of_shape((width,))}))")
        case 3:
            draft.define((N, H), f"outer({draft.of_shape((N,))}, {draft.of_shape((H,))})")
        case 4:
            heads = draft.param((N, width, H))
            form = rng.choice(["{0} @ {1}", 'einsum("i,nih->nh", {0}, {1})'])
            draft.define((N, H), form.format(value, heads))
        case 5:
            heads, matrix = draft.param((other, N, H)), draft.of_shape((N, H))
            draft.define((other,), f'einsum("onh,nh->o", {heads}, {matrix})')


def matrix(draft: Draft) -> None:
    """What can be done with a matrix."""
    value = draft.of_shape((N, H))
    match draft.rng.randrange(6):
        case 0:
            draft.define((N,), f"tanh({value} @ {draft.of_shape((H,))})")
        case 1:
            row = draft.of_shape((H,))
            draft.define((N, H), f"{value} * sigmoid(expand({row}, 0))")
        case 2:
            column = draft.of_shape((N,))
            draft.define((N, H), f"tanh({value} + expand({column}, 1))")
        case 3:
            draft.define((H,), f"tanh(transpose({value}) @ {draft.of_shape((N,))})")
        case 4:
            column, row = draft.of_shape((N,)), draft.of_shape((H,))
            draft.define((H,), f'0.3 * einsum("hn,n,h->h", transpose({value}), {column}, {row})')
        case 5:
            other = draft.of_shape((N, H))
            draft.define((N,), f'0.1 * einsum("nh,nh->n", {value}, {other})')


def loop(draft: Draft) -> None:
    """A value that goes through a loop: with a parameter for each turn, or the same one."""
    rng = draft.rng
    value, shape = draft.pick(rank=1) or draft.values[0]
    name = draft.define(shape, f"0.5 * {value}")
    match rng.randrange(3):
        case 0:
            turn = f"tanh(linear({name}, {shape[0].text}))"
        case 1:
            turn = f"{name} * {draft.param(shape)} + {draft.of_shape(shape)}"
        case _:
            turn = f"sin({name} @ {draft.param((shape[0], shape[0]))} + k)"
    draft.lines += [f"for k in 0..{rng.randint(1, 3)}:", f"    {name} = {turn}"]


def fold(draft: Draft) -> None:
    """A sum, product or extreme over a loop, whose iterations may have parameters."""
    rng = draft.rng
    value, shape = draft.pick(rank=1) or draft.values[0]
    turn = rng.choice(["sin({0} + k)", "{0} * (0.5 - k)", "tanh(linear({0}, {1}))"])
    name = rng.choice(["sum", "product", "max", "min"])
    body = turn.format(value, shape[0].text)
    draft.define(shape, f"0.5 * {name}(for k in 0..{rng.randint(1, 3)}: {body})")


def again(draft: Draft) -> None:
    """A name that is given a new value, and a gradient that is changed."""
    value, shape = draft.pick() or draft.values[0]
    name = draft.define(shape, f"0.9 * {value}")
    form = draft.rng.choice(["tanh({0})", "{0} - {1}", "scale_gradient({0}, 0.5)"])
    draft.lines.append(f"{name} = {form.format(name, draft.of_shape(shape))}")


def several(draft: Draft) -> None:
    """Two `linear`s in one equation, or one that gives rows."""
    (one, _), (other, _) = (draft.pick(rank=1) or draft.values[0] for _ in range(2))
    width = draft.rng.choice(WIDTHS)
    if one == other:
        draft.define((width,), f"sum(tanh(linear({one}, [3, {width.text}])), axis=0)")
        return
    second = f"linear({other}, {width.text}, bias=false)"
    draft.define((width,), f"tanh(linear({one}, {width.text}) * {second})")
    return


def choice(draft: Draft) -> None:
    """Both branches of a condition, one of which is taken."""
    value, shape = draft.pick() or draft.values[0]
    name = draft.name("v")
    condition = draft.rng.choice(["deep", "not deep"])
    draft.lines += [
        f"if {condition}:", f"    {name} = tanh({value})", "else:", f"    {name} = 2.0 * {value}",
    ]  # fmt: skip
    draft.values.append((name, shape))


def inner(draft: Draft) -> None:
    """A cell in the cell: a step, one told where to begin, two that go on, or several in a loop."""
    if draft.inner:
        return unary(draft)
    draft.inner, rng = True, draft.rng
    value, (width,) = draft.pick(rank=1) or draft.values[0]
    names = draft.name("v"), draft.name("v")
    draft.declared.append(f"sub g = {rng.choice(['Inner', 'kind'])}[{width.text}, H]")
    start = rng.choice(["", ", s={}", ", s=0.5 * g.s + {}"]).format(draft.of_shape((H,)))
    if "g.s" not in start and rng.random() < 0.5:
        draft.declared[-1] = draft.declared[-1].replace(f"[{width.text},", "[_,")
    step = f"{', '.join(names)} = g({value}{start})"
    match rng.randrange(4):
        case 0:
            draft.lines += [f"{name} = {draft.of_shape((H,))}" for name in names]
            draft.lines += [f"for k in 0..{rng.randint(1, 3)}:", f"    {step}"]
        case 1:
            draft.lines += [f"{names[0]}, {draft.name('u')} = g({value}{start})"]
            draft.lines += [f"{draft.name('u')}, {names[1]} = g({value}, s=g.s' + {names[0]})"]
        case _:
            draft.lines.append(step)
    draft.values += [(name, (H,)) for name in names]
    return None


def ode(draft: Draft) -> None:
    """What a differential equation leads to: of one value, or of two that change together."""
    rng, (value, shape) = draft.rng, draft.pick() or draft.values[0]
    rule = f'method="{rng.choice(["euler", "midpoint", "rk4"])}", steps={rng.randint(1, 2)}'
    match rng.randrange(3):
        case 0:
            draft.define(shape, f"ode(sin, {value}, 0.3, {rule})")
        case 1:
            other = draft.of_shape(shape)
            draft.define(shape, f"ode(drift, {value}, rate, {rule}, args=[{other}])")
        case _:
            names, other = (draft.name("v"), draft.name("v")), draft.of_shape(shape)
            left = ", ".join(names)
            draft.lines.append(f"{left} = ode(swing, [{value}, {other}], 0.2, {rule})")
            draft.values += [(name, shape) for name in names]


def mask(draft: Draft) -> None:
    value, shape = draft.pick() or draft.values[0]
    forms = ["stop_gradient({})"]
    if draft.masks:
        forms = ["dropout({}, rate)", "dropout({}, rate, per=sequence)", "zoneout({}, {}, rate)"]
    form = draft.rng.choice(forms)
    values = [value, draft.of_shape(shape)][: form.count("{}")]
    draft.define(shape, form.format(*values))


def pick(draft: Draft) -> None:
    """What an integer picks, of a parameter or a matrix; or its place among zeros."""
    if not draft.integers:
        return unary(draft)
    rng, index = draft.rng, draft.rng.choice(draft.integers)
    match rng.randrange(4):
        case 0:
            width = rng.choice(WIDTHS)
            draft.define((width,), f"{draft.param((N, width))}[{index}]")
        case 1:
            draft.define((N,), f"one_hot({index}, N)")
        case 2:
            draft.define((H,), f"tanh({draft.of_shape((N, H))}[{index}])")
        case _:
            vector = draft.pick(rank=1) or draft.values[0]
            width = rng.choice(WIDTHS)
            draft.define((width,), f"linear([one_hot({index}, N), {vector[0]}], {width.text})")
    return None


def choose(draft: Draft) -> None:
    """By a truth value, or by whether an integer is 0."""
    conditions = [*draft.truths, *(f"{index} == 0" for index in draft.integers)]
    if not conditions:
        return binary(draft)
    value, shape = draft.pick() or draft.values[0]
    condition = draft.rng.choice(conditions)
    draft.define(shape, f"where({condition}, {value}, 0.5 * {draft.of_shape(shape)})")
    return None


COMPLEX = (
    "{0} * {1}", "{0} + 1i * {1}", "{0} / (2 + abs({1}))", "conj({0}) - {1}", "exp(0.3 * {0})",
    "0.3 * ({0} + {1}) ** 3", "{2} * {0}", "normalize({0}) + {2}", "where({2} > 0, {0}, {1})",
    "roll({0}, 1) - square({1}) / 4", "stop_gradient({0}) * {1}", "cumsum({0}) / 2",
    "tanh({0} / (1 + abs({0})))", "sqrt(2 + {0} / (1 + abs({0})))", "log(1.5 + abs({1}) + {0})",
    "(2 + {0} / (1 + abs({0}))) ** {2}", "{0} / (2i + {1} / (1 + abs({1})))",
)  # fmt: skip
PARTS = ("real({0})", "imag({0})", "abs({0}) / 2", "real({0} * conj({1}))", "tanh(imag({0} * {1}))")


def complex_value(draft: Draft) -> None:
    """Complex arithmetic on vectors, of which real ones come in the end."""
    rng = draft.rng
    shape = draft.rng.choice([(H,), (N,)])
    one, other = draft.complex_of_shape(shape), draft.complex_of_shape(shape)
    form = rng.choice(COMPLEX)
    made = draft.define_complex(shape, form.format(one, other, draft.of_shape(shape)))
    draft.define(shape, rng.choice(PARTS).format(made, one))


def complex_product(draft: Draft) -> None:
    """Of a complex value, or a real one, and complex weights."""
    rng = draft.rng
    value, width = draft.complex_of_shape((H,)), rng.choice((H, N))
    match rng.randrange(4):
        case 0:
            made = draft.define_complex((width,), f"linear({value}, {width.text})")
        case 1:
            weights = draft.param((width, H), "complex")
            made = draft.define_complex((width,), f"{weights} @ {value}")
        case 2:
            weights = draft.param((H, width), "complex")
            made = draft.define_complex((width,), f"{draft.of_shape((H,))} @ {weights}")
        case _:
            made = draft.define_complex((width,), f"{draft.param((width, H))} @ {value}")
    draft.define((width,), rng.choice(("tanh(real({0}))", "sin(imag({0}))")).format(made))


LOSSES = (
    "sin({0}) * {1}", "square(tanh({0}) - {1})", "{1} / (1 + square({0}))", "{0} * {0} * {1}",
    "gelu({0} + {1})", "max({0}, 0.3 * {1})", "sqrt(1 + square({0} * {1}))",
)  # fmt: skip


def gradient(draft: Draft) -> None:
    """The gradient of a number: with respect to a value, a param, or twice."""
    rng, (value, shape) = draft.rng, draft.pick() or draft.values[0]
    terms = rng.choice(LOSSES).format(value, draft.of_shape(shape))
    loss = draft.define((), f"{'sum(' * len(shape)}{terms}{')' * len(shape)}")
    match rng.randrange(4):
        case 0 if len(shape) == 1:
            weights = draft.param((shape[0], H))
            draft.lines[-1] += f" + sum(tanh({value} @ {weights}))"
            draft.define((H,), f"tanh(sum(grad({loss}, {weights}), axis=0))")
        case 1:
            size = f"{'sum(' * len(shape)}square(grad({loss}, {value})){')' * len(shape)}"
            again = draft.define((), f"log(1.5 + {size})")
            draft.define(shape, f"atan(grad({again} + {loss}, {value}))")
        case _:
            draft.define(shape, f"tanh(grad({loss}, {value}))")


def complex_gradient(draft: Draft) -> None:
    """Of a complex value: the gradients of its two parts."""
    value = draft.complex_of_shape((H,))
    form = draft.rng.choice(("abs({0}) * {1}", "real({0} * exp(1i * {1}))", "imag(conj({0}) ** 2)"))
    loss = draft.define((), f"sum({form.format(value, draft.of_shape((H,)))})")
    made = draft.define_complex((H,), f"0.2 * grad({loss}, {value})")
    draft.define((H,), draft.rng.choice(PARTS).format(made, value))


EQUATIONS: dict[Callable[[Draft], None], int] = {
    unary: 3, binary: 4, linear: 6, split: 2, concat: 2, cut: 1, reduce: 2, norm: 2, product: 2,
    matrix: 3, loop: 1, choice: 1, inner: 1, mask: 2, pick: 2, choose: 1,
    fold: 1, again: 1, several: 1, complex_value: 2, complex_product: 1, ode: 1,
    gradient: 1, complex_gradient: 1,
}  # fmt: skip
