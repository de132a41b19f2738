/* Inner functions in portable C11: simple loops that any compiler can vectorise. */
#ifndef QUIVER_SIMD_PORTABLE_H
#define QUIVER_SIMD_PORTABLE_H

#include <math.h>

#include "layout.h"

/* Four rows at a time: their integers. */
typedef struct {
    int32_t row[4];
} ints4;

/* Sum of one byte place's products; at most 1 524, so 21 blocks fit an int16. */
#define WIDEST_RUN 21

/* Σ v_j·u_j of an int8 query and a code, in int16 as long as they hold it. */
INLINE int32_t dot_values(const int8_t *values, const uint8_t *code, size_t n_blocks)
{
    int32_t dot = 0;
    for (size_t done = 0; done < n_blocks; done += WIDEST_RUN) {
        size_t end = n_blocks - done < WIDEST_RUN ? n_blocks : done + WIDEST_RUN;
        int16_t sums[BLOCK_BYTES] = {0};
        for (size_t block = done; block < end; ++block) {
            const int8_t *v = values + BLOCK_DIMS * block;
            const uint8_t *bytes = code + BLOCK_BYTES * block;
            for (size_t b = 0; b < BLOCK_BYTES; ++b) {
                int16_t pairs = bytes[b];
                sums[b] += (int16_t)(v[b] * (pairs & 3));
                sums[b] += (int16_t)(v[32 + b] * (pairs >> 2 & 3));
                sums[b] += (int16_t)(v[64 + b] * (pairs >> 4 & 3));
                sums[b] += (int16_t)(v[96 + b] * (pairs >> 6));
            }
        }
        for (size_t b = 0; b < BLOCK_BYTES; ++b)
            dot += sums[b];
    }
    return dot;
}

INLINE ints4 dot_values4(const int8_t *values, const uint8_t *const codes[4],
                         size_t n_blocks)
{
    ints4 dots;
    for (int k = 0; k < 4; ++k)
        dots.row[k] = dot_values(values, codes[k], n_blocks);
    return dots;
}

#define PAIRS UINT64_C(0x3333333333333333)
#define NIBBLES UINT64_C(0x0F0F0F0F0F0F0F0F)

/* pop(x) + 3·pop(x ∧ high) + 2·pop(y) of every byte, at most 36. A pair of x read as a
 * number counts its high bit twice already; two more fit a pair with those of y. */
INLINE uint64_t weigh_bytes(uint64_t x, uint64_t y)
{
    uint64_t twice = (x >> 1 & LOW_BITS) + (y - (y >> 1 & LOW_BITS));
    uint64_t once = (x & PAIRS) + (x >> 2 & PAIRS);
    twice = (twice & PAIRS) + (twice >> 2 & PAIRS);
    once = (once + (once >> 4)) & NIBBLES;
    twice = (twice + (twice >> 4)) & NIBBLES;
    return once + 2 * twice;
}

INLINE int32_t mismatch(const uint8_t *a, const uint8_t *b, size_t n_blocks)
{
    const uint64_t even_bytes = UINT64_C(0x00FF00FF00FF00FF);
    uint64_t total = 0;
    for (size_t block = 0; block < n_blocks; ++block) {
        uint64_t bytes = 0;
        for (size_t at = BLOCK_BYTES * block; at < BLOCK_BYTES * (block + 1); at += 8) {
            uint64_t word_a = load_word(a + at), word_b = load_word(b + at);
            bytes += weigh_bytes(word_a ^ word_b, word_a ^ swap_pairs(word_b));
        }
        uint64_t sums = (bytes & even_bytes) + (bytes >> 8 & even_bytes);
        total += sums * UINT64_C(0x0001000100010001) >> 48;
    }
    return (int32_t)total;
}

INLINE ints4 mismatch4(const uint8_t *b, const uint8_t *const a[4], size_t n_blocks)
{
    ints4 totals;
    for (int k = 0; k < 4; ++k)
        totals.row[k] = mismatch(a[k], b, n_blocks);
    return totals;
}

/* Four rows at a time: their floats. */
typedef struct {
    float row[4];
} floats4;

INLINE floats4 splat4(float value)
{
    return (floats4){{value, value, value, value}};
}

INLINE floats4 add4(floats4 x, floats4 y)
{
    for (int k = 0; k < 4; ++k)
        x.row[k] += y.row[k];
    return x;
}

INLINE floats4 sub4(floats4 x, floats4 y)
{
    for (int k = 0; k < 4; ++k)
        x.row[k] -= y.row[k];
    return x;
}

INLINE floats4 mul4(floats4 x, floats4 y)
{
    for (int k = 0; k < 4; ++k)
        x.row[k] *= y.row[k];
    return x;
}

INLINE floats4 sqrt4(floats4 x)
{
    for (int k = 0; k < 4; ++k)
        x.row[k] = sqrtf(x.row[k]);
    return x;
}

INLINE floats4 clamp4(floats4 x)
{
    for (int k = 0; k < 4; ++k)
        x.row[k] = x.row[k] > 0.0f ? x.row[k] : 0.0f;
    return x;
}

INLINE void store4(float *to, floats4 x)
{
    memcpy(to, x.row, sizeof x.row);
}

INLINE floats4 linear4(ints4 x, int32_t factor, int32_t offset)
{
    floats4 result;
    for (int k = 0; k < 4; ++k)
        result.row[k] = (float)(factor * x.row[k] + offset);
    return result;
}

/* Gather the (scale, bias) pairs that follow four codes. */
INLINE void load_corrections4(const uint8_t *const rows[4], size_t offset,
                              floats4 *scale, floats4 *bias)
{
    for (int k = 0; k < 4; ++k) {
        scale->row[k] = load_float(rows[k] + offset);
        bias->row[k] = load_float(rows[k] + offset + sizeof(float));
    }
}

INLINE void butterflies_in_8(float *eight, size_t h)
{
    for (size_t start = 0; start < 8; start += 2 * h)
        for (size_t j = start; j < start + h; ++j) {
            float a = eight[j], b = eight[j + h];
            eight[j] = a + b;
            eight[j + h] = a - b;
        }
}

/* Butterflies h = 1, 2, 4 of eight floats; constants let the compiler unroll them. */
INLINE void butterflies_of_8(float *eight)
{
    butterflies_in_8(eight, 1);
    butterflies_in_8(eight, 2);
    butterflies_in_8(eight, 4);
}

/* Eight float64 lanes of a sum. */
struct lanes {
    double lane[8];
};

INLINE struct lanes zero_lanes(void)
{
    return (struct lanes){{0}};
}

INLINE struct lanes widen(const float *from)
{
    struct lanes wide;
    for (size_t k = 0; k < 8; ++k)
        wide.lane[k] = from[k];
    return wide;
}

INLINE struct lanes add_product(struct lanes sum, struct lanes x, struct lanes y)
{
    for (size_t k = 0; k < 8; ++k)
        sum.lane[k] += x.lane[k] * y.lane[k];
    return sum;
}

INLINE struct lanes subtract(struct lanes x, struct lanes y)
{
    for (size_t k = 0; k < 8; ++k)
        x.lane[k] -= y.lane[k];
    return x;
}

INLINE double fold_lanes(struct lanes sum)
{
    const double *lane = sum.lane;
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

#endif
