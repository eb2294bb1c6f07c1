"""One cell that goes over sequences in one direction.  In: a recipe.  Out: its parameters, a pass.

    layer = CellLayer(recipe, cell)
    outputs, finals = layer._pass([x], [], Options(), None)

State dicts have the parameters' own names.  `celldsl.torch.RNN` and `Cell` are made of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor

from celldsl.bridges.in_numpy import values_over_time
from celldsl.bridges.recipe import Recipe, flows, recipe_from, with_states
from celldsl.runtime.arrays.validation import warn_not_finite
from celldsl.runtime.cell.check_numerics import checks_asked_for
from celldsl.runtime.cell.initial import drawing
from celldsl.torch.check import has_values
from celldsl.torch.eager import Call, run_kernels
from celldsl.torch.form import is_eager, is_known, is_transformed, not_traced, why_plain
from celldsl.torch.group import Group
from celldsl.torch.kernels import Kernels, kernels_of
from celldsl.torch.numerics import look_at_pass
from celldsl.torch.ops import forward_op
from celldsl.torch.plain import Groups, Options, plain_pass
from celldsl.torch.quick import Memo, Quick, quick_pass
from celldsl.torch.ready import WHOLE, Axes
from celldsl.torch.transformed import is_batched, transformed_pass
from celldsl.torch.values import as_numbers, lead_of, real_dtype
from celldsl.torch.weights import Packed

Tensors = Sequence[torch.Tensor]
MOST_KEY = 2**53  # a float64 holds every whole number below


class CellLayer(Group):
    """The parameters and consts of a cell, and passes over them."""

    def __init__(self, recipe: Recipe, values: Any, dtype: Any, device: Any) -> None:
        super().__init__()
        self._recipe = recipe
        assert recipe.text  # known before anything is traced
        self._memo = Memo()
        described = recipe.described
        for name, value in values.params.items():
            own = torch.tensor(value).to(device=device, dtype=dtype)
            self.hold(name, nn.Parameter(own))
        for name, value in values.consts.items():
            self.hold(name, torch.tensor(value).to(device=device, dtype=dtype))
        arrays = (*described.params, *described.consts)
        self._paths = [tuple(each.name.split(".")) for each in arrays]
        self._given = frozenset(values.hypers.given)
        self._count = len(described.outputs)
        self._checks = checks_asked_for()
        self._is_simple = [*map(flows, described.inputs)] == [True] and bool(self._paths)
        self._is_simple = self._is_simple and not self._checks
        self.register_load_state_dict_post_hook(_warn_of_loaded)

    def _tensors(self) -> list[torch.Tensor]:
        """Parameters, then consts."""
        return [self.held(path) for path in self._paths]

    def _reset(self) -> None:
        """Draws parameters anew, from PyTorch's generator."""
        recipe, tensors = self._recipe, self._tensors()
        described = recipe.described
        names = [each.name for each in (*described.params, *described.consts)]
        own = dict(zip(names, tensors, strict=True))
        known: dict[str, Any] = {**recipe.dims, **recipe.hypers}
        known |= {n: own[n].detach().double().cpu().numpy() for n in self._given}
        with torch.no_grad():
            for name, array in described.initial(drawing(draw_seed()), known):
                if name not in self._given:
                    own[name].copy_(torch.tensor(array))

    def _pass(
        self,
        inputs: Tensors,
        starts: Tensors,
        options: Options,
        form: str | None,
        recipe: Recipe | None = None,
    ) -> tuple[Tensors, Tensors]:
        """Outputs and last states over all steps, by kernels or by plain code.

        `recipe` may be another with the same parameters.  Raises NonFiniteError where the
        environment asked for checks when the layer was built.
        """
        found = self._pass_unchecked(inputs, starts, options, form, recipe)
        if self._checks:
            tensors = [*inputs, *starts, *self._tensors()]
            look_at_pass(recipe or self._recipe, tensors, options, [*found[0], *found[1]])
        return found

    def _pass_unchecked(
        self,
        inputs: Tensors,
        starts: Tensors,
        options: Options,
        form: str | None,
        recipe: Recipe | None,
    ) -> tuple[Tensors, Tensors]:
        if recipe is None and self._is_quick(options, form):
            found = quick_pass(self, inputs[0], starts, options.reverse, WHOLE)
            if found is not None:
                return found[: self._count], found[self._count :]
        recipe = self._recipe if recipe is None else recipe
        weights = self._tensors()
        tensors = [*inputs, *starts, *weights]
        reason = self._why_plain(tensors, weights, form)
        if reason:
            groups = Groups.cut(recipe, tensors)
            return plain_pass(recipe, groups, options)
        inputs = as_numbers(recipe, inputs, real_dtype([*weights, *starts, *inputs]))
        tensors[: len(inputs)] = inputs
        if is_eager(tensors):
            return self._by_kernels(recipe, inputs, starts, weights, options)
        return self._by_operator(recipe, tensors, options)

    def _pass_with_states(
        self, inputs: Tensors, starts: Tensors, options: Options, form: str | None
    ) -> tuple[Tensors, Tensors]:
        """Outputs, and the states after every step, (T, B, …) each."""
        text = self._recipe.text
        know_states(text)
        found, _ = self._pass(inputs, starts, options, form, WITH_STATES[text])
        count = len(self._recipe.described.outputs)
        return found[:count], found[count:]

    def _values(
        self, inputs: Tensors, starts: Tensors, options: Options, names: Any
    ) -> dict[str, torch.Tensor]:
        """Values of the cell over time, by kernels, for tensors of any dtype and device."""
        described, device = self._recipe.described, inputs[0].device
        dtype = real_dtype([*self._tensors(), *inputs])
        precise = torch.float64 if dtype is torch.float64 else torch.float32
        own = [_as_array(each, precise) for each in self._tensors()]
        count = len(described.params)
        params, consts = (
            {each.name: array for each, array in zip(arrays, part, strict=True)}
            for arrays, part in ((described.params, own[:count]), (described.consts, own[count:]))
        )
        lengths, resets = options.lengths, options.resets
        found = values_over_time(
            self._recipe, str(precise).removeprefix("torch."), params, consts,
            [_as_array(each, precise) for each in inputs],
            [_as_array(each, precise) for each in starts] or None,
            names=names, reverse=options.reverse,
            lengths=None if lengths is None else lengths.cpu().numpy(),
            resets=None if resets is None else np.ascontiguousarray(resets.cpu().numpy()),
        )  # fmt: skip
        tensors = {name: torch.tensor(array) for name, array in found.items()}
        return {
            name: each.to(device, dtype if each.is_floating_point() else each.dtype)
            for name, each in tensors.items()
        }

    def _is_quick(self, options: Options, form: str | None) -> bool:
        """Whether it may be an ordinary pass; the tensors will tell."""
        return (
            self._is_simple
            and form != "plain"
            and options.lengths is None
            and options.resets is None
            and not (options.training and self._recipe.described.masks)
            and not torch.compiler.is_compiling()
        )

    def _made_quick(self, axes: Axes) -> Quick | None:
        """For calls of this cell, where they may be ordinary passes."""
        cls = self._recipe.cls
        flat = cls._state_structure.flat and cls._output_structure.flat
        return Quick(self._recipe, axes) if self._is_simple and flat else None

    def _why_plain(self, tensors: Tensors, weights: Tensors, form: str | None) -> str:
        """What keeps kernels from running.  Raises where they alone are wanted."""
        if form == "plain":
            return 'form="plain" asks for it'
        reason = why_plain(tensors)
        if not reason and not is_known(tensors):
            reason = "a tensor is of a class of its own"
        if not reason and is_transformed() and any(is_batched(each) for each in weights):
            reason = "torch.vmap goes over parameters"
        if reason and form == "kernels":
            raise RuntimeError(f'form="kernels": kernels cannot run here, since {reason}')
        return reason

    def _told_form(self, inputs: Tensors, form: str | None) -> str:
        """Which form would run, with the reason for plain code."""
        weights = self._tensors()
        reason = self._why_plain([*inputs, *weights], weights, form)
        return f"plain: {reason}" if reason else "kernels"

    def _told(self) -> str:
        """The cell's settings and equations."""
        recipe = self._recipe
        settings = ", ".join(f"{n}={v}" for n, v in {**recipe.dims, **recipe.hypers}.items())
        lines = [f"{recipe.described.name}({settings})"]
        lines += [f"    {line}" for line in recipe.described.equations.strip().splitlines()]
        return "\n".join(lines)

    def _key(self, options: Options) -> torch.Tensor | None:
        """What masks are drawn from, where they are."""
        if not (options.training and self._recipe.described.masks):
            return None
        return torch.randint(MOST_KEY, (), device="cpu")

    def _by_kernels(
        self,
        recipe: Recipe,
        inputs: Tensors,
        starts: Tensors,
        weights: Tensors,
        options: Options,
    ) -> tuple[Tensors, Tensors]:
        inputs = [each.resolve_neg().contiguous() for each in inputs]
        starts = [each.resolve_neg().contiguous() for each in starts]
        kernels = kernels_of(recipe.text, inputs[0].dtype)
        packed = self._packed(recipe, kernels, weights)
        steps, batch = lead_of(recipe, inputs)
        lengths, resets = options.lengths, options.resets
        layout = kernels.layout(
            steps,
            batch,
            None if lengths is None else lengths.numpy(),
            options.reverse,
            None if resets is None else resets.contiguous().numpy(),
        )
        key = self._key(options)
        call = Call(
            recipe, kernels, packed, layout, (steps, batch), options,
            None if key is None else int(key), len(inputs), len(starts), self._checks,
        )  # fmt: skip
        return run_kernels(call, [*inputs, *starts, *weights])

    def _packed(self, recipe: Recipe, kernels: Kernels, weights: Tensors) -> Packed:
        memo = self._memo
        if recipe is self._recipe:
            found = memo.packed = kernels.pack(memo.packed, weights)
        else:
            found = memo.others[recipe.text] = kernels.pack(memo.others.get(recipe.text), weights)
        return found

    def _by_operator(
        self, recipe: Recipe, tensors: Tensors, options: Options
    ) -> tuple[Tensors, Tensors]:
        if is_transformed():
            key = self._key(options)
            own = options.lengths, options.resets, key, tensors
            found = transformed_pass(recipe.text, options.reverse, *own)
            count = len(recipe.described.outputs)
            return found[:count], found[count:-1]
        keep = torch.is_grad_enabled() and any(each.requires_grad for each in tensors)
        found = forward_op(
            tensors, options.lengths, options.resets, self._key(options), recipe.text,
            options.reverse, keep,
        )  # fmt: skip
        count = len(recipe.described.outputs)
        return found[:count], found[count:-1]


