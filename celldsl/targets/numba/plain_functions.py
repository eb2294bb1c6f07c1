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
from celldsl.kernel_ir.free import mentioned
from celldsl.plan.plan import Phase, Plan
from celldsl.structs import entity, field, record
from celldsl.targets.numba.names import Names, size_code
from celldsl.targets.numba.printer import size_lines

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

    def places(self) -> list[str]:
        """The arrays, as plans call them."""
        return [f"{self.prefix}:{array.name}" for array in self.arrays]


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
        """The arrays of its phases, as plans call them."""
        groups = {role.prefix: role for role in (*self.given, *self.made)}
        return [array for key in self.order for array in groups[key].places()]


def plain_source(
    spec: CellSpec,
    plan: Plan,
    names: Names,
    dims: tuple[str, ...],
    forward: Calls,
    backward: Calls,
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
    texts = [FunctionText(names, plan, dims).prepare((ahead, back))]
    for name, direction, timed in (
        ("forward", ahead, True),
        ("backward", back, True),
        ("step", ahead, False),
        ("step_backward", back, False),
    ):
        texts.append(FunctionText(names, plan, dims).function(name, direction, timed))
    return "\n\n".join(texts)


@entity
class FunctionText:
    """One function as it is written; `sizes` are those that it mentions."""

    names: Names
    plan: Plan
    dims: tuple[str, ...]
    sizes: list[Size] = field(default_factory=list)

    def prepare(self, directions: Sequence[Direction]) -> str:
        """Runs the phases that depend on parameters alone; what else those take is empty."""
        nothing = f"    nothing = {self.names.own('np')}.empty(0, parameters.dtype)"
        body = [nothing, "    gradients = nothing"]
        for direction in directions:
            kind = "backward" if direction.back else "forward"
            fixed = "backward_fixed" if direction.back else "fixed"
            body.append(self._buffer(fixed, fixed))
            if direction.first:
                body.append(self._buffer("work", f"{kind}_work"))
            arrays = ["nothing"] * len(direction.arrays())
            body += self._calls(direction.first, direction.arguments(arrays, fixed, "nothing"))
        body.append(f"    return {WEIGHTS}")
        return self._text("prepare", "dims, hyper, parameters, constants", [], "1", "1", body)

    def function(self, name: str, direction: Direction, timed: bool) -> str:
        """`timed` where arrays have an axis for time."""
        tape = ["tape"] if direction.back else []
        given = self._arrays(direction.given)
        body = self._shape_checks(direction.given, timed)
        body += self._integers(direction.given, timed)
        if direction.back:
            length = self._size(self.plan.lengths.get("tape", ZERO))
            told = "tape: expected that of a forward pass over as many steps and sequences"
            body += [f"    if tape.size != {length}:", f"        {self._error(told)}"]
        else:
            body.append(self._buffer("tape", "tape"))
        body.append(self._buffer("work", "backward_work" if direction.back else "forward_work"))
        body += self._results(direction.made, timed)
        if direction.back:
            zeros = f"{self.names.own('np')}.zeros"
            body.append(f"    gradients = {zeros}(parameters.size, parameters.dtype)")
        arrays = [f"{self.names.array(array)}.reshape(-1)" for array in direction.arrays()]
        fixed = "backward_fixed" if direction.back else "fixed"
        body += self._calls(direction.later, direction.arguments(arrays, fixed, "tape"))
        made = self._arrays(direction.made, of_numbers=direction.back)
        results = ["gradients", *made] if direction.back else [*made, "tape"]
        body.append(f"    return {', '.join(results)}")
        first = next(
            self.names.array(place)
            for role in direction.given
            for array, place in zip(role.arrays, role.places(), strict=True)
            if role.timed and array.per == "step"
        )
        steps, batch = (f"{first}.shape[0]", f"{first}.shape[1]") if timed else (
            "1", f"{first}.shape[0]")  # fmt: skip
        begin = [f"    {WEIGHTS} = weights", *self._conversions(direction.given, timed)]
        return self._text(name, ", ".join(["weights", *tape, *given]), begin, steps, batch, body)

    def _text(
        self, name: str, arguments: str, first: list[str], steps: str, batch: str, body: list[str]
    ) -> str:
        """A function with the sizes that it needs, which come after `first`."""
        own = self.names.own
        return "\n".join([
            f"@{own('kernel')}",
            f"def {own(name)}({arguments}):",
            f'    """{NOTES[name]}"""',
            *first,
            f"    rows = {own('dense_rows')}({steps}, {batch})",
            "    parts = 1",
            *size_lines(mentioned(tuple(self.sizes)), self.dims),
            *body,
        ]) + "\n"  # fmt: skip

    def _size(self, size: Size) -> str:
        self.sizes.append(size)
        return size_code(size)

    def _arrays(self, roles: Sequence[Role], of_numbers: bool = False) -> list[str]:
        """Their names; `of_numbers` without those that have no gradient."""
        return [
            self.names.array(place)
            for role in roles
            for array, place in zip(role.arrays, role.places(), strict=True)
            if array.kind == "real" or not of_numbers
        ]

    def _buffer(self, name: str, length: str) -> str:
        size = self._size(self.plan.lengths.get(length, ZERO))
        return f"    {name} = {self.names.own('np')}.empty({size}, parameters.dtype)"

    def _calls(self, phases: Sequence[str], arguments: str) -> list[str]:
        return [f"    {self.names.own(phase)}(0, 1, 0, 1, rows, {arguments})" for phase in phases]

    def _error(self, told: str) -> str:
        return f'raise {self.names.own("ValueError")}("{told}")'

    def _conversions(self, roles: Sequence[Role], timed: bool) -> list[str]:
        """Below, arrays are contiguous and of the parameters' dtype."""
        given = self.names.own("given_array")
        return [
            f'    {name} = {given}({name}, parameters, {len(words)}, "{_told(name, words)}")'
            for name, words, _, array in self._expected(roles, timed)
            if array.kind == "real"
        ]

    def _integers(self, roles: Sequence[Role], timed: bool) -> list[str]:
        """Integers and truth values as numbers, when the sizes are known that they stay below."""
        lines = []
        for name, words, _, array in self._expected(roles, timed):
            given = f"{name}, parameters, {len(words)}"
            told = f'"{_told(name, words)}"'
            if array.limit is not None:
                own = self.names.own("given_integers")
                limit = self._size(array.limit)
                lines.append(f"    {name} = {own}({given}, {limit}, {told})")
            elif array.kind == "bool":
                lines.append(f"    {name} = {self.names.own('given_truths')}({given}, {told})")
        return lines

    def _shape_checks(self, roles: Sequence[Role], timed: bool) -> list[str]:
        return [
            line
            for name, words, shape, _ in self._expected(roles, timed)
            for line in (
                f"    if {name}.shape != {shape}:",
                f"        {self._error(_told(name, words))}",
            )
        ]

    def _expected(
        self, roles: Sequence[Role], timed: bool
    ) -> Iterator[tuple[str, list[str], str, ArraySpec]]:
        """The arrays that are given, with the words and the code for their shapes."""
        for role in roles:
            for array, place in zip(role.arrays, role.places(), strict=True):
                lead = "TB" if role.timed and timed and array.per == "step" else "B"
                words = [*lead, *map(str, array.shape)]
                shape = self._shape(array.shape, len(lead) == 2)
                yield self.names.array(place), words, shape, array

    def _results(self, made: Sequence[Role], timed: bool) -> list[str]:
        empty = f"{self.names.own('np')}.empty"
        return [
            f"    {self.names.array(place)} = "
            f"{empty}({self._made(array, role.timed and timed)}, parameters.dtype)"
            for role in made
            for array, place in zip(role.arrays, role.places(), strict=True)
        ]

    def _made(self, array: ArraySpec, timed: bool) -> str:
        """The shape of a result; there is no gradient of integers and truth values."""
        if array.kind != "real":
            return "0"
        return self._shape(array.shape, timed and array.per == "step")

    def _shape(self, shape: Shape, timed: bool) -> str:
        lead = ["rows[0]", "rows[1]"] if timed else ["rows[1]"]
        return f"({', '.join([*lead, *map(self._size, shape)])},)"


def _told(name: str, words: Sequence[str]) -> str:
    return f"{name}: expected ({', '.join(words)})"
