#!/usr/bin/env bash
# pytorch-tree-lstm: the order in which edges are listed decides which children a node gets
#
# Versions: pytorch-tree-lstm 0.1.3, torch 2.13.0, numpy 2.4.6.
# Bet: a tree is the set of its edges: the adjacency list may name them in any order (its text asks
#   only that edge_order has the same order, which calculate_evaluation_orders gives).
# Instead: sums over children stand in the order in which parents are first listed, features in that
#   of node numbers, and the two are added row by row. Where two nodes of one level are listed in
#   another order than numbered, each gets the other's children: the same tree has another state at
#   its inner nodes and its root. Where edges of one parent are not neighbours it ends in an error.
# Output seen:
#   the same seven nodes, edges of node 2 listed before those of node 1
#   state off by 0.01 at the root, 0.15 at node 1, 0.15 at node 2, 0.00 at the leaves
#   a level with one parent only: off by 0.0
# Why it matters: parsers number nodes in reading order and list edges as they find them; a model
#   trains on exchanged subtrees without a sign. Sort the list by parent first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 pytorch-tree-lstm==0.1.3
"$dir/venv/bin/python" - <<'EOF'
import numpy as np
import torch
from treelstm import TreeLSTM, calculate_evaluation_orders

torch.manual_seed(0)
net, features = TreeLSTM(3, 4), torch.randn(7, 3)


def states(edges):
    edges = np.array(edges)
    nodes, order = calculate_evaluation_orders(edges, 7)
    with torch.no_grad():
        return net(features, torch.tensor(nodes), torch.tensor(edges), torch.tensor(order))[0]


root, first, second = [[0, 1], [0, 2]], [[1, 3], [1, 4]], [[2, 5], [2, 6]]
off = (states(root + first + second) - states(root + second + first)).abs().amax(1)
print("the same seven nodes, edges of node 2 listed before those of node 1")
print(f"state off by {off[0]:.2f} at the root, {off[1]:.2f} at node 1, {off[2]:.2f} at node 2, {off[3:].max():.2f} at the leaves")
assert off[0] > 0.005 and off[1:3].min() > 0.1 and off[3:].max() == 0
chain = [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 6]]
same = (states(chain) - states(chain[::-1])).abs().max().item()
print("a level with one parent only: off by", same)
assert same == 0
EOF
