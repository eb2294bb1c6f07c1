"""The class of a generated module.  In: a unit and its phases.  Out: the text of its description.

Sizes are functions of the dims: `lambda **d: (d["I"], 2 * d["H"])`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from celldsl.ir.attributes import INITIALISER, PARAM, SHAPE
from celldsl.ir.ops.spelling import value_text
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Program
from celldsl.ir.size import Shape, Size, shape_text
from celldsl.ir.spec import ArraySpec, CellSpec, DimSpec, HyperSpec, ParamSpec, array_text
from celldsl.plan.operations import ConvolveSums, GemmRows
from celldsl.plan.plan import Block, Phase, Plan
from celldsl.runtime.description import ABI
from celldsl.structs import record
from celldsl.targets.numba.names import Names
from celldsl.targets.numba.plain_functions import FUNCTIONS


@record
class Unit:
    """`source` is the name of the file, `digest` its text's and `without` what was left out.

    `sources` are (name, text) of the file and of those that it uses.
    """

    spec: CellSpec
    forward: Program
    backward: Program
    plan: Plan
    source: str
    digest: str
    version: str
    without: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()


# Numbers of rows among the dims; no dim begins with an underscore.
ROW_COUNTS = {"@R": "_R", "@B": "_B", "@S": "_S", "@K": "_K", "@parts": "_parts"}
LENGTHS = (
    "parameters",
    "constants",
    "fixed",
    "backward_fixed",
    "tape",
    "forward_work",
    "backward_work",
)
REGIONS = LENGTHS[2:]  # arrays that hold several buffers
Calls = Sequence[tuple[Phase, str]]


def description_source(unit: Unit, names: Names, forward: Calls, backward: Calls) -> str:
    spec, plan = unit.spec, unit.plan
    describe = names.own("describe")
    return "\n".join([
        _initial(spec, names),
        "",
        "",
        f"class {spec.name}({names.own('Cell')}):",
        f"    {_docstring(spec)}",
        "",
        f"    description = {describe}.Description(",
        f"        name={spec.name!r},",
        f"        equations={spec.text!r},",
        f"        source={unit.source!r},",
        f"        digest={unit.digest!r},",
        f"        version={unit.version!r},",
        f"        abi={ABI},",
        *_tuple("dims", [_dim(d, describe) for d in spec.dims]),
        *_tuple("hypers", [_hyper(h, describe) for h in spec.hypers]),
        *_tuple("inputs", [_array(a, describe) for a in spec.inputs]),
        *_tuple("outputs", [_array(a, describe) for a in spec.outputs]),
        *_tuple("states", [_array(a, describe) for a in spec.states]),
        *_tuple("params", _params(spec.params, plan.parameters, describe)),
        *_tuple("consts", _params(spec.consts, plan.constants, describe)),
        *_tuple("conditions", [
            f"{describe}.Condition(lambda v: {c.code}, {c.text!r}, {c.why!r})"
            for c in spec.conditions
        ]),
        f"        initial={names.own('initial_values')},",
        f"        lengths={describe}.Lengths(",
        *(f"            {name}={_function(_length(plan, name))}," for name in LENGTHS),
        "        ),",
        *_regions(plan),
        *_tuple("forward", [_phase(*call, names) for call in forward]),
        *_tuple("backward", [_phase(*call, names) for call in backward]),
        f"        functions={describe}.Functions({', '.join(map(names.own, FUNCTIONS))}),",
        *_prepare(unit.plan, names),
        *(["        masks=True,"] if any(n.op == "mask" for n in unit.forward.nodes()) else []),
        f"        backward_reads={_backward_reads(unit)!r},",
        *_tuple("sources", [repr(source) for source in unit.sources]),
        *(["        indexed=True,"] if plan.indexed else []),
        *([f"        without={unit.without!r},"] if unit.without else []),
        *([f"        products={spec.products!r},"] if spec.products else []),
        "    )",
    ])  # fmt: skip


def _prepare(plan: Plan, names: Names) -> list[str]:
    """What makes products known that the module calls."""
    known = {
        "prepare_winograd": plan.has_winograd,
        "prepare_convolutions": plan.has_convolution and not plan.has_winograd,
        "prepare_rounded": plan.has_rounding,
        "prepare_products": plan.has_gemm and not plan.has_convolution and not plan.has_rounding,
    }
    needed = [names.own(name) for name, needs in known.items() if needs]
    if len(needed) < 2:
        return [f"        prepare={name}," for name in needed]
    calls = ", ".join(f"{name}(dtype)" for name in needed)
    return [f"        prepare=lambda dtype: ({calls}),"]


def _backward_reads(unit: Unit) -> tuple[str, ...]:
    """The inputs that the backward program reads, besides what is on the tape."""
    read = {arg for node in unit.backward.nodes() for arg in node.args}
    return tuple(each.name for each in unit.spec.inputs if each.name in read)


def _phase(phase: Phase, name: str, names: Names) -> str:
    waits = "" if phase.waits else ", waits=False"
    reverse = ", reverse=True" if phase.reverse else ""
    sums = phase.stages and all(
        isinstance(stage, GemmRows | ConvolveSums) for stage in phase.stages
    )
    sliced = ", sliced=True" if phase.kind == "parts" and sums else ""
    serves = f', serves="{phase.serves}"' if phase.serves else ""
    phase_of = f"{names.own('describe')}.Phase"
    return f'{phase_of}("{phase.kind}", {names.own(name)}{waits}{reverse}{sliced}{serves})'


def _length(plan: Plan, name: str) -> Size:
    return plan.lengths.get(name, Size.of(0))


def _regions(plan: Plan) -> list[str]:
    """Where each buffer begins, for checked mode."""
    lines = ["        regions=lambda **d: {"]
    for name in REGIONS:
        begins = "".join(f"({n!r}, {_named(base)}), " for n, base in plan.regions.get(name, ()))
        lines.append(f"            {name!r}: ({begins.rstrip()}),")
    return [*lines, "        },"]


def _docstring(spec: CellSpec) -> str:
    text = spec.doc or spec.name
    return repr(text)


def _tuple(name: str, items: list[str]) -> list[str]:
    if not items:
        return [f"        {name}=(),"]
    return [f"        {name}=(", *(f"            {item}," for item in items), "        ),"]


def _named(size: Size) -> str:
    """A size over `d["H"]` and, for the numbers of rows, `d["_R"]`."""
    return size.code(lambda name: f'd["{ROW_COUNTS.get(name, name)}"]')


def _function(size: Size) -> str:
    return f"lambda **d: {_named(size)}"


def _shape(shape: Shape) -> str:
    return f"lambda **d: ({''.join(f'{_named(size)}, ' for size in shape).rstrip()})"


def _dim(dim: DimSpec, describe: str) -> str:
    default = "None" if dim.default is None else _function(dim.default)
    return f"{describe}.Dim({dim.name!r}, {default}, {dim.fixed!r})"


def _hyper(hyper: HyperSpec, describe: str) -> str:
    return f"{describe}.Hyper({hyper.name!r}, {hyper.kind!r}, {hyper.value!r}, {hyper.fixed!r})"


def _array(array: ArraySpec, describe: str) -> str:
    more = "" if array.kind == "real" else f", kind={array.kind!r}"
    if array.limit is not None:
        more += f", limit={_function(array.limit)}"
    if array.per != "step":
        more += f", per={array.per!r}"
    text = array_text(array)
    return f"{describe}.Array({array.name!r}, {text!r}, {_shape(array.shape)}{more})"


def _params(specs: tuple[ParamSpec, ...], blocks: tuple[Block, ...], describe: str) -> list[str]:
    places = {block.name: block.place for block in blocks}
    found = []
    for spec in specs:
        place = places[spec.name]
        found.append(
            f"{describe}.Param({spec.name!r}, {shape_text(spec.shape)!r}, {_shape(spec.shape)}, "
            f"{_function(place.base + place.offset)}, {_shape(place.strides)}, "
            f"{spec.value is not None!r})"
        )
    return found


def _initial(spec: CellSpec, own: Names) -> str:
    """A generator of (name, array) for parameters and consts, in the order they depend."""
    lines = [
        f"def {own.own('initial_values')}(draw, v):",
        '    """The initial values of parameters and consts."""',
        *_libraries(spec, own),
    ]
    start = len(lines)
    names: dict[str, str] = {}
    shapes = {each.name: each.shape for each in (*spec.consts, *spec.params)}
    read = {arg for node in spec.initial for arg in node.args}
    read |= {each.value for each in (*spec.consts, *spec.params) if each.value is not None}
    for node in spec.initial:
        shapes[node.name] = node.type.shape
        names[node.name] = "x_" + re.sub(r"\W+", "_", node.name).strip("_")
    made: set[str] = set()
    for owner in _in_order(spec):
        assert owner.value is not None
        lines += [
            f"    {names[node.name]} = {_value(node, names, shapes)}"
            for node in _needed(spec, owner.value, made)
        ]
        value = _reference(owner.value, names)
        if owner.name in read:
            value = f"v.setdefault({owner.name!r}, {value})"
        lines.append(f"    yield {owner.name!r}, {value}")
    if len(lines) == start:
        lines.append("    yield from ()")
    return "\n".join(lines)


def _libraries(spec: CellSpec, names: Names) -> list[str]:
    """What templates of values call NumPy and the functions beside it, if it is not that here."""
    values = [OPS[node.op].value for node in spec.initial if node.op != "draw"]
    used = [word for word in ("np", "numerics") if any(f"{word}." in v for v in values)]
    return [f"    {word} = {own}" for word in used if (own := names.own(word)) != word]


def _in_order(spec: CellSpec) -> list[ParamSpec]:
    """Parameters and consts that have a value, each after those that its value is made of."""
    owners = {each.name: each for each in (*spec.consts, *spec.params) if each.value is not None}
    found: dict[str, ParamSpec] = {}

    def visit(owner: ParamSpec) -> None:
        assert owner.value is not None
        above = {arg for node in _needed(spec, owner.value, set()) for arg in node.args}
        for name in owners:
            if name in above | {owner.value} and name not in found:
                visit(owners[name])
        found[owner.name] = owner

    for owner in owners.values():
        if owner.name not in found:
            visit(owner)
    return list(found.values())


def _needed(spec: CellSpec, value: str, made: set[str]) -> list[Node]:
    """The nodes that a value needs and that have not been computed yet, in order."""
    nodes = {node.name: node for node in spec.initial}
    wanted: set[str] = set()
    pending = [value]
    while pending:
        name = pending.pop()
        if name in nodes and name not in wanted and name not in made:
            wanted.add(name)
            pending += nodes[name].args
    made |= wanted
    return [node for node in spec.initial if node.name in wanted]


def _reference(value: str, names: dict[str, str]) -> str:
    return names.get(value, f"v[{value!r}]")


def _value(node: Node, names: dict[str, str], shapes: dict[str, Shape]) -> str:
    args = [_reference(arg, names) for arg in node.args]
    at = dict(node.attributes)
    if node.op != "draw":
        ranks = [len(shapes.get(arg, ())) for arg in node.args]
        return value_text(node, args, ranks, lambda size: _initial_size(size))
    sizes = []
    for name in ("fan_in", "fan_out"):
        size = at.get(name)
        sizes.append(_initial_size(size) if isinstance(size, Size) else repr(size))
    shape_code = f"({''.join(f'{_initial_size(s)}, ' for s in node[SHAPE]).rstrip()})"
    more = "".join(f", {arg}" for arg in args)
    return f"draw({node[INITIALISER]!r}, {node[PARAM]!r}, {shape_code}, {', '.join(sizes)}{more})"


def _initial_size(size: Size) -> str:
    return size.code(lambda name: f'v["{name}"]')
