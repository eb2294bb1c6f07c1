"""Types of cells, for editors and type checkers.  In: specs.  Out: the text of a `.pyi` file.

    text = stub_source([spec], "gru.cell", version)      # class GRU(_Cell): def __call__(self, x: …

It stands beside a generated module, or beside a `.cell` file that is imported.  Names of ours begin
with `_`, which names of a cell never do.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Sequence

from celldsl.ir.size import Shape
from celldsl.ir.spec import ArraySpec, CellSpec
from celldsl.runtime.arrays.state_structure import StateStructure
from celldsl.targets.docstrings import in_docstring
from celldsl.targets.numba.names import Names
from celldsl.targets.numba.standalone import PUBLIC
from celldsl.targets.numba.stub_texts import ALIASES, COMMON, OF_THE_PACKAGE, OF_THEIR_OWN

MADE = "for editors and type checkers: made by celldsl"
FUNCTIONS = ("prepare", "forward", "backward", "step", "step_backward")
KINDS = {"real": "float", "integer": "int", "boolean": "bool", "function": "str"}
# Settings that every cell has which does not call one of its own so.
OPTIONS = {
    "engine": '_Literal["llvm", "numba"] = "llvm"',
    "products": '_Literal["float32", "float64", "bfloat16"] | None = None',
}
WIDTH = 100
OVERRIDES = "  # type: ignore[override]"
ARRAYS = {"real": "_Reals", "int": "_Integers", "bool": "_Truths"}


def stub_source(
    specs: Sequence[CellSpec],
    source: str,
    version: str,
    *,
    module: bool = True,
    standalone: bool = False,
) -> str:
    """The whole text.  `module`: it stands beside a generated one, which has functions as well."""
    hidden = [spec.name for spec in specs if hasattr(builtins, spec.name)]
    head = [
        f'"""Types of {in_docstring(source)}, {MADE} {version}.',
        'Change the source, not this file.\n"""',
        "# ruff: noqa",
        "import builtins as _builtins" if hidden else "",
        COMMON if standalone else f"{COMMON}\n{OF_THE_PACKAGE}",
        ALIASES,
    ]
    pieces = [_renamed(OF_THEIR_OWN, specs[0].name)] if standalone else []
    classes = ["\n".join(_class(spec)) for spec in specs]
    # Its own class `_Cell` says less, so that nothing differs from it.
    pieces += [text.replace(OVERRIDES, "") if standalone else text for text in classes]
    if module:
        names = Names(specs[0].name, ())
        pieces.append("\n".join(f"{names.own(name)}: _Any" for name in FUNCTIONS))
    body = [_beside_builtins(piece, hidden) for piece in pieces]
    return "\n\n".join(piece.strip("\n") for piece in [*head, *body] if piece) + "\n"


def _beside_builtins(text: str, hidden: Sequence[str]) -> str:
    """Types of Python's that cells are called like are asked for elsewhere."""
    for name in hidden:
        # What stands before a colon is declared, unless it is what a function returns.
        used = rf'(?<![\w."])(?<!class ){name}(?![\w".:])|(?<=-> ){name}(?=:)'
        text = re.sub(used, f"_builtins.{name}", text)
    return text


def _renamed(text: str, cell: str) -> str:
    """What the module calls otherwise, since the cell has the name."""
    for name in PUBLIC:
        if name == cell:
            text = text.replace(f" {name}(", f" {name}_(").replace(f"({name},", f"({name}_,")
    return text


