"""One walk over a cell.  In: a cell and choices of structure.  Out: its Context, with all nodes."""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Report
from celldsl.diagnostics.errors import SettingError
from celldsl.diagnostics.suggest import nearest
from celldsl.ir.program import Rows
from celldsl.ir.size import Size
from celldsl.ir.spec import ArraySpec
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics.builtins.ode_rules import METHODS
from celldsl.semantics.cell_body import declarations, equations
from celldsl.semantics.constraints import Constraints
from celldsl.semantics.context import Callbacks, Context, Environment, TooManyEquations
from celldsl.semantics.declarations import declare_name
from celldsl.semantics.def_body import body as function_body
from celldsl.semantics.environment import (
    Binding,
    CellValue,
    Static,
    Tensor,
    Unknown,
    Usage,
    Value,
)
from celldsl.semantics.expressions import elaborate
from celldsl.semantics.initial_values import drawn
from celldsl.semantics.inner_settings import cell_named, cells_used
from celldsl.semantics.inner_steps import drop_told_states
from celldsl.semantics.modules import Module
from celldsl.semantics.names import find_function
from celldsl.semantics.pairs import stored
from celldsl.semantics.statements import spell_later
from celldsl.semantics.structure import (
    Choices,
    NotChosen,
    Restart,
    Setting,
    chosen,
    kind_of,
    setting_of,
    value_of,
)
from celldsl.semantics.subcells import subs
from celldsl.semantics.unknown_names import function_meant
from celldsl.syntax import ast

KNOTS = Callbacks(elaborate, drawn, declarations, equations)


def analyse_cell(cell: ast.Cell, home: Module, choices: Choices, usage: Usage) -> Context:
    """Context until no new name turns out to decide the structure, or to be varied by `grad`."""
    while True:
        choices.taken, choices.remembered, choices.missing = [], {}, set()
        known = len(usage.varied)
        context = Context(KNOTS, Report(), choices, Constraints(), usage)
        try:
            _walk(context, cell, home)
        except Restart:
            continue
        except (TooManyEquations, NotChosen):
            pass
        except RecursionError:
            _too_deep(context.report, cell.name)
        if len(usage.varied) == known:
            return context


def _too_deep(report: Report, name: ast.Declared) -> None:
    report.add("E0303", f"`{name.id}` nests too deeply", name.span, "calls inside calls")


def _walk(context: Context, cell: ast.Cell, home: Module) -> None:
    f = Environment(context, home, [{}], silenced=set(cell.unread or ()))
    context.cells.append(cell)
    _dims(f, cell)
    _hypers(f, cell)
    declarations(f, cell)
    if cell.unread is None and not any(isinstance(s, ast.Input) for s in cell.body):
        told = f"`{cell.name.id}` has no input"
        f.error("E0112", told, cell.name.span, help="add `input x: [I]`")
    _steps(f, cell)
    names = [n for s in cell.body if isinstance(s, ast.Output) for n in s.names]
    for name, value in zip(names, equations(f, cell), strict=False):
        if value is not None:
            array = context.array(value.name)
            shape = stored(value.shape) if context.is_complex(value.name) else value.shape
            context.outputs.append((ArraySpec(name.id, shape), array))
    drop_told_states(context)


def _steps(f: Environment, cell: ast.Cell) -> None:
    """An input of each step says how many steps there are."""
    inputs = [s for s in cell.body if isinstance(s, ast.Input)]
    if inputs and all(s.per == "sequence" for s in inputs) and cell.unread is None:
        told = "every input lasts a sequence, so that none says how many steps there are"
        help = "add an input of each step: `input x: [I]`, or a clock: `input t: []`"
        f.error("E0112", told, inputs[0].span, help=help)


def check_def(definition: ast.Def, home: Module, usage: Usage) -> tuple[Report, int]:
    """Context a function that nobody calls, with arguments of which only annotations are known.

    Returns what was found, and how many equations it took.
    """
    spent = 0
    while True:
        context = Context(KNOTS, Report(), Choices(True), Constraints(), usage)
        known = len(usage.varied)
        _check_def(context, definition, home)
        spent += context.equations
        if len(usage.varied) == known:
            return context.report, spent


def _check_def(context: Context, definition: ast.Def, home: Module) -> None:
    f = Environment(context, home, [{}], base="f.", place="f", in_function=True)
    f.later = spell_later(definition.body)
    for argument in definition.args:
        f.scopes[0][argument.id] = Binding("argument", Unknown(), argument.span)
    for argument in definition.args:
        if argument.shape is not None:
            _annotated(f, argument, argument.shape)
    try:
        function_body(f, definition)
    except RecursionError:
        _too_deep(context.report, definition.name)
    except (Restart, NotChosen, TooManyEquations):
        pass


def _annotated(f: Environment, argument: ast.Argument, shape: ast.ListOf) -> None:
    """An argument `v: [N]` of a size that is any."""
    for item in shape.items:
        if isinstance(item, ast.Name):
            size = Binding("dim", Static(Size.dim(item.id)), item.span)
            f.scopes[0][item.id] = size
    sizes = written_sizes.shape(f, shape, "the shape")
    if sizes is not None:
        leaf = f.context.leaf("input", argument.id, sizes, Rows.STEP)
        value = f.named(Tensor(leaf, sizes, (shape.span,) * len(sizes)), argument.span)
        f.scopes[0][argument.id] = Binding("argument", value, argument.span)


