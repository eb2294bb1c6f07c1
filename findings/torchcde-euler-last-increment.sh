#!/usr/bin/env bash
# torchcde: an Euler step over linear interpolation takes the increment of the interval before it
#
# Versions: torchcde 0.2.5, torchdiffeq 0.2.5, torchsde 0.2.6, torch 2.13.0, numpy 2.4.6, scipy 1.17.1.
# Bet: with one step between two observations, Euler computes z += f(z) (x[k+1] - x[k]). The
#   documentation recommends linear interpolation for fixed steps, and says of fixed solvers that
#   they just work.
# Instead: at a knot LinearInterpolation gives the slope to its left. torchdiffeq evaluates each step
#   at its start, so a step reads the interval before: the first increment is used twice, the last
#   one never. With f = 1 the answer must be x[k] - x[0]. rk4 takes one of its four stages from the
#   interval before; midpoint is right. With options={"perturb": True} all of them are.
# Output seen:
#   x - x[0]          [0.0, 1.0, 3.0, 7.0, 15.0]
#   euler             [0.0, 1.0, 2.0, 4.0, 8.0]
#   euler, perturbed  [0.0, 1.0, 3.0, 7.0, 15.0]
#   midpoint          [0.0, 1.0, 3.0, 7.0, 15.0]
#   rk4               [0.0, 1.0, 2.875, 6.625, 14.125]
#   the last observation has a gradient of 0.0 with euler, 0.875 with rk4, 1.0 perturbed
# Why it matters: a neural CDE with Euler steps is a recurrent net over increments. Here its input is
#   one step late and the newest observation is not read at all; training hides it, a port shows it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 scipy==1.17.1 \
    torchdiffeq==0.2.5 torchsde==0.2.6 torchcde==0.2.5
"$dir/venv/bin/python" - <<'EOF'
import torch
import torchcde


class Ones(torch.nn.Module):
    def forward(self, t, z):
        return torch.ones(*z.shape, 1)


x = torch.tensor([[0.0], [1.0], [3.0], [7.0], [15.0]], requires_grad=True)
times = torch.arange(5.0)


def solve(method, **options):
    path = torchcde.LinearInterpolation(torchcde.linear_interpolation_coeffs(x))
    z = torchcde.cdeint(
        X=path, func=Ones(), z0=torch.zeros(1), t=times, adjoint=False, method=method, options=options
    )
    (slope,) = torch.autograd.grad(z[-1, 0], x)
    return [round(v, 3) for v in z[:, 0].tolist()], round(slope[-1, 0].item(), 3)


true = (x - x[0])[:, 0].tolist()
euler, newest = solve("euler")
perturbed, newest_perturbed = solve("euler", perturb=True)
midpoint, _ = solve("midpoint")
rk4, newest_rk4 = solve("rk4")
print("x - x[0]         ", true)
print("euler            ", euler)
print("euler, perturbed ", perturbed)
print("midpoint         ", midpoint)
print("rk4              ", rk4)
print(
    f"the last observation has a gradient of {newest} with euler, {newest_rk4} with rk4, "
    f"{newest_perturbed} perturbed"
)
assert true == perturbed == midpoint
assert euler == [0.0, 1.0, 2.0, 4.0, 8.0] and newest == 0.0
assert rk4[-1] == 14.125 and newest_perturbed == 1.0
EOF
