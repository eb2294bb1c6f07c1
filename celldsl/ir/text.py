"""Programs as text.  In: a Program, or its text.  Out: the other, exactly.

    print_program(parse_program(text)) == text

Sizes as attributes stand in braces (`start={H}`), shapes in brackets, tuples of integers in
parentheses; `#` begins the origin of a node: its line and equation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from celldsl.ir.attributes import Attributes
from celldsl.ir.program import REGIONS, Leaf, Node, Origin, Program, Result, Rows, State, Type
from celldsl.ir.size import Shape, Size, shape_text

ROWS = {str(rows): rows for rows in Rows}
TYPE = r"(once|batch|step) (bool |int )?\[(.*?)\]"
STRING = r'"(?:[^"\\]|\\.)*"'
VALUE = rf"{STRING}|\{{[^}}]*\}}|\[[^\]]*\]|\([^)]*\)|\S+"

HEAD = re.compile(r"program (\w+)\[(.*)\]( reverse)?$")
LEAF = re.compile(rf"(\w+) (\S+): {TYPE}$")
NODE = re.compile(
    rf"(\S+) = (\w+)\((.*?)\)((?: \w+=(?:{VALUE}))*) : {TYPE}(?:  # (\d+) ({STRING}))?$"
)
ATTRIBUTE = re.compile(rf" (\w+)=({VALUE})")
STATE = re.compile(r"(\S+) = (\S+)(?: start (\S+))?$")
RESULT = re.compile(r"(\w+) (\S+) = (\S+)$")


class InvalidText(ValueError):
    """Text that is no program."""


def print_program(p: Program) -> str:
    return "\n".join(_lines(p)) + "\n"


def _lines(p: Program) -> Iterator[str]:
    yield f"program {p.name}[{', '.join(p.dims)}]" + (" reverse" if p.reverse else "")
    for leaf in p.leaves:
        yield f"{leaf.kind} {leaf.name}: {leaf.type}"
    for region in REGIONS:
        yield f"{region}:"
        for node in getattr(p, region):
            yield "  " + print_node(node)
    yield "states:"
    for s in p.states:
        yield f"  {s.name} = {s.next}" + ("" if s.start is None else f" start {s.start}")
    yield "results:"
    for r in p.results:
        yield f"  {r.kind} {r.name} = {r.value}"
    if p.saved:
        yield "saved:"
        yield from (f"  {name}" for name in p.saved)


def print_node(node: Node) -> str:
    attributes = "".join(f" {name}={_print_value(value)}" for name, value in node.attributes)
    line = f"{node.name} = {node.op}({', '.join(node.args)}){attributes} : {node.type}"
    if node.origin is None:
        return line
    return f"{line}  # {node.origin.line} {json.dumps(node.origin.text, ensure_ascii=False)}"


def _print_value(value: object) -> str:
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Size():
            return f"{{{value}}}"
        case tuple() if all(isinstance(item, Size) for item in value):
            return shape_text(value)
        case tuple():
            return "(" + ", ".join(map(str, value)) + ")"
    return repr(value)


def parse_program(text: str) -> Program:
    """Raises InvalidText with the line that is not understood."""
    lines = [line for line in text.splitlines() if line.strip()]
    name, dims, reverse = _match(HEAD, lines[0] if lines else "").groups()
    leaves: list[Leaf] = []
    sections: dict[str, list[str]] = {
        section: [] for section in (*REGIONS, "states", "results", "saved")
    }
    section = ""
    for line in lines[1:]:
        if line[:-1] in sections and line.endswith(":"):
            section = line[:-1]
        elif section:
            sections[section].append(line.strip())
        else:
            leaves.append(_parse_leaf(line))
    before, step, after = (tuple(map(parse_node, sections[region])) for region in REGIONS)
    return Program(
        name,
        tuple(_split(dims)),
        tuple(leaves),
        before,
        step,
        after,
        tuple(map(_parse_state, sections["states"])),
        tuple(Result(*_match(RESULT, line).groups()) for line in sections["results"]),
        tuple(sections["saved"]),
        bool(reverse),
    )


def parse_node(line: str) -> Node:
    name, op, args, attributes, rows, word, shape, at, origin = _match(NODE, line).groups()
    return Node(
        name,
        op,
        tuple(_split(args)),
        _type(rows, word, shape),
        Attributes.of({key: _parse_value(value) for key, value in ATTRIBUTE.findall(attributes)}),
        None if at is None else Origin(json.loads(origin), int(at)),
    )


def parse_size(text: str) -> Size:
    """The size that `str` wrote: `2*H + I`."""
    total = Size.of(0)
    for sign, term in re.findall(r"([+-]?) ?([\w*/]+)", text):
        product = Size.of(-1 if sign == "-" else 1)
        for operator, factor in re.findall(r"([*/]?)(\w+)", term):
            size = Size.of(int(factor)) if factor.isdecimal() else Size.dim(factor)
            product = product / size if operator == "/" else product * size
        total = total + product
    return total


def _match(pattern: re.Pattern[str], line: str) -> re.Match[str]:
    found = pattern.match(line)
    if found is None:
        raise InvalidText(f"not understood: {line!r}")
    return found


def _parse_leaf(line: str) -> Leaf:
    kind, name, rows, word, shape = _match(LEAF, line).groups()
    return Leaf(kind, name, _type(rows, word, shape))


def _parse_state(line: str) -> State:
    name, following, start = _match(STATE, line).groups()
    return State(name, start, following)


def _type(rows: str, word: str | None, shape: str) -> Type:
    return Type(_shape(shape), ROWS[rows], word == "bool ", word == "int ")


def _shape(text: str) -> Shape:
    return tuple(map(parse_size, _split(text)))


def _split(text: str) -> list[str]:
    return text.split(", ") if text else []


def _parse_value(text: str) -> object:
    match text[0]:
        case '"':
            return json.loads(text)
        case "{":
            return parse_size(text[1:-1])
        case "[":
            return _shape(text[1:-1])
        case "(":
            return tuple(map(int, _split(text[1:-1])))
    if text in ("True", "False"):
        return text == "True"
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
