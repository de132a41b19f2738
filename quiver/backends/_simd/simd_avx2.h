/* Inner functions in AVX2: VPMADDUBSW for int8 queries, a shuffle popcount for codes. */
#ifndef QUIVER_SIMD_AVX2_H
#define QUIVER_SIMD_AVX2_H

#include "simd_x86.h"

INLINE __m256i load_32(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

/* Sum each of four registers of int32. */
INLINE ints4 fold_rows(const __m256i sums[4])
{
    __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]),
                                    _mm256_hadd_epi32(sums[2], sums[3]));
    return _mm_add_epi32(_mm256_castsi256_si128(all),
                         _mm256_extracti128_si256(all, 1));
}

/* Σ v_j·u_j of an int8 query and a row, not yet folded. Bytes are taken in pieces of at
 * most four bits, whose products are at most 3 810 a pair; so an int16 holds all planes
 * of a byte. An 8-bit u is two nibbles of the same v, the upper worth 16. */
INLINE __m256i dot_values(const int8_t *values, const uint8_t *row, size_t n_lines,
                          size_t bits)
{
    const int width = bits == 2 ? 2 : 4;
    const __m256i mask = _mm256_set1_epi8((int8_t)((1 << width) - 1));
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i dot = _mm256_setzero_si256(), upper = dot;
    for (size_t at = 0; at < CACHE_LINE * n_lines; at += 32) {
        __m256i bytes = load_32(row + at), sums = _mm256_setzero_si256();
        for (int shift = 0; shift < 8; shift += width) {
            size_t plane = bits == 8 ? 0 : (size_t)shift / bits;
            __m256i u = _mm256_and_si256(_mm256_srli_epi16(bytes, shift), mask);
            __m256i v = load_32(values + CACHE_LINE * n_lines * plane + at);
            __m256i pairs = _mm256_maddubs_epi16(u, v);
            if (bits == 8 && shift > 0)
                upper = _mm256_add_epi32(upper, _mm256_madd_epi16(pairs, ones));
            else
                sums = _mm256_add_epi16(sums, pairs);
        }
        dot = _mm256_add_epi32(dot, _mm256_madd_epi16(sums, ones));
    }
    return _mm256_add_epi32(dot, _mm256_slli_epi32(upper, 4));
}

INLINE ints4 dot_values4(const int8_t *values, const uint8_t *const rows[4],
                         size_t n_lines, size_t bits)
{
    __m256i sums[4];
    for (int k = 0; k < 4; ++k)
        sums[k] = dot_values(values, rows[k], n_lines, bits);
    return fold_rows(sums);
}

INLINE __m256i swap_pairs_32(__m256i words)
{
    const __m256i low = _mm256_set1_epi8(0x55);
    return _mm256_or_si256(
        _mm256_slli_epi64(_mm256_and_si256(words, low), 1),
        _mm256_and_si256(_mm256_srli_epi64(words, 1), low));
}

/* Look up both nibbles of every byte and add the two. */
INLINE __m256i weigh_nibbles(__m256i bytes, __m256i weights)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i low = _mm256_and_si256(bytes, nibble);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
    return _mm256_add_epi8(_mm256_shuffle_epi8(weights, low),
                           _mm256_shuffle_epi8(weights, high));
}

/* 32 bytes of a row, zeros for its corrections. */
INLINE __m256i load_code(const uint8_t *row, size_t at)
{
    const __m256i code_only = _mm256_setr_epi64x(0, -1, -1, -1);
    __m256i bytes = load_32(row + at);
    return at == 0 ? _mm256_and_si256(bytes, code_only) : bytes;
}

/* pop(x) + 3·pop(x ∧ high) + 2·pop(y), not yet folded: small uint64 read as int32.
 * In x a low bit weighs 1 and a high bit 4; in y every bit weighs 2. */
INLINE __m256i mismatch(const uint8_t *a, const uint8_t *b, size_t n_lines)
{
    const __m256i in_x = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 4, 5, 1, 2, 5, 6, 4, 5, 8, 9, 5, 6, 9, 10));
    const __m256i in_y = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 2, 2, 4, 2, 4, 4, 6, 2, 4, 4, 6, 4, 6, 6, 8));
    __m256i total = _mm256_setzero_si256();
    for (size_t at = 0; at < CACHE_LINE * n_lines; at += 32) {
        __m256i words_a = load_code(a, at), words_b = load_code(b, at);
        __m256i x = _mm256_xor_si256(words_a, words_b);
        __m256i y = _mm256_xor_si256(words_a, swap_pairs_32(words_b));
        __m256i bytes =
            _mm256_add_epi8(weigh_nibbles(x, in_x), weigh_nibbles(y, in_y));
        total = _mm256_add_epi64(total,
                                 _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
    }
    return total;
}

INLINE ints4 mismatch4(const uint8_t *b, const uint8_t *const a[4], size_t n_lines)
{
    __m256i sums[4];
    for (int k = 0; k < 4; ++k)
        sums[k] = mismatch(a[k], b, n_lines);
    return fold_rows(sums);
}

/* Eight float64 lanes of a sum: lanes 0–3 and 4–7. */
struct lanes {
    __m256d low, high;
};

INLINE struct lanes zero_lanes(void)
{
    return (struct lanes){_mm256_setzero_pd(), _mm256_setzero_pd()};
}

INLINE struct lanes widen(const float *from)
{
    return (struct lanes){_mm256_cvtps_pd(_mm_loadu_ps(from)),
                          _mm256_cvtps_pd(_mm_loadu_ps(from + 4))};
}

INLINE struct lanes lanes_of_int32(__m128i low, __m128i high)
{
    return (struct lanes){_mm256_cvtepi32_pd(low), _mm256_cvtepi32_pd(high)};
}

INLINE struct lanes widen_uint8(const uint8_t *from)
{
    __m128i bytes = _mm_loadl_epi64((const __m128i *)from);
    return lanes_of_int32(_mm_cvtepu8_epi32(bytes),
                          _mm_cvtepu8_epi32(_mm_srli_epi64(bytes, 32)));
}

INLINE struct lanes widen_int8(const int8_t *from)
{
    __m128i bytes = _mm_loadl_epi64((const __m128i *)from);
    return lanes_of_int32(_mm_cvtepi8_epi32(bytes),
                          _mm_cvtepi8_epi32(_mm_srli_epi64(bytes, 32)));
}

INLINE struct lanes add_product(struct lanes sum, struct lanes x, struct lanes y)
{
    return (struct lanes){_mm256_add_pd(sum.low, _mm256_mul_pd(x.low, y.low)),
                          _mm256_add_pd(sum.high, _mm256_mul_pd(x.high, y.high))};
}

INLINE struct lanes subtract(struct lanes x, struct lanes y)
{
    return (struct lanes){_mm256_sub_pd(x.low, y.low), _mm256_sub_pd(x.high, y.high)};
}

INLINE double fold_lanes(struct lanes sum)
{
    __m256d four = _mm256_add_pd(sum.low, sum.high);
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four),
                             _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

#endif