def _warn_of_loaded(layer: CellLayer, _: Any) -> None:
    """A state dict whose numbers are not finite is loaded with a warning, as in NumPy."""
    for path, tensor in zip(layer._paths, layer._tensors(), strict=True):
        if has_values(tensor) and not tensor.is_meta:
            warn_not_finite(".".join(path), _as_array(tensor, torch.float64))


WITH_STATES: dict[str, Recipe] = {}


@not_traced
def know_states(text: str) -> bool:
    """`WITH_STATES` has the recipe that goes with this one from now on."""
    if text not in WITH_STATES:
        found = WITH_STATES[text] = with_states(recipe_from(text))
        assert found.text
    return True


def _as_array(tensor: torch.Tensor, dtype: torch.dtype) -> Any:
    kept = dtype if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to("cpu", kept).contiguous().numpy()


def draw_seed() -> int:
    """A seed from PyTorch's generator; 0 where tensors have no values."""
    drawn = torch.randint(2**62, (), device="cpu")
    return 0 if isinstance(drawn, FakeTensor) else int(drawn)


def made(cls: Any, settings: Mapping[str, Any], dtype: Any) -> Any:
    """A cell whose parameters are drawn from PyTorch's generator.  Raises as building one does."""
    precise = "float64" if dtype is torch.float64 else "float32"
    return cls(**settings, dtype=precise, seed=draw_seed())
