"""A built cell as a pure function of JAX arrays.  In: a cell.  Out: an Apply.

    apply = celldsl.jax.function(cell)
    params = apply.params()                     # a plain dict, "r_u.W_x" and so on
    y, state = apply(params, x)                 # x (T, …, I) -> y (T, …, H)
    apply.form(params, x)                       # "kernels", or "plain: " and why

It goes through `jit`, `grad`, `vmap`, `scan` and `shard_map`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from celldsl.bridges.in_numpy import values_over_time
from celldsl.bridges.signatures import OwnSignature
from celldsl.jax.arguments import check_form, checked_params, one_dtype
from celldsl.jax.call import Call, check_hidden, check_key, checked_call, look_at, why_plain
from celldsl.jax.inputs import as_numbers, out_of_range, spoiled
from celldsl.jax.masks import Draw, steps_done
from celldsl.jax.plain_passes import pack_state, run_plain
from celldsl.jax.primitives import run_cell
from celldsl.jax.signatures import OfCell, signature_of
from celldsl.jax.subject import Pass, Subject, subject_of, subject_with_states
from celldsl.runtime.arrays.options import asks_for_all
from celldsl.runtime.arrays.validation import check_integer
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.cell.cell_class import CellClass
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError
from celldsl.runtime.threads.thread_count import get_threads

KEYWORDS = ("state", "lengths", "reverse", "resets", "key", "seed", "settings", "states")
TRACE_KEYWORDS = ("names", "state", "lengths", "reverse", "resets")
STEP_KEYWORDS = ("state", "resets", "key", "seed", "settings")


def function(cell: Cell, form: Literal["kernels", "plain"] | None = None) -> Apply:
    """The cell as a function `apply(params, x, state)` that returns outputs and the last state.

    Without a `form` compiled passes run where they can, and plain code elsewhere; "plain" asks for
    JAX's own operations everywhere, "kernels" for an error where compiled passes cannot run.
    Raises ArgumentTypeError where `cell` is not a built cell.
    """
    if isinstance(cell, CellClass):
        told = ", ".join(f"{dim.name}=…" for dim in cell.description.dims)
        raise ArgumentTypeError(
            f"cell: expected a built cell, got its class; build one: {cell.__name__}({told})"
        )
    if not isinstance(cell, Cell):
        name = type(cell).__name__
        alone = "; it is of a module that stands alone: load the cell from its file"
        named = "; load it and build it: celldsl.load(…)(H=…)" if isinstance(cell, str) else ""
        told = alone if hasattr(cell, "description") else named
        raise ArgumentTypeError(f"cell: expected a built cell, got {name}{told}")
    return Apply(cell, check_form(form))


class Apply:
    """`cell` is the cell whose equations, sizes, hyperparameters and constants it has.

    A hyperparameter that changes has effect where a program is traced from then on.
    """

    __slots__ = ("__weakref__", "_form", "cell")
    __signature__ = OwnSignature(lambda apply: signature_of(apply.cell))

    def __init__(self, cell: Cell, form: str | None) -> None:
        object.__setattr__(self, "cell", cell)
        object.__setattr__(self, "_form", form)

    cell: Cell
    _form: str | None

    def __reduce__(self) -> tuple[Any, ...]:
        return Apply, (self.cell, self._form)

    def __setattr__(self, name: str, value: object) -> None:
        told = "a function of a cell stays as it was made; make another: celldsl.jax.function"
        raise AttributeError(f"{name}: {told}(cell, form)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name}: a function of a cell stays as it was made")

    def __eq__(self, other: object) -> bool:
        """Whether both compute the same, so that modules made alike are trees of one structure."""
        if not isinstance(other, Apply):
            return NotImplemented
        return self._facts() == other._facts() and self.cell.hypers == other.cell.hypers

    def __hash__(self) -> int:
        return hash(self._facts())

    def _facts(self) -> tuple[Any, ...]:
        """What never changes: equations, sizes, constants that were given, the form."""
        cell, described = self.cell, self.cell.description
        given = tuple((n, cell.consts[n].tobytes()) for n in sorted(cell.hypers.given))
        sources = described.sources, described.digest, described.name
        return (*sources, tuple(cell.dims.items()), given, self._form)

    def __repr__(self) -> str:
        asked = "" if self._form is None else f", form={self._form!r}"
        return f"celldsl.jax.function({self.cell.description.name}{asked})\n{self.cell!r}"

    def __call__(self, params: Mapping[str, Any], *arrays: Any, **named: Any) -> tuple[Any, Any]:
        """All steps: inputs (T, …, their own axes) to outputs for each step and the last state.

        The inputs come one after the other, then the state; or by keyword.  The axes `…` are those
        of a batch, any number of them.  `lengths` (…) ends each sequence at its own length,
        `reverse=True` goes from the last step to the first, and before a step where `resets` (T, …)
        is true the state goes back to its start.  Masks (dropout, zoneout) are drawn where a `key`
        of `jax.random` or a `seed` is passed.  `settings` maps hyperparameters to numbers that may
        be traced.  With `states="all"` the states after every step come back instead of the last,
        (T, …, their own axes), zeros past a length.  Raises ArgumentError and ArgumentTypeError for
        arguments that do not fit.
        """
        own = subject_of(self.cell)
        check_hidden(own, arrays, KEYWORDS)
        every = asks_for_all(named.pop("states", "last"))
        subject = subject_with_states(self.cell) if every else own
        call = checked_call(subject, "{}", KEYWORDS, params, arrays, named, timed=True)
        found = self._run(subject, call)
        look_at(subject, call, found)
        return self._all_states(own, call, found) if every else self._results(own, call, found)

    def _all_states(self, own: Subject, call: Call, found: list[Any]) -> tuple[Any, Any]:
        """The states are the outputs that come after the cell's own."""
        count = len(own.outputs)
        outputs = [call.batch.outward(each) for each in found[: count + len(own.states)]]
        states = pack_state(own.state_structure, outputs[count:])
        if count == 1:
            return outputs[0], states
        return pack_state(own.output_structure, outputs[:count]), states

    @OfCell(TRACE_KEYWORDS)
    def trace(
        self, params: Mapping[str, Any], *arrays: Any, names: Any = None, **named: Any
    ) -> dict[str, Any]:
        """Values of the cell at every step, by name, as `cell.trace` gives them: (T, …) each.

        It takes what a call takes (`state`, `lengths`, `reverse`, `resets`) and draws nothing.  It
        runs at once, outside of `jit` and `grad`.  Raises UnknownNameError.
        """
        subject = subject_of(self.cell)
        call = checked_call(subject, "{}.trace", TRACE_KEYWORDS, params, arrays, named, timed=True)
        batch = call.batch
        own = [*call.params, *call.inputs, *(call.starts or [])]
        if any(isinstance(each, jax.core.Tracer) for each in own):
            raise ArgumentTypeError(
                "trace: values are those of arrays: call it outside jit and grad"
            )
        precise = np.float64 if batch.dtype == np.float64 else np.float32

        def plain(array: Any, dtype: Any = precise) -> Any:
            if array is None:
                return None
            real = jnp.issubdtype(array.dtype, jnp.floating)
            return np.array(array, dtype if real or dtype is not precise else None)

        weights = zip([slot.name for slot in subject.params], map(plain, call.params), strict=True)
        consts = {name: plain(array) for name, array in subject.constants.items()}
        found = values_over_time(
            subject.recipe, precise, dict(weights), consts, [plain(each) for each in call.inputs],
            None if call.starts is None else [plain(each) for each in call.starts],
            names=names, reverse=call.reverse, lengths=plain(call.lengths, np.int64),
            resets=plain(call.resets, bool),
        )  # fmt: skip
        return {
            name: batch.outward(jnp.asarray(array, None if array.dtype == bool else batch.dtype))
            for name, array in found.items()
        }

    @OfCell(STEP_KEYWORDS)
    def step(self, params: Mapping[str, Any], *arrays: Any, **named: Any) -> tuple[Any, Any]:
        """One step: inputs (…, their own axes) to outputs and the next state."""
        subject = subject_of(self.cell)
        call = checked_call(subject, "{}.step", STEP_KEYWORDS, params, arrays, named, timed=False)
        found = self._run(subject, call)
        look_at(subject, call, found)
        return self._results(subject, call, found)

    def form(self, params: Mapping[str, Any], *arrays: Any, **named: Any) -> str:
        """How a call with these arguments runs: "kernels", or "plain: " and why."""
        subject = subject_of(self.cell)
        call = checked_call(subject, "{}", KEYWORDS, params, arrays, named, timed=True)
        why = self._why_plain(subject, call)
        return "kernels" if why is None else f"plain: {why}"

    def params(self) -> dict[str, Any]:
        """The parameters of the cell as they are now: a dict of JAX arrays of their own."""
        return {name: jnp.asarray(np.array(array)) for name, array in self.cell.params.items()}

    def init(self, key: Any, dtype: Any = jnp.float32) -> dict[str, Any]:
        """Parameters drawn anew from a key of `jax.random`, by the cell's initialisers."""
        check_key(key)
        subject = subject_of(self.cell)
        draw = subject.plain.initial_values
        known = {**subject.dims, **subject.hypers, **subject.constants, "key": key, "dtype": dtype}
        wanted = {**known, "settings": known, "constants": subject.constants}
        names = inspect.signature(draw).parameters
        params: dict[str, Any] = draw(**{name: wanted[name] for name in names if name in wanted})[0]
        return params

    def state(self, params: Mapping[str, Any], *lead: int) -> Any:
        """The state before the first step, for a batch of the axes `lead`."""
        subject = subject_of(self.cell)
        lead = tuple(check_integer("lead", size, 0) for size in lead)
        arrays = checked_params(subject, params)
        dtype = one_dtype(zip([s.name for s in subject.params], arrays, strict=True))
        kinds = {"int": jnp.int32, "bool": jnp.bool_, "real": dtype}
        inputs = [
            jnp.zeros((*(() if slot.per == "sequence" else (0,)), *lead, *slot.shape), kind)
            for slot, kind in ((slot, kinds[slot.kind]) for slot in subject.inputs)
        ]
        return self(params, *inputs)[1]

    def _why_plain(self, subject: Subject, call: Call) -> str | None:
        """Why a call runs by plain code; None where kernels run."""
        if self._form == "plain":
            return 'form="plain" asks for it'
        why = why_plain(subject, call)
        if why is not None and self._form == "kernels":
            raise ArgumentError(f'form="kernels": compiled passes cannot run here: {why}')
        return why

    def _run(self, subject: Subject, call: Call) -> list[Any]:
        batch = call.batch
        if self._why_plain(subject, call) is not None:
            return _by_plain_code(subject, call)
        how = Pass(
            subject, batch.dtype.name, batch.steps, batch.size, call.starts is not None,
            call.reverse, call.words is not None, batch.size, get_threads(),
            call.lengths is not None, call.resets is not None,
        )  # fmt: skip
        key, lengths, resets = (
            [] if each is None else [each] for each in (call.words, call.lengths, call.resets)
        )
        inputs = as_numbers(subject, call.inputs, batch.dtype)
        operands = [*key, *call.params, *inputs, *(call.starts or []), *lengths, *resets]
        if all(device == "cpu" for device in _platforms()):
            found = run_cell(how, operands)
        else:
            found = list(
                jax.lax.platform_dependent(
                    *operands,
                    cpu=lambda *given: tuple(run_cell(how, given)),
                    default=lambda *given: tuple(_by_plain_code(subject, _with(call, how, given))),
                )
            )
        wrong = out_of_range(subject, call.inputs)
        return found if wrong is None else spoiled(subject, found, wrong)

    def _results(self, subject: Subject, call: Call, found: list[Any]) -> tuple[Any, Any]:
        count, batch = len(subject.outputs), call.batch
        outputs = [batch.outward(array) for array in found[:count]]
        finals = [array.reshape(*batch.lead, *array.shape[1:]) for array in found[count:]]
        state = pack_state(subject.state_structure, finals)
        if count == 1:
            return outputs[0], state
        return pack_state(subject.output_structure, outputs), state


def _with(call: Call, how: Pass, operands: Sequence[Any]) -> Call:
    """The same call over other arrays."""
    own = how.split(operands)
    words, lengths, resets = (
        each[0] if each else None for each in (own.key, own.lengths, own.resets)
    )
    return Call(
        call.batch, own.params, own.inputs, own.starts if how.given else None, words,
        call.reverse, lengths, resets, call.settings,
    )  # fmt: skip


def _platforms() -> set[str]:
    return {device.platform for device in jax.devices()}


def _by_plain_code(subject: Subject, call: Call) -> list[Any]:
    params = dict(zip([slot.name for slot in subject.params], call.params, strict=True))
    draw = None
    if call.words is not None:
        steps = steps_done(call.batch.steps, call.reverse, call.lengths)
        draw = Draw(call.words, steps, jnp.arange(call.batch.size))
    keywords = {"lengths": call.lengths, "reverse": call.reverse, "resets": call.resets}
    return run_plain(
        subject, params, call.inputs, call.starts, draw, settings=call.settings, **keywords
    )
