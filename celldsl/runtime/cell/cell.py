"""Cells as people use them.  In: the Description of a generated module.  Out: the class of a cell.

    cell = GRU(I=28, H=128, dtype="float32", seed=0)
    y, state = cell(x)                          # x (T, B, I) -> y (T, B, H)
    y, state, tape = cell.forward(x)
    grads = cell.backward(tape, dy)             # grads.params["r_u.W_x"]

Arrays are time-major and of the cell's dtype.  Functions are safe to call from several threads.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from celldsl.jit.forks import ProcessLock
from celldsl.runtime.arrays.options import (
    STATE_KEYWORDS,
    STEP_KEYWORDS,
    STREAM_KEYWORDS,
    TRACE_KEYWORDS,
    Option,
    refuse_unknown,
    state_of,
)
from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.signature import Signature
from celldsl.runtime.arrays.state_structure import Nested, Rebuilding, StateStructure
from celldsl.runtime.arrays.validation import DType, Values, check_integer
from celldsl.runtime.cell.building import build, lay_out, rebuild, state_of_cell
from celldsl.runtime.cell.built import (
    Gradients,
    assign_attribute,
    delete_attribute,
    unknown_attribute,
)
from celldsl.runtime.cell.cell_class import CellClass
from celldsl.runtime.cell.check_numerics import check_step, checked_step
from celldsl.runtime.cell.compiler import exchange
from celldsl.runtime.cell.construction import Setting, Settings, resolve_settings, variant_class
from celldsl.runtime.cell.hypers import Dims, Hypers
from celldsl.runtime.cell.passes import Options, backward_pass, forward_pass, run_pass
from celldsl.runtime.cell.saving import cell_from_file, load_into, save_cell
from celldsl.runtime.cell.trace import trace_values
from celldsl.runtime.cell.wording import (
    OPTIONS,
    cell_text,
    class_text,
    signature_text,
    with_own_inputs,
)
from celldsl.runtime.description import ABI, Description, Functions
from celldsl.runtime.errors import ArgumentTypeError
from celldsl.runtime.exec.batch_layout import dense_layout
from celldsl.runtime.exec.batches import make_batch
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.exec.no_memory import (
    Pass,
    batch_passed,
    lead_passed,
    no_room_for,
    no_room_to_trace,
)
from celldsl.runtime.exec.sequences import run_once
from celldsl.runtime.exec.steps import Steppers
from celldsl.runtime.exec.streams import Stream
from celldsl.runtime.exec.tape import Tape
from celldsl.runtime.former import written_for_another

Arrays = Mapping[str, Values]


class Cell(metaclass=CellClass):
    """The base of generated classes, which add `description`.

    `variants` gives the class for another structure; without it a module has the one it was made
    for.
    """

    description: ClassVar[Description]
    variants: ClassVar[Callable[[Mapping[str, Setting]], type[Cell]] | None] = None
    functions: ClassVar[Functions | None]
    # What a class of the compiler's gives besides the outputs of its equations.
    observed: ClassVar[Any] = None
    _state_structure: ClassVar[StateStructure]
    _output_structure: ClassVar[StateStructure]

    dtype: DType
    seed: int
    dims: Dims
    hypers: Hypers
    params: Parameters
    _passes: int
    _lock: ProcessLock
    _checked: bool
    _reads: Sequence[str]
    _engine: Engine
    _every: Engine | None
    _signature: Signature
    _steppers: Steppers

    def __init_subclass__(cls, **keywords: object) -> None:
        super().__init_subclass__(**keywords)
        if "description" in vars(cls):
            described = cls.description
            _check_abi(described)
            cls.functions = described.functions
            cls._state_structure = StateStructure("State", [s.name for s in described.states], cls)
            cls._output_structure = StateStructure(
                "Outputs", [o.name for o in described.outputs], cls
            )
            cls.__doc__ = class_text(described)
            for name in OPTIONS:
                if name not in vars(cls):
                    setattr(cls, name, with_own_inputs(described, getattr(Cell, name)))

    def __new__(cls, /, *arguments: object, **keywords: object) -> Cell:
        if arguments:
            raise ArgumentTypeError(f"sizes go by name: {signature_text(cls.description)}")
        settings = resolve_settings(cls.description, keywords)
        if settings.other is None:
            return build(super().__new__(cls), settings)
        made: Cell = variant_class(cls, settings.other, keywords)(**keywords)
        return made

    @property
    def consts(self) -> Parameters:
        """The consts, which nobody can write to."""
        return self.hypers.consts

    if not TYPE_CHECKING:  # which would take any name for known

        def __getattr__(self, name: str) -> object:
            if name.startswith("_"):
                return object.__getattribute__(self, name)
            raise unknown_attribute(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            assign_attribute(self, name, value)

    def __delattr__(self, name: str) -> None:
        delete_attribute(self, name)

    def __call__(
        self, inputs: object = None, state: object = None, /, **named: object
    ) -> tuple[Nested, Nested]:
        """Runs over whole sequences: x (T, B, I) -> (y (T, B, H), state after the last step).

        Inputs may go by keyword; `state`, `lengths` (B,), `reverse`, `resets` (T, B) and `states`
        as for `forward`.  Raises ArgumentError and ArgumentTypeError for arrays that do not fit.
        """
        return run_pass(self, inputs, state, named)

    def forward(
        self,
        inputs: object = None,
        /,
        state: object = None,
        lengths: object = None,
        reverse: bool = False,
        training: bool = True,
        seed: int | None = None,
        checkpoint: int | bool = 1,
        resets: object = None,
        check_numerics: bool | None = None,
        states: str = "last",
        **named: object,
    ) -> tuple[Nested, Nested, Tape]:
        """Like a call, and keeps on a tape what `backward` needs: (y, state, tape).

        `lengths` (B,) stops each sequence at its own length; `reverse` goes backwards in time, each
        sequence within its length.  Before the steps at which `resets` (T, B) is true, a sequence
        goes back to the cell's own start, and no gradient crosses.  Masks (dropout, zoneout) are
        drawn where `training`: from `seed`, or else from the cell's seed and the number of the
        pass.  `checkpoint` segments (True: about √T) keep only the states at their borders and are
        run again in `backward`: less memory, the same gradients.  With `states="all"` the states
        after every step come back, (T, B, …) each, zeros past a length.  `check_numerics` raises
        NonFiniteError where an output or state is not finite, and names the equation; without it
        CELLDSL_CHECK_NUMERICS decides.  An input of that name is passed in a mapping.
        """
        drawn = training, seed
        options = state, lengths, reverse, resets, *drawn, checkpoint, check_numerics, states
        return forward_pass(self, inputs, named, Options(*options))

    def backward(
        self,
        tape: Tape,
        dy: object = None,
        dstate: object = None,
        check_numerics: bool | None = None,
        **unknown: object,
    ) -> Gradients:
        """The gradients of a forward pass, for dy (T, B, H) and dstate (B, …); None is zeros.

        After `states="all"` dstate is (T, B, …), and what it says past a length counts for nothing.
        An output or state that is left out has zeros too.  A tape may be used more than once, as
        long as no parameter has changed since: ArgumentError then, which names it.
        `check_numerics` is that of `forward`: it names the first cotangent that is not finite.
        """
        return backward_pass(self, tape, dy, dstate, check_numerics, unknown)

    def step(
        self, inputs: object = None, state: object = None, /, **named: object
    ) -> tuple[Nested, Nested]:
        """One step: x (B, I) -> (y (B, H), state).  Without a state it starts from the initial.

        Rows where `resets` (B,) is true start from the initial state, whatever `state` says.
        """
        steppers = self._steppers
        if named:
            self._signature.check_hidden(inputs, STEP_KEYWORDS)
            self._signature.check_keywords("{}.step()", named, STEP_KEYWORDS)
            state = state_of(f"{self.description.name}.step()", state, named)
            named.pop("state", None)
        resets = named.pop("resets", None)
        try:
            if self._checked:
                return checked_step(self, inputs, state, named, resets)
            found: tuple[Nested, Nested] | None = None
            if resets is None and not named:
                found = steppers.direct(inputs, state)
            return steppers.step(inputs, state, named, resets) if found is None else found
        except MemoryError as error:
            batch = batch_passed(self._signature, inputs, named)
            raise no_room_for(self._engine, "a step", batch) from error

    def trace(
        self,
        inputs: object = None,
        /,
        names: object = None,
        state: object = None,
        lengths: object = None,
        reverse: bool = False,
        resets: object = None,
        **named: object,
    ) -> dict[str, Values]:
        """Values of the cell at every step of a call, by name: (T, B, …) each.

        `names` are those of equations, as parameters have them: `r`, `h'` for a next state, `v.0`
        in a loop, `g.r` in an inner cell, `r.gate.z` in the function `gate` that the equation for
        `r` calls; and those of states, for what goes into a step.  Without, all that equations
        define.  Past a length there are zeros; what parameters alone decide is a view, the same
        everywhere.  The other arguments are those of a call; nothing is drawn.  Comparisons are
        truth values.  Raises UnknownNameError, and what a call raises.

        Code is compiled for these names at the first call, and kept.
        """
        self._signature.check_hidden(inputs, TRACE_KEYWORDS)
        self._signature.check_keywords("{}.trace()", named, TRACE_KEYWORDS)
        options = state, lengths, reverse, resets
        engine, signature = self._engine, self._signature
        try:
            return trace_values(self, make_batch(engine, signature, inputs, named, *options), names)
        except MemoryError as error:
            asked = Pass(*lead_passed(signature, inputs, named), every=True)
            raise no_room_to_trace(engine, asked) from error

    def stream(self, batch: int = 1, state: object = None, **unknown: object) -> Stream:
        """A function of one step that keeps the state, with the parameters and hyperparameters as
        they are now."""
        refuse_unknown(f"{self.description.name}.stream()", unknown, STREAM_KEYWORDS)
        look = None
        if self._checked:
            snapshot = copy.copy(self)  # the parameters as they are now
            look = partial(check_step, snapshot)
        batch = check_integer("batch", batch, 1)
        try:
            return Stream(self._engine, self._signature, batch, state, look)
        except MemoryError as error:
            raise no_room_for(self._engine, "a stream", batch) from error

    def prepare(self) -> tuple[Values, ...]:
        """The first argument of `functions.forward` and the others: the parameters as they are now.

        `functions` has what Numba compiles of the cell, to be called in code that Numba compiles.
        """
        engine = self._engine
        if self.functions is None:
            raise ArgumentTypeError(f"{self.description.name} was made without functions")
        numbers = engine.numbers
        arrays = (engine.dim_array, numbers.hyper, engine.parameters, numbers.constants)
        # Of one's own, and writable as others' arrays are: one more type would be compiled again.
        weights: tuple[Values, ...] = self.functions.prepare(*(array.copy() for array in arrays))
        return weights

    def state(self, batch: int = 1, **unknown: object) -> Nested:
        """The initial state of `batch` sequences: a named tuple of arrays (B, …)."""
        refuse_unknown(f"{self.description.name}.state()", unknown, STATE_KEYWORDS)
        layout = dense_layout(0, check_integer("batch", batch, 0), 1, False)
        nothing = [np.empty(0, self.dtype) for _ in self._signature.input_slots]
        try:
            finals = run_once(self._engine, layout, nothing, None).finals
            return self._state_structure.pack([layout.undealt(array) for array in finals])
        except MemoryError as error:
            raise no_room_for(self._engine, "states", layout.batch) from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes parameters, consts and settings as safetensors, whole or not at all."""
        save_cell(self, path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Copies in the parameters of a file that `save` wrote, or of any with the same names.

        Raises WeightsError where it does not fit; the cell is then as it was.
        """
        load_into(self, path)

    def load_from(
        self,
        source: object,
        layout: str,
        *,
        layer: int | None = None,
        reverse: bool | None = None,
        prefix: str | None = None,
        gates: Mapping[str, str] | None = None,
        module: str | None = None,
    ) -> None:
        """Copies in the weights of another library's cell: all or none.

        `source` is a state_dict, a mapping of names to arrays (nested or not), or a .safetensors,
        .npz, .keras or .h5 file; `layout` one of torch, keras, flax_linen, flax_nnx, haiku,
        equinox, onnx, tensorflow and torchrecurrent.  `layer` and `reverse` choose among those of
        a deep or bidirectional module, `prefix` is what stands before its names, and `gates` maps
        the library's gates to values of this cell that are called otherwise, `{"z": "update"}`,
        and what weights read, `{"h": "short"}`.  `module` says which of the library's cells it is,
        where several would fit.

        Raises ArgumentError for an unknown layout or gate, WeightsError for arrays that do not fit;
        the cell is then as it was.  Two biases that are one here are added, with a WeightsWarning.
        """
        where = {"layer": layer, "reverse": reverse, "prefix": prefix}
        exchange().load_from(self, source, layout, **where, gates=gates, module=module)

    def to(
        self,
        layout: str,
        *,
        layer: int = 0,
        reverse: bool = False,
        gates: Mapping[str, str] | None = None,
        module: str | None = None,
    ) -> dict[str, Nested]:
        """The parameters, copied, as another library names and arranges them; as for `load_from`.

        Where the library has two biases and this cell one, the second is zeros.
        """
        found: dict[str, Nested] = exchange().arrays_for(
            self, layout, layer=layer, reverse=reverse, gates=gates, module=module
        )
        return found

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Cell:
        """The cell that `save` wrote.  Raises WeightsError where the file is of another cell."""
        found: Cell = cell_from_file(cls, path)
        return found

    def __repr__(self) -> str:
        return cell_text(self.description, {**self.dims, **self.hypers}, self.params)

    def __reduce__(self) -> Rebuilding:
        # By way of the class, which is where the module is that it came from.
        return type(self)._rebuild, state_of_cell(self)

    @classmethod
    def _rebuild(
        cls, settings: dict[str, Option], passes: int, params: Arrays, consts: Arrays
    ) -> Cell:
        """The cell that was pickled or copied."""
        return rebuild(object.__new__(cls), settings, passes, params, consts)


def rebuild_cell(
    cls: type[Cell], settings: dict[str, Option], passes: int, flat: Values, constants: Values
) -> Cell:
    """A cell whose pickle names this function: numbers lay in the order in which they still do."""
    self: Cell = object.__new__(cls)
    lay_out(self, Settings(**settings))
    self._passes = passes
    self.consts.whole[:] = constants
    self.consts.freeze()
    self.params.assign(self.params.over(flat))
    return self


def _check_abi(described: Description) -> None:
    if described.abi != ABI:
        raise written_for_another(described.name, described.version, described.source)
