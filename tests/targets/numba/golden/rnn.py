"""RNN: made by celldsl 0.1.0 from rnn.cell.

Source hash 5cd3f811e7987ac8.  Change the source, not this file.
"""

# ruff: noqa

import numpy as np

from celldsl.runtime import (
    Cell, add_parts, add_shares, copy, dense_rows, describe, fill, gemm, gemm_rows, gemm_sums,
    gemm_sums_rows, given_array, kernel, numerics, pack, panel_width, pointer, prepare_products,
    real, routine, sum_chunks, sum_split, tanh
)

@routine
def forward_weights(part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work, in_x, out_h, start_h, final_h):
    d_I = dims[0]
    d_H = dims[1]
    at_h_W_h = d_H*d_I
    at_packed_h_W_h = d_H*d_I + 31*d_I
    pack(d_I, d_H, pointer(parameters, 0, -1), d_H, 1, pointer(fixed, 0, -1))
    pack(d_H, d_H, pointer(parameters, at_h_W_h, -1), d_H, 1, pointer(fixed, at_packed_h_W_h, -1))


@routine
def forward_inputs(part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work, in_x, out_h, start_h, final_h):
    d_I = dims[0]
    d_H = dims[1]
    n_rows = rows[2]
    input_index = rows[10]
    low = n_rows * share // shares
    high = n_rows * (share + 1) // shares
    # h_next_product = in:x @ packed h.W_x
    if input_index == 0:
        gemm(high - low, d_H, d_I, pointer(in_x, low * d_I, -1), d_I, 1, pointer(fixed, 0, -1), d_I * panel_width(work), panel_width(work), pointer(work, low * d_H, -1), d_H, 0)
    else:
        gemm_rows(high - low, d_H, d_I, pointer(in_x, 0, -1), d_I, 1, pointer(fixed, 0, -1), d_I * panel_width(work), panel_width(work), pointer(work, low * d_H, -1), d_H, 0, rows, low, input_index, 0, 0)


@routine
def forward_1(low, high, row, next_state, rows, dims, parameters, work, tape, out_h):
    d_I = dims[0]
    d_H = dims[1]
    result_index = rows[11]
    at_h_b = d_H*d_I + d_H*d_H
    m_h_b = pointer(parameters, at_h_b, 3)
    for b in range(low, high):
        result_row = row + b
        if result_index != 0:
            result_row = rows[result_index + result_row]
        m_h_next_product = pointer(work, (row + b) * d_H, 0)
        m_h_next = pointer(tape, (next_state + b) * d_H, 1)
        m_out_h = pointer(out_h, result_row * d_H, 2)
        for j0 in range(d_H):
            # h' = activation(linear([x, h], H))
            v_h_next_add = m_h_next_product[j0] + m_h_b[j0]
            v_h_next = tanh(v_h_next_add)
            m_h_next[j0] = v_h_next
            m_out_h[j0] = v_h_next


@routine
def forward_steps(part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work, in_x, out_h, start_h, final_h):
    d_I = dims[0]
    d_H = dims[1]
    n_steps = rows[0]
    n_states = rows[3]
    first = rows[4]
    count = rows[5]
    sequences = rows[9]
    at_packed_h_W_h = d_H*d_I + 31*d_I
    zero = real(parameters, 0.0)
    begin = n_steps * share // shares
    end = n_steps * (share + 1) // shares
    if share == 0:
        for b in range(count):
            home = rows[14] + b if b < rows[13] else n_states + first + b
            if 0 < rows[sequences + count + b]:
                copy(pointer(tape, home * d_H, -1), pointer(start_h, (first + b) * d_H, -1), d_H)
            else:
                fill(pointer(tape, home * d_H, -1), d_H, zero)
    for t in range(begin, end):
        at = 12 + 5 * t
        row = rows[at]
        active = rows[at + 1]
        state = rows[at + 2]
        runs = rows[at + 4]
        runs_end = rows[at + 9]
        coming = rows[at + 7]
        # h_next_product += h @ packed h.W_h
        gemm(active, d_H, d_H, pointer(tape, state * d_H, -1), d_H, 1, pointer(fixed, at_packed_h_W_h, -1), d_H * panel_width(work), panel_width(work), pointer(work, row * d_H, -1), d_H, 1)
        for run in range(runs, runs_end, 4):
            from_b = rows[run]
            to_b = rows[run + 1]
            next_state = rows[run + 2]
            forward_1(from_b, to_b, row, next_state, rows, dims, parameters, work, tape, out_h)
        for run in range(runs, runs_end, 4):
            if rows[run + 3]:
                from_b = rows[run]
                to_b = rows[run + 1]
                for b in range(from_b, to_b):
                    fill(pointer(tape, (coming + b) * d_H, -1), d_H, zero)
    if share == shares - 1:
        copy(pointer(final_h, first * d_H, -1), pointer(tape, (n_states + first) * d_H, -1), count * d_H)


