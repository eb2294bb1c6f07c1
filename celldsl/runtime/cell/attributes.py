"""What may be assigned to a cell.  In: a cell, a name, a value.  Out: the assignment, or an error.

    cell.params = other.params          # copies values in, by name
    cell.param = array                  # AttributeError: … did you mean params?

A cell computes what it shows.  So nothing is put beside what is computed with: a name either takes
effect or is refused.
"""

from __future__ import annotations

from celldsl.runtime.cell.built import BuiltCell
from celldsl.runtime.errors import ArgumentError, nearest_name

REFUSED = {
    "consts": "stay as the cell was built; build another with {cell}(…, {example}=array)",
    "dims": "stay as the cell was built; build another with {cell}({dims})",
    "dtype": 'stays as the cell was built; build another with {cell}(…, dtype="float64")',
    "seed": "decides the initial parameters when a cell is built; build another with "
    "{cell}(…, seed=…), or choose the masks of a pass with forward(…, seed=…)",
}


# What modules of PyTorch have, and what cells have in its place.
ELSEWHERE = {
    "parameters": "the parameters are `params`, a mapping of names to arrays",
    "named_parameters": "the parameters are `params`, a mapping of names to arrays",
    "state_dict": "the parameters are `params`; `save` writes them into a file",
    "load_state_dict": '`load` reads a file, `load_from(state_dict, "torch")` PyTorch\'s weights',
    "train": "dropout and zoneout are left out by `forward(training=False)`",
    "eval": "dropout and zoneout are left out by `forward(training=False)`",
    "zero_grad": "each `backward` returns gradients of its own",
    "fit": "`celldsl.optim` has an optimiser for a loop of your own",
}


def unknown_attribute(cell: BuiltCell, name: str) -> AttributeError:
    """The error for a name that is read and that there is not."""
    told = f'{cell.description.name} has no attribute "{name}"'
    own = vars(cell).get("params", ()), vars(cell).get("hypers", ())
    for what, names in zip(("params", "hypers"), own, strict=True):
        if name in names:
            return AttributeError(f'{told}; write cell.{what}["{name}"]')
    near = nearest_name(name, [n for n in dir(cell) if not n.startswith("_")])
    hint = ELSEWHERE.get(name) or (f"did you mean {near}?" if near else None)
    return AttributeError(f"{told}; {hint}" if hint else told, name=name, obj=cell)


def assign_attribute(cell: BuiltCell, name: str, value: object) -> None:
    """Raises ArgumentError for what stays as it is, AttributeError for a name that there is not."""
    own = vars(cell)
    if name == "params":
        if value is not own["params"]:
            own["params"].assign(value)
    elif name == "hypers":
        if value is not own["hypers"]:
            own["hypers"].assign(value)
    elif name in REFUSED:
        raise ArgumentError(f"{name}: {_refusal(cell, name)}")
    elif _is_of_subclass(cell, name):
        object.__setattr__(cell, name, value)
    else:
        raise AttributeError(_unknown(cell, name))


def delete_attribute(cell: BuiltCell, name: str) -> None:
    """Raises AttributeError for what a cell needs, and for a name that there is not."""
    if name not in vars(cell):
        raise AttributeError(_unknown(cell, name))
    if not _is_of_subclass(cell, name):
        raise AttributeError(f"{cell.description.name}.{name}: stays as long as the cell does")
    object.__delattr__(cell, name)


def _refusal(cell: BuiltCell, name: str) -> str:
    described = cell.description
    first = described.consts[0].name if described.consts else "NAME"
    dims = ", ".join(f"{dim}=…" for dim in cell.dims)
    return REFUSED[name].format(cell=described.name, example=first, dims=dims)


def _is_of_subclass(cell: BuiltCell, name: str) -> bool:
    """Whether a class that somebody derived may keep an attribute of its own."""
    base = next(c for c in type(cell).__mro__ if "description" in vars(c))
    return type(cell) is not base and not hasattr(base, name)


def _unknown(cell: BuiltCell, name: str) -> str:
    described = cell.description
    known = ["params", "hypers", "consts", "dims", "dtype", "seed"]
    if name in cell.params:
        return f'{described.name} has no attribute "{name}"; write cell.params["{name}"] = …'
    if name in cell.hypers:
        return f'{described.name} has no attribute "{name}"; write cell.hypers["{name}"] = …'
    if hasattr(type(cell), name):
        method = callable(getattr(type(cell), name))
        kept = "a method and stays one" if method else "of the class and stays what it is"
        return f"{described.name}.{name} is {kept}"
    near = nearest_name(name, known)
    hint = f"did you mean {near}?" if near else "params and hypers can be assigned to"
    return f'{described.name} has no attribute "{name}"; {hint}'
