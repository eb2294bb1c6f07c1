"""What an editor is told of names: places, shapes, meanings, what may stand, new names."""

from __future__ import annotations

from pathlib import Path

import pytest

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.editors.calls import argument_hints, called_at
from celldsl.editors.colours import IN_PLACES, TYPES, coloured
from celldsl.editors.completion import complete
from celldsl.editors.hover import hints, hover, signature
from celldsl.editors.protocol import Positions
from celldsl.editors.renaming import RenameError, rename
from celldsl.editors.symbols import NAMED, Names
from celldsl.editors.workspace import Document, Workspace
from celldsl.pipeline import check_text
from celldsl.syntax.parse import parse
from celldsl.zoo_index import example_paths

TEXT = """use Step as S, twice from "step.cell"

def gate(v, N) = sigmoid(linear(v, N))


cell Mine[I, H](rate = 0.1, act = tanh):
    input x: [I]
    state h: [H]  # what it remembers
    sub s = S[I](k=2.0)

    # keeps the old value
    z = gate(concat([x, h]), H)
    c, d = split(act(linear(x, 2*H)), 2)
    for k in 0..3:
        y[k] = z * twice(c)
    q = s(x) + s.a'
    h' = z * hₜ₋₁ + rate * c * d + sum(y, axis=0)

    output h'
"""
STEP = """cell Step[I](k=1.0):
    input x: [I]
    state a: [I]

    a' = a + k * x

    output a'

def twice(v) = 2 * v
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "step.cell").write_text(STEP, encoding="utf-8")
    return Workspace([tmp_path])


@pytest.fixture
def document(workspace: Workspace) -> Document:
    return workspace.open(workspace.folders[0] / "mine.cell", TEXT)


def at(text: str, further: int = 0, whole: str = TEXT) -> int:
    return whole.index(text) + further


def places(workspace: Workspace, document: Document, offset: int) -> list[tuple[str, int]]:
    found = workspace.references(document, offset)
    return sorted((home.path.name, o.start) for home, o in found)


# ------------------------------------------------------------------ places


@pytest.mark.parametrize("path", example_paths(), ids=lambda p: p.stem)
def test_every_name_in_every_cell_has_its_meaning(path: Path) -> None:
    """What the checker accepts, the names of an editor know too."""
    source = Source(path.name, path.read_text(encoding="utf-8"))
    file = parse(source, Report())
    assert file is not None
    names = Names(file, source)
    for k, token in enumerate(names.tokens):
        option = names.tokens[k + 1 : k + 2] == ["="] and names.tokens[k - 1] in ("(", ",")
        if token.type in NAMED and not option and token not in IN_PLACES:
            assert token.start in names.found, source.text[token.start - 20 : token.end + 20]
    unknown = {o.key.name for o in names.found.values() if not o.key.item}
    assert [name for name in unknown - IN_PLACES if signature(name) is None] == []


def test_references_are_one_name_and_no_other(workspace: Workspace, document: Document) -> None:
    h = places(workspace, document, at("h: [H]"))
    assert h == [("mine.cell", at(t, n)) for t, n in (
        ("h: [H]", 0), ("[x, h]", 4), ("h' = z", 0), ("hₜ₋₁", 0), ("output h'", 7))]  # fmt: skip
    k = places(workspace, document, at("for k", 4))
    assert k == [("mine.cell", at("for k", 4)), ("mine.cell", at("y[k]", 2))]
    assert len(places(workspace, document, at("gate(v", 5))) == 2
    assert places(workspace, document, at("sigmoid")) == []


def test_references_go_across_files(workspace: Workspace, document: Document) -> None:
    k = places(workspace, document, at("k=2.0"))
    assert k == [("mine.cell", at("k=2.0")), *(("step.cell", n) for n in (13, 69))]
    step = workspace.document(document.path.parent / "step.cell")
    assert step is not None
    assert places(workspace, step, 13) == k
    twice = places(workspace, step, at("twice", 0, STEP))
    assert twice == [("mine.cell", at("twice from")), ("mine.cell", at("twice(c")),
                     ("step.cell", at("twice", 0, STEP))]  # fmt: skip
    assert [n for n, _ in places(workspace, document, at("S[I]"))] == ["mine.cell"] * 2
    assert [n for n, _ in places(workspace, document, at("Step as"))] == ["mine.cell", "step.cell"]
    assert ("step.cell", STEP.index("a: [I]")) in places(workspace, document, at("s.a'", 2))


def test_definitions_go_to_the_file_that_is_used(workspace: Workspace, document: Document) -> None:
    def goes(offset: int) -> tuple[str, int] | None:
        found = workspace.definition(document, offset)
        return None if found is None else (found[0].path.name, found[1].start)

    assert goes(at("gate(concat")) == ("mine.cell", at("gate(v"))
    assert goes(at("S[I]")) == ("step.cell", 5)
    assert goes(at('"step.cell"', 3)) == ("step.cell", 0)
    assert goes(at("s.a'", 2)) == ("step.cell", STEP.index("a: [I]"))
    assert goes(at("tanh")) is None
    assert goes(at("0.1")) is None


# ------------------------------------------------------------------ meanings


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("z = gate", ("z: [H]", "keeps the old value", "z = gate(concat([x, h]), H)")),
        ("h' = z", ("h': [H]", "state", "what it remembers", "∂h'/∂z = h", "∂h'/∂rate = d * c")),
        ("c * d", ("c: [H]",)),
        ("q = s", ("q: [I]",)),
        ("y[k]", ("y: [H]",)),
        ("linear(x", ("linear(v, N, bias=true", "here it is `[2*H]`")),
        ("tanh", ("hyperbolic tangent", "∂tanh(v)/∂v = 1 - tanh(v) * tanh(v)")),
        ("S[I]", ("cell Step[I](k=1.0)",)),
        ("gate(concat", ("def gate(v, N) = sigmoid(linear(v, N))",)),
        ("rate *", ("hyperparameter", "`rate = 0.1`")),
        ("H](rate", ("dim",)),
        ("k=2.0", ("hyperparameter", "k=1.0")),
    ],
)
def test_hover_tells_shape_meaning_and_derivative(
    workspace: Workspace, document: Document, place: str, told: tuple[str, ...]
) -> None:
    found = hover(workspace, document, at(place))
    assert found is not None
    assert [t for t in told if t not in found] == []


def test_hints_are_shapes_after_the_left_side(document: Document) -> None:
    found = dict(hints(document))
    assert found[at("z = gate", 1)] == ": [H]"
    assert found[at("c, d", 4)] == ": [H]"
    assert found[at("q = s", 1)] == ": [I]"
    assert found[at("h' = z", 2)] == ": [H]"


def test_hints_say_which_argument_stands_where(workspace: Workspace, document: Document) -> None:
    assert dict(argument_hints(workspace, document)) == {
        at("concat"): "v:", at("concat([x, h]), H", 16): "N:",
    }  # fmt: skip
    # By its own name, and of the language's functions, none is told.
    text = TEXT.replace("z = gate(concat([x, h]), H)", "v = h\n    z = gate(v, H)")
    changed = workspace.open(document.path, text)
    assert list(argument_hints(workspace, changed)) == [(at("v, H", 3, text), "N:")]


@pytest.mark.parametrize(
    ("line", "label", "active"),
    [
        ("z = gate(", "gate(v, N)", "v"),
        ("z = gate(concat([x, h]), ", "gate(v, N)", "N"),
        ("z = gate(h, split(c, ", "split(v, parts, axis=-1)", "parts"),
        ("z = softmax(h, axis=", "softmax(v, axis=-1)", "axis=-1"),
        ("z = gate(N=H, v=", "gate(v, N)", "v"),
        ("z = twice(h", "twice(v)", "v"),
        ("z = twice((h + ", "twice(v)", "v"),
        ("z = twice(h, ", "twice(v)", None),
        ("q = s(", "s(x)", "x"),
        ("sub t = S[I](", "S[I](k=1.0)", "k=1.0"),
        ("z = gate(h, H) + (", None, None),
        ("z = h[0, ", None, None),
        ("z = gate(h\n    output h", None, None),
    ],
)
def test_a_call_that_is_written_is_told(
    workspace: Workspace, line: str, label: str | None, active: str | None
) -> None:
    before = TEXT[: at("    h' = z")]
    text = before + f"    {line}\n" + TEXT[len(before) :]
    document = workspace.open(workspace.folders[0] / "mine.cell", text)
    called = called_at(workspace, document, len(before) + 4 + len(line))
    assert (called and called.label) == label
    if called is not None:
        assert (called.arguments[called.active] if called.active >= 0 else None) == active


def test_shapes_are_known_while_another_line_is_wrong(workspace: Workspace) -> None:
    text = TEXT.replace("+ s.a'", "+ +").replace("rate * c", "rate * cc")
    document = workspace.open(workspace.folders[0] / "mine.cell", text)
    assert {d.severity for d in document.diagnostics} == {"error"}
    assert "z: [H]" in str(hover(workspace, document, text.index("z = gate")))
    assert dict(hints(document))[text.index("z = gate") + 1] == ": [H]"


def test_colours_are_by_meaning(document: Document) -> None:
    found = {(document.source.text[p.start : p.start + p.length], p.kind) for p in
             coloured(document)}  # fmt: skip
    wanted = [
        ("Mine", "class"), ("H", "typeParameter"), ("hₜ₋₁", "property"), ("h'", "property"),
        ("gate", "function"), ("cell", "keyword"), ("0.1", "number"), ("rate", "parameter"),
        ("# what it remembers", "comment"), ('"step.cell"', "string"),
    ]  # fmt: skip
    for piece in wanted:
        assert piece in found
    assert {kind for _, kind in found} <= set(TYPES)
    starts = [p.start for p in coloured(document)]
    assert starts == sorted(starts)


# ------------------------------------------------------------------ what may stand


def proposed(workspace: Workspace, line: str) -> dict[str, tuple[str, bool, int]]:
    """Words that may stand at the end of a line in the place of the last equation."""
    head = TEXT[: TEXT.index("    h' = z")]
    text = f"{head}{line}\n\n    output h'\n"
    document = workspace.open(workspace.folders[0] / "mine.cell", text)
    found = complete(workspace, document, len(head) + len(line))
    return {p.word: (p.detail, p.fits, n) for n, p in enumerate(found)}


def test_what_fits_in_shape_comes_first(workspace: Workspace) -> None:
    found = proposed(workspace, "    h' = z * ")
    assert found["c"][:2] == ("[H]", True)
    assert found["q"][:2] == ("[I]", False)
    assert found["c"][2] < found["rate"][2] < found["q"][2] < found["tanh"][2]
    assert "v" not in found
    assert "k" not in found
    assert found["gate"][0] == "def gate(v, N) = sigmoid(linear(v, N))"
    # The same in a bracket that is still open, and in the middle of a word.
    assert proposed(workspace, "    h' = (z * c")["c"][:2] == ("[H]", True)
    assert proposed(workspace, "    h' = tanh(linear([x, ")["c"][0] == "[H]"


@pytest.mark.parametrize(
    ("line", "words", "others"),
    [
        ("    h' = s.", {"a", "a'"}, {"x", "tanh"}),
        ("    sub g = ", {"S", "Mine"}, {"gate", "x"}),
        ("    ", {"h'", "state", "for"}, {"x", "tanh"}),
        ("    param w: [", {"H", "I"}, {"x", "z", "tanh"}),
        ("    h' = linear(x, ", {"bias=", "H"}, {"k="}),
        ("    sub g = S[I](", {"k="}, {"bias="}),
        ("", {"cell", "def", "use"}, {"h'"}),
        ("    # a remark ", set(), {"h"}),
        ('    require H > 0, "because ', set(), {"h"}),
        ("    state m", set(), {"h"}),
    ],
)
def test_words_are_those_of_the_place(
    workspace: Workspace, line: str, words: set[str], others: set[str]
) -> None:
    found = set(proposed(workspace, line))
    assert words <= found
    assert not others & found


# ------------------------------------------------------------------ new names


def test_rename_says_which_saved_weights_need_the_new_name(
    workspace: Workspace, document: Document
) -> None:
    c = rename(workspace, document, at("c, d"), "new")
    assert c.told == (
        "Mine, saved weights: `c_d.W_x` becomes `new_d.W_x`, `c_d.b` becomes `new_d.b`",
    )
    h = rename(workspace, document, at("h: [H]"), "m")
    assert set(h.told) == {
        "Mine, states in Python: `h` becomes `m`",
        "Mine, outputs in Python: `h` becomes `m`",
    }
    x = rename(workspace, document, at("x: [I]"), "u")
    assert any("`c_d.W_x` becomes `c_d.W_u`" in line for line in x.told)
    gate = rename(workspace, document, at("gate(v"), "keep")
    assert any("`z.gate.W_v` becomes `z.keep.W_v`" in line for line in gate.told)
    twice = rename(workspace, document, at("twice(c"), "double")
    assert {path.name for path in twice.places} == {"mine.cell", "step.cell"}
    assert twice.told == ()


@pytest.mark.parametrize(
    ("place", "new", "why"),
    [
        ("z = gate", "h", "would be wrong"),
        ("z = gate", "x", "would be wrong"),
        ("z = gate", "1a", "is no name"),
        ("z = gate", "a b", "is no name"),
        ("z = gate", "if", "no name"),
        ("z = gate", "lambda", "a meaning of its own"),
        ("tanh", "mine", "not declared in a file of yours"),
        ("0.1", "mine", "no name here"),
        ("Mine[", "gate", "would be wrong"),
    ],
)
def test_a_name_that_cannot_be_stays(
    workspace: Workspace, document: Document, place: str, new: str, why: str
) -> None:
    with pytest.raises(RenameError, match=why):
        rename(workspace, document, at(place), new)


def test_nothing_is_renamed_in_a_file_with_lines_that_cannot_be_read(workspace: Workspace) -> None:
    text = TEXT.replace("rate * c * d", "rate * * d")
    document = workspace.open(workspace.folders[0] / "mine.cell", text)
    with pytest.raises(RenameError, match="mend them first"):
        rename(workspace, document, text.index("z = gate"), "keep")


@pytest.mark.parametrize("stem", ["lstm", "mogrifier_lstm", "tree_lstm", "nested_lstm", "gru"])
def test_any_name_of_a_cell_can_be_another(tmp_path: Path, stem: str) -> None:
    found = [path for path in example_paths() if path.stem == stem]
    if not found:
        pytest.skip(f"{stem} is no more among the cells")
    text = found[0].read_text(encoding="utf-8")
    workspace = Workspace([tmp_path])
    document = workspace.open(tmp_path / "a.cell", text)
    for key in document.names.symbols:
        offset = document.names.symbols[key].span.start
        renamed = rename(workspace, document, offset, "qqq")
        spans = sorted(renamed.places[document.path], key=lambda s: -s.start)
        new = text
        for span in spans:
            new = new[: span.start] + "qqq" + new[span.end :]
        assert not check_text(new, "a.cell").has_errors


# ------------------------------------------------------------------ broken texts, other counts


def test_no_text_is_too_broken(workspace: Workspace) -> None:
    cuts = [TEXT[:n] for n in range(0, len(TEXT), 23)]
    for text in (
        *cuts,
        "cell",
        "\x00",
        "cell A[",
        TEXT.replace("[", "("),
        TEXT.replace("\n", "\r\n"),
    ):
        document = workspace.open(workspace.folders[0] / "mine.cell", text)
        for offset in (0, len(text) // 2, len(text)):
            hover(workspace, document, offset)
            workspace.references(document, offset)
            complete(workspace, document, offset)
            called_at(workspace, document, offset)
        assert list(coloured(document)) is not None
        hints(document)
        assert all(told for _, told in argument_hints(workspace, document))


def test_columns_count_as_the_editor_counts() -> None:
    source = Source("a", "ab\n𝜎γx\n")
    for encoding, column in (("utf-16", 3), ("utf-8", 6), ("utf-32", 2)):
        positions = Positions(source, encoding)
        assert positions.line_column(source.text.index("x")) == (1, column)
        assert positions.offset(1, column) == source.text.index("x")
    assert Positions(source).offset(0, 99) == 2
    assert Positions(source).offset(99, 0) == len(source.text)


def test_a_circle_of_files_ends(tmp_path: Path) -> None:
    (tmp_path / "a.cell").write_text('use f from "b.cell"\n', encoding="utf-8")
    (tmp_path / "b.cell").write_text('use f from "a.cell"\n', encoding="utf-8")
    workspace = Workspace([tmp_path])
    document = workspace.document(tmp_path / "a.cell")
    assert document is not None
    assert workspace.definition(document, 4) is not None
    assert len(workspace.references(document, 4)) <= 2
