"""Where a cell keeps the weights of each gate.  In: a cell, a module of a layout.  Out: places.

    [(module, gates)] = fitting_modules(layout("torch"), cell, {}, None)
    gates["f"]          # Gate(weights={"x": "i_f_o.W_x", …}, bias="i_f_o.b", index=1, blocks=3)

An equation `i, f, o = split(sigmoid(linear([x, h], 3*H)), 3)` has three blocks, which are called as
its values are; so has `a = linear(…)` followed by `i, f, o = split(a, 3)`.  A vector that is a
parameter, such as a peephole, is a gate without weights.  A module fits if it accounts for every
parameter of the cell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from celldsl.layouts.table import Layout, Module
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.errors import ArgumentError, WeightsError, nearest_name

_TARGETS = re.compile(r"^\s*([^\W\d][\w', ]*?)\s*=(?!=)\s*(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Gate:
    """Names of its weights by source (`x`, `h`, …), and of its bias.

    It is block `index` of `blocks` along the last axis of each.
    """

    weights: Mapping[str, str]
    bias: str | None
    index: int
    blocks: int

    def of(self, whole: Values) -> Values:
        """Its block of one of these arrays, as a view."""
        size = whole.shape[-1] // self.blocks
        return whole[..., self.index * size : (self.index + 1) * size]

    def size(self, params: Mapping[str, Values]) -> int:
        """How many numbers the gate has."""
        name = self.bias or next(iter(self.weights.values()))
        return int(params[name].shape[-1]) // self.blocks


def fitting_modules(
    table: Layout, cell: Cell, asked: dict[str, str], only: str | None
) -> list[tuple[Module, dict[str, Gate]]]:
    """The modules whose gates are this cell's; `asked` maps their gates to the cell's values.

    It may map sources too, `{"x": "frame"}`.  `only` is the name of the one that is meant.

    Raises ArgumentError for a gate or module that the library has not or a value that the cell has
    not, and WeightsError where no module fits.
    """
    _check_asked(table, asked, cell)
    if only is not None and only not in table.modules:
        raise ArgumentError(
            f"module: {table.title} has no {only!r} here; there are {', '.join(table.modules)}"
        )
    fitting: list[tuple[Module, dict[str, Gate]]] = []
    problems: list[tuple[int, str, Module]] = []
    for module in table.modules.values():
        if only not in (None, module.name):
            continue
        found, problem = assigned(module, gates_for(module, cell, asked), asked, cell)
        if not problem:
            fitting.append((module, found))
        told = f"{module.name} ({problem}; here that is `{module.cell}`)"
        problems.append((len(found), told, module))
    if fitting:
        return fitting
    most = max(count for count, *_ in problems)
    nearest = " or ".join(told for count, told, _ in problems if count == most)
    gate = next(gate for count, _, module in problems if count == most for gate in module.gates)
    own = ", ".join(cell_gates(cell, {}))
    raise WeightsError(
        f"{cell.description.name} has the gates {own}, which do not fit "
        f"{table.title}'s {nearest}.  Gates that are called otherwise here go by "
        f'gates={{"{gate}": "…"}}'
    )


def gates_for(module: Module, cell: Cell, asked: Mapping[str, str]) -> dict[str, Gate]:
    """The cell's gates, the sources called as the module calls those that `asked` maps."""
    return cell_gates(cell, {own: name for name, own in asked.items() if name in module.sources})


def cell_gates(cell: Cell, sources: Mapping[str, str]) -> dict[str, Gate]:
    """What a cell has linear equations for, by the names of their values, and its vectors.

    `sources` maps values of the cell to what a library calls them; others go by what they are.
    """
    inputs = {each.name for each in cell.description.inputs}
    prefixes: dict[str, dict[str, str]] = {}
    found: dict[str, Gate] = {}
    for name, array in cell.params.items():
        prefix, dot, what = name.rpartition(".")
        if dot:
            prefixes.setdefault(prefix, {})[what] = name
        elif array.ndim == 1:
            found[name] = Gate({}, name, 0, 1)
    blocks = _blocks(cell.description.equations, prefixes)
    for prefix, own in prefixes.items():
        values = blocks.get(prefix, [prefix])
        named = {w[2:]: n for w, n in own.items() if w.startswith("W_")}
        told = {sources[what]: named.pop(what) for what in list(named) if what in sources}
        weights = told | _by_source(named, inputs)
        for index, value in enumerate(values):
            found[value] = Gate(weights, own.get("b"), index, len(values))
    return found


def _by_source(weights: Mapping[str, str], inputs: set[str]) -> dict[str, str]:
    """Weights of an input are those of `x`; the only other ones are those of the state."""
    given = [what for what in weights if what in inputs]
    others = [what for what in weights if what not in inputs]
    found = {("x" if len(given) == 1 else what): weights[what] for what in given}
    whole = not given and len(others) == 1 and others[0] not in ("h", "1")
    alone = len(others) == 1 and not whole
    return found | {("h" if alone else what): weights[what] for what in others}


def _blocks(equations: str, prefixes: Collection[str]) -> dict[str, list[str]]:
    """The values of equations with several, by the prefix of their parameters.

    They have parameters themselves, or split a value that has.
    """
    found = {}
    for targets, right in _TARGETS.findall(equations):
        names = [name.strip().rstrip("'") for name in targets.split(",")]
        own = "_".join(names)
        split = [word for word in re.findall(r"\w+", right) if word in prefixes]
        if len(names) > 1 and own in prefixes:
            found[own] = names
        elif len(names) > 1 and len(split) == 1 and "split(" in right:
            found[split[0]] = names
    return found


def _check_asked(table: Layout, asked: Mapping[str, str], cell: Cell) -> None:
    modules = table.modules.values()
    gates = {gate for module in modules for gate in module.gates}
    sources = {source for module in modules for source in module.sources}
    own = {*cell_gates(cell, {})}
    read = {name.rpartition(".W_")[2] for name in cell.params if ".W_" in name}
    cell_name = cell.description.name
    for gate, value in asked.items():
        _check_known(f"gates: {table.title} has no gate", gate, gates | sources)
        if gate not in gates:
            _check_known(f"gates: {cell_name} has no weights of", value, read)
        elif not (gate in sources and value in read):
            _check_known(f"gates: {cell_name} has no linear equation for", value, own)


def _check_known(told: str, name: str, names: set[str]) -> None:
    if name not in names:
        near = nearest_name(name, names)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(sorted(names))}"
        raise ArgumentError(f"{told} {name!r}; {hint}")


def assigned(
    module: Module, known: Mapping[str, Gate], asked: Mapping[str, str], cell: Cell
) -> tuple[dict[str, Gate], str]:
    """The cell's gates by the module's names for them, and why it does not fit, or ""."""
    found: dict[str, Gate] = {}
    taken: set[str] = set()
    for gate, others in module.gates.items():
        names = [asked[gate]] if gate in asked else [gate, *others]
        wanted = module.needs(gate)
        value = next((n for n in names if n in known and n not in taken), None)
        if value is None:
            return found, f"no {' or '.join(names)} ({_products(wanted)})"
        if set(known[value].weights) != wanted:
            has = _products(frozenset(known[value].weights))
            return found, f"its {gate} has {_products(wanted)}, {value} here {has}"
        taken.add(value)
        found[gate] = known[value]
    used = {name for place in found.values() for name in (*place.weights.values(), place.bias)}
    left = [name for name in cell.params if name not in used]
    return found, f"it has no {', '.join(left)}" if left else ""


def _products(sources: frozenset[str]) -> str:
    return "weights of " + " and ".join(sorted(sources, reverse=True)) if sources else "a vector"
