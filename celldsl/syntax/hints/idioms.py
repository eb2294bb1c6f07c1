"""How others write it.  In: the tokens of a file.  Out: diagnostics with the spelling used here.

    np.tanh(x)  torch.sigmoid(x)  self.W      functions and parameters stand by themselves
    h[t-1]  x[t]  h(t-1)                      a cell is one step: `h` came in, `h'` goes out
    h_t  h_prev  h_next                       the same, where `h` is a state and nothing is named so

Each is refused only where it can mean nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from itertools import pairwise
from typing import Literal

from celldsl.diagnostics.diagnostic import Fix, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.syntax import ast
from celldsl.syntax.hints.other_names import STARTS, VALUES, Foreign
from celldsl.syntax.lexer import Token
from celldsl.syntax.names import states_by_cell

_LIBRARIES = frozenset(
    {"np", "numpy", "scipy", "math", "torch", "nn", "F", "tf", "keras", "jnp", "jax", "lax", "flax",
     "linen", "nnx", "hk", "haiku", "eqx", "equinox"}
)  # fmt: skip
_SELVES = frozenset({"self", "this"})
# What stands before or after the name of a state, and which of its values is meant.
Moment = Literal["old", "now", "next"]
_TIMES: dict[str, Moment] = {
    **dict.fromkeys(("prev", "previous", "last", "old", "tm1", "t_1", "t_minus_1"), "old"),
    **dict.fromkeys(("t", "cur", "current", "now"), "now"),
    **dict.fromkeys(("next", "new", "tp1", "t_plus_1"), "next"),
}


def report_prefixes(tokens: list[Token], source: Source, report: Report, foreign: Foreign) -> None:
    """`np.tanh(`, `torch.nn.functional.relu(` and `self.W`."""
    at = 0
    own = {str(name) for word, name in pairwise(tokens) if word.type == "SUB"}
    while at < len(tokens) - 2:
        end = _chain_end(tokens, at)
        if end > at and tokens[at] not in own:
            _report_chain(tokens, at, end, source, report, foreign)
        at = end + 1


def _chain_end(tokens: list[Token], at: int) -> int:
    """The last name of `a.b.c` that starts at `at`."""
    end = at
    while (
        tokens[end].type == "NAME"
        and end + 2 < len(tokens)
        and tokens[end + 1].type == "DOT"
        and tokens[end + 2].type in ("NAME", "PRIMED")
    ):
        end += 2
    return end


def _report_chain(
    tokens: list[Token], at: int, end: int, source: Source, report: Report, foreign: Foreign
) -> None:
    owner, last = str(tokens[at]), str(tokens[end])
    called = end + 1 < len(tokens) and tokens[end + 1].type == "LPAR"
    if owner not in _SELVES | _LIBRARIES or (at >= 3 and tokens[at - 3] == "class"):
        return
    prefix = Span(source, tokens[at].start, tokens[end].start)
    whole = Span(source, prefix.start, tokens[end].end or prefix.end)
    message = f"`{prefix.text}` does not belong before `{last}`"
    help, fix = _stands_alone(last, called, owner in _SELVES, whole, foreign)
    report.add("E0018", message, prefix, help=help, fix=fix)


def _stands_alone(
    last: str, called: bool, own: bool, whole: Span, foreign: Foreign
) -> tuple[str, Fix | None]:
    """What stands for `np.maximum` or `self.W`, as far as it is known under that name."""
    if called and last in foreign.renamed:
        ours = foreign.renamed[last]
        return f"here it is `{ours}`", Fix(whole, ours)
    if last.rstrip("_") in STARTS and (
        not called or last not in {*foreign.renamed, *foreign.replaced}
    ):
        start = STARTS[last.rstrip("_")]
        return f"here it is `{start}`", Fix(whole, start)
    if called and last in foreign.replaced:
        return foreign.replaced[last], None
    if called and own:
        return (
            "a layer is an operation of the equation: `linear(v, N)`, with parameters of its own",
            None,
        )
    if not called and not own and last in VALUES:
        return VALUES[last], None
    what = "a function" if called else "a parameter or state" if own else "a value"
    return f"{what} stands by itself: `{last}`", Fix(whole, last)


def report_time_index(tokens: list[Token], source: Source, report: Report) -> None:
    """`h[t-1]`, `h(t)`: only where `t` is nothing else in the file."""
    places = [at for at, token in enumerate(tokens) if token == "t" and token.type == "NAME"]
    found = [(at, _time_index_end(tokens, at)) for at in places]
    if not all(end for _, end in found):
        return
    states = {name for names in states_by_cell(tokens).values() for name in names}
    for at, end in found:
        name = str(tokens[at - 2]).rstrip("'")
        span = Span(source, tokens[at - 2].start, tokens[end].end)
        help, better = _at_time(name, tokens[at + 1].type, name in states)
        fix = Fix(span, better)
        report.add("E0016", f"time is not written: `{span.text}`", span, help=help, fix=fix)


def _at_time(name: str, sign: str, is_state: bool) -> tuple[str, str]:
    """What `h[t-1]` (MINUS), `h[t+1]` (PLUS) and `h[t]` are called."""
    if sign == "MINUS" and not is_state:
        help = f"carry it: `state {name}_last: [N]` and `{name}_last' = {name}`"
        return help, f"{name}_last"
    if sign == "MINUS":
        return f"the state that came in is `{name}`", name
    if is_state or sign == "PLUS":
        return f"the state that goes out is `{name}'`", f"{name}'"
    return f"the value of this step is `{name}`", name


def _time_index_end(tokens: list[Token], at: int) -> int:
    """The closing bracket of `h[t]`, `h[t-1]` or `h(t-1)`; 0 where it is none of them."""
    kinds = [token.type for token in tokens[max(at - 2, 0) : at + 4]]
    match kinds:
        case ["NAME" | "PRIMED", "LSQB" | "LPAR", "NAME", "RSQB" | "RPAR", *_]:
            return at + 1
        case ["NAME" | "PRIMED", "LSQB" | "LPAR", _, "PLUS" | "MINUS", "NUMBER", "RSQB" | "RPAR"]:
            return at + 3
        case _:
            return 0


def report_timed_names(
    cell: ast.Cell, names: list[ast.Name], unread: Set[str], report: Report
) -> None:
    """`h_prev` where `h` is a state and nothing in the cell is called `h_prev`.

    `unread` are names on lines that have other mistakes, and may be defined there.
    """
    states = {n.id for s in cell.body if isinstance(s, ast.State) for n in s.names}
    known = defined_names(cell.body) | {h.id for h in cell.hyper} | {d.id for d in cell.dims}
    known |= unread
    for name in names:
        found = None if name.id in known else timed_state(name.id, states)
        if found is None:
            continue
        state, moment = found
        better = f"{state}'" if moment == "next" else state
        help = {
            "old": f"write `{state}`, the state that came in",
            "next": f"write `{state}'`, the state that goes out",
            "now": f"`{state}` is the state that came in, `{state}'` the one that goes out",
        }[moment]
        fix = None if moment == "now" else Fix(name.span, better)
        report.add(
            "E0016",
            f"`{name.id}` is not defined, but `{state}` is a state",
            name.span,
            help=help,
            fix=fix,
        )


def timed_state(name: str, states: Iterable[str]) -> tuple[str, Moment] | None:
    """`h_prev`, `new_h` and `ht` as a state (or an input) and the value of it that is meant."""
    for state in states:
        for rest in (
            name.removeprefix(state).lstrip("_") if name.startswith(state) else "",
            name.removesuffix(state).rstrip("_") if name.endswith(state) else "",
        ):
            if rest in _TIMES:
                return state, _TIMES[rest]
    return None


def defined_names(body: tuple[ast.Statement, ...]) -> set[str]:
    """The names that statements declare or define, those of inner blocks too."""
    names: set[str] = set()
    for statement in body:
        match statement:
            case ast.Input() | ast.State() | ast.Param() | ast.Const():
                names |= {name.id for name in statement.names}
            case ast.Sub():
                names.add(statement.name.id)
            case ast.Equation():
                names |= {target.id for target in statement.targets}
            case ast.For():
                names |= {statement.variable.id} | defined_names(statement.body)
            case ast.If():
                names |= defined_names(statement.body) | defined_names(statement.orelse or ())
    return names