@routine
def backward_weights(part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work, gradients, in_x, dout_h, din_x, dfinal_h, dstart_h):
    d_I = dims[0]
    d_H = dims[1]
    at_h_W_h = d_H*d_I
    pack(d_H, d_H, pointer(parameters, at_h_W_h, -1), 1, d_H, pointer(fixed, 0, -1))


@routine
def backward_weights_2(part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work, gradients, in_x, dout_h, din_x, dfinal_h, dstart_h):
    d_I = dims[0]
    d_H = dims[1]
    at_packed_h_W_x_2 = d_H*d_H + 31*d_H
    pack(d_H, d_I, pointer(parameters, 0, -1), 1, d_H, pointer(fixed, at_packed_h_W_x_2, -1))


@routine
def backward_1(low, high, part, first, row, next_state, rows, dims, parameters, work, dout_h, tape):
    d_H = dims[1]
    n_batch = rows[1]
    n_rows = rows[2]
    result_index = rows[11]
    at_sum = 2*n_batch*d_H + n_rows*d_H
    at_d_h_next_mul_2 = 2*n_batch*d_H
    one = real(parameters, 1.0)
    m_sum = pointer(work, at_sum + part * d_H, 4)
    for b in range(low, high):
        result_row = row + b
        if result_index != 0:
            result_row = rows[result_index + result_row]
        m_d_out_h = pointer(dout_h, result_row * d_H, 0)
        m_d_h = pointer(work, (first + b) * d_H, 1)
        m_h_next = pointer(tape, (next_state + b) * d_H, 2)
        m_d_h_next_mul_2 = pointer(work, at_d_h_next_mul_2 + (row + b) * d_H, 3)
        for j0 in range(d_H):
            # h' = activation(linear([x, h], H))
            v_d_h_next_add = m_d_out_h[j0] + m_d_h[j0]
            v_d_h_next_mul = m_h_next[j0] * m_h_next[j0]
            v_d_h_next_sub = one - v_d_h_next_mul
            v_d_h_next_mul_2 = v_d_h_next_add * v_d_h_next_sub
            m_d_h_next_mul_2[j0] = v_d_h_next_mul_2
            m_sum[j0] += v_d_h_next_mul_2


