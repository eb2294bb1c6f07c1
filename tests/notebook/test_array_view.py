"""Arrays by name: numbers of the summary, and pictures with a pixel a number."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.notebook.views import (
    HIGHEST,
    WIDEST,
    arrays_html,
    as_matrix,
    colours,
    gradients_html,
    has_arrays,
    parameters_html,
    png,
    summary,
)


def pixels_of(data: bytes) -> Any:
    """The picture in a file, read by its chunks."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, {}
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(kind + body)
        found[kind], at = body, at + 12 + length
    wide, high, depth, kind_of_colour, *_ = struct.unpack(">IIBBBBB", found[b"IHDR"])
    assert (depth, kind_of_colour) == (8, 2)
    rows = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(high, 1 + 3 * wide)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(high, wide, 3)


def test_a_picture_is_the_numbers() -> None:
    matrix = np.array([[-2.0, 0.0, 2.0], [1.0, np.nan, -1.0]])
    made = colours(matrix)
    assert (pixels_of(png(made)) == made).all()
    red, green, blue = np.moveaxis(made.astype(int), -1, 0)
    assert (made[0, 1] == 255).all()
    assert (made[1, 1] == 0).all()
    assert blue[0, 0] > red[0, 0] and red[0, 2] > blue[0, 2]
    assert green[1, 0] > green[0, 2]


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (700, 300), (40, 2, 9), (1, 5000)])
def test_pictures_stay_small(shape: tuple[int, ...]) -> None:
    matrix = as_matrix(np.ones(shape, np.float32))
    assert matrix.shape[0] <= HIGHEST
    assert matrix.shape[1] <= WIDEST
    assert np.allclose(matrix, 1.0)
    lost = np.ones(shape)
    lost.flat[0] = np.inf
    assert not np.isfinite(as_matrix(lost)).all()


def test_a_summary_counts_what_is_not_finite() -> None:
    assert summary(np.array([3.0, -4.0, 1.0])) == ["-4", "0", "3", "5.1"]
    told = summary(np.array([3.0, np.nan, np.inf, 4.0]))
    assert told == ["3", "3.5", "4", "5 <b>2 not finite</b>"]
    assert summary(np.array([np.nan]))[0] == ""
    assert summary(np.array([True, False]))[:3] == ["0", "0.5", "1"]


def test_states_gradients_and_parameters_show_themselves() -> None:
    text = "cell A[H]:\n    input x: [H]\n    state h: [H]\n\n    h' = tanh(linear([x, h], H))\n\n"
    cell = celldsl.compile_source(text + "    output h'\n")(H=3)
    x = np.ones((4, 2, 3), np.float32)
    y, state, tape = cell.forward(x)
    assert has_arrays(state)
    assert not has_arrays((1, 2))
    assert not has_arrays(x)
    assert "2 × 3 float32" in arrays_html(state)
    html = gradients_html(cell.backward(tape, y))
    assert [t for t in ("h.W_x", "4 × 2 × 3", "gradients of the state") if t not in html] == []
    assert len(re.findall("<img", parameters_html(cell.params))) == 3
