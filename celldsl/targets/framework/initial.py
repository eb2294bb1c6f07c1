"""Initial values.  In: a spec.  Out: the function that draws parameters and makes constants.

params, constants = initial_values(I, H, tau=2.0)
"""

from __future__ import annotations

import re

from celldsl.ir.attributes import INITIALISER, PARAM, SHAPE
from celldsl.ir.program import Node, Rows, Type
from celldsl.ir.size import Size
from celldsl.ir.spec import CellSpec, ParamSpec
from celldsl.structs import record
from celldsl.targets.framework.body import Body
from celldsl.targets.framework.dialect import Dialect
from celldsl.targets.framework.function import indented, wrapped
from celldsl.targets.framework.names import Names
from celldsl.targets.framework.text import ANY, Text, size_code, tuple_code, whole


@record
class Initial:
    """The function, and what it takes: arguments with their defaults, then what each of them is
    called in the cell and in the function; `size_lines` fill sizes in that were left out."""

    text: str
    arguments: tuple[str, ...]
    size_names: tuple[tuple[str, str], ...]
    size_lines: tuple[str, ...]
    hyper_names: tuple[tuple[str, str], ...]
    given: tuple[str, ...]


def in_order(spec: CellSpec) -> list[ParamSpec]:
    """Parameters and consts, each after those that its value is made of."""
    owners = {each.name: each for each in (*spec.consts, *spec.params)}
    nodes = {node.name: node for node in spec.initial}
    found: dict[str, ParamSpec] = {}

    def visit(owner: ParamSpec) -> None:
        if owner.name in found:
            return
        pending = [] if owner.value is None else [owner.value]
        seen: set[str] = set()
        while pending:
            name = pending.pop()
            if name in owners:
                visit(owners[name])
            elif name in nodes and name not in seen:
                seen.add(name)
                pending += nodes[name].args
        found[owner.name] = owner

    for owner in owners.values():
        visit(owner)
    return list(found.values())


def needed_nodes(spec: CellSpec, owner: ParamSpec, made: set[str]) -> list[Node]:
    """The nodes that a value needs and that have not been computed yet, in order."""
    nodes = {node.name: node for node in spec.initial}
    wanted: set[str] = set()
    pending = [] if owner.value is None else [owner.value]
    while pending:
        name = pending.pop()
        if name in nodes and name not in wanted | made:
            wanted.add(name)
            pending += nodes[name].args
    return [node for node in spec.initial if node.name in wanted]


class _Drawing(Body):
    """A body whose nodes may be draws of initialisers."""

    def __init__(self, spec: CellSpec, dialect: Dialect, names: Names) -> None:
        types = {node.name: node.type for node in spec.initial}
        texts: dict[str, Text] = {}
        for each in (*spec.consts, *spec.params):
            types[each.name] = Type(each.shape, Rows.ONCE)
            owner = "constants" if each in spec.consts else "params"
            texts[each.name] = Text(f'{owner}["{each.name}"]', shape=each.shape or None)
        for hyper in spec.hypers:
            types[hyper.name] = Type((), Rows.ONCE)
            texts[hyper.name] = Text(names.of(f"hyper:{hyper.name}", hyper.name))
        dims = {dim.name: names.of(f"dim:{dim.name}", dim.name) for dim in spec.dims}
        super().__init__(dialect, types, texts, names, {}, dims)

    def expression(self, node: Node, args: list[Text]) -> Text:
        if node.op != "draw":
            return super().expression(node, args)
        sizes = {name: self.size(size) for name, size in node.attributes if isinstance(size, Size)}
        code = self.dialect.draws[node[INITIALISER]].format(
            shape=tuple_code([self.size(size) for size in node[SHAPE]]),
            args="".join(f", {arg.at(ANY)}" for arg in args),
            stream=f'"{node[PARAM]}"',
            like=self.like(),
            **sizes,
        )
        return Text(code, shape=node.type.shape or None)


