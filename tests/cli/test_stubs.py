"""Types of modules and of cells that are imported: what mypy and editors make of them."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

import celldsl
from celldsl.cli.main import main
from celldsl.ir.spec import ArraySpec, CellSpec
from celldsl.runtime.cell.cell import Cell
from celldsl.structs import replace
from celldsl.targets.numba.stub import stub_source
from celldsl.targets.numba.stub_texts import OF_THEIR_OWN

EXAMPLES = Path(__file__).parents[2] / "examples"
FEATURES = Path(__file__).parents[1] / "end_to_end" / "feature_cells"
# Names of a user's that stand beside Python's and ours in such a file.
NAMED = """\
cell {name}[I, cls](k = 2, activation = tanh, on = true, rate = 0.5):
    input int: [I]
    input self: int[3]
    input live: bool per sequence
    state count, index: [cls]
    const A: [cls] = ones([cls])

    y      = activation(linear([int, count], cls)) + k * rate * A
    count' = where(live, y, count)
    index' = index * one_hot(self, 3)[0]

    output y, count'
"""
TWO = """\
cell Inner[I, H]:
    input x: [I]
    state h: [H]

    h' = tanh(linear([x, h], H))

    output h'


cell Outer[I, H]:
    input x: [I]
    sub low = Inner[I, H]
    state c: [H]

    y  = low(x)
    c' = c + y

    output y, c'
"""
SCRIPT = """\
import numpy as np
{imports}

cell = GRU(I=3, H=4, seed=1, activation="tanh")
x = np.zeros((5, 2, 3), np.float32)
y, state = cell(x)
y, state = cell(x, state, lengths=np.array([5, 2]), states="all")
y, state, tape = cell.forward(x, training=False, checkpoint=True)
grads = cell.backward(tape, dy=2 * y, dstate=state)
cell.params.flat -= 0.1 * grads.params.flat
y, state = cell.step(x[0], grads.state)
z: GRU.State = cell.stream(2, state=state).state
h: np.ndarray = z.h + cell.trace(x, names="r")["r"] + GRU.from_file("a")(x=x)[1].h
GRU(I=3)
GRU(I=3, H="4")
cell(x, initial_state=state)
cell([1, 2])
cell.forward(x, training="no")
state.c
cell.backward(dy=y)
"""
WRONG = {
    'Missing named argument "H" for "GRU"',
    'Argument "H" to "GRU" has incompatible type "str"; expected "int"',
    'Unexpected keyword argument "initial_state" for "__call__" of "GRU"',
    'Argument 1 to "__call__" of "GRU" has incompatible type "list[int]"',
    'Argument "training" to "forward" of "GRU" has incompatible type "str"; expected "bool"',
    '"_GRU_State" has no attribute "c"',
    'Missing positional argument "tape" in call to "backward" of "GRU"',
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gru.cell").write_text((EXAMPLES / "basics" / "gru.cell").read_text())
    return tmp_path


def mypy(folder: Path, *files: str) -> list[str]:
    """The errors of `mypy --strict`."""
    pytest.importorskip("mypy", reason="type checkers are for those who develop")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *files]
    root = str(Path(celldsl.__file__).parents[1])
    done = subprocess.run(
        [*command, "--cache-dir", str(folder / "cache"), "--config-file", ""],
        cwd=folder, capture_output=True, text=True, env={"MYPYPATH": root, "PATH": ""},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line]


@pytest.mark.parametrize("how", ["module", "standalone", "imported"])
def test_a_script_is_checked_as_it_would_run(how: str, folder: Path) -> None:
    options = {"module": [], "standalone": ["--standalone"]}
    if how == "imported":
        assert main(["stubs", "gru.cell"]) == 0
    else:
        assert main(["compile", "gru.cell", "--dtype", "none", *options[how]]) == 0
    imports = f"{'import celldsl.importer' if how == 'imported' else ''}\nfrom gru import GRU"
    (folder / "use.py").write_text(SCRIPT.format(imports=imports))
    found = mypy(folder, "use.py")
    first = SCRIPT.splitlines().index("GRU(I=3)") + 1 + imports.count("\n")
    assert [line for line in found if int(line.split(":")[1]) < first] == []
    assert len(found) == len(WRONG)
    assert all(any(wrong in line for line in found) for wrong in WRONG), found


def test_every_stub_passes_a_strict_check(folder: Path) -> None:
    """A few of the cells that come along, every feature, and names that collide."""
    copytree(FEATURES, folder, dirs_exist_ok=True)
    for path in sorted(EXAMPLES.rglob("*.cell"))[::12]:
        (folder / path.name).write_bytes(path.read_bytes())
    names = ["int", "tuple", "dict", "Cell", "forward", "State", "ArgumentError", "NamedTuple"]
    for name in names:
        (folder / f"n_{name}.cell").write_text(NAMED.format(name=name))
        for given in (["-o", f"m_{name}.py"], ["-o", f"s_{name}.py", "--standalone"]):
            assert main(["compile", f"n_{name}.cell", "--dtype", "none", *given]) == 0
    cells = [path.name for path in folder.glob("*.cell")]
    assert main(["stubs", *cells]) == 0
    stubs = [path.name for path in folder.glob("*.pyi")]
    assert len(stubs) == len(cells) + 2 * len(names)
    assert mypy(folder, *stubs) == []


def test_names_of_files_and_docstrings_are_text_alone(folder: Path) -> None:
    said = '"""; import os  # \\'
    name = f"{said.replace('/', '')}.cell"
    spec = CellSpec("A", f'Says {said} and "', "", (), (), (), (), (), (), (), ())
    spec = replace(spec, inputs=(ArraySpec("x", ()),), outputs=(ArraySpec("x", ()),))
    module = ast.parse(stub_source([spec], name, "1"))
    assert not any(
        isinstance(each, ast.Import) and each.names[0].name == "os" for each in module.body
    )
    assert name in (ast.get_docstring(module) or "")
    (found,) = (e for e in module.body if isinstance(e, ast.ClassDef) and e.name == "A")
    assert (ast.get_docstring(found) or "").strip() == spec.doc