@routine
def backward_steps(part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work, gradients, in_x, dout_h, din_x, dfinal_h, dstart_h):
    d_H = dims[1]
    n_steps = rows[0]
    n_batch = rows[1]
    n_rows = rows[2]
    first = rows[4]
    count = rows[5]
    sequences = rows[9]
    at_sum = 2*n_batch*d_H + n_rows*d_H
    at_d_h_next_mul_2 = 2*n_batch*d_H
    zero = real(parameters, 0.0)
    begin = n_steps * share // shares
    end = n_steps * (share + 1) // shares
    if share == 0:
        fill(pointer(work, at_sum + part * d_H, -1), d_H, zero)
        for b in range(count):
            copy(pointer(work, (first + b) * d_H, -1), pointer(dfinal_h, (first + b) * d_H, -1), d_H)
    for t in range(n_steps - 1 - begin, n_steps - 1 - end, -1):
        at = 12 + 5 * t
        row = rows[at]
        active = rows[at + 1]
        runs = rows[at + 4]
        runs_end = rows[at + 9]
        for run in range(runs, runs_end, 4):
            if rows[run + 3]:
                from_b = rows[run]
                to_b = rows[run + 1]
                for b in range(from_b, to_b):
                    fill(pointer(work, (first + b) * d_H, -1), d_H, zero)
        for run in range(runs, runs_end, 4):
            from_b = rows[run]
            to_b = rows[run + 1]
            next_state = rows[run + 2]
            backward_1(from_b, to_b, part, first, row, next_state, rows, dims, parameters, work, dout_h, tape)
        # d h = d_h_next_mul_2 @ packed h.W_h 2
        gemm(active, d_H, d_H, pointer(work, at_d_h_next_mul_2 + row * d_H, -1), d_H, 1, pointer(fixed, 0, -1), d_H * panel_width(work), panel_width(work), pointer(work, first * d_H, -1), d_H, 0)
    if share == shares - 1:
        copy(pointer(dstart_h, first * d_H, -1), pointer(work, first * d_H, -1), count * d_H)
        for b in range(count):
            if rows[sequences + count + b] < 0:
                fill(pointer(dstart_h, (first + b) * d_H, -1), d_H, zero)


