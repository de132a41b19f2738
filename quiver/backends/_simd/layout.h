/* The row layout of quiver/reference/codes.py and the words of a code. */
#ifndef QUIVER_LAYOUT_H
#define QUIVER_LAYOUT_H

#include "portable.h"

#define CORRECTION_BYTES 8
#define HIGH_BITS UINT64_C(0xAAAAAAAAAAAAAAAA)
#define LOW_BITS UINT64_C(0x5555555555555555)

/* Cache lines of a row: the corrections, then `dim` coordinates of so many bits. */
INLINE size_t lines_of(size_t dim, size_t bits)
{
    size_t used = dim * bits + 8 * CORRECTION_BYTES;
    return (used + 8 * CACHE_LINE - 1) / (8 * CACHE_LINE);
}

/* Bytes of code in a row; byte b holds coordinates b, C + b, 2C + b, … of C bytes. */
INLINE size_t code_bytes_of(size_t n_lines)
{
    return CACHE_LINE * n_lines - CORRECTION_BYTES;
}

/* Coordinates that share a byte: each is a plane of its own in an int8 query. */
INLINE size_t planes_of(size_t bits)
{
    return 8 / bits;
}

INLINE float row_scale(const uint8_t *row)
{
    return load_float(row);
}

INLINE float row_bias(const uint8_t *row)
{
    return load_float(row + sizeof(float));
}

/* The values of a corrected code are factor·u - offset. */
INLINE int32_t value_factor(size_t bits)
{
    return bits == 8 ? 1 : 2;
}

INLINE int32_t value_offset(size_t bits)
{
    return bits == 8 ? 128 : bits == 4 ? 15 : 3;
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
