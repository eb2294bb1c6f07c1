#!/usr/bin/env bash
# torch.export exports a module that returns a named tuple, runs it, and will not save it
#
# Versions: torch 2.13.0.
# Bet: what torch.export.export takes and the exported program gives back, torch.export.save writes;
#   a plain tuple in its place is saved.
# Instead: a named tuple comes through export and calls as the class it is, and save raises
#   NotImplementedError and asks for `_register_namedtuple`, a private function.
# Output seen:
#   exported and run: State(h=tensor([2., 2.]), c=tensor([2., 2.]))
#   saved with a plain tuple: True
#   save with a named tuple: NotImplementedError, Please register using `_register_namedtuple`.
# Why it matters: the state of a recurrent layer is a named tuple as a rule, and the failure comes
#   last, after the model was exported and tested.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$dir/venv/bin/python" - <<'EOF'
import io
from collections import namedtuple

import torch

State = namedtuple("State", "h c")


class Named(torch.nn.Module):
    def forward(self, x):
        return State(x + 1, x * 2)


class Plain(torch.nn.Module):
    def forward(self, x):
        return x + 1, x * 2


x = torch.ones(2)
named = torch.export.export(Named(), (x,))
found = named.module()(x)
print("exported and run:", found)
assert type(found) is State
file = io.BytesIO()
torch.export.save(torch.export.export(Plain(), (x,)), file)
saved = len(file.getvalue()) > 0
print("saved with a plain tuple:", saved)
assert saved
try:
    torch.export.save(named, io.BytesIO())
    raise SystemExit("it is saved now")
except NotImplementedError as error:
    told = "Please register using `_register_namedtuple`."
    assert told in str(error), error
    print(f"save with a named tuple: NotImplementedError, {told}")
EOF
