"""The container of docs/containers.md as printed: built by one user, run by another, read alone."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from celldsl.jit.target import levels_here
from tests.places.place import NO_ENTRY, as_other_user, read_alone, run, said

PAGE = Path(__file__).parents[2] / "docs" / "containers.md"
EXAMPLE = Path(__file__).parents[2] / "examples" / "basics" / "gru.cell"


def block(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert found is not None
    return found[1]


def steps() -> list[tuple[str, str]]:
    """The lines of the Dockerfile: what to do, and with what."""
    return [(what, rest) for line in block("dockerfile").splitlines()
            for what, _, rest in [line.partition(" ")]]  # fmt: skip


def test_the_container_of_the_page(tmp_path: Path) -> None:
    if "x86-64-v3" not in levels_here():
        pytest.skip("this machine has not the level of the page")
    files = {"gru.cell": EXAMPLE.read_text(encoding="utf-8"), "app.py": block("py")}
    app = tmp_path / "app"
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    app.mkdir()
    ended = ""
    for what, rest in steps():
        match what:
            case "COPY":
                for name in rest.split()[:-1]:
                    (app / name).write_text(files[name], encoding="utf-8")
            case "RUN" if rest.startswith("celldsl "):
                said(run(["-m", *shlex.split(rest)], app))
            case "CMD":
                words = json.loads(rest)
                place = [*read_alone(), *as_other_user(NO_ENTRY)]
                refused = run("open('/tmp/celldsl', 'w')", app, place).stderr
                assert "Read-only file system" in refused
                imports = ["-X", "importtime", *words[1:]]
                done = run(imports, app, place, HOME="/nowhere", NUMBA_CPU_NAME="x86-64-v3")
                ended = said(done)
                # Nothing was compiled, and nothing said that it could not be kept.
                assert not re.search(r"\| +numba$|Warning", done.stderr, re.M)
            case other:
                assert other in ("FROM", "RUN", "WORKDIR", "USER"), other
    assert ended == "(20, 1, 64)"
