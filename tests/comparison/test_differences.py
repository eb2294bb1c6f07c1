"""How two cells differ, in words."""

from __future__ import annotations

import pytest

from celldsl.comparison.differences import differences
from celldsl.comparison.reading import all_equations, equations_of, nearest_to, read_equations
from celldsl.comparison.term import ONE, Term, negated, number, product, total
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.syntax.parse import parse
from tests.cells import EVERY, example

HEAD = "cell {name}[I, H]:\n    input x: [I]\n    state h, c: [H]\n"


def words(a: str, b: str) -> list[str]:
    one, other = (equations_of(example(name)) for name in (a, b))
    return [found.words for found in differences(one, other)]


def written(body: str, name: str = "A") -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return HEAD.format(name=name) + lines + "    output h'\n"


def between(a: str, b: str) -> list[str]:
    """Differences of two bodies with states h and c."""
    found = []
    for name, body in (("A", a), ("B", b)):
        file = parse(Source("a.cell", written(body, name)), Report())
        assert file is not None
        found.append(read_equations(file, name))
    return [difference.words for difference in differences(*found)]


@pytest.mark.parametrize("name", EVERY)
def test_a_cell_does_not_differ_from_itself(name: str) -> None:
    assert words(name, name) == []


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("gru", "chung_gru", "h': the gate keeps the old value in GRU, and takes the new one in "
         "ChungGRU"),
        ("gru", "cudnn_gru", "c: the reset comes before the product in GRU, after it in CudnnGRU"),
        ("cudnn_gru", "gru", "n: the reset comes before the product in GRU, after it in CudnnGRU"),
        ("gru", "cudnn_gru", "u: GRU begins its bias at 1, CudnnGRU begins its bias at 0"),
        ("lstm", "packed_lstm", "f: a trained bias begins at 1 in LSTM; 1 is added whenever it "
         "runs in PackedLSTM"),
        ("lstm", "peephole_lstm", "o: PeepholeLSTM adds `c' * p_o`: each unit sees its own new "
         "value"),
        ("lstm", "cifg", "c': one gate keeps and takes in CIFG, two gates in LSTM"),
        ("rnn", "clipped_rnn", "h': the value is clipped in ClippedRNN alone"),
        ("ligru", "light_ru", "n: reads x and h in LiGRU, x in LightRU"),
        ("ligru", "light_ru", "n: relu in LiGRU, tanh in LightRU"),
        ("mgu", "mut2", "MGU has 2 products with weights where MUT2 has 3: one gate serves for "
         "two"),
        ("lstm", "gru", "states: LSTM has 2 (h, c); GRU has 1 (h)"),
    ],
)  # fmt: skip
def test_words(a: str, b: str, said: str) -> None:
    assert said in words(a, b)


PACKED = "i, f = split(linear([x, h], 2*H), 2)\nc' = sigmoid(f) * c + sigmoid(i)\nh' = c'"
APART = "f = sigmoid(linear([h, x], H))\ni = sigmoid(linear(x, H) + linear(h, H))\n"


@pytest.mark.parametrize(
    "body",
    [
        APART + "c' = i + c * f\nh' = c'",
        APART + "k = i\nc' = f * c + k\nh' = c'",
    ],
)
def test_the_same_mathematics_is_no_difference(body: str) -> None:
    assert between(PACKED, body) == []


def test_old_and_new_states_are_told_apart() -> None:
    a = "c' = tanh(linear([x, h], H))\nh' = c' * sigmoid(linear(x, H))"
    b = "h' = c * sigmoid(linear(x, H))\nc' = tanh(linear([x, h], H))"
    assert between(a, b) == ["h': reads `c'` in A, `c` in B"]


def test_a_mix_is_one_however_it_is_written() -> None:
    gate = "z = sigmoid(linear([x, h], H))\nn = tanh(linear(x, H))\nc' = c\n"
    assert between(gate + "h' = z * h + (1 - z) * n", gate + "h' = (1 - z) * n + h * z") == []


def test_the_nearest_cells_come_first() -> None:
    ours = equations_of(example("gru"))
    found = [name for name, _ in nearest_to(ours, all_equations(), 3, "gru")]
    assert "chung_gru" in found
    assert "gru" not in found


def test_a_value_that_doubles_is_known_by_its_name() -> None:
    chain = "".join(f"v{k + 1} = v{k} * sin(v{k})\n" for k in range(200))
    assert between(f"v0 = x\n{chain}c' = c\nh' = v200", "c' = c\nh' = x") == [
        "v200: `v200` in A, `x` in B"
    ]


def test_what_is_taken_away_stands_behind() -> None:
    keep, new = Term("name", (), "keep"), Term("name", (), "new")
    assert str(total([negated(keep), ONE])) == "1 - keep"
    assert str(total([negated(keep), new, number(2.0)])) == "new + 2 - keep"
    assert str(product([total([ONE, negated(keep)]), new])) in (
        "(1 - keep) * new",
        "new * (1 - keep)",
    )
    assert str(total([negated(keep), negated(new)])) == "(-keep) + (-new)"
