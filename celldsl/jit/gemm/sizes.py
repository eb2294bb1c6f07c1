"""Sizes of blocks, which kernels go by and plans leave room for.  In: nothing.  Out: numbers.

Imports nothing: plans know these, and know no compiled code.
"""

from __future__ import annotations

KC = 512  # rows of a panel of B, in the first caches beside a micro-panel of A
MC = 96  # rows of a packed block of A, in the second cache
KC_MOST, MC_MOST = KC * 3 // 2, MC * 3 // 2  # of a last block: better than a small one after it
MC_UNPACKED = 48  # rows of a block of A as it lies: most are fetched while another multiplies
APART = 16  # elements after a row on the stack: rows a power of two apart share lines of the cache
UNPACKED_MOST = MC_UNPACKED * 3 // 2  # rows of the last block
UNPACKED_BLOCK = UNPACKED_MOST * (KC_MOST + APART)  # elements of a block of A on the stack
GEMM_PAD = 4  # elements after a packed row of A, for what copies eight where six are wanted
SUM_MICRO_PANELS = (KC_MOST + GEMM_PAD) * MC_MOST  # elements of a block of A, packed
KERNEL_MOST = 127  # places of a convolution's kernel along an axis
COLUMNS_MOST = 32  # of a panel, on any machine and for either dtype
WINOGRAD_DEPTH = 96  # channels whose tiles are transformed before they are multiplied
WINOGRAD_TILES = 64  # tiles of a share of a sum over rows
WINOGRAD_CHANNELS = 64  # of an image, in such a share
WINOGRAD_ROWS = 48  # of kernels or cotangents that go with them
# Elements of scratch; it is used from where a line of the caches begins.
WINOGRAD_SCRATCH = 36 * WINOGRAD_TILES * (WINOGRAD_CHANNELS + WINOGRAD_ROWS) + 16
# What operands of products may be rounded to, instead of being of the cell's own dtype.
ROUNDED = "bfloat16"
