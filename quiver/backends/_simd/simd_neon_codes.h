/* How far codes are from queries and from one another, in NEON: byte dot products where
 * the target has them, products widened to int16 elsewhere, and CNT. */
#ifndef QUIVER_SIMD_NEON_CODES_H
#define QUIVER_SIMD_NEON_CODES_H

#include <arm_neon.h>

#include "layout.h"

/* Four rows at a time: their integers. */
typedef int32x4_t ints4;

#define PIECE_BYTES 16

/* Sum each of four registers of int32. */
INLINE ints4 fold_rows(const int32x4_t sums[4])
{
    return vpaddq_s32(vpaddq_s32(sums[0], sums[1]), vpaddq_s32(sums[2], sums[3]));
}

/* Add 16 products of bytes, four or two halves of two to a place. Neither |v| <= 127 nor
 * u is ever beyond what lets two products fit an int16: 127·128·2. */
INLINE int32x4_t add_products(int32x4_t sums, int8x16_t v, int8x16_t u)
{
#ifdef __ARM_FEATURE_DOTPROD
    return vdotq_s32(sums, v, u);
#else
    int16x8_t low = vmull_s8(vget_low_s8(v), vget_low_s8(u));
    return vpadalq_s16(sums, vmlal_high_s8(low, v, u));
#endif
}

INLINE int8x16_t masked(uint8x16_t bytes, uint8_t mask)
{
    return vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(mask)));
}

/* Sums of the products of four rows: those of coordinates taken in place are worth 4 or
 * 16 times as much, and kept apart. */
struct products4 {
    int32x4_t once[4], fourfold[4], sixteenfold[4];
    int32x4_t offset; /* -128·Σv */
};

/* Half a line of four rows, so that two registers are loaded at once. An 8-bit u is
 * taken as u - 128. */
INLINE void add_half(struct products4 *sums, const int8_t *values,
                     const uint8_t *const rows[4], size_t at, size_t row_bytes,
                     size_t bits)
{
    int8x16_t v[4][2];
    for (size_t plane = 0; plane < planes_of(bits); ++plane)
        for (size_t i = 0; i < 2; ++i)
            v[plane][i] = vld1q_s8(values + row_bytes * plane + at + PIECE_BYTES * i);
    for (size_t i = 0; bits == 8 && i < 2; ++i)
        sums->offset = add_products(sums->offset, v[0][i], vdupq_n_s8(-128));
    for (int k = 0; k < 4; ++k) {
        uint8x16_t halves[2] = {vld1q_u8(rows[k] + at), vld1q_u8(rows[k] + at + PIECE_BYTES)};
        for (size_t i = 0; i < 2; ++i) {
            uint8x16_t bytes = halves[i];
            int32x4_t once = sums->once[k];
            if (bits == 8) {
                int8x16_t u = vreinterpretq_s8_u8(veorq_u8(bytes, vdupq_n_u8(128)));
                once = add_products(once, v[0][i], u);
            } else if (bits == 4) {
                int8x16_t upper = vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4));
                once = add_products(once, v[0][i], masked(bytes, 15));
                once = add_products(once, v[1][i], upper);
            } else {
                int8x16_t upper = vreinterpretq_s8_u8(vshrq_n_u8(bytes, 6));
                once = add_products(once, v[0][i], masked(bytes, 3));
                sums->fourfold[k] =
                    add_products(sums->fourfold[k], v[1][i], masked(bytes, 12));
                sums->sixteenfold[k] =
                    add_products(sums->sixteenfold[k], v[2][i], masked(bytes, 48));
                once = add_products(once, v[3][i], upper);
            }
            sums->once[k] = once;
        }
    }
}

INLINE ints4 dot_values4(const int8_t *values, const uint8_t *const rows[4],
                         size_t n_lines, size_t bits)
{
    struct products4 sums;
    sums.offset = vdupq_n_s32(0);
    for (int k = 0; k < 4; ++k)
        sums.once[k] = sums.fourfold[k] = sums.sixteenfold[k] = vdupq_n_s32(0);
    for (size_t at = 0; at < CACHE_LINE * n_lines; at += 2 * PIECE_BYTES)
        add_half(&sums, values, rows, at, CACHE_LINE * n_lines, bits);
    ints4 dots = fold_rows(sums.once);
    if (bits == 8)
        return vsubq_s32(dots, vdupq_n_s32(vaddvq_s32(sums.offset)));
    if (bits == 4)
        return dots;
    dots = vsraq_n_s32(dots, fold_rows(sums.fourfold), 2);
    return vsraq_n_s32(dots, fold_rows(sums.sixteenfold), 4);
}

/* 16 bytes of a row, zeros for its corrections. */
INLINE uint8x16_t load_code(const uint8_t *row, size_t at)
{
    const uint8x16_t code_only = vcombine_u8(vdup_n_u8(0), vdup_n_u8(0xFF));
    uint8x16_t bytes = vld1q_u8(row + at);
    return at == 0 ? vandq_u8(bytes, code_only) : bytes;
}

INLINE uint8x16_t swap_pairs_16(uint8x16_t bytes)
{
    return vbslq_u8(vdupq_n_u8(0xAA), vshlq_n_u8(bytes, 1), vshrq_n_u8(bytes, 1));
}

/* Bits of x, of its high places and of y, byte by byte. */
struct counts {
    uint8x16_t x, high, y;
};

/* One line of four rows: a byte of it is at most 4·(8 + 3·4 + 2·8). */
INLINE void add_mismatches(uint32x4_t totals[4], const uint8_t *b,
                           const uint8_t *const a[4], size_t line)
{
    struct counts counts[4];
    for (int k = 0; k < 4; ++k)
        counts[k].x = counts[k].high = counts[k].y = vdupq_n_u8(0);
    for (size_t i = 0; i < CACHE_LINE; i += PIECE_BYTES) {
        size_t at = CACHE_LINE * line + i;
        uint8x16_t word = load_code(b, at), swapped = swap_pairs_16(word);
        for (int k = 0; k < 4; ++k) {
            uint8x16_t bytes = load_code(a[k], at), x = veorq_u8(bytes, word);
            uint8x16_t high = vandq_u8(x, vdupq_n_u8(0xAA));
            uint8x16_t y = veorq_u8(bytes, swapped);
            counts[k].x = vaddq_u8(counts[k].x, vcntq_u8(x));
            counts[k].high = vaddq_u8(counts[k].high, vcntq_u8(high));
            counts[k].y = vaddq_u8(counts[k].y, vcntq_u8(y));
        }
    }
    for (int k = 0; k < 4; ++k) {
        uint8x16_t bytes = vmlaq_u8(counts[k].x, counts[k].high, vdupq_n_u8(3));
        bytes = vmlaq_u8(bytes, counts[k].y, vdupq_n_u8(2));
        totals[k] = vpadalq_u16(totals[k], vpaddlq_u8(bytes));
    }
}

INLINE ints4 mismatch4(const uint8_t *b, const uint8_t *const a[4], size_t n_lines)
{
    uint32x4_t totals[4];
    int32x4_t sums[4];
    for (int k = 0; k < 4; ++k)
        totals[k] = vdupq_n_u32(0);
    for (size_t line = 0; line < n_lines; ++line)
        add_mismatches(totals, b, a, line);
    for (int k = 0; k < 4; ++k)
        sums[k] = vreinterpretq_s32_u32(totals[k]);
    return fold_rows(sums);
}

#endif