def test_all_cells_of_a_file_are_in_it_with_their_inner_states(folder: Path) -> None:
    (folder / "two.cell").write_text(TWO)
    assert main(["stubs", "two.cell"]) == 0
    (folder / "use.py").write_text(
        "from two import Inner, Outer\n"
        "import numpy as np\n"
        "y, state = Outer(I=2, H=3)(np.zeros((4, 1, 2), np.float32))\n"
        "reveal_type(state.low.h)\n"
        "reveal_type(y.c)\n"
        "state.low.c\n"
    )
    (error,) = mypy(folder, "use.py")
    assert '"_Outer_State_low" has no attribute "c"' in error


def arguments(found: ast.FunctionDef) -> list[str]:
    every = [*found.args.posonlyargs, *found.args.args, *found.args.kwonlyargs]
    return [each.arg for each in every if each.arg not in ("self", "cls")]


def methods_of(path: Path, name: str) -> dict[str, ast.FunctionDef]:
    body = ast.parse(path.read_text()).body
    cell = next(each for each in body if isinstance(each, ast.ClassDef) and each.name == name)
    return {each.name: each for each in cell.body if isinstance(each, ast.FunctionDef)}


def test_what_is_written_is_what_inspect_shows(folder: Path) -> None:
    assert main(["stubs", "gru.cell"]) == 0
    methods = methods_of(folder / "gru.pyi", "GRU")
    cls = celldsl.load(folder / "gru.cell")
    shown: Any = inspect.signature(cls).parameters
    last = ["engine", "products"]
    assert arguments(methods["__new__"]) == [*[n for n in shown if n not in last], *last]
    for name in ("__call__", "forward", "backward", "step", "trace", "stream", "state"):
        seen = [n for n in inspect.signature(getattr(cls, name)).parameters if n != "self"]
        assert set(arguments(methods[name])) == {n for n in seen if n != "unknown"}, name


def test_the_classes_of_a_module_that_stands_alone_are_whole() -> None:
    text = ast.parse(OF_THEIR_OWN)
    cell = next(e for e in text.body if isinstance(e, ast.ClassDef) and e.name == "_Cell")
    told = {each.name for each in cell.body if isinstance(each, ast.FunctionDef)}
    told |= {ast.unparse(each.target) for each in cell.body if isinstance(each, ast.AnnAssign)}
    inside = {"description", "variants", "observed"}  # for those who change celldsl
    public = {name for name in (*vars(Cell), *Cell.__annotations__) if not name.startswith("_")}
    assert public - inside <= told


def test_types_of_others_stay_and_a_pipe_gets_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "gru.pyi").write_text("class GRU: ...\n")
    for command in (["compile", "gru.cell", "--dtype", "none"], ["stubs", "gru.cell"]):
        assert main(command) == 1
        assert "gru.pyi is there, and celldsl did not write it" in capsys.readouterr().err
    assert not (folder / "gru.py").exists()
    assert (folder / "gru.pyi").read_text() == "class GRU: ...\n"
    assert main(["compile", "gru.cell", "-o", "-"]) == 0
    (folder / "gru.pyi").unlink()
    for _ in range(2):  # its own is replaced
        assert main(["compile", "gru.cell", "--dtype", "none"]) == 0
    (folder / "bad.cell").write_text("cell Bad[H]:\n    output y\n")
    assert main(["stubs", "gru.cell", "bad.cell"]) == 1
    assert not (folder / "bad.pyi").exists()
    assert [path.name for path in folder.glob("*.pyi")] == ["gru.pyi"]


def test_an_editor_completes_from_it(folder: Path) -> None:
    jedi = pytest.importorskip("jedi", reason="what editors complete by")
    assert main(["stubs", "gru.cell"]) == 0
    code = "import numpy as np\nfrom gru import GRU\n"
    code += "cell = GRU(I=3, H=4)\ny, state = cell(np.ones(3))\n"
    for line, meant in (
        ("cell.forw", "forward"), ("cell.forward(y, len", "lengths="), ("state.", "h"),
        ("GRU(activ", "activation="), ("cell.par", "params"),
    ):  # fmt: skip
        script = jedi.Script(code + line, path=str(folder / "use.py"))
        assert meant in [each.name for each in script.complete(5, len(line))], line
