"""Functions over plain arrays.  In: a unit and its phases.  Out: the text of five functions.

    weights = prepare(dims, hyper, parameters, constants)
    y, final_h, tape = forward(weights, x, h)
    gradients, dx, dh = backward(weights, tape, x, dy, dh_final)
    y, h, tape = step(weights, x, h)
    gradients, dx, dh = step_backward(weights, tape, x, dy, dh_next)

Numba compiles them, and whoever writes a loop for Numba can call them there: one thread, every
buffer made anew.  `prepare` packs weights for all the others.  `step` and `step_backward` do the
same for a single step, over (B, …) arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

from celldsl.ir.size import Shape, Size
from celldsl.ir.spec import ArraySpec, CellSpec
from celldsl.plan.plan import Phase, Plan
from celldsl.structs import record
from celldsl.targets.numba.spelling import array_name, size_code
from celldsl.targets.numba.stages import prelude

ZERO = Size.of(0)
FUNCTIONS = ("prepare", "forward", "backward", "step", "step_backward")
WEIGHTS = "dims, hyper, parameters, constants, fixed, backward_fixed"
NOTES = {
    "prepare": "What the other functions take as `weights`: parameters, packed once for all calls.",
    "forward": "(T, B, …) inputs and (B, …) states to outputs, final states and the tape.",
    "backward": "The tape, inputs and cotangents to gradients of parameters, inputs and states.",
    "step": "One step: (B, …) inputs and states to outputs, next states and the tape.",
    "step_backward": "One step back: as `backward`, over (B, …) arrays.",
}
Calls = Sequence[tuple[Phase, str]]


@record
class Role:
    """A group of arrays: what begins their names, and whether they have an axis for time."""

    prefix: str
    arrays: tuple[ArraySpec, ...]
    timed: bool


@record
class Direction:
    """`given` and `made` are what its functions take and give, `order` what its phases take."""

    given: tuple[Role, ...]
    made: tuple[Role, ...]
    order: tuple[str, ...]
    calls: tuple[tuple[Phase, str], ...]
    back: bool

    @property
    def first(self) -> tuple[str, ...]:
        """The phases that depend on parameters alone."""
        return tuple(name for _, name in takewhile(lambda c: c[0].kind == "once", self.calls))

    @property
    def later(self) -> tuple[str, ...]:
        return tuple(name for _, name in self.calls[len(self.first) :])

    def arguments(self, arrays: Sequence[str], fixed: str, tape: str) -> str:
        """What a phase takes after `rows`."""
        gradients = ["gradients"] if self.back else []
        own = ["dims", "hyper", "parameters", "constants", fixed, tape, "work"]
        return ", ".join([*own, *gradients, *arrays])

    def arrays(self) -> list[str]:
        groups = {role.prefix: role for role in (*self.given, *self.made)}
        return [name for key in self.order for name in _names([groups[key]])]


def plain_source(
    spec: CellSpec, plan: Plan, dims: tuple[str, ...], forward: Calls, backward: Calls
) -> str:
    """The text of `prepare`, `forward`, `backward`, `step` and `step_backward`."""
    ins = Role("in", spec.inputs, True)
    ahead = Direction(
        (ins, Role("state_in", spec.states, False)),
        (Role("out", spec.outputs, True), Role("state_out", spec.states, False)),
        ("in", "out", "state_in", "state_out"),
        tuple(forward),
        back=False,
    )
    back = Direction(
        (ins, Role("d_out", spec.outputs, True), Role("d_final", spec.states, False)),
        (Role("d_in", spec.inputs, True), Role("d_start", spec.states, False)),
        ("in", "d_out", "d_in", "d_final", "d_start"),
        tuple(backward),
        back=True,
    )
    texts = [_prepare(plan, dims, (ahead, back))]
    for name, direction, timed in (
        ("forward", ahead, True),
        ("backward", back, True),
        ("step", ahead, False),
        ("step_backward", back, False),
    ):
        texts.append(_function(name, direction, plan, dims, timed))
    return "\n\n".join(texts)


def _names(roles: Sequence[Role]) -> list[str]:
    return [array_name(f"{role.prefix}:{a.name}") for role in roles for a in role.arrays]


def _prepare(plan: Plan, dims: tuple[str, ...], directions: Sequence[Direction]) -> str:
    """Runs the phases that depend on parameters alone; what else those take is empty."""
    body = ["    nothing = np.empty(0, parameters.dtype)", "    gradients = nothing"]
    for direction in directions:
        kind = "backward" if direction.back else "forward"
        fixed = "backward_fixed" if direction.back else "fixed"
        body.append(_buffer(fixed, plan, fixed))
        if direction.first:
            body.append(_buffer("work", plan, f"{kind}_work"))
        arrays = ["nothing"] * len(direction.arrays())
        body += _calls(direction.first, direction.arguments(arrays, fixed, "nothing"))
    body.append(f"    return {WEIGHTS}")
    return _text("prepare", "dims, hyper, parameters, constants", [], "1", "1", body, dims)


def _function(
    name: str, direction: Direction, plan: Plan, dims: tuple[str, ...], timed: bool
) -> str:
    """`timed` where arrays have an axis for time."""
    tape = ["tape"] if direction.back else []
    given = _names(direction.given)
    body = _shape_checks(direction.given, timed)
    if direction.back:
        length = size_code(plan.lengths.get("tape", ZERO))
        told = "tape: expected that of a forward pass over as many steps and sequences"
        body.append(f'    if tape.size != {length}:\n        raise ValueError("{told}")')
    else:
        body.append(_buffer("tape", plan, "tape"))
    body.append(_buffer("work", plan, "backward_work" if direction.back else "forward_work"))
    body += _results(direction.made, timed)
    if direction.back:
        body.append("    gradients = np.zeros(parameters.size, parameters.dtype)")
    arrays = [f"{array}.reshape(-1)" for array in direction.arrays()]
    fixed = "backward_fixed" if direction.back else "fixed"
    body += _calls(direction.later, direction.arguments(arrays, fixed, "tape"))
    made = _names(direction.made)
    body.append(
        f"    return {', '.join(['gradients', *made] if direction.back else [*made, 'tape'])}"
    )
    steps, batch = (f"{given[0]}.shape[0]", f"{given[0]}.shape[1]") if timed else (
        "1", f"{given[0]}.shape[0]")  # fmt: skip
    first = [f"    {WEIGHTS} = weights", *_conversions(direction.given, timed)]
    return _text(name, ", ".join(["weights", *tape, *given]), first, steps, batch, body, dims)


def _text(
    name: str,
    arguments: str,
    first: list[str],
    steps: str,
    batch: str,
    body: list[str],
    dims: tuple[str, ...],
) -> str:
    """A function with the sizes that it needs, which come after `first`."""
    return "\n".join([
        "@kernel",
        f"def {name}({arguments}):",
        f'    """{NOTES[name]}"""',
        *first,
        f"    rows = dense_rows({steps}, {batch})",
        "    parts = 1",
        *prelude("\n".join(body), dims, {}),
        *body,
    ]) + "\n"  # fmt: skip


def _buffer(name: str, plan: Plan, length: str) -> str:
    size = size_code(plan.lengths.get(length, ZERO))
    return f"    {name} = np.empty({size}, parameters.dtype)"


def _calls(phases: Sequence[str], arguments: str) -> list[str]:
    return [f"    {phase}(0, 1, 0, 1, rows, {arguments})" for phase in phases]


def _conversions(roles: Sequence[Role], timed: bool) -> list[str]:
    """Below, arrays are contiguous and of the parameters' dtype."""
    return [
        f'    {name} = given_array({name}, parameters, {len(words)}, "{_told(name, words)}")'
        for name, words, _ in _expected(roles, timed)
    ]


