"""Kernels over plain arrays.  In: a unit and its phases.  Out: the text of four functions.

    y, final_h, tape = forward(dims, hyper, parameters, constants, x, h)
    gradients, dx, dh = backward(dims, hyper, parameters, constants, tape, x, dy, dh_final)

They are for those who want nothing of the class: one thread, every buffer made anew.  `step` and
`step_backward` do the same for a single step, over (B, …) arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.size import Shape, Size
from celldsl.ir.spec import ArraySpec, CellSpec
from celldsl.plan.plan import Phase, Plan
from celldsl.structs import record
from celldsl.targets.numba.spelling import array_name, size_code
from celldsl.targets.numba.stages import prelude

ZERO = Size.of(0)
Calls = Sequence[tuple[Phase, str]]
NOTES = {
    "forward": "(T, B, …) inputs and (B, …) states to outputs, final states and the tape.",
    "backward": "The tape, inputs and cotangents to gradients of parameters, inputs and states.",
    "step": "One step: (B, …) inputs and states to outputs, next states and the tape.",
    "step_backward": "One step back: as `backward`, over (B, …) arrays.",
}


@record
class Role:
    """A group of arrays: what begins their names, and whether they have an axis for time."""

    prefix: str
    arrays: tuple[ArraySpec, ...]
    timed: bool


def plain_source(
    spec: CellSpec, plan: Plan, dims: tuple[str, ...], forward: Calls, backward: Calls
) -> str:
    """The text of `forward`, `backward`, `step` and `step_backward`."""
    ins = Role("in", spec.inputs, True)
    ahead = (
        [ins, Role("state_in", spec.states, False)],
        [Role("out", spec.outputs, True), Role("state_out", spec.states, False)],
    )
    back = (
        [ins, Role("d_out", spec.outputs, True), Role("d_final", spec.states, False)],
        [Role("d_in", spec.inputs, True), Role("d_start", spec.states, False)],
    )
    texts = []
    for steps in ("n", "1"):
        name = {"n": ("forward", "backward"), "1": ("step", "step_backward")}[steps]
        texts.append(_function(name[0], steps, plan, dims, *ahead, forward, False))
        texts.append(_function(name[1], steps, plan, dims, *back, backward, True))
    return "\n\n".join(texts)


def _names(roles: list[Role]) -> list[str]:
    return [array_name(f"{role.prefix}:{a.name}") for role in roles for a in role.arrays]


def _function(
    name: str,
    steps: str,
    plan: Plan,
    dims: tuple[str, ...],
    given: list[Role],
    made: list[Role],
    calls: Calls,
    backward: bool,
) -> str:
    """`steps` is "n" where arrays have an axis for time, else "1"."""
    tape = ["tape"] if backward else []
    arguments = ["dims", "hyper", "parameters", "constants", *tape, *_names(given)]
    body = [*_buffers(plan, backward), *_results(made, steps)]
    if backward:
        body.append("    gradients = np.zeros(parameters.size, parameters.dtype)")
    body += [f"    {call}(0, 1, 0, 1, rows, {_passed(given, made, backward)})" for _, call in calls]
    results = ["gradients", *_names(made)] if backward else [*_names(made), "tape"]
    body.append(f"    return {', '.join(results)}")
    first = _names(given)[0]
    batch_axis = 1 if steps == "n" else 0
    return "\n".join([
        "@kernel",
        f"def {name}({', '.join(arguments)}):",
        f'    """{NOTES[name]}"""',
        f"    rows = dense_rows({f'{first}.shape[0]' if steps == 'n' else '1'}, "
        f"{first}.shape[{batch_axis}])",
        "    parts = 1",
        *prelude("\n".join(body), dims, {}),
        *body,
    ]) + "\n"  # fmt: skip


def _buffers(plan: Plan, backward: bool) -> list[str]:
    lengths = {
        "fixed": "backward_fixed" if backward else "fixed",
        "work": "backward_work" if backward else "forward_work",
    }
    if not backward:
        lengths["tape"] = "tape"
    return [
        f"    {name} = np.empty({size_code(plan.lengths.get(key, ZERO))}, parameters.dtype)"
        for name, key in lengths.items()
    ]


def _results(made: list[Role], steps: str) -> list[str]:
    return [
        f"    {array_name(f'{role.prefix}:{a.name}')} = "
        f"np.empty({_shape(a.shape, role.timed and steps == 'n')}, parameters.dtype)"
        for role in made
        for a in role.arrays
    ]


def _shape(shape: Shape, timed: bool) -> str:
    lead = ["rows[0]", "rows[1]"] if timed else ["rows[1]"]
    return f"({', '.join([*lead, *map(size_code, shape)])},)"


def _passed(given: list[Role], made: list[Role], backward: bool) -> str:
    """The arguments of a phase after `rows`, every array flat."""
    groups = {role.prefix: role for role in (*given, *made)}
    order = (
        ("in", "d_out", "d_in", "d_final", "d_start")
        if backward
        else ("in", "out", "state_in", "state_out")
    )
    flat = [f"{name}.reshape(-1)" for key in order for name in _names([groups[key]])]
    gradients = ["gradients"] if backward else []
    head = ["dims", "hyper", "parameters", "constants", "fixed", "tape", "work"]
    return ", ".join([*head, *gradients, *flat])
