"""Constructs that take several lines.  In: a draft.  Out: nothing; the draft has those lines.

    for k in 0..3:                      a loop that reads what it has set
        if k == 0:
            y0[k] = tanh(x0)
        else:
            y0[k] = sin(y0[k-1] + x0)

Functions that cells call are in `FUNCTIONS`, and stand in a file where their name does.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.random_cells.draft import Draft
from tests.random_cells.size import IN, H, N

FUNCTIONS = {
    "drift": "def drift(v, w) = tanh(w - v)",
    "swing": "def swing(v, w):\n    a = sin(w)\n    return a, -v\n",
    "pull": "def pull(v, w, N) = tanh(linear([v, w], N)) - v",
    "gate": "def gate(v, N) = sigmoid(linear(v, N))",
    "flow": "shared def flow(v, w, N) = tanh(linear([v, w], N)) - v",
    "blend": "shared def blend(v, N):\n    param s: [N]\n    a = linear(v, N)\n    return s * a, "
    "flow(v, a, N)\n",
}  # fmt: skip


def helper(draft: Draft) -> None:
    """A function with weights, which each call has anew."""
    value, _ = draft.pick(rank=1) or draft.values[0]
    width = draft.rng.choice((H, IN, N))
    draft.define((width,), f"gate({value}, {width.text}) - 0.3")


def shared(draft: Draft) -> None:
    """Calls of one set of weights: one after the other, or in a loop."""
    rng, value = draft.rng, draft.of_shape((H,))
    drive = draft.of_shape((H,))
    name = draft.define((H,), f"0.5 * {value}")
    match rng.randrange(3):
        case 0:
            draft.lines += [f"for k in 0..{rng.randint(2, 3)}:"]
            draft.lines += [f"    {name} = {name} + 0.3 * flow({name}, {drive}, H)"]
        case 1:
            draft.define((H,), f"{name} + 0.2 * flow({name}, {drive}, H)")
        case _:
            names = draft.name("v"), draft.name("v")
            draft.lines.append(f"{', '.join(names)} = blend({name}, H)")
            draft.values += [(each, (H,)) for each in names]


def stack(draft: Draft) -> None:
    """Inner cells in a loop, of which the first has an input of another size."""
    value, _ = draft.pick(rank=1) or draft.values[0]
    name, cell = draft.define((H,), f"linear({value}, H)"), draft.rng.choice(("Inner", "kind"))
    start, sub, unread = draft.name("v"), draft.name("s"), draft.name("u")
    draft.lines += [
        f"{start} = {value}", f"for k in 0..{draft.rng.randint(1, 2)}:",
        f"    sub {sub} = {cell}[_, H]", f"    {unread}, {start} = {sub}({start})",
        f"{start} = 0.5 * {start} + 0.5 * {name}",
    ]  # fmt: skip
    draft.values.append((start, (H,)))


def twins(draft: Draft) -> None:
    """Two inner cells with one set of weights."""
    one, other = draft.of_shape((H,)), draft.of_shape((H,))
    first, second = draft.name("s"), draft.name("s")
    draft.declared += [f"sub {first} = Inner[H, H]", f"sub {second} = shared {first}"]
    unread, names = draft.name("u"), (draft.name("v"), draft.name("v"))
    draft.lines += [f"{unread}, {names[0]} = {first}({one})"]
    start = draft.rng.choice(["", f", s={first}.s'"])
    draft.lines += [f"{draft.name('u')}, {names[1]} = {second}({other}{start})"]
    draft.values += [(name, (H,)) for name in names]


def slices(draft: Draft) -> None:
    """A loop that fills a value, and reads what this iteration and the one before have set."""
    value, shape = draft.pick(rank=1) or draft.values[0]
    filled, other, count = draft.name("y"), draft.name("y"), draft.rng.randint(2, 3)
    draft.lines += [
        f"for k in 0..{count}:", "    if k == 0:", f"        {filled}[k] = tanh({value})",
        "    else:", f"        {filled}[k] = sin({filled}[k-1] + {value})",
        f"    {other}[k] = {filled}[k] * (0.5 - k)",
    ]  # fmt: skip
    draft.define(shape, f"0.5 * sum({other}, axis=0)")
    draft.define(shape, f"{filled}[{count - 1}]")


def filled_state(draft: Draft) -> None:
    """A state of two rows, each set in a loop and read below the line that sets it."""
    value, _ = draft.of_shape((H,)), draft.name("v")
    name, read = draft.name("m"), draft.name("y")
    draft.declared.append(f"state {name}: [2, H]")
    draft.lines += [
        "for k in 0..2:", f"    {name}'[k] = 0.5 * {name}[k] + tanh({value}) / (k + 1)",
        f"    {read}[k] = sin({name}'[k])",
    ]  # fmt: skip
    draft.define((H,), f"max({read}, axis=0)")
    draft.values.append((f"{name}'[1]", (H,)))


def counted(draft: Draft) -> None:
    """Numbers one after the other."""
    if draft.rng.random() < 0.5:
        draft.define((H,), f"{draft.of_shape((H,))} / arange(1, H + 1)")
    else:
        draft.define((N,), f"sin({draft.of_shape((N,))} + arange(N))")


def batched(draft: Draft) -> None:
    """Products row by row: of matrices of rank 3, and by names of axes."""
    one, other, third = (draft.of_shape((N, H)) for _ in range(3))
    written = f"(expand({one}, 2) * expand({other}, 1)) @ expand({third}, 2)"
    form = draft.rng.choice([
        f"0.2 * reshape({written}, [N, H])",
        f'0.2 * einsum("nv,nk,nk->nv", {one}, {other}, {third})',
        f'0.2 * einsum("nvk,nk->nv", expand({one}, 2) * expand({other}, 1), {third})',
    ])  # fmt: skip
    draft.define((N, H), form)


def clipped(draft: Draft) -> None:
    """A gradient that is clipped, scaled or turned round."""
    value, shape = draft.pick() or draft.values[0]
    other = draft.of_shape(shape)
    form = draft.rng.choice(["clip_gradient({0}, -0.2, 0.3)", "scale_gradient({0}, {1})",
                             "scale_gradient({0}, -1)"])  # fmt: skip
    draft.define(shape, f"tanh({form.format(value, other)})")


def timed(draft: Draft) -> None:
    """A differential equation over a gap of time that is an input, perhaps with weights."""
    rng, gap = draft.rng, draft.name("gap")
    shape = rng.choice(((), (H,)))
    draft.declared.append(
        f"input {gap}: [{'H' if shape else ''}]{rng.choice(['', ' per sequence'])}"
    )
    value, other = draft.of_shape((H,)), draft.of_shape((H,))
    rule = f'method="{rng.choice(["euler", "midpoint", "rk4"])}", steps={rng.randint(1, 2)}'
    field, more = rng.choice([("drift", ""), ("pull", ", H"), ("flow", ", H")])
    time = f"0.3 * sin({gap})"
    draft.define((H,), f"ode({field}, {value}, {time}, {rule}, args=[{other}{more}])")


CONSTRUCTS: dict[Callable[[Draft], None], int] = {
    helper: 1, shared: 2, stack: 1, twins: 1, slices: 2, filled_state: 1, counted: 1, batched: 2,
    clipped: 1, timed: 2,
}  # fmt: skip
