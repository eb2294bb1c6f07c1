"""A cell in PyTorch's own operations.  In: a recipe and tensors.  Out: tensors.

outputs, finals = plain_pass(recipe, inputs, starts, params, consts, options)
plain_gradients(recipe, tensors, …)         # of a pass, differentiable themselves
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from celldsl.bridges.plain_code import plain_module
from celldsl.bridges.recipe import Recipe, recipe_from
from celldsl.torch.form import not_traced
from celldsl.torch.values import as_passed, flatten, pack_in

Tensors = Sequence[torch.Tensor]


class Options(NamedTuple):
    """Of a pass: `lengths` (B,) and `resets` (T, B) or None; `training` draws masks."""

    reverse: bool = False
    lengths: torch.Tensor | None = None
    resets: torch.Tensor | None = None
    training: bool = False


class Groups(NamedTuple):
    """Tensors of a pass by what they are; `starts` is empty where no state was passed."""

    inputs: Tensors
    starts: Tensors
    params: Tensors
    consts: Tensors

    @classmethod
    def cut(cls, recipe: Recipe, tensors: Tensors) -> Groups:
        """From one list of all, in this order."""
        described = recipe.described
        first, params, consts = (
            len(each) for each in (described.inputs, described.params, described.consts)
        )
        second = len(tensors) - params - consts
        third = len(tensors) - consts
        return cls(tensors[:first], tensors[first:second], tensors[second:third], tensors[third:])


PLAIN_CODE: dict[str, Any] = {}


@not_traced
def know_plain_code(text: str) -> bool:
    """`PLAIN_CODE` has the module of this recipe from now on."""
    if text not in PLAIN_CODE:
        PLAIN_CODE[text] = plain_module(recipe_from(text), "torch")
    return True


def plain_pass(
    recipe: Recipe, groups: Groups, options: Options
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Outputs (T, B, …) and last states (B, …), by the file that `--target torch` writes."""
    know_plain_code(recipe.text)
    module, described = PLAIN_CODE[recipe.text], recipe.described
    params = _named(described.params, groups.params)
    state = None
    if groups.starts:
        names = [each.name for each in described.states]
        state = pack_in(module, "State", names, groups.starts)
    keywords: dict[str, Any] = {
        "lengths": options.lengths,
        "reverse": options.reverse,
        "resets": options.resets,
    }
    if described.consts:
        keywords["constants"] = _named(described.consts, groups.consts)
    if hasattr(module, "SETTINGS"):
        keywords["settings"] = {**recipe.dims, **recipe.hypers}
    if described.masks:
        keywords["training"] = options.training
    outputs, last = module.forward(params, *as_passed(recipe, groups.inputs), state, **keywords)
    return list(flatten(outputs)), list(flatten(last))


def _named(described: Sequence[Any], tensors: Tensors) -> dict[str, torch.Tensor]:
    return {each.name: tensor for each, tensor in zip(described, tensors, strict=True)}


def plain_gradients(
    recipe: Recipe,
    tensors: Tensors,
    options: Options,
    cotangents: Sequence[torch.Tensor | None],
    wanted: Sequence[bool],
) -> list[torch.Tensor | None]:
    """The gradients of those tensors that are wanted; where gradients are enabled they may be
    differentiated in turn."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # Others than these of theirs: what is asked for here are partial derivatives.
        own = [t.view_as(t) if want else t for t, want in zip(tensors, wanted, strict=True)]
        outputs, finals = plain_pass(recipe, Groups.cut(recipe, own), options)
        pairs = [
            (each, cotangent)
            for each, cotangent in zip((*outputs, *finals), cotangents, strict=True)
            if cotangent is not None and each.requires_grad
        ]
        if not pairs:
            return [None] * len(tensors)
        found = torch.autograd.grad(
            [each for each, _ in pairs],
            [t for t, want in zip(own, wanted, strict=True) if want],
            [cotangent for _, cotangent in pairs],
            create_graph=again,
            allow_unused=True,
        )
    rest = iter(found)
    return [next(rest) if want else None for want in wanted]


def plain_pullback(
    recipe: Recipe, tensors: Tensors, options: Options, cotangents: Tensors
) -> tuple[torch.Tensor, ...]:
    """Gradients of inputs, start states and parameters, by plain code and `torch.func`."""
    count = len(tensors) - len(recipe.described.consts)
    consts = tensors[count:]

    def run(*own: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs, finals = plain_pass(recipe, Groups.cut(recipe, [*own, *consts]), options)
        return (*outputs, *finals)

    pull: Any = torch.func.vjp(run, *tensors[:count])[1]
    found: tuple[torch.Tensor, ...] = pull(tuple(cotangents))
    return found


def second_pullback(
    recipe: Recipe,
    tensors: Tensors,
    options: Options,
    cotangents: Tensors,
    seconds: Sequence[torch.Tensor | None],
) -> tuple[list[torch.Tensor | None], list[torch.Tensor]]:
    """The gradients of `plain_pullback`, for cotangents of what it gives: of tensors, and of its
    cotangents."""
    count = len(tensors) - len(recipe.described.consts)
    own, consts = tensors[:count], tensors[count:]

    def gradients(*given: torch.Tensor) -> Any:
        return plain_pullback(recipe, [*given[:count], *consts], options, given[count:])

    pull: Any = torch.func.vjp(gradients, *own, *cotangents)[1]
    filled = (
        torch.zeros_like(tensor) if each is None else each
        for each, tensor in zip(seconds, own, strict=True)
    )
    found = pull(tuple(filled))
    return [*found[:count], *([None] * len(consts))], list(found[count:])


def refuse_masks(recipe: Recipe, masked: bool) -> None:
    """Raises where plain code would draw other masks than kernels did."""
    if masked:
        raise RuntimeError(
            f"{recipe.described.name} draws masks by kernels, and this needs plain code, which "
            'draws others: build the layer with form="plain"'
        )
