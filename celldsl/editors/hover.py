"""What is told of a name.  In: a place in a document.  Out: Markdown, shapes, hints.

hover(workspace, document, offset)      "```celldsl\\nz: [H]\\n```\\nvalue …"
hints(document)                         [(offset, ": [H]"), …] after the left side of equations
"""

from __future__ import annotations

from collections.abc import Iterator

from celldsl.diagnostics.span import Span
from celldsl.editors.derivative import slope_of, slopes
from celldsl.editors.symbols import Occurrence, Symbol
from celldsl.editors.workspace import Document, Workspace
from celldsl.ir.size import shape_text
from celldsl.semantics.environment import Several, Static, Tensor, Value
from celldsl.syntax import ast
from celldsl.syntax.walk import equations

WORDS = {
    "hyper": "hyperparameter", "param": "parameter: it is trained", "sub": "inner cell",
    "const": "fixed, and saved with the weights", "index": "index of a loop",
    "import": "from another file", "def": "function", "value": "value of this step",
    "state": "state: carried from step to step", "input": "input of each step",
    "dim": "dim: a size that is fixed when a cell is built",
}  # fmt: skip
NO_SHAPE = ("sub", "import", "hyper", "dim", "index")


def value_text(value: Value | None) -> str:
    """`[H]`, `2*H` for a size; "" where nothing is known."""
    match value:
        case Tensor(shape=shape, boolean=boolean):
            return shape_text(shape) + (" of truth values" if boolean else "")
        case Static(size):
            return str(size)
        case Several(items):
            texts = [value_text(item) for item in items]
            return ", ".join(texts) if all(texts) else ""
    return ""


def shape_at(document: Document, at: Occurrence) -> str:
    """The shape of what stands at a place, for all sizes."""
    found = [span for span in document.seen_from(at.start) if span.end >= at.end]
    exact = min(found, key=lambda span: span.end, default=None)
    return "" if exact is None else value_text(document.seen[exact])


def hover(workspace: Workspace, document: Document, offset: int) -> str | None:
    at = document.names.at(offset)
    if at is None:
        return None
    name = document.source.text[at.start : at.end] + "'" * at.primed
    if not at.key.item:
        return _language(at.key.name, shape_at(document, at))
    home, key = workspace.origin(document, at.key)
    symbol = home.names.symbols.get(key)
    if symbol is None:
        return None
    if symbol.kind in ("cell", "def"):
        return _item(home, symbol)
    shape = "" if symbol.kind in NO_SHAPE else shape_at(document, at)
    shape = shape or _declared_shape(home, symbol)
    parts = [_code(f"{name}: {shape}" if shape else name), WORDS.get(symbol.kind, symbol.kind)]
    return "\n\n".join([*parts, *_meaning(home, symbol), *_equations(document, at, name)])


def _declared_shape(home: Document, symbol: Symbol) -> str:
    return value_text(home.seen.get(symbol.span)) if home.file else ""


def _item(home: Document, symbol: Symbol) -> str:
    """A cell or function: its first line, and what its author says of it."""
    item = next(i for i in home.file.items if getattr(i, "name", None) and _is(i, symbol))
    first = symbol.whole.text.splitlines()[0].rstrip(":")
    doc = item.docstring if isinstance(item, ast.Cell | ast.Def) else None
    return "\n\n".join([_code(first), *([doc.strip()] if doc else [])])


def _is(item: ast.Use | ast.Def | ast.Cell, symbol: Symbol) -> bool:
    return not isinstance(item, ast.Use) and item.span.start == symbol.whole.start


def _meaning(home: Document, symbol: Symbol) -> Iterator[str]:
    """The comment on its line, or those right above it, and how it is declared."""
    told = _comment(home, symbol.whole)
    if told:
        yield told
    if symbol.kind not in ("value", "index", "import"):
        yield f"`{' '.join(symbol.whole.text.split())}`"


def _comment(home: Document, whole: Span) -> str:
    line, _ = home.source.line_column(whole.end)
    above, _ = home.source.line_column(whole.start)
    by_line = {home.source.line_column(c.span.start)[0]: c for c in home.file.comments}
    found = []
    if line in by_line and not by_line[line].own_line:
        found.append(by_line[line])
    while not found or found[0].own_line:
        above -= 1
        if above not in by_line or not by_line[above].own_line:
            break
        found.insert(0, by_line[above])
    return " ".join(c.text.lstrip("# ") for c in found if "celldsl:" not in c.text)


def _equations(document: Document, at: Occurrence, name: str) -> Iterator[str]:
    """The equation that defines the name, and what its value changes by."""
    item = document.item_at(at.start)
    if item is None:
        return
    for equation in equations(item.body):
        targets = [t.id + "'" * t.primed for t in equation.targets]
        wanted = at.key.name + "'" * at.primed
        if wanted not in targets:
            continue
        left = " ".join(equation.span.text.split())
        yield f"`{left}`"
        found = slopes(equation)
        if found:
            lines = [f"∂{name}/∂({text}) = {told}" if " " in text or "(" in text
                     else f"∂{name}/∂{text} = {told}" for text, told in found]  # fmt: skip
            yield _code("\n".join(lines), "")
        return


def _language(name: str, shape: str) -> str | None:
    """A function or initialiser of the language."""
    told = signature(name)
    if told is None:
        return None
    head, doc = told
    parts = [_code(head), doc] if doc else [_code(head)]
    slope = slope_of(name)
    if slope is not None:
        parts.append(_code(f"∂{name}(v)/∂v = {slope}", ""))
    if shape:
        parts.append(f"here it is `{shape}`")
    return "\n\n".join(parts)


def signature(name: str) -> tuple[str, str] | None:
    """How a function or initialiser of the language is called, and what it gives."""
    from celldsl.semantics.builtins.table import FUNCTIONS, PRELUDE, prelude_text
    from celldsl.semantics.folds import FOLDS
    from celldsl.semantics.initial_values import INITIALISERS

    if name in FUNCTIONS:
        entry = FUNCTIONS[name]
        return f"{name}({entry.signature})", entry.doc
    if name in PRELUDE:
        line = next(x for x in prelude_text().splitlines() if x.startswith(f"def {name}("))
        return line.removeprefix("def "), ""
    if name in FOLDS:
        return f"{name}(for k in low..high: value)", f"the {name} over a loop"
    if name in INITIALISERS:
        arguments = INITIALISERS[name]
        written = ", ".join(n if d is None else f"{n}={d:g}" for n, d in arguments)
        return f"{name}({written})" if written else name, "an initialiser"
    return None


def hints(document: Document) -> list[tuple[int, str]]:
    """Where the left side of each equation ends, and the shapes of what it defines."""
    found = []
    for item in (*document.file.items, *document.file.damaged):
        for equation in equations(item.body) if isinstance(item, ast.Cell | ast.Def) else ():
            shapes = [value_text(document.seen.get(t.span)) for t in equation.targets]
            if all(shapes):
                told = ", ".join(dict.fromkeys(shapes))
                found.append((equation.targets[-1].span.end, f": {told}"))
    return found


def _code(text: str, language: str = "celldsl") -> str:
    return f"```{language}\n{text}\n```"
