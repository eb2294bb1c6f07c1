"""Parameters under any names.  In: dotted names and tensors.  Out: a module that holds them.

    group = Group()
    group.hold("half.W_x", nn.Parameter(torch.zeros(3, 5)))
    list(group.state_dict())            # ["half.W_x"]

`nn.Module` refuses names of its own attributes.  Here they go straight into its tables of
parameters and modules, by which state dicts, optimisers and `to` go.  A group that has the name of
a method stands in its place, as an attribute, so that paths lead to it; called, it does what the
method does.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils.prune import BasePruningMethod

# How often a group was put somewhere: what was found out before may lie elsewhere since.
CHANGES = [0]


class Group(nn.Module):
    """A module of parameters, buffers and other groups, by names as equations have them."""

    def hold(self, name: str, value: torch.Tensor) -> None:
        """Takes a parameter, or a buffer where `value` is none."""
        first, _, rest = name.partition(".")
        if rest:
            self._child(first).hold(rest, value)
        elif isinstance(value, nn.Parameter):
            self._parameters[first] = value
        else:
            self._buffers[first] = value

    def _child(self, name: str) -> Group:
        found = self._modules.get(name)
        if found is None:
            found = self._modules[name] = Group()
            CHANGES[0] += 1
            if hasattr(type(self), name) or name in (*self._parameters, "training"):
                found.__dict__["_instead_of"] = self, name
                self.__dict__[name] = found
        assert isinstance(found, Group)
        return found

    def held(self, path: tuple[str, ...]) -> torch.Tensor:
        """What `hold` took; a parametrisation is computed, and hooks run that make a value."""
        module: Any = self
        for part in path[:-1]:
            module = module._modules[part]
        for hook in tuple(module._forward_pre_hooks.values()):
            if _makes_a_value(hook):
                hook(module, ())
        name = path[-1]
        found = module._parameters.get(name)
        if found is None:
            found = module._buffers.get(name)
        tensor: torch.Tensor = getattr(module, name) if found is None else found
        return tensor

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """The method whose name this group has."""
        instead = vars(self).get("_instead_of")
        if instead is None:
            return super().__call__(*arguments, **keywords)
        owner, name = instead
        return getattr(type(owner), name)(owner, *arguments, **keywords)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "training":
            super().__setattr__(name, value)
            CHANGES[0] += isinstance(value, nn.Module)
        elif not isinstance(vars(self).get(name), Group):
            self.__dict__[name] = value

    def add_module(self, name: str, module: nn.Module | None) -> None:
        super().add_module(name, module)
        CHANGES[0] += 1

    def train(self, mode: bool = True) -> Group:
        """As any module; where a group is called `training`, only those below know."""
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self


def _makes_a_value(hook: Any) -> bool:
    """Whether it is of pruning, the older weight norm or spectral norm.  Others are for calls."""
    return isinstance(hook, BasePruningMethod) or hasattr(hook, "compute_weight")
