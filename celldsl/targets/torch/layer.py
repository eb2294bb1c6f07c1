"""The `nn.Module` of a generated file.  In: the pieces of a cell.  Out: the text of its class.

    attribute_paths(["r_u.W_x", "half.W_x"])     {"r_u.W_x": "r_u.W_x", "half.W_x": "half_.W_x"}

Parameters are attributes, and dots lead through submodules.  A name that `nn.Module` uses itself
would hide its method; it gets an underscore, and state dicts keep the name.
"""

from __future__ import annotations

from collections.abc import Iterable

from celldsl.ir.size import Shape
from celldsl.targets.framework.function import indented, wrapped
from celldsl.targets.framework.initial import Initial
from celldsl.targets.framework.public import Cell
from celldsl.targets.framework.text import size_code

STORE = '''
def store(module, path, value):
    """Keeps a parameter or a buffer at a dotted path, through modules that hold nothing else."""
    *above, name = path.split(".")
    for part in above:
        if part not in module._modules:
            module.add_module(part, nn.Module())
        module = module._modules[part]
    if isinstance(value, nn.Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


def stored(module, path):
    """What `store` keeps; a parametrisation is computed."""
    for part in path.split("."):
        module = getattr(module, part)
    return module
'''.strip("\n")
RENAME = '''
def with_names(module, found, prefix, *_):
    """State dicts have the names of the cell, not those of attributes."""
    for name, path in {**PARAMETERS, **CONSTANTS}.items():
        if prefix + path in found:
            found[prefix + name] = found.pop(prefix + path)


def with_paths(module, found, prefix, *_):
    for name, path in {**PARAMETERS, **CONSTANTS}.items():
        if prefix + name in found:
            found[prefix + path] = found.pop(prefix + name)
'''.strip("\n")


def layer_source(cell: Cell, initial: Initial) -> str:
    """Tables of names, functions that keep parameters in submodules, and the class."""
    spec = cell.spec
    paths = attribute_paths([each.name for each in (*spec.params, *spec.consts)])
    renamed = any(name != path for name, path in paths.items())
    tables = [
        *_table("PARAMETERS", {p.name: paths[p.name] for p in spec.params}),
        *_table("CONSTANTS", {c.name: paths[c.name] for c in spec.consts}),
    ]
    pieces = ["\n".join(["# Where the class keeps each parameter and constant.", *tables]), STORE]
    if renamed:
        pieces.append(RENAME)
    return "\n\n\n".join([*pieces, "\n".join(_class(cell, initial, renamed))])


def _table(name: str, paths: dict[str, str]) -> list[str]:
    return wrapped(f"{name} = {{", [f'"{n}": "{path}"' for n, path in paths.items()], "}")


def _class(cell: Cell, initial: Initial, renamed: bool) -> list[str]:
    spec = cell.spec
    name = cell.parts.values.names.free(spec.name)
    first_line = next(iter(spec.doc.strip().splitlines()), spec.name)
    masks = ["masks=None"] if cell.parts.values.masks else []
    methods = [
        _init(initial, renamed, [*cell.parts.values.told]),
        _reset(cell, initial),
        PARAMS,
        _initial_state(cell),
        _method(cell, "step", "state", ["resets=None", *masks]),
        _method(cell, "forward", "state=None", [*FRAME, *masks]),
        REPR,
    ]  # fmt: skip
    lines = [f"class {name}(nn.Module):", f'    """{_quoted(first_line)}"""']
    for method in methods:
        lines += ["", *indented(method)]
    return lines


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "'")


FRAME = ("lengths=None", "reverse=False", "resets=None")
PARAMS = [
    "def params(self):",
    '    """The parameters by their names in the cell, as `forward` and `step` take them."""',
    "    return {name: stored(self, path) for name, path in PARAMETERS.items()}",
    "",
    "def constants(self):",
    "    return {name: stored(self, path) for name, path in CONSTANTS.items()}",
]
REPR = [
    "def extra_repr(self):",
    "    values = {**self.sizes, **self.settings}",
    '    return ", ".join(f"{name}={value}" for name, value in values.items())',
]


def _init(initial: Initial, renamed: bool, told: list[str]) -> list[str]:
    taken = [*(a for _, a in initial.hyper_names), *initial.given, "dtype", "device"]
    keywords = [f"{a}={a}" for a in taken]
    sizes = [a for _, a in initial.size_names]
    settings = [*initial.hyper_names, *(pair for pair in initial.size_names if pair[0] in told)]
    body = [
        "super().__init__()",
        *wrapped("params, constants = initial_values(", [*sizes, *keywords], ")"),
        *initial.size_lines,
        *wrapped("self.sizes = {", [f'"{n}": {a}' for n, a in initial.size_names], "}"),
        *wrapped("self.settings = {", [f'"{n}": {a}' for n, a in settings], "}"),
        "for name, value in params.items():",
        "    store(self, PARAMETERS[name], nn.Parameter(value))",
        "for name, value in constants.items():",
        "    store(self, CONSTANTS[name], value)",
    ]
    if renamed:
        body += ["self.register_state_dict_post_hook(with_names)",
                 "self.register_load_state_dict_pre_hook(with_paths)"]  # fmt: skip
    return [*wrapped("def __init__(", ["self", *initial.arguments], "):"), *indented(body)]


