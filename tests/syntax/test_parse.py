"""What texts mean: trees, spans, Unicode, and going on after errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from celldsl.diagnostics.diagnostic import Diagnostic, Report
from celldsl.diagnostics.span import Source
from celldsl.syntax import ast
from celldsl.syntax.limits import MAX_FILE_BYTES, read_source
from celldsl.syntax.parse import parse

GRU = '''\
# gru.cell
cell GRU[I, H](activation = tanh):
    """Gated recurrent unit."""
    input x: [I]
    state h: [H]

    r, u = split(sigmoid(linear([x, h], 2*H, bias=1.0)), 2)  # gates
    c  = activation(linear([x, r * h], H))
    h' = u * h + (1 - u) * c

    output h'
'''


def parsed(text: str) -> ast.File:
    report = Report()
    file = parse(Source("a.cell", text), report)
    assert file is not None
    assert report.diagnostics == []
    return file


def wrong(text: str) -> tuple[ast.File | None, list[Diagnostic]]:
    report = Report()
    return parse(Source("a.cell", text), report), report.diagnostics


def cell(*lines: str) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"cell A[I]:\n    input x: [I]\n    state h: [I]\n{body}"


def value(expression: str) -> ast.Expr:
    (item,) = parsed(f"def f(v) = {expression}\n").items
    assert isinstance(item, ast.Def)
    (statement,) = item.body
    assert isinstance(statement, ast.Return)
    return statement.values[0]


def test_cell() -> None:
    file = parsed(GRU)
    (gru,) = file.items
    assert isinstance(gru, ast.Cell)
    assert gru.name.id == "GRU"
    assert [dim.id for dim in gru.dims] == ["I", "H"]
    assert gru.docstring == "Gated recurrent unit."
    kinds = [type(s).__name__ for s in gru.body]
    assert kinds == ["Input", "State", "Equation", "Equation", "Equation", "Output"]
    assert [comment.text for comment in file.comments] == ["# gru.cell", "# gates"]
    assert [comment.own_line for comment in file.comments] == [True, False]


def test_spans_are_the_exact_text() -> None:
    (gru,) = parsed(GRU).items
    assert isinstance(gru, ast.Cell)
    equation = gru.body[4]
    assert isinstance(equation, ast.Equation)
    assert equation.span.text == "h' = u * h + (1 - u) * c"
    assert equation.targets[0].span.text == "h'"
    total = equation.value
    assert isinstance(total, ast.Binary)
    assert total.left.span.text == "u * h"
    assert total.right.span.text == "(1 - u) * c"
    assert gru.span.text == GRU[GRU.index("cell GRU") :].rstrip("\n")


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("-a ** 2", "-(a ** 2)"),
        ("a ** b ** c", "a ** (b ** c)"),
        ("a ** -b", "a ** (-b)"),
        ("a - b - c", "(a - b) - c"),
        ("a + b * c", "a + (b * c)"),
        ("-a * b", "(-a) * b"),
        ("not a == b", "not (a == b)"),
        ("a or b and c", "a or (b and c)"),
        ("a < b + c", "a < (b + c)"),
        ("a @ b @ c", "(a @ b) @ c"),
        ("g.h'[0] ** 2", "(g.h'[0]) ** 2"),
    ],
)
def test_precedence_is_pythons(short: str, full: str) -> None:
    assert value(short) == value(full)
    assert value(short) != value("a")


@pytest.mark.parametrize(
    ("paper", "plain"),
    [
        ("γ_x", "gamma_x"),
        ("Λ", "Lambda"),
        ("λ", "lambda_"),
        ("λ_x", "lambda_x"),
        ("γ₀", "gamma0"),
        ("σ(v)", "sigmoid(v)"),
        ("σ_x", "sigma_x"),
        ("a ⊙ b", "a * b"),
        ("a ∘ b", "a * b"),
        ("a − b", "a - b"),
        ("vₜ", "v"),
        ("h′", "h'"),
        ("h’", "h'"),
        ("g.hₜ", "g.h'"),
        ("g.hₜ₋₁", "g.h"),
    ],
)
def test_unicode(paper: str, plain: str) -> None:
    assert value(paper) == value(plain)


def test_time_subscripts_know_the_states() -> None:
    lines = ("a = xₜ + hₜ₋₁", "hₜ = a", "b = hₜ", "output hₜ")
    plain = ("a = x + h", "h' = a", "b = h'", "output h'")
    assert parsed(cell(*lines)) == parsed(cell(*plain))


def test_columns_are_those_of_the_text() -> None:
    (_, [found]) = wrong(cell("aₜ = γ ⊙ hₜ₋₁ § 2"))
    assert found.primary.span.text == "§"


def test_windows_line_ends_and_a_byte_order_mark() -> None:
    assert parsed("\ufeff" + GRU.replace("\n", "\r\n")) == parsed(GRU)


def test_one_cell_with_an_error_is_left_out_and_named() -> None:
    file, found = wrong(cell("a = x +") + "\n" + GRU)
    assert [d.code for d in found] == ["E0010"]
    assert file is not None
    assert [item.name.id for item in file.items if isinstance(item, ast.Cell)] == ["GRU"]
    assert file.broken == ("A",)


def test_errors_of_many_lines_in_order() -> None:
    _, found = wrong(cell("a == 1", "b = x ^ 2", "for k in range(3):", "    c = (x", "d = h[t-1]"))
    assert [d.code for d in found] == ["E0017", "E0017", "E0010", "E0008", "E0016"]


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n", "   ", '"""doc"""', "\ufeff"])
def test_nothing_is_a_file(text: str) -> None:
    assert parsed(text).items == ()


@pytest.mark.parametrize(
    "text", ["(" * 9999, "if " * 999, "a\n" * 9999, "\0", '"""', "\r", "'", "\ud800"]
)
def test_hostile_texts_give_diagnostics(text: str) -> None:
    _, found = wrong(text)
    assert found


