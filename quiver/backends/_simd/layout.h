/* The row layout of quiver/reference/codes.py and the words of a code. */
#ifndef QUIVER_LAYOUT_H
#define QUIVER_LAYOUT_H

#include "portable.h"

#define BLOCK_DIMS 128
#define BLOCK_BYTES 32
#define HIGH_BITS UINT64_C(0xAAAAAAAAAAAAAAAA)
#define LOW_BITS UINT64_C(0x5555555555555555)

INLINE size_t blocks_of(size_t dim)
{
    return (dim + BLOCK_DIMS - 1) / BLOCK_DIMS;
}

/* Code, two float32 corrections, and padding up to a whole number of cache lines. */
INLINE size_t row_bytes_of(size_t n_blocks)
{
    size_t used = BLOCK_BYTES * n_blocks + 2 * sizeof(float);
    return (used + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

INLINE float row_bias(const uint8_t *row, size_t n_blocks)
{
    return load_float(row + BLOCK_BYTES * n_blocks + sizeof(float));
}

/* Exchange the two bits of every pair. */
INLINE uint64_t swap_pairs(uint64_t word)
{
    return (word & LOW_BITS) << 1 | (word & HIGH_BITS) >> 1;
}

/* strong = ¬(high ⊕ low), one bit per dimension, in the high places. */
INLINE uint64_t strong_plane(uint64_t word)
{
    return ~(word ^ word << 1) & HIGH_BITS;
}

#endif