def _dims(f: Environment, cell: ast.Cell) -> None:
    """Every dim is a symbol; one that decides the structure is a number as well."""
    f.later = {dim.id: dim.span for dim in cell.dims}
    for dim in cell.dims:
        if not declare_name(f, dim, "dim"):
            # What is made of it is not told again.
            f.scopes[0].setdefault(dim.id, Binding("dim", Unknown(), dim.span))
            continue
        f.scopes[0][dim.id] = Binding("dim", Static(Size.dim(dim.id)), dim.span)
        f.context.usage.declared[dim.span] = ("dim", dim.id)
        default = None if dim.default is None else _dim_default(f, cell, dim)
        f.context.dim_defaults[dim.id] = default
        f.later.pop(dim.id, None)
        if dim.id in f.context.choices.structural:
            value = _dim_value(f, dim.id, default)
            if value is not None:
                f.context.constraints.same[dim.id] = Size.of(value)


def _dim_default(f: Environment, cell: ast.Cell, dim: ast.Dim) -> Size | None:
    if isinstance(dim.default, ast.Number) and isinstance(dim.default.value, float):
        told, better = f"`{dim.id}` has the default of no size", f"({dim.span.text})"
        help = f"what is no size stands in round brackets: `cell {cell.name.id}[…]{better}`"
        f.error("E0124", told, dim.default.span, help=help)
        return None
    assert dim.default is not None
    return written_sizes.size(f, dim.default, "a dim's default")


def _dim_value(f: Environment, name: str, default: Size | None) -> int | None:
    known = None if default is None else f.context.constraints.reduce(default).constant
    value = chosen(f.context.choices, name, known)
    return value if isinstance(value, int) else None


def _hypers(f: Environment, cell: ast.Cell) -> None:
    for hyper in cell.hyper:
        if not declare_name(f, hyper, "hyper"):
            continue
        f.context.hypers[hyper.id] = hyper
        f.context.usage.declared[hyper.span] = ("hyper", hyper.id)
        f.scopes[0][hyper.id] = Binding("hyper", _hyper_value(f, hyper), hyper.span)


def _hyper_value(f: Environment, hyper: ast.Hyper) -> Value:
    """A number that the caller gives, or where it decides the structure, what it is."""
    choices, default = f.context.choices, setting_of(hyper.default)
    if hyper.default is not None and default is None:
        told = "the default of a hyperparameter is a number, `true`, `false`, a function or a cell"
        quoted = hyper.default.value if isinstance(hyper.default, ast.String) else ""
        is_name = quoted.isidentifier()
        what = "cell" if quoted in f.home.cells else "function"
        help = f"a {what} stands without quotes: `{quoted}`" if is_name else None
        if quoted in METHODS:
            is_name = False
            help = "the method of `ode` is fixed where it stands; a choice is one of structure: "
            help += f"`{hyper.id} = true`, and `if {hyper.id}:` with an `ode` in each branch"
        whole = hyper.default.value if isinstance(hyper.default, ast.Index) else None
        if isinstance(whole, ast.Name) and whole.id in f.home.cells:
            help = f"a cell stands without its sizes: `{hyper.id} = {whole.id}`"
        if isinstance(hyper.default, ast.Call) and hyper.default.function in f.home.cells:
            help = f"a cell stands without brackets: `{hyper.id} = {hyper.default.function}`"
        if isinstance(hyper.default, ast.Imaginary):
            name = hyper.id
            help = f"give its parts: `{name}_re = 0.0, {name}_im = {hyper.default.value}`, and "
            help += f"write `{name}_re + 1i * {name}_im`"
        f.error(
            "E0310",
            told,
            hyper.default.span,
            help=help,
            fix=Fix(hyper.default.span, quoted) if is_name else None,
        )
        return Unknown()
    given = choices.given.get(hyper.id)
    known = given if default is None else default
    kind = choices.kinds.get(hyper.id, "real") if known is None else kind_of(known)
    if kind in ("boolean", "function"):
        choices.structural.add(hyper.id)
        choices.kinds.setdefault(hyper.id, kind)
    if hyper.id not in choices.structural:
        leaf = f.context.leaf("hyper", hyper.id, (), Rows.ONCE)
        return Tensor(leaf, (), (), hyper=hyper.id)
    return _fixed(f, hyper, chosen(choices, hyper.id, default))


def _fixed(f: Environment, hyper: ast.Hyper, setting: Setting | None) -> Value:
    if not isinstance(setting, str):
        return Unknown() if setting is None else value_of(setting)
    f.context.settings[hyper.id] = setting
    function = cell_named(f.home, setting) or find_function(f, setting)
    default = setting_of(hyper.default)
    wanted = cell_named(f.home, default) if isinstance(default, str) else function
    if function is not None and isinstance(function, CellValue) == isinstance(wanted, CellValue):
        f.context.usage.used.update(cells_used(function))
        return function
    if setting in f.home.broken:
        return Unknown()
    span = hyper.span if hyper.default is None else hyper.default.span
    help, fix = function_meant(f, setting, span)
    near = nearest(setting, f.home.cells) if help is None else None
    if near is not None:
        help, fix = f"did you mean the cell `{near}`?", Fix(span, near)
    if isinstance(wanted, CellValue):
        known = ", ".join(f"`{name}`" for name in f.home.cells)
        raise SettingError(f"{hyper.id}: there is no cell `{setting}` here; there are {known}")
    if hyper.id in f.context.choices.given and not f.context.choices.symbolic:
        more = "" if help is None else f"; {help}"
        raise SettingError(f"{hyper.id}: there is no function `{setting}`{more}")
    told = f"`{setting}` is no function"
    if near is None and any(s.cell.id == hyper.id for c in f.context.cells for s in subs(c.body)):
        told += ", and no cell of this file"
        help = f'a cell that may stand there is defined or used: `use {setting} from "FILE.cell"`'
    if help is None:
        help = f"the default of `{hyper.id}` is a number, `true`, `false`, a function or a cell"
    f.error("E0310", told, span, f"for `{hyper.id}`", help=help, fix=fix)
    return Unknown()