def test_names_used_elsewhere_may_mean_something_here() -> None:
    parsed(cell("t = 2 * x", "a = t[0:1]", "h_t = x", "b = h_t", "math = x"))
    parsed("cell B[t]:\n    input x: [t]\n    for t in 0..2:\n        y[t] = x[t]\n")


class TestReadSource:
    def test_reads(self, tmp_path: Path) -> None:
        path = tmp_path / "a.cell"
        path.write_bytes(b"\xef\xbb\xbf# \xce\xb3\r\n")
        report = Report()
        source = read_source(path, report)
        assert source is not None
        assert source.text == "# γ\r\n"
        assert source.name == str(path)

    @pytest.mark.parametrize(
        ("data", "code"),
        [(b"a\xff", "E0001"), (b"#" * (MAX_FILE_BYTES + 1), "E0002"), (None, "E0001")],
    )
    def test_refuses(self, tmp_path: Path, data: bytes | None, code: str) -> None:
        path = tmp_path / "a.cell"
        if data is not None:
            path.write_bytes(data)
        report = Report()
        assert read_source(path, report) is None
        assert [d.code for d in report.diagnostics] == [code]

    def test_folder(self, tmp_path: Path) -> None:
        report = Report()
        assert read_source(tmp_path, report) is None
        assert report.has_errors


def test_a_cell_further_in_below_a_cell_without_a_block() -> None:
    report = Report()
    text = (
        "cell A[H]:\n}    input x: [\\  state h: [H]\n    cell B:\n        input y:,\ncell C[H]:\n"
    )
    parse(Source("a.cell", text + "    input x: [H]\n"), report)
    assert report.has_errors


def test_grammar_is_kept_on_disk(tmp_path: Path) -> None:
    """Where it cannot be read or written, parsing goes on."""
    code = (
        "import sys\n"
        "from celldsl.syntax.parse import parse\n"
        "from celldsl.diagnostics.span import Source\n"
        "from celldsl.diagnostics.diagnostic import Report\n"
        "assert parse(Source('a', 'def f(v) = v'), Report()).items\n"
        "print('lark' in sys.modules)\n"
    )

    def is_made(home: Path) -> bool:
        environment = {"XDG_CACHE_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
        out = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
        return out == "True\n"

    blocked = tmp_path / "blocked"
    blocked.write_text("")
    assert is_made(blocked)
    assert is_made(tmp_path / "new")
    (kept,) = (tmp_path / "new" / "celldsl").iterdir()
    whole = kept.read_bytes()
    for broken in (b"", whole[: len(whole) // 2], b"no tables", whole[:100] + b"x" + whole[101:]):
        kept.write_bytes(broken)
        assert is_made(tmp_path / "new")
        assert not is_made(tmp_path / "new")
