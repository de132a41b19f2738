/* Inner functions in portable C11: simple loops that any compiler can vectorise. */
#ifndef QUIVER_SIMD_PORTABLE_H
#define QUIVER_SIMD_PORTABLE_H

#include <math.h>

#include "layout.h"

/* Four rows at a time: their integers. */
typedef struct {
    int32_t row[4];
} ints4;

#define PIECE_BYTES 16

/* Pieces whose products at one byte place fit an int16: 1 524 or 3 810 each. */
INLINE size_t widest_run(size_t bits)
{
    return bits == 2 ? 21 : 8;
}

/* Add the products of one plane and a piece of four rows, for which v is widened once.
 * A compiler vectorises this loop: it stands alone, and its length is a register's. */
INLINE void add_products4(int16_t sums[4][PIECE_BYTES], const int8_t *v,
                          const uint8_t *const pieces[4], int shift, int mask)
{
    const uint8_t *a = pieces[0], *b = pieces[1], *c = pieces[2], *d = pieces[3];
    for (size_t i = 0; i < PIECE_BYTES; ++i) {
        sums[0][i] = (int16_t)(sums[0][i] + v[i] * (int16_t)(a[i] >> shift & mask));
        sums[1][i] = (int16_t)(sums[1][i] + v[i] * (int16_t)(b[i] >> shift & mask));
        sums[2][i] = (int16_t)(sums[2][i] + v[i] * (int16_t)(c[i] >> shift & mask));
        sums[3][i] = (int16_t)(sums[3][i] + v[i] * (int16_t)(d[i] >> shift & mask));
    }
}

/* Σ v_j·u_j of bytes: compilers have an instruction for this loop. */
INLINE ints4 dot_bytes4(const int8_t *v, const uint8_t *const rows[4], size_t n_bytes)
{
    const uint8_t *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
    ints4 dots = {{0}};
    for (size_t i = 0; i < n_bytes; ++i) {
        dots.row[0] += (int16_t)v[i] * (int16_t)a[i];
        dots.row[1] += (int16_t)v[i] * (int16_t)b[i];
        dots.row[2] += (int16_t)v[i] * (int16_t)c[i];
        dots.row[3] += (int16_t)v[i] * (int16_t)d[i];
    }
    return dots;
}

/* Sums of narrow products stay in int16 as long as they fit. */
INLINE ints4 dot_values4(const int8_t *values, const uint8_t *const rows[4],
                         size_t n_lines, size_t bits)
{
    ints4 dots = {{0}};
    size_t n_bytes = CACHE_LINE * n_lines, run = PIECE_BYTES * widest_run(bits);
    if (bits == 8)
        return dot_bytes4(values, rows, n_bytes);
    for (size_t done = 0; done < n_bytes; done += run) {
        size_t end = n_bytes - done < run ? n_bytes : done + run;
        int16_t sums[4][PIECE_BYTES] = {{0}};
        for (size_t at = done; at < end; at += PIECE_BYTES) {
            const uint8_t *pieces[4] = {rows[0] + at, rows[1] + at, rows[2] + at,
                                        rows[3] + at};
            for (size_t plane = 0; plane < planes_of(bits); ++plane)
                add_products4(sums, values + n_bytes * plane + at, pieces,
                              (int)(bits * plane), (1 << bits) - 1);
        }
        for (int k = 0; k < 4; ++k)
            for (size_t i = 0; i < PIECE_BYTES; ++i)
                dots.row[k] += sums[k][i];
    }
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

INLINE int32_t mismatch(const uint8_t *a, const uint8_t *b, size_t n_lines)
{
    const uint64_t even_bytes = UINT64_C(0x00FF00FF00FF00FF);
    uint64_t total = 0;
    for (size_t line = 0; line < n_lines; ++line) {
        /* Seven words or eight of at most 36 in a byte: 288 would not fit. */
        uint64_t sums = 0;
        size_t start = CACHE_LINE * line, end = start + CACHE_LINE;
        for (size_t at = start + (line ? 0 : CORRECTION_BYTES); at < end; at += 8) {
            uint64_t word_a = load_word(a + at), word_b = load_word(b + at);
            uint64_t bytes = weigh_bytes(word_a ^ word_b, word_a ^ swap_pairs(word_b));
            sums += (bytes & even_bytes) + (bytes >> 8 & even_bytes);
        }
        total += sums * UINT64_C(0x0001000100010001) >> 48;
    }
    return (int32_t)total;
}

INLINE ints4 mismatch4(const uint8_t *b, const uint8_t *const a[4], size_t n_lines)
{
    ints4 totals;
    for (int k = 0; k < 4; ++k)
        totals.row[k] = mismatch(a[k], b, n_lines);
    return totals;
}

INLINE ints4 load_ints4(const int32_t *from)
{
    ints4 x;
    memcpy(x.row, from, sizeof x.row);
    return x;
}

INLINE void store_ints4(int32_t *to, ints4 x)
{
    memcpy(to, x.row, sizeof x.row);
}

INLINE ints4 add_ints4(ints4 x, ints4 y)
{
    for (int k = 0; k < 4; ++k)
        x.row[k] += y.row[k];
    return x;
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

INLINE floats4 max4(floats4 x, floats4 y)
{
    for (int k = 0; k < 4; ++k)
        x.row[k] = x.row[k] > y.row[k] ? x.row[k] : y.row[k];
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

INLINE void load_corrections4(const uint8_t *const rows[4], floats4 *scale,
                              floats4 *bias)
{
    for (int k = 0; k < 4; ++k) {
        scale->row[k] = row_scale(rows[k]);
        bias->row[k] = row_bias(rows[k]);
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

INLINE struct lanes widen_uint8(const uint8_t *from)
{
    struct lanes wide;
    for (size_t k = 0; k < 8; ++k)
        wide.lane[k] = from[k];
    return wide;
}

INLINE struct lanes widen_int8(const int8_t *from)
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
