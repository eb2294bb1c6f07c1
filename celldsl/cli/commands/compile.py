"""`celldsl compile FILE…`.  In: files.  Out: a module beside each, compiled ahead of use.

Beside `gru.py` lies `gru.pyi`, its types for editors and type checkers.  Files are written when
all have turned out right; with an error in one none is touched.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from glob import escape
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING

from celldsl.cli.commands.stubs import types_of
from celldsl.cli.options import Setting, add_choice, add_files, add_without, parse_settings, root_of
from celldsl.cli.output import CommandError, has_failed, on_terminal, print_diagnostics, print_file
from celldsl.diagnostics.diagnostic import Diagnostic, Report
from celldsl.diagnostics.errors import CellError
from celldsl.files import absolute, is_special, matching, remove, replace_file
from celldsl.fingerprint import read_limited, source_key
from celldsl.syntax.limits import read_source
from celldsl.targets.table import DEFAULT, TARGETS

if TYPE_CHECKING:
    from celldsl.pipeline import Module

EXAMPLE = """celldsl compile gru.cell --dtype both
  celldsl compile gru.cell --set activation=relu
  celldsl compile gru.cell --for x86-64-v3
  celldsl compile gru.cell --target torch"""

LEVELS = ("x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4")
DTYPES = {"float32": ["float32"], "float64": ["float64"], "both": ["float32", "float64"]}
WATCH_SECONDS = 0.5
STDOUT = "-"
# What generated modules import, and what that imports.
TAKEN = frozenset({"celldsl", "numpy", "numba", "llvmlite", "torch", "jax", "jaxlib", "lark"})


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    add_choice(parser)
    add_without(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="the module, a folder for them, or - for standard output",
    )
    parser.add_argument(
        "--target",
        choices=[*TARGETS],
        default=DEFAULT,
        help="; ".join(f"{name}: {target.help}" for name, target in TARGETS.items()),
    )
    parser.add_argument(
        "--standalone", action="store_true", help="put what a module needs of celldsl into it"
    )
    parser.add_argument(
        "--dtype",
        choices=[*DTYPES, "none"],
        help="what to compile ahead of use (default: float32)",
    )
    parser.add_argument(
        "--for",
        dest="level",
        choices=LEVELS,
        help="compile for every machine of a level of x86-64, and not for this one",
    )
    parser.add_argument("--strict", action="store_true", help="count warnings as errors")
    parser.add_argument("--watch", action="store_true", help="again whenever a file changes")


def run(arguments: Namespace) -> int:
    settings = parse_settings(arguments.set)
    _check_target(arguments)
    targets = {name: _target(arguments, Path(name)) for name in arguments.files}
    if len(set(targets.values())) < len(targets):
        raise CommandError("--output: several files would become one module", 2)
    status = _compile_all(arguments, settings, targets)
    while arguments.watch:
        _wait_for_change(arguments)
        status = _compile_all(arguments, settings, targets)
    return status


def _check_target(arguments: Namespace) -> None:
    """Raises CommandError for options that mean nothing for the target."""
    if arguments.target == DEFAULT:
        if arguments.level and arguments.dtype == "none":
            raise CommandError("--for: nothing is compiled ahead with --dtype none", 2)
        return
    reasons = {
        "standalone": f"a module for {arguments.target} needs nothing of celldsl anyway",
        "dtype": f"nothing is compiled ahead for {arguments.target}",
        "level": f"nothing is compiled ahead for {arguments.target}",
        "without": f"{arguments.target} optimises by itself",
    }
    for option, reason in reasons.items():
        if getattr(arguments, option):
            shown = "for" if option == "level" else option
            raise CommandError(f"--{shown} is for --target {DEFAULT}: {reason}", 2)


def _target(arguments: Namespace, path: Path) -> Path:
    """Where the module of a file goes.  Raises CommandError where no module can be there."""
    if path.is_dir():
        raise CommandError(f"{path} is a folder; name its files: {path / '*.cell'}")
    stem = TARGETS[arguments.target].stem(path.stem)
    if arguments.output is None:
        return _module_path(path.with_name(f"{stem}.py"), "give it another with -o")
    if not arguments.output:
        raise CommandError("--output: the name is empty", 2)
    output = Path(arguments.output)
    many = len(arguments.files)
    if many > 1 and output.suffix == ".py" and not output.is_dir():
        told = f"{many} files become {many} modules, and {output} is the name of one"
        raise CommandError(f"--output: {told}; give a folder", 2)
    if output.is_dir() or len(arguments.files) > 1 or arguments.output.endswith(("/", "\\")):
        return _module_path(output / f"{stem}.py", "rename the file")
    if arguments.output == STDOUT or is_special(output):
        return output
    return _module_path(output, f"for example {output.with_name('my_cell.py')}")


def _module_path(path: Path, instead: str) -> Path:
    """The path, where Python can import a module from it."""
    if path.suffix != ".py":
        raise CommandError(f"--output: a module's file ends in .py, {path} does not; {instead}", 2)
    if not path.stem.isidentifier() or iskeyword(path.stem):
        raise CommandError(
            f"{path.stem} is no name of a module, so {path} cannot be imported; {instead}", 2
        )
    shadows = path.stem in TAKEN or path.stem in sys.stdlib_module_names
    if shadows and not (path.parent / "__init__.py").is_file():  # inside a package it does not
        told = f"{path} would stand before the module {path.stem}, which others import from there"
        raise CommandError(f"--output: {told}; {instead}", 2)
    return path


def _compile_all(
    arguments: Namespace, settings: dict[str, Setting], targets: dict[str, Path]
) -> int:
    found: list[Diagnostic] = []
    made = {name: _generate(arguments, settings, Path(name), found) for name in targets}
    print_diagnostics(found)
    if has_failed(found, arguments.strict):
        return 1
    modules = [(target, made[name]) for name, target in targets.items()]
    types = {target: types_of(target) for target, module in modules if _has_types(target, module)}
    for target, module in modules:
        _write(target, module.text)
        if target in types:
            _write(types[target], module.types)
    # Nothing is imported from a device, a pipe or standard output.
    files = [target for target in targets.values() if _is_module(target)]
    dtype = arguments.dtype or "float32"
    if arguments.target == DEFAULT and dtype != "none":
        _compile_ahead(files, DTYPES[dtype], settings, arguments.level)
    return 0


def _has_types(target: Path, module: Module) -> bool:
    """Devices, pipes and standard output get a module alone."""
    return bool(module.types) and _is_module(target)


def _is_module(target: Path) -> bool:
    return str(target) != STDOUT and not is_special(target)


def _write(target: Path, text: str) -> None:
    if str(target) == STDOUT:
        print_file(text)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, [text.encode()])
    # Python tells modules by second and size: bytecode of the one before might be taken for this.
    for bytecode in matching(target.parent / "__pycache__", f"{escape(target.stem)}.*.pyc"):
        remove(bytecode)
    if not is_special(target):
        print(f"wrote {target}")


def _generate(
    arguments: Namespace, settings: dict[str, Setting], path: Path, found: list[Diagnostic]
) -> Module:
    """A module; what is wrong goes into `found`."""
    from celldsl.pipeline import Module, generate_module

    report = Report()
    source = read_source(path, report)
    try:
        return (
            Module("", "", "")
            if source is None
            else generate_module(
                source.text,
                str(path),
                cell=arguments.cell,
                structure=settings,
                root=root_of(path, arguments.root),
                standalone=arguments.standalone,
                report=report,
                without=arguments.without,
                target=arguments.target,
            )
        )
    except CellError as error:
        report.diagnostics += [d for d in error.diagnostics if d not in report.diagnostics]
        return Module("", "", "")
    finally:
        found += report.diagnostics


def _compile_ahead(
    modules: list[Path], dtypes: list[str], settings: dict[str, Setting], level: str | None
) -> None:
    from celldsl.cli.ahead_of_time import compile_for, compile_module

    work = [(module, dtype) for module in modules for dtype in dtypes]
    if on_terminal():
        from tqdm import tqdm

        work = tqdm(work, desc="compiling", unit="module", file=sys.stderr)
    for module, dtype in work:
        if level is None:
            compile_module(module, dtype, settings)
        else:
            compile_for(level, module, dtype, settings)


def _wait_for_change(arguments: Namespace) -> None:
    before = _keys(arguments)
    print("waiting for a change (Ctrl-C ends)", file=sys.stderr)
    while _keys(arguments) == before:
        time.sleep(WATCH_SECONDS)


def _keys(arguments: Namespace) -> list[str | None]:
    return [_key(Path(name), arguments) for name in arguments.files]


def _key(path: Path, arguments: Namespace) -> str | None:
    """Changes when a file or one that it uses does; None while an editor has it moved away."""
    try:
        text = read_limited(path).decode("utf-8", "replace")
    except OSError:
        return None
    return source_key(text, str(path), absolute(path), root_of(path, arguments.root), None, None)
