"""Numba kernels, one module for each word of the spine.

Every function has an explicit signature and is compiled once, then cached on disk;
all release the GIL and none is parallel or fast-math. Inputs are typed read-only and
possibly unaligned, so memory-mapped arrays are used in place.

All is plain Python but what LLVM must be told in its own terms: `row_sums`, with the
`products` and `mismatches` that it adds up, `lanes`, and a few steps where used.
"""
