"""The hyperparameters and dims of a built cell.  In: values.  Out: mappings that are true.

    cell.hypers["rate"] = 0.1           # takes effect at the next call
    cell.hypers["activation"] = "relu"  # refused: it decides the structure

Hyperparameters that are numbers are read at run time.  A change is checked as it is when a cell is
built, and what was derived from the number before is forgotten; consts that are made of it are made
anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.state_structure import Rebuilding
from celldsl.runtime.buffers import aligned_array
from celldsl.runtime.cell.construction import (
    Setting,
    Settings,
    check_conditions,
    check_hyper,
    setting_text,
)
from celldsl.runtime.cell.initial import drawing
from celldsl.runtime.description import Description, Hyper
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError, unknown_name
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.exec.steps import Steppers

NOTHING: Mapping[str, object] = {}


class Dims(Mapping[str, int]):
    """The sizes of a built cell, which stay as they are."""

    __slots__ = ("_cell", "_values")

    def __init__(self, cell: str, values: Mapping[str, int]) -> None:
        self._cell, self._values = cell, dict(values)

    def __getitem__(self, name: str) -> int:
        if name not in self._values:
            raise unknown_name(name, self._values)
        return self._values[name]

    def __setitem__(self, name: str, value: object) -> None:
        changed = ", ".join(f"{n}={value if n == name else v}" for n, v in self._values.items())
        raise ArgumentError(
            f"{name}: sizes stay as a cell was built; build another: {self._cell}({changed})"
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


class Hypers(Mapping[str, Setting]):
    """The hyperparameters of a built cell, and the consts that may be made of them."""

    __slots__ = ("_described", "_engine", "_reads", "_settings", "_steppers", "consts", "given")

    def __init__(
        self,
        described: Description,
        settings: Settings,
        engine: Engine,
        steppers: Steppers,
        consts: Parameters,
    ) -> None:
        self._described, self._engine, self._steppers = described, engine, steppers
        self._settings = settings
        self.consts = consts
        self.given = frozenset(settings.given)
        self._reads: frozenset[str] | None = None

    def __getitem__(self, name: str) -> Setting:
        if name not in self._settings.hypers:
            raise unknown_name(name, self._settings.hypers)
        return self._settings.hypers[name]

    def __setitem__(self, name: str, value: object) -> None:
        self.update({name: value})

    def copy(self) -> dict[str, Setting]:
        """A snapshot, which `update` takes back."""
        return dict(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, object]) -> dict[str, Setting]:
        return self.copy()

    def __reduce__(self) -> Rebuilding:
        return dict, (self.copy(),)

    def update(self, values: Mapping[str, object] = NOTHING, /, **named: object) -> None:
        """Sets hyperparameters, from a mapping or by keyword: all that are given or none.

        Raises ArgumentError for a value that is not allowed and for one that decides the structure,
        ArgumentTypeError for one of another kind.
        """
        if not isinstance(values, Mapping):
            raise ArgumentTypeError(f"hypers: expected a mapping, got {type(values).__name__}")
        values = {**values, **named}
        known = {h.name: h for h in self._described.hypers}
        for name in values:
            if name not in known:
                raise unknown_name(name, known)
        new = {name: check_hyper(known[name], value) for name, value in values.items()}
        new = {name: value for name, value in new.items() if value != self[name]}
        for name, value in new.items():
            if known[name].fixed:
                raise self._structure(known[name], value)
        if new:
            self._change(new)

    def assign(self, values: object) -> None:
        """Sets all hyperparameters from a mapping that has all of them.  Raises as `update`."""
        if not isinstance(values, Mapping):
            raise ArgumentTypeError(f"hypers: expected a mapping, got {type(values).__name__}")
        missing = [name for name in self if name not in values]
        if missing:
            told = "missing; `update` takes some of them alone"
            raise ArgumentError(f"{', '.join(missing)}: {told}")
        self.update(values)

    def __ior__(self, values: Mapping[str, object]) -> Hypers:
        self.update(values)
        return self

    def _structure(self, hyper: Hyper, value: Setting) -> ArgumentError:
        told = {**self._settings.values, hyper.name: value}
        how = ", ".join(f"{n}={v!r}" for n, v in told.items())
        return ArgumentError(
            f"{hyper.name}: decides the structure, which stays {setting_text(self[hyper.name])} in "
            f"a built cell; build another: {self._described.name}({how})"
        )

    def _change(self, new: Mapping[str, Setting]) -> None:
        settings, described = self._settings, self._described
        hypers = {**settings.hypers, **new}
        check_conditions(described, {**settings.dims, **hypers})
        if self._read_by_consts & set(new):
            self.consts = self._consts_of(hypers)
        settings.hypers = hypers
        numbers = [float(hypers[h.name]) for h in described.hypers if not h.fixed]
        self._engine.change_numbers(numbers, self.consts.whole)
        self._steppers.forget()

    @property
    def _read_by_consts(self) -> frozenset[str]:
        """The hyperparameters that the values of consts may depend on."""
        if self._reads is None:
            made = [c.name for c in self._described.consts if c.name not in self.given]
            reads: set[str] = set()
            if made:
                known = _Reads({**self._settings.values, **self._given_values()})
                self._made(known)
                reads = known.names
            self._reads = frozenset(reads)
        return self._reads

    def _consts_of(self, hypers: Mapping[str, Setting]) -> Parameters:
        """Consts as they are made of other hyperparameters; those that were given stay."""
        settings, described = self._settings, self._described
        length = described.lengths.constants(**settings.dims)
        flat = aligned_array(length, settings.dtype)
        flat[:] = self.consts.whole
        found = Parameters(flat, described.consts, settings.dims)
        known = {**settings.dims, **hypers, **self._given_values()}
        for name, array in self._made(known).items():
            found[name][...] = array
        found.freeze()
        return found

    def _made(self, known: dict[str, object]) -> dict[str, object]:
        """The consts that are not given, made of dims, hyperparameters and the seed."""
        left = {c.name for c in self._described.consts} - self.given
        found = {}
        for name, array in self._described.initial(drawing(self._settings.seed), known):
            if name in left:
                found[name] = array
            if len(found) == len(left):
                break
        return found

    def _given_values(self) -> dict[str, object]:
        return {name: self.consts[name].astype("float64") for name in self.given}

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings.hypers)

    def __len__(self) -> int:
        return len(self._settings.hypers)

    def __repr__(self) -> str:
        return repr(self._settings.hypers)


class _Reads(dict[str, object]):
    """Values, and the names of those that were asked for."""

    def __init__(self, values: Mapping[str, object]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> object:
        self.names.add(name)
        return super().__getitem__(name)
