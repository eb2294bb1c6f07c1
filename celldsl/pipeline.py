"""The pipeline, read from top to bottom.  In: files or text.  Out: reports and lowered cells.

This is the only module that knows the order of the artefacts.  `check` stops half way and must
answer at once, so what only compiling needs is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError, UndecidedError
from celldsl.diagnostics.span import Source
from celldsl.pass_flags import checked as known_names
from celldsl.semantics.check import Checked, check
from celldsl.semantics.foreign_functions import FOREIGN
from celldsl.syntax import ast
from celldsl.syntax.ignores import silence
from celldsl.syntax.limits import read_source
from celldsl.syntax.parse import parse
from celldsl.targets.table import DEFAULT, TARGETS
from celldsl.version import __version__

# What a module gives besides outputs: nothing, or the states after every step; or instead of them
# the values of equations that have these names.
Observed = Literal["states"] | tuple[str, ...] | None

if TYPE_CHECKING:
    from celldsl.ir.program import Program
    from celldsl.ir.spec import CellSpec
    from celldsl.plan.plan import Plan
    from celldsl.semantics.incremental import Session
    from celldsl.semantics.lower import Lowered
    from celldsl.semantics.structure import Setting
    from celldsl.targets.framework.module import Unit as Printed
    from celldsl.targets.numba.description import Unit
    from celldsl.transforms.pipeline import Step

    Pair = tuple[Program, Program]


def check_source(text: str, name: str = "<cell>") -> Report:
    """All diagnostics of a text."""
    report = Report()
    _checked(Source(name, text), report, None, None)
    return report


def check_text(text: str, name: str, root: Path | None = None, path: Path | None = None) -> Report:
    """All diagnostics of a text that is, or will be, the file `path`; what it uses is in `root`."""
    report = Report()
    _checked(Source(name, text), report, root, path)
    return report


def check_file(path: str | Path, root: str | Path | None = None) -> Report:
    """All diagnostics of a file; what it uses lies inside `root`, or its own folder."""
    report = Report()
    path = Path(path)
    read = read_source(path, report)
    if read is not None:
        source = Source(path.name, read.text)
        _checked(source, report, Path(root) if root is not None else path.parent, path)
    return report


def check_again(
    source: Source, report: Report, path: Path | None, session: Session, root: Path | None = None
) -> ast.File | None:
    """The tree of a text, all diagnostics of it, and in `session` what else an editor asks for.

    The same session makes the next check of the text quick.
    """
    checked = _checked(source, report, root, path, session)
    return None if checked is None else checked.file


def _checked(
    source: Source,
    report: Report,
    root: Path | None,
    path: Path | None,
    session: Session | None = None,
) -> Checked | None:
    file = parse(source, report, FOREIGN)
    checked = None if file is None else check(file, source, report, root, path, session)
    silence(report, source)
    return checked


def front(
    source: Source,
    report: Report,
    cell: str | None,
    structure: Mapping[str, Setting],
    root: Path | None = None,
    path: Path | None = None,
    seen: bool = False,
    session: Session | None = None,
) -> Lowered:
    """Text to program.  Raises CellError with all that is wrong, SettingError for `structure`.

    With `seen` the values of all equations stay in it.
    """
    from celldsl.semantics.given_settings import check_conditions, check_given, take_products
    from celldsl.semantics.lower import lower
    from celldsl.structs import replace

    checked = _checked(source, report, root, path, session)
    if checked is None or report.has_errors:
        raise CellError(report.diagnostics)
    name = cell_name(checked, cell, report)
    declared = checked.module.cells[name][0]
    products, structure = take_products(structure)
    check_given(declared, structure)
    lowered = lower(checked, name, structure, report, seen=seen)
    if lowered is None:
        raise _refusal(report, name)
    check_conditions(lowered.spec, structure)
    if products:
        lowered = replace(lowered, spec=replace(lowered.spec, products=products))
    return lowered


def _refusal(report: Report, cell: str) -> CellError:
    errors = [found for found in report.diagnostics if found.severity == "error"]
    if any(found.code != "E0306" for found in errors):
        return CellError(report.diagnostics)
    lacking = tuple(found.primary.span.text for found in errors)
    return UndecidedError(report.diagnostics, cell, lacking)


def cell_name(checked: Checked, cell: str | None, report: Report) -> str:
    """The cell that is meant: the one that is named, or the only one that is in no other."""
    from celldsl.semantics.subcells import cells_of

    cells = [item for item in checked.file.items if isinstance(item, ast.Cell)]
    names = [item.name.id for item in cells]
    if cell is not None and cell in names:
        return cell
    inner = {name for item in cells for name in cells_of(item)}
    outer = [name for name in names if name not in inner]
    if cell is None and len(outer) == 1:
        return outer[0]
    told = ", ".join(f"`{name}`" for name in names) or "none"
    message = f"there is no cell `{cell}`" if cell is not None else "say which cell is meant"
    report.add("E0116", message, checked.file.span, f"the file has {told}")
    raise CellError(report.diagnostics)


def _seen(lowered: Lowered, names: tuple[str, ...]) -> Lowered:
    """A cell whose outputs are values of its equations."""
    from celldsl.structs import replace
    from celldsl.transforms.observe import values_alone

    known = {each.name: (each.value, each.shape) for each in lowered.seen}
    program, spec = values_alone(lowered.program, lowered.spec, [known[name] for name in names])
    return replace(lowered, program=program, spec=spec)


class Artefacts:
    """What is made of a lowered cell on the way to a module, in order, each when it is asked for.

    `without` has names of `celldsl.pass_flags` to leave out; `observed` says what the cell gives
    besides its outputs.
    """

    def __init__(
        self, lowered: Lowered, without: Collection[str] = (), observed: Observed = None
    ) -> None:
        self.lowered = _seen(lowered, observed) if isinstance(observed, tuple) else lowered
        self.without = frozenset(without)
        self.observed = observed

    @cached_property
    def differentiated(self) -> Pair:
        """Forward and backward program as `autodiff` makes them, which keeps every value."""
        from celldsl.transforms.autodiff import differentiate
        from celldsl.transforms.pipeline import FIRST, run_passes

        return differentiate(run_passes(self.lowered.program, FIRST, self.without))

    @cached_property
    def taped(self) -> Pair:
        """Both programs with the tape that they end up with."""
        from celldsl.transforms.rematerialize import rematerialize

        smallest = "rematerialize" not in self.without
        return rematerialize(*self.differentiated, smallest=smallest)

    @cached_property
    def optimised(self) -> Pair:
        """Both programs, ready to be planned."""
        from celldsl.transforms.observe import (
            backward_with_states,
            forward_with_states,
            without_gradients,
        )
        from celldsl.transforms.pipeline import BACKWARD, FORWARD, run_passes

        forward, backward = map(self._rounded, self.taped)
        forward = run_passes(forward, FORWARD, self.without)
        if isinstance(self.observed, tuple):
            return forward, without_gradients(forward)
        if self.observed is not None:
            forward, backward = forward_with_states(forward), backward_with_states(backward)
        return forward, run_passes(backward, BACKWARD, self.without)

    def _rounded(self, program: Program) -> Program:
        """A program whose products are those that `products` asks for."""
        if not self.lowered.spec.products:
            return program
        from celldsl.transforms.round_products import round_products

        return round_products(program)

    @cached_property
    def spec(self) -> CellSpec:
        """What the user of the module sees."""
        from celldsl.transforms.observe import spec_with_states

        spec = self.lowered.spec
        return spec_with_states(spec) if self.observed == "states" else spec

    @cached_property
    def plan(self) -> Plan:
        """What is executed."""
        from celldsl.plan.plan_cell import plan_cell

        return plan_cell(*self.optimised, self.spec, self.without)

    def passes(self) -> list[tuple[str, Program, tuple[Step, ...]]]:
        """When passes run, the program that they begin with, and those that are not left out."""
        from celldsl.transforms.pipeline import BACKWARD, FIRST, FORWARD

        forward, backward = map(self._rounded, self.taped)
        found = (
            ("ahead of differentiation", self.lowered.program, FIRST),
            ("forward", forward, FORWARD),
            ("backward", backward, BACKWARD),
        )
        return [
            (when, program, tuple(step for step in steps if step.name not in self.without))
            for when, program, steps in found
        ]

    def unit(self, name: str, digest: str, sources: tuple[tuple[str, str], ...] = ()) -> Unit:
        """What targets of plans print; `name` and `digest` say what the module was made from.

        `sources` are the names and texts of all files, which the module carries.
        """
        from celldsl.targets.numba.description import Unit

        told = tuple(sorted(self.without))
        forward, backward = self.optimised
        return Unit(
            self.spec, forward, backward, self.plan, name, digest, __version__, told, sources
        )

    def plain_unit(self, name: str, digest: str) -> Printed:
        """What targets of Programs print: as it was written, with work out of the loop."""
        from celldsl.targets.framework.module import Unit as Printed
        from celldsl.transforms.observe import forward_with_states
        from celldsl.transforms.pipeline import PLAIN, run_passes

        program = run_passes(self._rounded(self.lowered.program), PLAIN, self.without)
        if self.observed == "states":
            program = forward_with_states(program)
        return Printed(self.spec, program, name, digest, __version__)


class Module(NamedTuple):
    """The text of a generated module, the class in it, and what is in the `.pyi` file beside it."""

    cell: str
    text: str
    types: str


def generate(
    text: str,
    name: str,
    *,
    cell: str | None = None,
    structure: Mapping[str, Setting] | None = None,
    root: Path | None = None,
    standalone: bool = False,
    report: Report | None = None,
    without: Iterable[str] = (),
    target: str = DEFAULT,
    observed: Observed = None,
) -> str:
    """The text of the module of a cell, as `generate_module` makes it."""
    return generate_module(
        text, name, cell=cell, structure=structure, root=root, standalone=standalone,
        report=report, without=without, target=target, observed=observed,
    ).text  # fmt: skip


def generate_module(
    text: str,
    name: str,
    *,
    cell: str | None = None,
    structure: Mapping[str, Setting] | None = None,
    root: Path | None = None,
    standalone: bool = False,
    report: Report | None = None,
    without: Iterable[str] = (),
    target: str = DEFAULT,
    observed: Observed = None,
) -> Module:
    """The module of a cell, and its types.  Raises CellError with all that is wrong.

    Warnings are left in `report`.  Files that the text uses must lie inside `root`.  `without` has
    names of `celldsl.pass_flags` to leave out; ValueError where there is no such one.  `target` is
    one of `celldsl.targets.table`; `standalone` is for the default one, others always are.
    `observed` says what the cell gives besides its outputs.
    """
    import hashlib

    from celldsl.fingerprint import own_text, shown_name, sources_of

    report = report if report is not None else Report()
    left_out = known_names(without)
    given, seen = structure or {}, isinstance(observed, tuple)
    shown = shown_name(Path(name).name)
    lowered = front(Source(name, text), report, cell, given, root, Path(name), seen)
    digest = hashlib.sha256(own_text(text, cell).encode()).hexdigest()[:16]
    made = Artefacts(lowered, left_out, observed)
    entry = TARGETS[target]
    if entry.prints == "program":
        return Module(lowered.spec.name, entry.writer()(made.plain_unit(shown, digest)), "")
    from celldsl.targets.numba.stub import stub_source

    inside = None if root is None else root.resolve()
    sources = sources_of(text, name, Path(name).resolve(), inside, cell)
    written = entry.writer()(made.unit(shown, digest, sources), standalone)
    types = stub_source([made.spec], shown, __version__, standalone=standalone)
    return Module(lowered.spec.name, written, types)


def types_source(
    text: str,
    name: str,
    cell: str | None,
    structure: Mapping[str, Setting],
    root: Path | None,
    report: Report,
) -> str:
    """The types of a file's cells, or of one: what stands beside a `.cell` file that is imported.

    Raises CellError with all that is wrong.
    """
    from celldsl.fingerprint import shown_name
    from celldsl.targets.numba.stub import stub_source

    checked = _checked(Source(name, text), report, root, Path(name))
    if checked is None or report.has_errors:
        raise CellError(report.diagnostics)
    cells = [item.name.id for item in checked.file.items if isinstance(item, ast.Cell)]
    if cell is not None or structure or not cells:
        cells = [cell_name(checked, cell, report)]
    # Warnings were given for the whole file.
    specs = [
        front(Source(name, text), Report(), each, structure, root, Path(name)).spec
        for each in cells
    ]
    return stub_source(specs, shown_name(Path(name).name), __version__, module=False)
