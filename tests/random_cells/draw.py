"""Random cells.  In: a seed.  Out: the text of a cell that is right.

    draw_cell(7)        'cell Main[I, H, N]:…', the same every time

What stands in it is drawn: inputs, states of every rank, some that start at parameters; equations
of every kind that `equations.py` has; functions, loops, inner cells.  Values stay near 1, so that
rounding does not hide mistakes.
"""

from __future__ import annotations

import random
import re

from tests.random_cells.constructs import CONSTRUCTS, FUNCTIONS
from tests.random_cells.draft import Draft
from tests.random_cells.equations import EQUATIONS
from tests.random_cells.size import DIMS, IN, H, N, Shape, shape_text

INNER = """
cell Inner[I, H]:
    input v: [I]
    state s: [H]
    a = tanh(linear([v, s], H))
    s' = 0.5 * s + a
    output s', a
"""
STATE_SHAPES: tuple[Shape, ...] = ((H,), (H,), (N,), (), (N, H), (IN,))
INPUT_SHAPES: tuple[Shape, ...] = ((IN,), (IN,), (H,), (), (N, H))


def draw_cell(seed: int, masks: bool = False) -> str:
    """The text of a cell `Main` of the dims I, H and N; with random masks where that is wanted."""
    rng = random.Random(seed)
    draft = Draft(rng, masks)
    head = [f"cell Main[{', '.join(DIMS)}](rate = 0.5, deep = true):"]
    for shape in [INPUT_SHAPES[0], *rng.sample(INPUT_SHAPES, rng.randrange(2))]:
        draft.declared.append(f"input {(name := draft.name('x'))}: {shape_text(shape)}")
        draft.values.append((name, shape))
    _special_inputs(draft)
    states = [(draft.name("h"), shape) for shape in rng.sample(STATE_SHAPES, rng.randint(1, 3))]
    for name, shape in states:
        start = f" = 0.5 * {draft.param(shape)}" if rng.random() < 0.3 else ""
        draft.declared.append(f"state {name}: {shape_text(shape)}{start}")
        draft.values.append((name, shape))
    turning = [(draft.name("w"), shape) for shape in ((H,), (N,)) if rng.random() < 0.2]
    for name, shape in turning:
        draft.declared.append(f"state {name}: complex{shape_text(shape)}")
        draft.complexes.append((name, shape))
    kinds, weights = zip(*(EQUATIONS | CONSTRUCTS).items(), strict=True)
    for _ in range(rng.randint(3, 8)):
        rng.choices(kinds, weights)[0](draft)
    for name, shape in states:
        _next(draft, name, shape)
    for name, shape in turning:
        value = draft.complex_of_shape(shape)
        draft.lines.append(f"{name}' = 0.5i * {name} + {value} / (2 + abs({value}))")
    outputs = [f"{states[0][0]}'", *_others(draft)]
    if any("= kind[" in line for line in (*draft.declared, *draft.lines)):
        head = [head[0].replace("deep = true", "deep = true, kind = Inner")]
    body = [*draft.declared, *draft.lines, f"output {', '.join(outputs)}"]
    text = "\n".join([*head, *(f"    {line}" for line in body)])
    return "\n".join([text, INNER if "Inner" in text else "", *_functions(text)])


def _functions(text: str) -> list[str]:
    """Those that a text names, and those that these name."""
    named = [each for name, each in FUNCTIONS.items() if re.search(rf"\b{name}\b", text)]
    inside = "\n".join(named)
    return [each for each in FUNCTIONS.values() if each in named or _called(each, inside)]


def _called(function: str, text: str) -> bool:
    name = function.split("(")[0].split()[-1]
    return re.search(rf"\b{name}\(", text) is not None


def _special_inputs(draft: Draft) -> None:
    """Integers below N, truth values, and values of a whole sequence."""
    rng = draft.rng
    if rng.random() < 0.3:
        lasts = rng.choice(["", " per sequence"])
        draft.declared.append(f"input {(name := draft.name('k'))}: int[N]{lasts}")
        draft.integers.append(name)
    if rng.random() < 0.3:
        lasts = rng.choice(["", " per sequence"])
        draft.declared.append(f"input {(name := draft.name('b'))}: bool{lasts}")
        draft.truths.append(name)
    if rng.random() < 0.3:
        shape = rng.choice(INPUT_SHAPES)
        name = draft.name("c")
        draft.declared.append(f"input {name}: {shape_text(shape)} per sequence")
        draft.values.append((name, shape))
    if rng.random() < 0.15:
        shape = rng.choice(((H,), (N,)))
        draft.declared.append(f"input {(name := draft.name('u'))}: complex{shape_text(shape)}")
        draft.complexes.append((name, shape))


def _next(draft: Draft, name: str, shape: Shape) -> None:
    value = draft.of_shape(shape)
    forms = (f"tanh({value})", f"0.5 * {name} + 0.5 * sin({value})", f"{value} * sigmoid({name})")
    draft.lines.append(f"{name}' = {draft.rng.choice(forms)}")
    draft.values.append((f"{name}'", shape))


def _others(draft: Draft) -> list[str]:
    own = [e for e, _ in draft.values if e.startswith("v")]
    return draft.rng.sample(own, min(len(own), draft.rng.randrange(3)))