def _shape_checks(roles: Sequence[Role], timed: bool) -> list[str]:
    return [
        f'    if {name}.shape != {shape}:\n        raise ValueError("{_told(name, words)}")'
        for name, words, shape in _expected(roles, timed)
    ]


def _told(name: str, words: Sequence[str]) -> str:
    return f"{name}: expected ({', '.join(words)})"


def _expected(roles: Sequence[Role], timed: bool) -> Iterator[tuple[str, list[str], str]]:
    """The arrays that are given, with the words and the code for their shapes."""
    for role in roles:
        for array in role.arrays:
            lead = "TB" if role.timed and timed else "B"
            words = [*lead, *map(str, array.shape)]
            name = array_name(f"{role.prefix}:{array.name}")
            yield name, words, _shape(array.shape, len(lead) == 2)


def _results(made: Sequence[Role], timed: bool) -> list[str]:
    return [
        f"    {array_name(f'{role.prefix}:{a.name}')} = "
        f"np.empty({_shape(a.shape, role.timed and timed)}, parameters.dtype)"
        for role in made
        for a in role.arrays
    ]


def _shape(shape: Shape, timed: bool) -> str:
    lead = ["rows[0]", "rows[1]"] if timed else ["rows[1]"]
    return f"({', '.join([*lead, *map(size_code, shape)])},)"
