"""How others write it.  In: the tokens of a file.  Out: diagnostics with the spelling used here.

    np.tanh(x)  torch.sigmoid(x)  self.W      functions and parameters stand by themselves
    h[t-1]  x[t]  h(t-1)                      a cell is one step: `h` came in, `h'` goes out
    h_t  h_prev  h_next                       the same, where `h` is a state and nothing is named so

Each is refused only where it can mean nothing else.
"""

from __future__ import annotations

import re

from celldsl.diagnostics.diagnostic import Fix, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.syntax import ast
from celldsl.syntax.tree import Token

_LIBRARIES = frozenset({"np", "numpy", "torch", "jnp", "jax", "tf", "keras", "math", "nn", "F"})
_SELVES = frozenset({"self", "this"})
_TIMED = re.compile(r"(?P<state>\w+?)_?(?P<time>_t|_prev|_last|_old|_tm1|_t_1|_next|_new|_tp1)")
_NEXT = frozenset({"_next", "_new", "_tp1"})


def report_prefixes(tokens: list[Token], source: Source, report: Report) -> None:
    """`np.tanh(`, `torch.nn.functional.relu(` and `self.W`."""
    at = 0
    while at < len(tokens) - 2:
        end = _chain_end(tokens, at)
        if end > at:
            _report_chain(tokens, at, end, source, report)
        at = end + 1


def _chain_end(tokens: list[Token], at: int) -> int:
    """The last name of `a.b.c` that starts at `at`."""
    end = at
    while tokens[end].type == "NAME" and _kinds(tokens, end + 1) in (
        ("DOT", "NAME"),
        ("DOT", "PRIMED"),
    ):
        end += 2
    return end


def _kinds(tokens: list[Token], at: int) -> tuple[str, ...]:
    return tuple(token.type for token in tokens[at : at + 2])


def _report_chain(tokens: list[Token], at: int, end: int, source: Source, report: Report) -> None:
    owner, last = str(tokens[at]), str(tokens[end])
    called = end + 1 < len(tokens) and tokens[end + 1].type == "LPAR"
    if not (owner in _SELVES or (owner in _LIBRARIES and called)):
        return
    prefix = Span(source, tokens[at].start, tokens[end].start)
    what = "a function" if called else "a parameter or state"
    message = f"`{prefix.text}` does not belong before `{last}`"
    help = f"{what} stands by itself: `{last}`"
    report.add("E0018", message, prefix, help=help, fix=Fix(prefix, ""))


def report_time_index(tokens: list[Token], source: Source, report: Report) -> None:
    """`h[t-1]`, `h(t)`: only where `t` is nothing else in the file."""
    places = [at for at, token in enumerate(tokens) if token == "t" and token.type == "NAME"]
    found = [(at, _time_index_end(tokens, at)) for at in places]
    if not all(end for _, end in found):
        return
    for at, end in found:
        name = tokens[at - 2]
        span = Span(source, name.start, tokens[end].end)
        sign = tokens[at + 1].type
        help = {
            "MINUS": f"the state that came in is `{name}`",
            "PLUS": f"the state that goes out is `{name}'`",
        }.get(sign, f"the value of this step is `{name}`")
        report.add("E0016", f"time is not written: `{span.text}`", span, help=help)


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


def report_timed_names(cell: ast.Cell, names: list[ast.Name], report: Report) -> None:
    """`h_prev` where `h` is a state and nothing in the cell is called `h_prev`."""
    states = {n.id for s in cell.body if isinstance(s, ast.State) for n in s.names}
    known = defined_names(cell.body) | {h.id for h in cell.hyper} | {d.id for d in cell.dims}
    for name in names:
        found = _TIMED.fullmatch(name.id)
        if found is None or name.id in known or found["state"] not in states:
            continue
        state = found["state"]
        better = f"{state}'" if found["time"] in _NEXT else state
        help = f"`{state}` is the state that came in, `{state}'` the one that goes out"
        fix = None if found["time"] == "_t" else Fix(name.span, better)
        report.add(
            "E0016",
            f"`{name.id}` is not defined, but `{state}` is a state",
            name.span,
            help=help,
            fix=fix,
        )


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
