"""`use` across files, and what keeps it inside the root."""

from __future__ import annotations

from pathlib import Path

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.ir.verify import verify
from celldsl.pipeline import check_file, check_source, front

GATES = """
def gate(v, N) = sigmoid(linear(v, N))
def double(v) = 2 * v

cell Leak[H](rate = 0.5):
    input x: [H]
    state h: [H]
    h' = rate * h + x
    output h'
"""
MAIN = """
use gate as g, Leak as Inner from "parts/gates.cell"
use double from "parts/../parts/gates.cell"

cell Main[I, H]:
    input x: [I]
    sub leak = Inner[H](rate=0.9)
    a = g(x, H)
    y = leak(double(a))
    output y
"""


def folder(tmp_path: Path, **files: str) -> Path:
    (tmp_path / "parts").mkdir()
    for name, text in files.items():
        path = tmp_path / ("parts" if name == "gates" else "") / f"{name}.cell"
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_functions_and_cells_of_another_file(tmp_path: Path) -> None:
    path = folder(tmp_path, gates=GATES, main=MAIN) / "main.cell"
    assert check_file(path).diagnostics == []
    source = Source("main.cell", path.read_text(encoding="utf-8"))
    found = front(source, Report(), None, {}, tmp_path, path)
    verify(found.program)
    assert [p.name for p in found.spec.params] == ["a.gate.W_v", "a.gate.b"]
    assert [s.name for s in found.spec.states] == ["leak.h"]


def test_problems_of_the_other_file_name_it(tmp_path: Path) -> None:
    path = folder(tmp_path, gates=GATES.replace("rate * h", "rate * k"), main=MAIN) / "main.cell"
    found = check_file(path).diagnostics
    assert [(d.code, d.primary.span.source.name) for d in found] == [("E0101", "gates.cell")]
    assert found[0].secondary[0].text == "in the inner cell `leak`"


def test_syntax_errors_of_the_other_file(tmp_path: Path) -> None:
    path = folder(tmp_path, gates=GATES + "\ncell !", main=MAIN) / "main.cell"
    found = check_file(path).diagnostics
    assert found
    assert {d.primary.span.source.name for d in found} == {"gates.cell"}


def test_a_circle_of_files_is_printed(tmp_path: Path) -> None:
    uses = {"a": "b", "b": "c", "c": "a"}
    folder(tmp_path, **{name: f'use X from "{other}.cell"\n' for name, other in uses.items()})
    found = check_file(tmp_path / "a.cell").diagnostics
    assert "a.cell -> b.cell -> c.cell -> a.cell" in found[0].message


def test_paths_stay_inside_the_root(tmp_path: Path) -> None:
    folder(tmp_path, gates=GATES, outside=GATES)
    inner = tmp_path / "parts" / "main.cell"
    inner.write_text(MAIN.replace("parts/gates", "../outside").replace("parts/../", ""), "utf-8")
    assert {d.code for d in check_file(inner).diagnostics} >= {"E0113"}
    inside = [d for d in check_file(inner, root=tmp_path).diagnostics if "root" in d.message]
    assert inside == []


def test_links_are_followed_first(tmp_path: Path) -> None:
    root = folder(tmp_path, gates=GATES, outside=GATES)
    (root / "parts" / "link.cell").symlink_to(root / "outside.cell")
    main = root / "parts" / "main.cell"
    main.write_text(MAIN.replace("parts/gates", "link").replace("parts/../parts", "."), "utf-8")
    assert "lies outside the root" in check_file(main).diagnostics[0].message


def test_text_has_no_root() -> None:
    assert check_source(MAIN).diagnostics[0].code == "E0113"


def test_strange_paths_are_no_crash(tmp_path: Path) -> None:
    main = folder(tmp_path, main="") / "main.cell"
    for strange in ("", ".", "..", "/", "\x7f", "a" * 300, "~/x.cell", "file:///etc/passwd"):
        main.write_text(f'use A from "{strange}"\n', encoding="utf-8")
        assert check_file(main).has_errors