def _class(spec: CellSpec) -> Iterator[str]:
    owner = type("Owner", (), {})
    states = StateStructure("State", [each.name for each in spec.states], owner)
    outputs = StateStructure("Outputs", [each.name for each in spec.outputs], owner)
    methods = _Methods(spec, outputs)
    yield from _tuple_lines(spec.name, states, spec.states, "")
    yield from _tuple_lines(spec.name, outputs, spec.outputs, "")
    # Of the general class, when the module runs.
    yield f"class {_of(spec.name, 'Gradients')}(_Gradients):"
    yield f"    state: {_of(spec.name, 'State')}"
    yield ""
    yield from methods.stream_lines()
    yield ""
    yield f"class {spec.name}(_Cell):"
    first = next(iter(spec.doc.strip().splitlines()), spec.name)
    # A space keeps a quote at the end from the three.
    end = " " if first.endswith('"') else ""
    yield f'    """{in_docstring(first)}{end}"""'
    yield ""
    for kind in (*_types(states), *_types(outputs)):
        yield f"    {kind}: _TypeAlias = {_of(spec.name, kind)}"
    yield from methods.lines()


def _of(cell: str, kind: str) -> str:
    """What a type that belongs to a cell is called outside of its class."""
    return f"_{cell}_{kind}"


def _types(nest: StateStructure) -> Iterator[str]:
    """The named tuples of a class, by their names in it."""
    yield nest.type.__name__
    for inner in nest.inner.values():
        yield from _types(inner)


def _tuple_lines(
    cell: str, nest: StateStructure, arrays: Sequence[ArraySpec], above: str
) -> Iterator[str]:
    """The class of a named tuple, and of those inside it."""
    for field, inner in nest.inner.items():
        yield from _tuple_lines(cell, inner, arrays, f"{above}{field}.")
    shapes = {each.name: each.shape for each in arrays}
    kinds = {
        field: _of(cell, nest.inner[field].type.__name__) if field in nest.inner else "_Array"
        for field in nest.fields
    }
    name = _of(cell, nest.type.__name__)
    if nest.fields and nest.fields[0].isdigit():
        yield f"class {name}(tuple[{', '.join(kinds.values())}]): ..."
    else:
        yield f"class {name}(_NamedTuple):"
        for field, kind in kinds.items():
            told = "" if field in nest.inner else f"  # {_axes('B', shapes[above + field])}"
            # Tuples have a method of this name.
            hidden = "  # type: ignore[assignment]" if field in ("count", "index") else ""
            yield f"    {field}: {kind}{hidden or told}"
        if not nest.fields:
            yield "    ..."
    yield ""


def _axes(lead: str, shape: Shape) -> str:
    return "(" + ", ".join([lead, *(str(size) for size in shape)]) + ")"