def _reset(cell: Cell, initial: Initial) -> list[str]:
    sizes = [f'self.sizes["{n}"]' for n, _ in initial.size_names]
    keywords = [f'{a}=self.settings["{n}"]' for n, a in initial.hyper_names]
    consts = zip(cell.spec.consts, initial.given, strict=True)
    keywords += [f'{a}=constants["{c.name}"]' for c, a in consts]
    keywords += ["dtype=like.dtype", "device=like.device"]
    constants = ["constants = self.constants()"] if cell.spec.consts else []
    return [
        "def reset_parameters(self):",
        '    """Draws parameters anew, as the cell\'s initialisers say (`torch.manual_seed`)."""',
        "    params = self.params()",
        "    like = next(iter(params.values()), torch.empty(()))",
        *indented(constants),
        *indented(wrapped("drawn, _ = initial_values(", [*sizes, *keywords], ")")),
        "    with torch.no_grad():",
        "        for name, value in drawn.items():",
        "            params[name].copy_(value)",
    ]


def _shape(shape: Shape, cell: Cell) -> list[str]:
    names = {dim.name: f'self.sizes["{dim.name}"]' for dim in cell.spec.dims}
    return [size_code(size, names) for size in shape]


def _initial_state(cell: Cell) -> list[str]:
    start = cell.parts.start
    lines = ["params = self.params()", "like = next(iter(params.values()), torch.empty(()))"]
    if cell.spec.consts:
        lines.append("constants = self.constants()")
    lines += ["settings = self.settings"] if "settings" in start.args else []
    for name, spec in zip(cell.parts.values.inputs, cell.spec.inputs, strict=True):
        if name in start.args:
            lines.append(
                f"{name} = like.new_empty(({', '.join(['0', *_shape(spec.shape, cell)])},))"
            )
    lines.append("lead = (batch,) if isinstance(batch, int) else tuple(batch)")
    for mask in cell.parts.values.masks:
        if mask.name in start.args:
            lines.append(f"{mask.name} = like.new_ones(())")
    return [
        "def initial_state(self, batch):",
        '    """The state before the first step, for a batch: its size, or several axes."""',
        *indented(lines),
        f"    return {start.expression()}",
    ]


def _method(cell: Cell, name: str, state: str, keywords: list[str]) -> list[str]:
    v = cell.parts.values
    passed = ["constants=self.constants()"] if cell.spec.consts else []
    passed += ["settings=self.settings"] if cell.has_settings else []
    passed += ["training=self.training"] if v.masks else []
    passed += [f"{word}={word}" for word in (k.split("=")[0] for k in keywords)]
    head = ["self", *v.inputs, state, *(["*", *keywords] if keywords else [])]
    args = ["self.params()", *v.inputs, "state", *passed]
    return [*wrapped(f"def {name}(", head, "):"), *indented(wrapped(f"return {name}(", args, ")"))]


# Public attributes of `nn.Module` (2.13), and those of the layers that are written here.
MODULE = """
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu
    cuda double dump_patches eval extra_repr float forward get_buffer get_extra_state
    get_parameter get_submodule half ipu load_state_dict modules mtia named_buffers
    named_children named_modules named_parameters parameters register_backward_hook
    register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook
    requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train
    training type xpu zero_grad
"""
OWN = "sizes settings step initial_state reset_parameters params constants"
TAKEN = frozenset(f"{MODULE} {OWN} forward".split())


def attribute_paths(names: Iterable[str]) -> dict[str, str]:
    """A path for each dotted name, no part of which hides an attribute or another part."""
    names = list(names)
    modules = {name[:i] for name in names for i, sign in enumerate(name) if sign == "."}
    wholes = {*names, *modules}
    parts: dict[tuple[str, bool], str] = {}

    def part(whole: str, is_module: bool) -> str:
        """What the last piece of a dotted name is called as an attribute."""
        if (whole, is_module) not in parts:
            above, _, piece = whole.rpartition(".")
            beside = f"{above}." if above else ""
            taken = piece in TAKEN or (not is_module and whole in modules)
            while taken:
                piece += "_"
                taken = f"{beside}{piece}" in wholes
            parts[whole, is_module] = piece
        return parts[whole, is_module]

    found = {}
    for name in names:
        pieces = name.split(".")
        wholes_of = [".".join(pieces[: i + 1]) for i in range(len(pieces))]
        found[name] = ".".join(part(whole, whole != name) for whole in wholes_of)
    return found