@routine
def backward_sums(part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work, gradients, in_x, dout_h, din_x, dfinal_h, dstart_h):
    d_I = dims[0]
    d_H = dims[1]
    n_batch = rows[1]
    n_rows = rows[2]
    input_index = rows[10]
    at_panels_2 = parts*d_H*d_I + parts*d_H*d_H + 2*n_batch*d_H + n_rows*d_H + 769*parts*d_H - d_H*d_I - d_H*d_H + 134976*parts
    at_strips = parts*d_H*d_I + 2*n_batch*d_H + n_rows*d_H + 769*parts*d_H - d_H*d_I + 23808*parts
    at_shares = 2*n_batch*d_H + n_rows*d_H + parts*d_H
    at_h_W_h = d_H*d_I
    at_shares_2 = parts*d_H*d_I + 2*n_batch*d_H + n_rows*d_H + 769*parts*d_H - d_H*d_I + 134976*parts
    at_d_h_next_mul_2 = 2*n_batch*d_H
    split = sum_split(parts, n_rows)
    band = part // split
    bands = parts // split
    from_row = n_rows * (part % split) // split
    to_row = n_rows * (part % split + 1) // split
    chunks = sum_chunks(to_row - from_row)
    tiles = (d_H + panel_width(work) - 1) // panel_width(work)
    from_column = tiles * band // bands * panel_width(work)
    to_column = min(d_H, tiles * (band + 1) // bands * panel_width(work))
    panels = pointer(work, at_panels_2 + part * (768*d_H + 23808), -1)
    strips = pointer(work, at_strips + part * 111168, -1)
    # h.W_x = in:x^T @ d_h_next_mul_2
    sum_0 = pointer(gradients, from_column, -1)
    step_0 = d_H
    if 0 < from_row:
        sum_0 = pointer(work, at_shares + (part % split - 1) * (d_H*d_I) + from_column, -1)
        step_0 = d_H
    # h.W_h = h^T @ d_h_next_mul_2
    sum_1 = pointer(gradients, at_h_W_h + from_column, -1)
    step_1 = d_H
    if 0 < from_row:
        sum_1 = pointer(work, at_shares_2 + (part % split - 1) * (d_H*d_H) + from_column, -1)
        step_1 = d_H
    for chunk in range(chunks * share // shares, chunks * (share + 1) // shares):
        low = from_row + (to_row - from_row) * chunk // chunks
        depth = from_row + (to_row - from_row) * (chunk + 1) // chunks - low
        pack(depth, to_column - from_column, pointer(work, at_d_h_next_mul_2 + low * d_H + from_column, -1), d_H, 1, panels)
        if input_index == 0:
            gemm_sums(depth, d_I, to_column - from_column, pointer(in_x, low * d_I, -1), d_I, panels, strips, sum_0, step_0, 0 < chunk)
        else:
            gemm_sums_rows(depth, d_I, to_column - from_column, pointer(in_x, 0, -1), d_I, panels, strips, sum_0, step_0, 0 < chunk, rows, input_index + low)
        gemm_sums(depth, d_H, to_column - from_column, pointer(tape, low * d_H, -1), d_H, panels, strips, sum_1, step_1, 0 < chunk)


@routine
def backward_inputs(part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work, gradients, in_x, dout_h, din_x, dfinal_h, dstart_h):
    d_I = dims[0]
    d_H = dims[1]
    n_batch = rows[1]
    n_rows = rows[2]
    result_index = rows[11]
    at_d_h_next_mul_2 = 2*n_batch*d_H
    at_packed_h_W_x_2 = d_H*d_H + 31*d_H
    low = n_rows * share // shares
    high = n_rows * (share + 1) // shares
    # d_in:x = d_h_next_mul_2 @ packed h.W_x 2
    if result_index == 0:
        gemm(high - low, d_I, d_H, pointer(work, at_d_h_next_mul_2 + low * d_H, -1), d_H, 1, pointer(fixed, at_packed_h_W_x_2, -1), d_H * panel_width(work), panel_width(work), pointer(din_x, low * d_I, -1), d_I, 0)
    else:
        gemm_rows(high - low, d_I, d_H, pointer(work, at_d_h_next_mul_2 + low * d_H, -1), d_H, 1, pointer(fixed, at_packed_h_W_x_2, -1), d_H * panel_width(work), panel_width(work), pointer(din_x, 0, -1), d_I, 0, rows, 0, 0, low, result_index)


@routine
def backward_adds(part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work, gradients, in_x, dout_h, din_x, dfinal_h, dstart_h):
    d_I = dims[0]
    d_H = dims[1]
    n_batch = rows[1]
    n_rows = rows[2]
    at_shares = 2*n_batch*d_H + n_rows*d_H + parts*d_H
    at_shares_2 = parts*d_H*d_I + 2*n_batch*d_H + n_rows*d_H + 769*parts*d_H - d_H*d_I + 134976*parts
    at_h_W_h = d_H*d_I
    split = sum_split(parts, n_rows)
    for i in range(d_I * part // parts, d_I * (part + 1) // parts):
        add_shares(d_H, split - 1, d_H*d_I, pointer(work, at_shares + i * d_H, -1), pointer(gradients, i * d_H, -1))
    for i in range(d_H * part // parts, d_H * (part + 1) // parts):
        add_shares(d_H, split - 1, d_H*d_H, pointer(work, at_shares_2 + i * d_H, -1), pointer(gradients, at_h_W_h + i * d_H, -1))


@routine
def backward_finish(part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed, tape, work, gradients, in_x, dout_h, din_x, dfinal_h, dstart_h):
    d_I = dims[0]
    d_H = dims[1]
    n_batch = rows[1]
    n_rows = rows[2]
    at_sum = 2*n_batch*d_H + n_rows*d_H
    at_h_b = d_H*d_I + d_H*d_H
    add_parts(d_H, parts, d_H, pointer(work, at_sum, -1), 1, pointer(gradients, at_h_b, -1), 1)

@kernel
def prepare(dims, hyper, parameters, constants):
    """What the other functions take as `weights`: parameters, packed once for all calls."""
    rows = dense_rows(1, 1)
    parts = 1
    d_I = dims[0]
    d_H = dims[1]
    n_batch = rows[1]
    n_rows = rows[2]
    nothing = np.empty(0, parameters.dtype)
    gradients = nothing
    fixed = np.empty(d_H*d_I + d_H*d_H + 31*d_H + 31*d_I, parameters.dtype)
    work = np.empty(n_rows*d_H, parameters.dtype)
    forward_weights(0, 1, 0, 1, rows, dims, hyper, parameters, constants, fixed, nothing, work, nothing, nothing, nothing, nothing)
    backward_fixed = np.empty(d_H*d_I + d_H*d_H + 62*d_H, parameters.dtype)
    work = np.empty(parts*d_H*d_I + parts*d_H*d_H + 2*n_batch*d_H + n_rows*d_H + 1537*parts*d_H - d_H*d_I - d_H*d_H + 158784*parts, parameters.dtype)
    backward_weights(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, nothing, work, gradients, nothing, nothing, nothing, nothing, nothing)
    backward_weights_2(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, nothing, work, gradients, nothing, nothing, nothing, nothing, nothing)
    return dims, hyper, parameters, constants, fixed, backward_fixed


@kernel
def forward(weights, in_x, start_h):
    """(T, B, …) inputs and (B, …) states to outputs, final states and the tape."""
    dims, hyper, parameters, constants, fixed, backward_fixed = weights
    in_x = given_array(in_x, parameters, 3, "in_x: expected (T, B, I)")
    start_h = given_array(start_h, parameters, 2, "start_h: expected (B, H)")
    rows = dense_rows(in_x.shape[0], in_x.shape[1])
    parts = 1
    d_I = dims[0]
    d_H = dims[1]
    n_batch = rows[1]
    n_rows = rows[2]
    n_states = rows[3]
    if in_x.shape != (rows[0], rows[1], d_I,):
        raise ValueError("in_x: expected (T, B, I)")
    if start_h.shape != (rows[1], d_H,):
        raise ValueError("start_h: expected (B, H)")
    tape = np.empty(n_batch*d_H + n_states*d_H, parameters.dtype)
    work = np.empty(n_rows*d_H, parameters.dtype)
    out_h = np.empty((rows[0], rows[1], d_H,), parameters.dtype)
    final_h = np.empty((rows[1], d_H,), parameters.dtype)
    forward_inputs(0, 1, 0, 1, rows, dims, hyper, parameters, constants, fixed, tape, work, in_x.reshape(-1), out_h.reshape(-1), start_h.reshape(-1), final_h.reshape(-1))
    forward_steps(0, 1, 0, 1, rows, dims, hyper, parameters, constants, fixed, tape, work, in_x.reshape(-1), out_h.reshape(-1), start_h.reshape(-1), final_h.reshape(-1))
    return out_h, final_h, tape


@kernel
def backward(weights, tape, in_x, dout_h, dfinal_h):
    """The tape, inputs and cotangents to gradients of parameters, inputs and states."""
    dims, hyper, parameters, constants, fixed, backward_fixed = weights
    in_x = given_array(in_x, parameters, 3, "in_x: expected (T, B, I)")
    dout_h = given_array(dout_h, parameters, 3, "dout_h: expected (T, B, H)")
    dfinal_h = given_array(dfinal_h, parameters, 2, "dfinal_h: expected (B, H)")
    rows = dense_rows(in_x.shape[0], in_x.shape[1])
    parts = 1
    d_I = dims[0]
    d_H = dims[1]
    n_batch = rows[1]
    n_rows = rows[2]
    n_states = rows[3]
    if in_x.shape != (rows[0], rows[1], d_I,):
        raise ValueError("in_x: expected (T, B, I)")
    if dout_h.shape != (rows[0], rows[1], d_H,):
        raise ValueError("dout_h: expected (T, B, H)")
    if dfinal_h.shape != (rows[1], d_H,):
        raise ValueError("dfinal_h: expected (B, H)")
    if tape.size != n_batch*d_H + n_states*d_H:
        raise ValueError("tape: expected that of a forward pass over as many steps and sequences")
    work = np.empty(parts*d_H*d_I + parts*d_H*d_H + 2*n_batch*d_H + n_rows*d_H + 1537*parts*d_H - d_H*d_I - d_H*d_H + 158784*parts, parameters.dtype)
    din_x = np.empty((rows[0], rows[1], d_I,), parameters.dtype)
    dstart_h = np.empty((rows[1], d_H,), parameters.dtype)
    gradients = np.zeros(parameters.size, parameters.dtype)
    backward_steps(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, tape, work, gradients, in_x.reshape(-1), dout_h.reshape(-1), din_x.reshape(-1), dfinal_h.reshape(-1), dstart_h.reshape(-1))
    backward_sums(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, tape, work, gradients, in_x.reshape(-1), dout_h.reshape(-1), din_x.reshape(-1), dfinal_h.reshape(-1), dstart_h.reshape(-1))
    backward_inputs(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, tape, work, gradients, in_x.reshape(-1), dout_h.reshape(-1), din_x.reshape(-1), dfinal_h.reshape(-1), dstart_h.reshape(-1))
    backward_adds(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, tape, work, gradients, in_x.reshape(-1), dout_h.reshape(-1), din_x.reshape(-1), dfinal_h.reshape(-1), dstart_h.reshape(-1))
    backward_finish(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, tape, work, gradients, in_x.reshape(-1), dout_h.reshape(-1), din_x.reshape(-1), dfinal_h.reshape(-1), dstart_h.reshape(-1))
    return gradients, din_x, dstart_h


@kernel
def step(weights, in_x, start_h):
    """One step: (B, …) inputs and states to outputs, next states and the tape."""
    dims, hyper, parameters, constants, fixed, backward_fixed = weights
    in_x = given_array(in_x, parameters, 2, "in_x: expected (B, I)")
    start_h = given_array(start_h, parameters, 2, "start_h: expected (B, H)")
    rows = dense_rows(1, in_x.shape[0])
    parts = 1
    d_I = dims[0]
    d_H = dims[1]
    n_batch = rows[1]
    n_rows = rows[2]
    n_states = rows[3]
    if in_x.shape != (rows[1], d_I,):
        raise ValueError("in_x: expected (B, I)")
    if start_h.shape != (rows[1], d_H,):
        raise ValueError("start_h: expected (B, H)")
    tape = np.empty(n_batch*d_H + n_states*d_H, parameters.dtype)
    work = np.empty(n_rows*d_H, parameters.dtype)
    out_h = np.empty((rows[1], d_H,), parameters.dtype)
    final_h = np.empty((rows[1], d_H,), parameters.dtype)
    forward_inputs(0, 1, 0, 1, rows, dims, hyper, parameters, constants, fixed, tape, work, in_x.reshape(-1), out_h.reshape(-1), start_h.reshape(-1), final_h.reshape(-1))
    forward_steps(0, 1, 0, 1, rows, dims, hyper, parameters, constants, fixed, tape, work, in_x.reshape(-1), out_h.reshape(-1), start_h.reshape(-1), final_h.reshape(-1))
    return out_h, final_h, tape


@kernel
def step_backward(weights, tape, in_x, dout_h, dfinal_h):
    """One step back: as `backward`, over (B, …) arrays."""
    dims, hyper, parameters, constants, fixed, backward_fixed = weights
    in_x = given_array(in_x, parameters, 2, "in_x: expected (B, I)")
    dout_h = given_array(dout_h, parameters, 2, "dout_h: expected (B, H)")
    dfinal_h = given_array(dfinal_h, parameters, 2, "dfinal_h: expected (B, H)")
    rows = dense_rows(1, in_x.shape[0])
    parts = 1
    d_I = dims[0]
    d_H = dims[1]
    n_batch = rows[1]
    n_rows = rows[2]
    n_states = rows[3]
    if in_x.shape != (rows[1], d_I,):
        raise ValueError("in_x: expected (B, I)")
    if dout_h.shape != (rows[1], d_H,):
        raise ValueError("dout_h: expected (B, H)")
    if dfinal_h.shape != (rows[1], d_H,):
        raise ValueError("dfinal_h: expected (B, H)")
    if tape.size != n_batch*d_H + n_states*d_H:
        raise ValueError("tape: expected that of a forward pass over as many steps and sequences")
    work = np.empty(parts*d_H*d_I + parts*d_H*d_H + 2*n_batch*d_H + n_rows*d_H + 1537*parts*d_H - d_H*d_I - d_H*d_H + 158784*parts, parameters.dtype)
    din_x = np.empty((rows[1], d_I,), parameters.dtype)
    dstart_h = np.empty((rows[1], d_H,), parameters.dtype)
    gradients = np.zeros(parameters.size, parameters.dtype)
    backward_steps(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, tape, work, gradients, in_x.reshape(-1), dout_h.reshape(-1), din_x.reshape(-1), dfinal_h.reshape(-1), dstart_h.reshape(-1))
    backward_sums(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, tape, work, gradients, in_x.reshape(-1), dout_h.reshape(-1), din_x.reshape(-1), dfinal_h.reshape(-1), dstart_h.reshape(-1))
    backward_inputs(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, tape, work, gradients, in_x.reshape(-1), dout_h.reshape(-1), din_x.reshape(-1), dfinal_h.reshape(-1), dstart_h.reshape(-1))
    backward_adds(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, tape, work, gradients, in_x.reshape(-1), dout_h.reshape(-1), din_x.reshape(-1), dfinal_h.reshape(-1), dstart_h.reshape(-1))
    backward_finish(0, 1, 0, 1, rows, dims, hyper, parameters, constants, backward_fixed, tape, work, gradients, in_x.reshape(-1), dout_h.reshape(-1), din_x.reshape(-1), dfinal_h.reshape(-1), dstart_h.reshape(-1))
    return gradients, din_x, dstart_h

def initial_values(draw, v):
    """The initial values of parameters and consts."""
    x_d0 = draw('glorot_uniform', 'h.W_x', (v["I"], v["H"],), v["I"], v["H"])
    yield 'h.W_x', x_d0
    x_0 = np.float64(1.0)
    x_d1 = draw('orthogonal', 'h.W_h', (v["H"], v["H"],), None, None, x_0)
    yield 'h.W_h', x_d1
    x_1 = np.float64(0.0)
    x_2 = numerics.broadcast(x_1, 0, (v["H"],))
    yield 'h.b', x_2


class RNN(Cell):
    "Simple recurrent network (Elman, 1990), as TensorFlow's BasicRNNCell: one bias."

    description = describe.Description(
        name='RNN',
        equations='cell RNN[I, H](activation = tanh):\n    """Simple recurrent network (Elman, 1990), as TensorFlow\'s BasicRNNCell: one bias."""\n    input x: [I]\n    state h: [H]\n\n    h\' = activation(linear([x, h], H))\n\n    output h\'',
        source='rnn.cell',
        digest='5cd3f811e7987ac8',
        version='0.1.0',
        abi=7,
        dims=(
            describe.Dim('I', None, None),
            describe.Dim('H', None, None),
        ),
        hypers=(
            describe.Hyper('activation', 'function', 'tanh', True),
        ),
        inputs=(
            describe.Array('x', '[I]', lambda **d: (d["I"],)),
        ),
        outputs=(
            describe.Array('h', '[H]', lambda **d: (d["H"],)),
        ),
        states=(
            describe.Array('h', '[H]', lambda **d: (d["H"],)),
        ),
        params=(
            describe.Param('h.W_x', '[I, H]', lambda **d: (d["I"], d["H"],), lambda **d: 0, lambda **d: (d["H"], 1,), True),
            describe.Param('h.W_h', '[H, H]', lambda **d: (d["H"], d["H"],), lambda **d: d["H"]*d["I"], lambda **d: (d["H"], 1,), True),
            describe.Param('h.b', '[H]', lambda **d: (d["H"],), lambda **d: d["H"]*d["I"] + d["H"]*d["H"], lambda **d: (1,), True),
        ),
        consts=(),
        conditions=(),
        initial=initial_values,
        lengths=describe.Lengths(
            parameters=lambda **d: d["H"]*d["I"] + d["H"]*d["H"] + d["H"],
            constants=lambda **d: 0,
            fixed=lambda **d: d["H"]*d["I"] + d["H"]*d["H"] + 31*d["H"] + 31*d["I"],
            backward_fixed=lambda **d: d["H"]*d["I"] + d["H"]*d["H"] + 62*d["H"],
            tape=lambda **d: d["_B"]*d["H"] + d["_S"]*d["H"],
            forward_work=lambda **d: d["_R"]*d["H"],
            backward_work=lambda **d: d["_parts"]*d["H"]*d["I"] + d["_parts"]*d["H"]*d["H"] + 2*d["_B"]*d["H"] + d["_R"]*d["H"] + 1537*d["_parts"]*d["H"] - d["H"]*d["I"] - d["H"]*d["H"] + 158784*d["_parts"],
        ),
        regions=lambda **d: {
            'fixed': (('packed h.W_x', 0), ('packed h.W_h', d["H"]*d["I"] + 31*d["I"]),),
            'backward_fixed': (('packed h.W_h 2', 0), ('packed h.W_x 2', d["H"]*d["H"] + 31*d["H"]),),
            'tape': (('h', 0),),
            'forward_work': (('h_next_product', 0),),
            'backward_work': (('d h', 0), ('d h before', d["_B"]*d["H"]), ('d_h_next_mul_2', 2*d["_B"]*d["H"]), ('sum', 2*d["_B"]*d["H"] + d["_R"]*d["H"]), ('shares', 2*d["_B"]*d["H"] + d["_R"]*d["H"] + d["_parts"]*d["H"]), ('panels', d["_parts"]*d["H"]*d["I"] + 2*d["_B"]*d["H"] + d["_R"]*d["H"] + d["_parts"]*d["H"] - d["H"]*d["I"]), ('strips', d["_parts"]*d["H"]*d["I"] + 2*d["_B"]*d["H"] + d["_R"]*d["H"] + 769*d["_parts"]*d["H"] - d["H"]*d["I"] + 23808*d["_parts"]), ('shares', d["_parts"]*d["H"]*d["I"] + 2*d["_B"]*d["H"] + d["_R"]*d["H"] + 769*d["_parts"]*d["H"] - d["H"]*d["I"] + 134976*d["_parts"]), ('panels 2', d["_parts"]*d["H"]*d["I"] + d["_parts"]*d["H"]*d["H"] + 2*d["_B"]*d["H"] + d["_R"]*d["H"] + 769*d["_parts"]*d["H"] - d["H"]*d["I"] - d["H"]*d["H"] + 134976*d["_parts"]),),
        },
        forward=(
            describe.Phase("once", forward_weights),
            describe.Phase("rows", forward_inputs),
            describe.Phase("steps", forward_steps),
        ),
        backward=(
            describe.Phase("once", backward_weights),
            describe.Phase("once", backward_weights_2, serves="inputs"),
            describe.Phase("steps", backward_steps, reverse=True),
            describe.Phase("parts", backward_sums, sliced=True, serves="parameters"),
            describe.Phase("rows", backward_inputs, waits=False, serves="inputs"),
            describe.Phase("parts", backward_adds, serves="parameters"),
            describe.Phase("once", backward_finish, serves="parameters"),
        ),
        functions=describe.Functions(prepare, forward, backward, step, step_backward),
        prepare=prepare_products,
        backward_reads=('x',),
        sources=(
            ('rnn.cell', '"""The plain recurrent network."""\n\n\ncell RNN[I, H](activation = tanh):\n    """Simple recurrent network (Elman, 1990), as TensorFlow\'s BasicRNNCell: one bias."""\n    input x: [I]\n    state h: [H]\n\n    h\' = activation(linear([x, h], H))\n\n    output h\'\n'),
        ),
        indexed=True,
    )
