"""A cell with an input of each kind: of numbers, truth values, integers, and of a sequence."""

SOURCE = """
cell Conditioned[I, K, C, H]:
    input x: [I]
    input on: bool
    input kind: int[K] per sequence
    input ctx: [C] per sequence
    param E: [K, H] = normal(1.0)
    state h: [H]

    n = tanh(linear([x, ctx, h], H) + E[kind])
    h' = where(on, n, h)

    output h'
"""
