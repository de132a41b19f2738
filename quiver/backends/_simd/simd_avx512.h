/* Inner functions in AVX-512: VNNI and VPOPCNTDQ where the compiler's flags allow
 * them, and otherwise the same steps as AVX2 on wider registers. */
#ifndef QUIVER_SIMD_AVX512_H
#define QUIVER_SIMD_AVX512_H

#include "keys.h"
#include "simd_x86.h"

/* Sum each of four registers of int32. */
INLINE ints4 fold_rows(const __m512i sums[4])
{
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[0], sums[1]),
                                  _mm512_unpackhi_epi32(sums[0], sums[1]));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[2], sums[3]),
                                  _mm512_unpackhi_epi32(sums[2], sums[3]));
    __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd),
                                   _mm512_unpackhi_epi64(ab, cd));
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all),
                                    _mm512_extracti64x4_epi64(all, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half),
                         _mm256_extracti128_si256(half, 1));
}

#ifdef __AVX512VNNI__
/* One line of four rows. Two-bit pairs are taken in place, the upper of a nibble worth 4;
 * its sums are kept apart and shifted down once. */
INLINE void add_line(const int8_t *values, const uint8_t *const rows[4], size_t line,
                     size_t n_lines, size_t bits, __m512i low[4], __m512i high[4])
{
    const __m512i nibble = _mm512_set1_epi8(15), pair = _mm512_set1_epi8(3);
    const __m512i upper_pair = _mm512_set1_epi8(12);
    __m512i v[4];
    for (size_t plane = 0; plane < planes_of(bits); ++plane)
        v[plane] = _mm512_loadu_si512(values + CACHE_LINE * (n_lines * plane + line));
    for (int k = 0; k < 4; ++k) {
        __m512i bytes = _mm512_loadu_si512(rows[k] + CACHE_LINE * line);
        __m512i upper = _mm512_srli_epi16(bytes, 4);
        if (bits == 8) {
            low[k] = _mm512_dpbusd_epi32(low[k], bytes, v[0]);
        } else if (bits == 4) {
            low[k] = _mm512_dpbusd_epi32(low[k], _mm512_and_si512(bytes, nibble), v[0]);
            low[k] = _mm512_dpbusd_epi32(low[k], _mm512_and_si512(upper, nibble), v[1]);
        } else {
            __m512i u = _mm512_and_si512(bytes, pair);
            low[k] = _mm512_dpbusd_epi32(low[k], u, v[0]);
            u = _mm512_and_si512(bytes, upper_pair);
            high[k] = _mm512_dpbusd_epi32(high[k], u, v[1]);
            u = _mm512_and_si512(upper, pair);
            low[k] = _mm512_dpbusd_epi32(low[k], u, v[2]);
            u = _mm512_and_si512(upper, upper_pair);
            high[k] = _mm512_dpbusd_epi32(high[k], u, v[3]);
        }
    }
}

INLINE ints4 dot_values4(const int8_t *values, const uint8_t *const rows[4],
                         size_t n_lines, size_t bits)
{
    __m512i low[4], high[4];
    for (int k = 0; k < 4; ++k)
        low[k] = high[k] = _mm512_setzero_si512();
    for (size_t line = 0; line < n_lines; ++line)
        add_line(values, rows, line, n_lines, bits, low, high);
    if (bits == 2)
        for (int k = 0; k < 4; ++k)
            low[k] = _mm512_add_epi32(low[k], _mm512_srai_epi32(high[k], 2));
    return fold_rows(low);
}
#else
/* Σ v_j·u_j of an int8 query and a row, not yet folded. As in AVX2: pieces of at most four bits, an 8-bit u as two nibbles of the same v. */
INLINE __m512i dot_values(const int8_t *values, const uint8_t *row, size_t n_lines,
                          size_t bits)
{
    const int width = bits == 2 ? 2 : 4;
    const __m512i mask = _mm512_set1_epi8((int8_t)((1 << width) - 1));
    const __m512i ones = _mm512_set1_epi16(1);
    __m512i dot = _mm512_setzero_si512(), upper = dot;
    for (size_t line = 0; line < n_lines; ++line) {
        __m512i bytes = _mm512_loadu_si512(row + CACHE_LINE * line);
        __m512i sums = _mm512_setzero_si512();
        for (int shift = 0; shift < 8; shift += width) {
            size_t plane = bits == 8 ? 0 : (size_t)shift / bits;
            const int8_t *v = values + CACHE_LINE * (n_lines * plane + line);
            __m512i u = _mm512_and_si512(
                _mm512_srli_epi16(bytes, (unsigned)shift), mask);
            __m512i pairs = _mm512_maddubs_epi16(u, _mm512_loadu_si512(v));
            if (bits == 8 && shift > 0)
                upper = _mm512_add_epi32(upper, _mm512_madd_epi16(pairs, ones));
            else
                sums = _mm512_add_epi16(sums, pairs);
        }
        dot = _mm512_add_epi32(dot, _mm512_madd_epi16(sums, ones));
    }
    return _mm512_add_epi32(dot, _mm512_slli_epi32(upper, 4));
}