def initial_source(spec: CellSpec, dialect: Dialect, names: Names) -> Initial:
    """The text of `initial_values`."""
    body = _Drawing(spec, dialect, names)
    checks = [
        *_size_defaults(spec, body), *_fixed_sizes(spec, body), *_conditions(spec, body)
    ]  # fmt: skip
    made: set[str] = set()
    for owner in in_order(spec):
        nodes = needed_nodes(spec, owner, made)
        made |= {node.name for node in nodes}
        _write_owner(spec, owner, nodes, body)
    opening = [*dialect.open_values, *_settings(spec, body), "params, constants = {}, {}"]
    lines = [
        *wrapped("def initial_values(", _arguments(spec, dialect, body), "):"),
        *indented(['"""Parameters as the cell\'s initialisers draw them, and constants."""']),
        *indented([*checks, *opening, *body.lines, "return params, constants"]),
    ]
    return Initial(
        "\n".join(lines),
        tuple(_arguments(spec, dialect, body)),
        tuple((dim.name, body.dim_names[dim.name]) for dim in spec.dims),
        tuple(_size_defaults(spec, body)),
        tuple((h.name, body.given[h.name].code) for h in spec.hypers if not h.fixed),
        tuple(names.of(f"const:{const.name}", const.name) for const in spec.consts),
    )


def _arguments(spec: CellSpec, dialect: Dialect, body: _Drawing) -> list[str]:
    """Sizes, then keywords: hyperparameters, constants, what the library wants to know."""
    found = [*dialect.first_values]
    optional = False
    for dim in spec.dims:
        optional = optional or dim.default is not None or dim.fixed is not None
        found.append(f"{body.dim_names[dim.name]}{'=None' if optional else ''}")
    found.append("*")
    for hyper in spec.hypers:
        if not hyper.fixed:
            value = "" if hyper.value is None else f"={hyper.value!r}"
            found.append(f"{body.given[hyper.name].code}{value}")
    for const in spec.consts:
        name = body.names.of(f"const:{const.name}", const.name)
        found.append(name if const.value is None else f"{name}=None")
    return [*found, *dialect.last_values]


def _size_defaults(spec: CellSpec, body: _Drawing) -> list[str]:
    """The sizes that were left out."""
    lines = []
    for dim in spec.dims:
        name = body.dim_names[dim.name]
        default = dim.default if dim.fixed is None else Size.of(dim.fixed)
        if default is not None:
            code = size_code(default, body.dim_names)
            lines.append(f"{name} = {code} if {name} is None else {name}")
    return lines


def _fixed_sizes(spec: CellSpec, body: _Drawing) -> list[str]:
    """The sizes that the structure is made for."""
    lines = []
    for dim in spec.dims:
        if dim.fixed is not None:
            name = body.dim_names[dim.name]
            message = f"this code is made for {dim.name}={dim.fixed}"
            lines += _check(f"{name} == {dim.fixed}", message)
    return lines


def _conditions(spec: CellSpec, body: _Drawing) -> list[str]:
    lines: list[str] = []
    fixed = {hyper.name: repr(hyper.value) for hyper in spec.hypers if hyper.fixed}

    def value(name: str) -> str:
        return body.dim_names.get(name) or fixed.get(name) or body.given[name].code

    for condition in spec.conditions:
        code = re.sub(r'v\["(\w+)"\]', lambda found: value(found[1]), condition.code)
        lines += _check(code, f"{spec.name}: {condition.why} (requires {condition.text})")
    return lines


def _check(code: str, message: str) -> list[str]:
    return [f"if not ({code}):", f"    raise ValueError({message!r})"]


def _write_owner(spec: CellSpec, owner: ParamSpec, nodes: list[Node], body: _Drawing) -> None:
    """The line that makes one parameter or const."""
    names = body.names
    is_const = owner in spec.consts
    given = names.of(f"const:{owner.name}", owner.name) if is_const else ""
    passed = body.dialect.setting.format(given, like=body.like()) if is_const else ""
    target = body.given[owner.name].code
    if owner.value is None:
        body.lines.append(f"{target} = {passed}")
        return
    body.write(nodes, (), loose=owner.value)
    value = whole(body.read(owner.value), Type(owner.shape, Rows.ONCE), body).at(ANY)
    body.lines.append(
        f"{target} = {f'{value} if {given} is None else {passed}' if given else value}"
    )


def _settings(spec: CellSpec, body: _Drawing) -> list[str]:
    """Hyperparameters that initial values read, as arrays."""
    lines = []
    for hyper in spec.hypers:
        if hyper.name in body.needs:
            name = body.given[hyper.name].code
            given = repr(hyper.value) if hyper.fixed else name
            lines.append(f"{name} = {body.dialect.setting.format(given, like=body.like())}")
    return lines
