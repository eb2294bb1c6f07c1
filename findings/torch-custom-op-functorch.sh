#!/usr/bin/env bash
# A torch.library.custom_op with register_autograd cannot be used in torch.func.grad
#
# Versions: torch 2.13.0.
# Bet: an operator that has its own derivative by register_autograd works wherever one of PyTorch's
#   does: backward(), torch.func.grad, vmap of it.
# Instead: backward() works, torch.func.grad raises. The autograd.Function that register_autograd
#   makes has no separate setup_context, though the operator's author had no way to leave it out or
#   in, and the message speaks of a class that is not theirs. Written by hand with setup_context, the
#   same operator works in both.
# Output seen:
#   backward: [2.0, 2.0, 2.0]
#   torch.func.grad of the operator: RuntimeError, it must override the setup_context staticmethod
#   torch.func.grad of a Function: [2.0, 2.0, 2.0]
# Why it matters: a layer on kernels is such an operator; meta-learning and gradients for each example
#   go through torch.func.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$dir/venv/bin/python" - <<'EOF'
import torch


@torch.library.custom_op("demo::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return x * 2


twice.register_fake(torch.empty_like)
twice.register_autograd(lambda ctx, gradient: gradient * 2)


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x * 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2


x = torch.ones(3, requires_grad=True)
twice(x).sum().backward()
print("backward:", x.grad.tolist())
assert x.grad.tolist() == [2.0] * 3
try:
    torch.func.grad(lambda t: twice(t).sum())(torch.ones(3))
    raise SystemExit("torch.func.grad of the operator works now")
except RuntimeError as error:
    told = "it must override the setup_context staticmethod"
    assert told in str(error), error
    print(f"torch.func.grad of the operator: RuntimeError, {told}")
found = torch.func.grad(lambda t: Twice.apply(t).sum())(torch.ones(3)).tolist()
print("torch.func.grad of a Function:", found)
assert found == [2.0] * 3
EOF
