"""What may stand at a place.  In: a document and an offset.  Out: words, the likeliest first.

    complete(document, offset)      [Proposal("u", "value", "[H]", fits=True), …]

The text is checked with a name that nobody has in the place of the word that is being written: who
looks for that name knows what is in sight there, and which shapes would fit.
"""

from __future__ import annotations

import re

from celldsl.editors.hover import signature, value_text
from celldsl.editors.symbols import Symbol
from celldsl.editors.words import words
from celldsl.editors.workspace import Document, Workspace
from celldsl.semantics.environment import Sight
from celldsl.structs import record
from celldsl.syntax import ast

ASKED = "celldsl_asked_here"
_WORD = re.compile(r"[^\W\d]\w*['′’]?$")
_BEFORE_CELL = re.compile(r"\bsub\s+\w+\s*=\s*\w*$")
_OF_INNER = re.compile(r"(\w+)\.\w*$")
_DECLARING = re.compile(r"^\s*(?:(?:input|state|param|const)\s[^:]*)$")
_STATEMENT = re.compile(r"^\s+\w*$")
_MARGIN = re.compile(r"^\w*$")
_AFTER_COLON = re.compile(r":\s*\[[^\]]*$")
_KEYWORD = re.compile(r"(\w+)\s*\([^()]*?\w*$")
STATEMENTS = ("input", "state", "param", "const", "sub", "output", "for", "if", "require")
ITEMS = ("cell", "def", "use")
ORDER = {"def": 1, "function": 2, "initialiser": 3, "constant": 4, "operator": 5}


@record
class Proposal:
    """`fits` says that its shape does; `detail` is its shape, or how it is called."""

    word: str
    kind: str
    detail: str = ""
    fits: bool = False


def complete(workspace: Workspace, document: Document, offset: int) -> list[Proposal]:
    text = document.source.text
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    if "#" in line or line.count('"') % 2:
        return []
    if _MARGIN.match(line):
        return [Proposal(word, "keyword") for word in ITEMS]
    inner = _OF_INNER.search(line)
    if inner and not line[: inner.start() + 1].rstrip().isdecimal():
        return _inner_states(workspace, document, offset, inner[1])
    if _BEFORE_CELL.search(line):
        return _cells(document)
    if _DECLARING.match(line):
        return []
    if _STATEMENT.match(line):
        return _statements(document, offset)
    found = _values(document, offset)
    if _AFTER_COLON.search(line):
        return [p for p in found if p.kind in ("dim", "hyper", "index")]
    return [*_keywords(workspace, document, offset, line), *found]


# ------------------------------------------------------------------ by the place


def _cells(document: Document) -> list[Proposal]:
    names = document.names
    return [
        Proposal(s.name, "cell", s.whole.text.splitlines()[0])
        for s in names.symbols.values()
        if s.kind in ("cell", "import") and not s.key.name
    ]


def _inner_states(
    workspace: Workspace, document: Document, offset: int, owner: str
) -> list[Proposal]:
    """`g.`: the states of the cell that `g` is one of."""
    item = document.item_at(offset)
    symbols = _own(document, item)
    sub = next((s for s in symbols if s.name == owner and s.kind == "sub"), None)
    if sub is None:
        return []
    at = document.names.at(document.source.text.find("=", sub.span.end) + 2)
    if at is None or not at.key.item:
        return []
    home, key = workspace.origin(document, at.key)
    states = [s for k, s in home.names.symbols.items() if k.item == key.item and s.kind == "state"]
    return [Proposal(s.name + prime, "state") for s in states for prime in ("", "'")]


def _statements(document: Document, offset: int) -> list[Proposal]:
    """What a line begins with: a state without a next value yet, or a word."""
    item = document.item_at(offset)
    states = [s.name for s in _own(document, item) if s.kind == "state"]
    body = item.body if isinstance(item, ast.Cell) else ()
    done = {t.id for s in body if isinstance(s, ast.Equation) for t in s.targets if t.primed}
    found = [Proposal(f"{name}'", "state", "its next value", name not in done) for name in states]
    return [*found, *(Proposal(word, "keyword") for word in STATEMENTS)]