INLINE ints4 dot_values4(const int8_t *values, const uint8_t *const rows[4],
                         size_t n_lines, size_t bits)
{
    __m512i sums[4];
    for (int k = 0; k < 4; ++k)
        sums[k] = dot_values(values, rows[k], n_lines, bits);
    return fold_rows(sums);
}
#endif

INLINE __m512i swap_pairs_64(__m512i words)
{
    const __m512i low = _mm512_set1_epi8(0x55);
    return _mm512_or_si512(
        _mm512_slli_epi64(_mm512_and_si512(words, low), 1),
        _mm512_and_si512(_mm512_srli_epi64(words, 1), low));
}

/* One line of a row, zeros for its corrections. */
INLINE __m512i load_code(const uint8_t *row, size_t line)
{
    return _mm512_maskz_loadu_epi64(line == 0 ? 0xFE : 0xFF, row + CACHE_LINE * line);
}

#ifdef __AVX512VPOPCNTDQ__
/* One popcount per weight and word: x, its high bits, y. */
INLINE __m512i weigh(__m512i x, __m512i y)
{
    __m512i high = _mm512_and_si512(x, _mm512_set1_epi8((int8_t)0xAA));
    __m512i in_high = _mm512_popcnt_epi64(high);
    __m512i twice = _mm512_add_epi64(in_high, _mm512_popcnt_epi64(y));
    __m512i once = _mm512_add_epi64(in_high, _mm512_popcnt_epi64(x));
    return _mm512_add_epi64(once, _mm512_add_epi64(twice, twice));
}
#else
/* Look up both nibbles of every byte and add the two. */
INLINE __m512i weigh_nibbles(__m512i bytes, __m512i weights)
{
    const __m512i nibble = _mm512_set1_epi8(15);
    __m512i low = _mm512_and_si512(bytes, nibble);
    __m512i high = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble);
    return _mm512_add_epi8(_mm512_shuffle_epi8(weights, low),
                           _mm512_shuffle_epi8(weights, high));
}

/* In x a low bit weighs 1 and a high bit 4; in y every bit weighs 2. */
INLINE __m512i weigh(__m512i x, __m512i y)
{
    const __m512i in_x = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 1, 4, 5, 1, 2, 5, 6, 4, 5, 8, 9, 5, 6, 9, 10));
    const __m512i in_y = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 2, 2, 4, 2, 4, 4, 6, 2, 4, 4, 6, 4, 6, 6, 8));
    __m512i bytes = _mm512_add_epi8(weigh_nibbles(x, in_x), weigh_nibbles(y, in_y));
    return _mm512_sad_epu8(bytes, _mm512_setzero_si512());
}
#endif

/* pop(x) + 3·pop(x ∧ high) + 2·pop(y), not yet folded: small uint64 read as int32. */
INLINE __m512i mismatch(const uint8_t *a, const uint8_t *b, size_t n_lines)
{
    __m512i total = _mm512_setzero_si512();
    for (size_t line = 0; line < n_lines; ++line) {
        __m512i words_a = load_code(a, line), words_b = load_code(b, line);
        __m512i x = _mm512_xor_si512(words_a, words_b);
        __m512i y = _mm512_xor_si512(words_a, swap_pairs_64(words_b));
        total = _mm512_add_epi64(total, weigh(x, y));
    }
    return total;
}

INLINE ints4 mismatch4(const uint8_t *b, const uint8_t *const a[4], size_t n_lines)
{
    __m512i sums[4];
    for (int k = 0; k < 4; ++k)
        sums[k] = mismatch(a[k], b, n_lines);
    return fold_rows(sums);
}

/* Eight float64 lanes of a sum in one register. */
struct lanes {
    __m512d all;
};

INLINE struct lanes zero_lanes(void)
{
    return (struct lanes){_mm512_setzero_pd()};
}

