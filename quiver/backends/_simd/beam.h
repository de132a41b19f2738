/* The beam of a walk: at most `ef` keys in order, and which of them were expanded. */
#ifndef QUIVER_BEAM_H
#define QUIVER_BEAM_H

#include "keys.h"

/* `keys` has NO_KEY from `size` on, and room up to a multiple of BEAM_STEP. A bit of
 * `unexpanded` belongs to a place; bits from `size` on are meaningless. */
struct beam {
    uint64_t *keys;
    uint64_t *unexpanded;
    size_t size;
    size_t ef;
};

#define BEAM_STEP 8

INLINE size_t flag_words(size_t ef)
{
    return (ef + 63) / 64;
}

INLINE size_t round_up(size_t n, size_t step)
{
    return (n + step - 1) / step * step;
}

/* Words of scratch for one beam, a whole number of cache lines. */
INLINE size_t beam_words(size_t ef)
{
    return round_up(ef, BEAM_STEP) + round_up(flag_words(ef), BEAM_STEP);
}

/* `words` starts a cache line: blended steps must not straddle two. */
INLINE void place_beam(struct beam *beam, uint64_t *words, size_t ef)
{
    beam->ef = ef;
    beam->keys = words;
    beam->unexpanded = words + round_up(ef, BEAM_STEP);
}

INLINE void clear_beam(struct beam *beam)
{
    beam->size = 0;
    memset(beam->keys, 0xFF, round_up(beam->ef, BEAM_STEP) * sizeof(uint64_t));
    memset(beam->unexpanded, 0, flag_words(beam->ef) * sizeof(uint64_t));
}

#if defined(QUIVER_SIMD_AVX512)
/* Write the keys that belong in the beam; return how many. `accepted` has room for
 * `count` more than a multiple of eight. */
INLINE size_t accept(const struct beam *beam, const float *distances,
                     const uint32_t *ids, size_t count, uint64_t *accepted)
{
    const __m512i last = _mm512_set1_epi64((long long)beam->keys[beam->ef - 1]);
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
        __mmask8 belongs = _mm512_mask_cmplt_epu64_mask(used, keys, last);
        _mm512_storeu_si512(accepted + n_accepted,
                            _mm512_maskz_compress_epi64(belongs, keys));
        n_accepted += popcount(belongs);
    }
    return n_accepted;
}

/* Insert a key, moving larger ones up; return its place. Every step blends eight keys
 * with themselves shifted by one, so nothing depends on a branch for a usual ef. */
INLINE size_t insert_key(struct beam *beam, uint64_t key)
{
    size_t at = (beam->size < beam->ef ? beam->size : beam->ef - 1) & ~(size_t)7;
    size_t place = 0;
    const __m512i new_key = _mm512_set1_epi64((long long)key);
    __m512i here = _mm512_loadu_si512(beam->keys + at);
    for (;; at -= BEAM_STEP) {
        __m512i below = at == 0 ? _mm512_setzero_si512()
                                : _mm512_loadu_si512(beam->keys + at - BEAM_STEP);
        __mmask8 stays = _mm512_cmplt_epu64_mask(here, new_key);
        __m512i moved =
            _mm512_max_epu64(_mm512_alignr_epi64(here, below, 7), new_key);
        _mm512_storeu_si512(beam->keys + at,
                            _mm512_mask_mov_epi64(moved, stays, here));
        place += popcount(stays);
        if (at == 0 || (stays == 0xFF && beam->ef > 128))
            break;
        here = below;
    }
    beam->size += beam->size < beam->ef;
    return place + at;
}
#else
INLINE size_t accept(const struct beam *beam, const float *distances,
                     const uint32_t *ids, size_t count, uint64_t *accepted)
{
    uint64_t last = beam->keys[beam->ef - 1];
    size_t n_accepted = 0;
    for (size_t i = 0; i < count; ++i) {
        accepted[n_accepted] = make_key(distances[i], ids[i]);
        n_accepted += accepted[n_accepted] < last;
    }
    return n_accepted;
}

INLINE size_t insert_key(struct beam *beam, uint64_t key)
{
    if (key >= beam->keys[beam->ef - 1])
        return beam->ef;
    beam->size += beam->size < beam->ef;
    size_t place = beam->size - 1;
    for (; place > 0 && beam->keys[place - 1] > key; --place)
        beam->keys[place] = beam->keys[place - 1];
    beam->keys[place] = key;
    return place;
}
#endif

/* Open a place among the flags, moving those from it on up by one, and set it. */
INLINE void insert_flag(struct beam *beam, size_t place)
{
    if (place >= beam->ef)
        return;
    size_t number = place / 64, n_words = flag_words(beam->ef);
    uint64_t *words = beam->unexpanded;
    uint64_t below = ((uint64_t)1 << place % 64) - 1;
    uint64_t word = words[number], carry = word >> 63;
    words[number] = (word & below) | (word & ~below) << 1 | (below + 1);
    while (++number < n_words) {
        word = words[number];
        words[number] = word << 1 | carry;
        carry = word >> 63;
    }
}

/* The first unexpanded place, or `size` or more if there is none. */
INLINE size_t first_unexpanded(const struct beam *beam)
{
    for (size_t number = 0; 64 * number < beam->size; ++number)
        if (beam->unexpanded[number] != 0)
            return 64 * number + lowest_bit(beam->unexpanded[number]);
    return beam->size;
}

#endif
