"""What inner cells and functions are there for.  In: cells, walks.  Out: places, states, warnings.

With `y = g(x)` and `h' = g.h'` nothing reads `y`, and the step is not in vain; nor is a state that
cells around read as `g.h`, and its own does not.

    for k in 0..6:
        v = v + dt * f(v, x)        six sets of weights, where `f` is a plain `def` with a `linear`

A helper that is called for several gates stays clean: none of its calls depends on another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from celldsl.diagnostics.span import Span
from celldsl.semantics.context import Context, WeightCall
from celldsl.semantics.modules import Module
from celldsl.semantics.wording import Warned
from celldsl.syntax import ast
from celldsl.syntax.walk import parts, statements

# ---------------------------------------------------------------- states of inner cells

# No cell is called like it.
ANY = "*"


def steps_for_states(cell: ast.Cell) -> set[Span]:
    """Targets of equations whose inner cell is named in another place: there its state is read."""
    everything = list(statements(cell.body))
    inner = {s.name.id for s in everything if isinstance(s, ast.Sub)}
    equations = [s for s in everything if isinstance(s, ast.Equation)]
    named = Counter(name for s in equations for name in _owners(s.value))
    return {
        target.span
        for s in equations
        for target in s.targets
        if any(named[name] > 1 for name in _called(s.value) if name in inner)
    }


def states_read_around(home: Module) -> dict[str, set[str]]:
    """The states that cells of a file read of those that they hold, by the cells' names.

    Under ANY are those of inner cells that a hyperparameter stands for.
    """
    found: dict[str, set[str]] = {}
    for outer, module in home.cells.values():
        if module is home:
            for name, state in _read_of_inner(outer):
                found.setdefault(name, set()).add(state)
    return found


def _read_of_inner(outer: ast.Cell) -> Iterator[tuple[str, str]]:
    """The cell and the state of `g.h`, wherever that stands."""
    everything = list(statements(outer.body))
    given = {hyper.id for hyper in outer.hyper}
    inner: dict[str, str] = {}
    for s in everything:
        if isinstance(s, ast.Sub):
            held = inner.get(s.shares.id, "") if s.shares else s.cell.id
            inner[s.name.id] = ANY if held in given else held
    if not inner:
        return
    for s in everything:
        if isinstance(s, ast.Equation):
            states = (e for e in _all(s.value) if isinstance(e, ast.Attribute))
            yield from ((inner[e.owner], e.id) for e in states if e.owner in inner)


def _all(e: ast.Expr) -> Iterator[ast.Expr]:
    yield e
    for part in parts(e):
        yield from _all(part)


def _called(e: ast.Expr) -> Iterator[str]:
    return (part.function for part in _all(e) if isinstance(part, ast.Call))


def _owners(e: ast.Expr) -> Iterator[str]:
    """Names that are called, or have something read behind a dot."""
    for part in _all(e):
        if isinstance(part, ast.Call):
            yield part.function
        if isinstance(part, ast.Attribute):
            yield part.owner


# ---------------------------------------------------------------- weights that may be one set

CODE = "W0511"


def separate_weights(w: Context) -> Iterator[Warned]:
    """One warning for each function, at the first call that tells."""
    for calls in w.weight_calls.values():
        found = _looped(calls) or _dependent(w, calls)
        if found is None:
            continue
        call, told = found
        help = (
            f"one set for all calls is `shared def {call.name}(…)`; if each is to have its own, "
            f"say so behind the call: `# celldsl: ignore[{CODE}]`"
        )
        yield CODE, told, call.name_span, help, None


def _looped(calls: list[WeightCall]) -> tuple[WeightCall, str] | None:
    for call in calls:
        count = sum(other.span == call.span for other in calls)
        if call.looped and count > 1:
            return call, f"`{call.name}` has weights of its own in each of {count} iterations"
    return None


def _dependent(w: Context, calls: list[WeightCall]) -> tuple[WeightCall, str] | None:
    for place, call in enumerate(calls):
        before = {value for other in calls[:place] for value in other.gave}
        if before and _reaches(w, call.given, before):
            told = f"`{call.name}` is called with what it gave before, and has other weights here"
            return call, told
    return None


def _reaches(w: Context, values: tuple[str, ...], wanted: set[str]) -> bool:
    """Whether the values are made of wanted ones, in the same step."""
    pending, seen = list(values), set(values)
    while pending:
        name = pending.pop()
        if name in wanted:
            return True
        node = w.builder.defined.get(name)
        for arg in () if node is None else node.args:
            if arg not in seen:
                seen.add(arg)
                pending.append(arg)
    return False