class _Methods:
    """The methods of one cell, with its own sizes, inputs, states and outputs."""

    def __init__(self, spec: CellSpec, outputs: StateStructure) -> None:
        self.spec = spec
        self.state = _of(spec.name, "State")
        alone = "_Array | " if len(spec.states) == 1 else ""
        self.given_state = f"{alone}{self.state} | _By_name | tuple[_Any, ...] | None"
        several = len(outputs.fields) > 1
        self.output = _of(spec.name, "Outputs") if several else "_Array"
        more = " | _By_name | tuple[_Any, ...]" if several else ""
        self.cotangent = f"{self.output}{more} | None"

    def lines(self) -> Iterator[str]:
        result = f"tuple[{self.output}, {self.state}]"
        state, resets = f"state: {self.given_state} = None", "resets: _Truths | None = None"
        frame = ["lengths: _Integers | None = None", "reverse: bool = False"]
        every = 'states: _Literal["last", "all"] = "last"'
        numerics = "check_numerics: bool | None = None"
        names = "names: str | _Sequence[str] | None = None"
        forward = [state, *frame, "training: bool = True", "seed: int | None = None",
                   "checkpoint: int | bool = 1", resets, numerics, every]  # fmt: skip
        taped = f"tuple[{self.output}, {self.state}, _Tape]"
        yield from self._new()
        yield from self._run("__call__", [state, "/", "*"], [*frame, resets, every], result)
        yield from self._run("forward", ["/"], forward, taped)
        back = ["self", "tape: _Tape", f"dy: {self.cotangent} = None",
                f"dstate: {self.given_state} = None", numerics]  # fmt: skip
        yield from _method("backward", back, _of(self.spec.name, "Gradients"), OVERRIDES)
        yield from self._run("step", [state, "/", "*"], [resets], result)
        yield from self._run("trace", ["/"], [names, state, *frame, resets], "dict[str, _Array]")
        streams = ["self", "batch: int = 1", state]
        yield from _method("stream", streams, _of(self.spec.name, "Stream"), OVERRIDES)
        yield from _method("state", ["self", "batch: int = 1"], self.state, OVERRIDES)
        yield "    @classmethod"
        path = ["cls", "path: str | _PathLike[str]"]
        yield from _method("from_file", path, "_Self", "")

    def _new(self) -> Iterator[str]:
        spec = self.spec
        parts = []
        for dim in spec.dims:
            open_ = dim.default is None and dim.fixed is None
            parts.append(f"{dim.name}: int{'' if open_ else ' = ...'}")
        for hyper in spec.hypers:
            value = f'"{hyper.value}"' if isinstance(hyper.value, str) else repr(hyper.value)
            default = "" if hyper.value is None else f" = {value}"
            parts.append(f"{hyper.name}: {KINDS[hyper.kind]}{default}")
        parts += [f"{c.name}: _Array{'' if c.value is None else ' = ...'}" for c in spec.consts]
        parts += ['dtype: _DTypeLike = "float32"', "seed: int = 0"]
        for option, typed in OPTIONS.items():
            if option not in _words(parts):
                parts.append(f"{option}: {typed}")
        own = _free("cls", _words(parts))
        yield from _method("__new__", [own, "*", *parts], "_Self", "")

    def _run(
        self, name: str, after: list[str], keywords: list[str], result: str, note: str = OVERRIDES
    ) -> Iterator[str]:
        """A method that takes its inputs in order or by keyword; `after` follows them in order.

        What is called as an option, or as the method's own argument, goes in by a mapping.
        """
        inputs = self.spec.inputs
        given = [f"{each.name}: {ARRAYS[each.kind]}" for each in inputs]
        named = not {*_words(given)} & {"self", *_words([*after, *keywords])}
        if named and len(given) == 1:
            ordered = [each for each in after if each != "/"]
            yield from _method(name, ["self", f"{given[0]} | _By_name", *ordered, *keywords],
                               result, note)  # fmt: skip
            return
        if named:
            yield f"    @_overload{note}"
        kinds = ", ".join(ARRAYS[each.kind] for each in inputs)
        alone = f"{kinds} | " if len(given) == 1 else ""
        packed = f"inputs: {alone}tuple[{kinds}] | _By_name"
        ordered = after if "/" in after else ["/", *after]
        yield from _method(
            name, ["self", packed, *ordered, *keywords], result, "" if named else note
        )
        if named:
            yield "    @_overload"
            more = [each for each in after if each not in ("/", "*")]
            yield from _method(name, ["self", "*", *given, *more, *keywords], result, "")

    def stream_lines(self) -> Iterator[str]:
        """The class of its streams."""
        yield f"class {_of(self.spec.name, 'Stream')}(_Stream):"
        yield "    @property"
        yield f"    def state(self) -> {self.state}: ..."
        yield from self._run("__call__", ["/"], [], self.output)


def _method(name: str, arguments: Sequence[str], result: str, note: str) -> Iterator[str]:
    """One line where it fits, else one for each argument."""
    line = f"    def {name}({', '.join(arguments)}) -> {result}: ..."
    if len(line) + len(note) <= WIDTH:
        yield f"{line}{note}"
        return
    yield f"    def {name}({note}"
    yield from (f"        {each}," for each in arguments)
    yield f"    ) -> {result}: ..."


def _words(arguments: Sequence[str]) -> list[str]:
    return [each.partition(":")[0] for each in arguments]


def _free(name: str, taken: Sequence[str]) -> str:
    return f"{name}_" if name in taken else name