def _keywords(workspace: Workspace, document: Document, offset: int, line: str) -> list[Proposal]:
    """`GRU[I, H](act`: names that the cell or function in front of the bracket takes."""
    called = _KEYWORD.search(re.sub(r"\[[^\[\]]*\]", "", line))
    if called is None:
        return []
    told = signature(called[1])
    if told is not None:
        named = re.findall(r"(\w+)=", told[0].partition("(")[2])
        return [Proposal(f"{name}=", "option", told[0]) for name in named]
    key = next((k for k in document.names.symbols if k.item == called[1] and not k.name), None)
    if key is None:
        return []
    home, origin = workspace.origin(document, key)
    symbols = [s for k, s in home.names.symbols.items() if k.item == origin.item]
    return [Proposal(f"{s.name}=", "option", s.whole.text) for s in symbols if s.kind == "hyper"]


def _own(document: Document, item: ast.Cell | ast.Def | None) -> list[Symbol]:
    name = "" if item is None else item.name.id
    return [s for k, s in document.names.symbols.items() if k.item == name and k.name]


# ------------------------------------------------------------------ values


def _values(document: Document, offset: int) -> list[Proposal]:
    sight = _sight(document, offset)
    if sight is None:
        found = [Proposal(s.name, s.kind) for s in _own(document, document.item_at(offset))]
    else:
        found = _in_sight(sight)
    names = document.names
    found += [
        Proposal(s.name, "def", s.whole.text.splitlines()[0])
        for k, s in names.symbols.items()
        if s.kind == "def" and not k.name
    ]
    for kind in ("function", "initialiser", "constant", "operator"):
        for word in sorted(words()[kind]):
            told = signature(word)
            found.append(Proposal(word, kind, told[0] if told else ""))
    unique = {p.word: p for p in reversed(found)}
    return sorted(unique.values(), key=_rank)


def _rank(p: Proposal) -> tuple[bool, bool, int]:
    """What fits comes first, values before scalars, one's own names before the language's."""
    return not p.fits, p.detail == "[]" or p.kind == "dim", ORDER.get(p.kind, 0)


def _in_sight(sight: Sight) -> list[Proposal]:
    found = []
    for name, (binding, fits) in sight.names.items():
        told = value_text(binding.value)
        found.append(Proposal(name, binding.kind, told, fits))
        if binding.kind == "state" and name in sight.nexts:
            found.append(Proposal(f"{name}'", "state", told, fits))
    return found


def _sight(document: Document, offset: int) -> Sight | None:
    """What is in sight, where the text with an unknown name in this place can be read."""
    text = document.source.text
    word = _WORD.search(text, 0, offset)
    start = word.start() if word else offset
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    begin = text.rfind("\n", 0, start) + 1
    line = text[begin:start]
    alone = re.sub(r"=.*", f"= {ASKED}", line, count=1) if "=" in line else line
    for written in (f"{line}{ASKED}{text[offset:end]}", f"{line}{ASKED}{_closing(line)}", alone):
        sight = document.asked(f"{text[:begin]}{written}{text[end:]}", ASKED).sight
        if sight is not None:
            return sight if written != alone else _without_shape(sight)
    return None


def _without_shape(sight: Sight) -> Sight:
    """What is in sight of the line, where nothing is known of the place in it."""
    return Sight({name: (b, False) for name, (b, _) in sight.names.items()}, sight.nexts)


def _closing(line: str) -> str:
    """The brackets that a line has left open, closed."""
    pairs = {"(": ")", "[": "]"}
    waiting: list[str] = []
    for char in line:
        if char in pairs:
            waiting.append(pairs[char])
        elif waiting and char == waiting[-1]:
            waiting.pop()
    return "".join(reversed(waiting))
