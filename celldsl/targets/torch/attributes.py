"""Where an `nn.Module` keeps parameters.  In: their names.  Out: paths of attributes.

    attribute_paths(["r_u.W_x", "half.W_x"])     {"r_u.W_x": "r_u.W_x", "half.W_x": "half_.W_x"}

Dots lead through submodules.  A name that `nn.Module` uses itself would hide its method; it gets an
underscore, and state dicts keep the name.
"""

from __future__ import annotations

from collections.abc import Iterable

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