INLINE struct lanes widen(const float *from)
{
    return (struct lanes){_mm512_cvtps_pd(_mm256_loadu_ps(from))};
}

INLINE struct lanes widen_uint8(const uint8_t *from)
{
    __m128i bytes = _mm_loadl_epi64((const __m128i *)from);
    return (struct lanes){_mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(bytes))};
}

INLINE struct lanes widen_int8(const int8_t *from)
{
    __m128i bytes = _mm_loadl_epi64((const __m128i *)from);
    return (struct lanes){_mm512_cvtepi32_pd(_mm256_cvtepi8_epi32(bytes))};
}

INLINE struct lanes add_product(struct lanes sum, struct lanes x, struct lanes y)
{
    return (struct lanes){_mm512_add_pd(sum.all, _mm512_mul_pd(x.all, y.all))};
}

INLINE struct lanes subtract(struct lanes x, struct lanes y)
{
    return (struct lanes){_mm512_sub_pd(x.all, y.all)};
}

INLINE double fold_lanes(struct lanes sum)
{
    __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(sum.all),
                                 _mm512_extractf64x4_pd(sum.all, 1));
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four),
                             _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

#define QUIVER_HAS_KEEP

INLINE size_t keep4(floats4 least, float bound, ints4 total, const uint32_t *ids,
                    size_t count, uint32_t *kept_ids, int32_t *kept_sums)
{
    __mmask8 used = count < 4 ? (__mmask8)((1u << count) - 1) : 0xF;
    __mmask8 above = _mm_mask_cmp_ps_mask(used, least, splat4(bound), _CMP_GT_OQ);
    __mmask8 kept = used & (__mmask8)~above;
    __m128i four = _mm_loadu_si128((const __m128i *)ids);
    _mm_storeu_si128((__m128i *)kept_ids, _mm_maskz_compress_epi32(kept, four));
    _mm_storeu_si128((__m128i *)kept_sums, _mm_maskz_compress_epi32(kept, total));
    return popcount(kept);
}

#define QUIVER_HAS_BEAM

INLINE size_t accept_keys(uint64_t last, const float *distances, const uint32_t *ids,
                          size_t count, uint64_t *accepted)
{
    const __m512i largest = _mm512_set1_epi64((long long)last);
    const __m256i sign = _mm256_set1_epi32((int)SIGN_BIT);
    size_t n_accepted = 0;
    for (size_t i = 0; i < count; i += 8) {
        __mmask8 used = count - i < 8 ? (__mmask8)((1u << (count - i)) - 1) : 0xFF;
        __m256 d = _mm256_add_ps(_mm256_maskz_loadu_ps(used, distances + i),
                                 _mm256_setzero_ps());
        __m256i bits = _mm256_castps_si256(d);
        __m256i flip = _mm256_or_si256(_mm256_srai_epi32(bits, 31), sign);
        __m512i high = _mm512_cvtepu32_epi64(_mm256_xor_si256(bits, flip));
        __m512i low = _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi32(used, ids + i));
        __m512i keys = _mm512_or_si512(_mm512_slli_epi64(high, 32), low);
        __mmask8 belongs = _mm512_mask_cmplt_epu64_mask(used, keys, largest);
        _mm512_storeu_si512(accepted + n_accepted,
                            _mm512_maskz_compress_epi64(belongs, keys));
        n_accepted += popcount(belongs);
    }
    return n_accepted;
}

/* Every step blends eight keys with themselves shifted by one, so that nothing depends
 * on a branch for a usual ef. */
INLINE size_t insert_sorted(uint64_t *keys, size_t size, size_t ef, uint64_t key)
{
    size_t at = (size < ef ? size : ef - 1) & ~(size_t)(BEAM_STEP - 1);
    size_t place = 0;
    const __m512i new_key = _mm512_set1_epi64((long long)key);
    __m512i here = _mm512_loadu_si512(keys + at);
    for (;; at -= BEAM_STEP) {
        __m512i below = at == 0 ? _mm512_setzero_si512()
                                : _mm512_loadu_si512(keys + at - BEAM_STEP);
        __mmask8 stays = _mm512_cmplt_epu64_mask(here, new_key);
        __m512i moved =
            _mm512_max_epu64(_mm512_alignr_epi64(here, below, 7), new_key);
        _mm512_storeu_si512(keys + at,
                            _mm512_mask_mov_epi64(moved, stays, here));
        place += popcount(stays);
        if (at == 0 || (stays == 0xFF && ef > 128))
            break;
        here = below;
    }
    return place + at;
}

#endif
