/* The beam of a walk: at most `ef` keys in order, and which of them were expanded. */
#ifndef QUIVER_BEAM_H
#define QUIVER_BEAM_H

#include "keys.h"
#include "simd.h"

/* `keys` has NO_KEY from `size` to `ef`, and then scratch up to a multiple of BEAM_STEP.
 * A bit of `unexpanded` belongs to a place; bits from `size` on are meaningless. */
struct beam {
    uint64_t *keys;
    uint64_t *unexpanded;
    size_t size;
    size_t ef;
};

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

#ifndef QUIVER_HAS_BEAM
INLINE size_t accept_keys(uint64_t last, const float *distances, const uint32_t *ids,
                          size_t count, uint64_t *accepted)
{
    size_t n_accepted = 0;
    for (size_t i = 0; i < count; ++i) {
        accepted[n_accepted] = make_key(distances[i], ids[i]);
        n_accepted += accepted[n_accepted] < last;
    }
    return n_accepted;
}

INLINE size_t insert_sorted(uint64_t *keys, size_t size, size_t ef, uint64_t key)
{
    if (key >= keys[ef - 1])
        return ef;
    size_t place = size < ef ? size : ef - 1;
    for (; place > 0 && keys[place - 1] > key; --place)
        keys[place] = keys[place - 1];
    keys[place] = key;
    return place;
}
#endif

/* Write the keys that may belong in the beam; return how many. `accepted` has room for
 * BEAM_STEP more than `count`. */
INLINE size_t accept(const struct beam *beam, const float *distances,
                     const uint32_t *ids, size_t count, uint64_t *accepted)
{
    return accept_keys(beam->keys[beam->ef - 1], distances, ids, count, accepted);
}

/* Insert a key, moving larger ones up; return its place. */
INLINE size_t insert_key(struct beam *beam, uint64_t key)
{
    size_t place = insert_sorted(beam->keys, beam->size, beam->ef, key);
    beam->size += beam->size < beam->ef;
    return place;
}

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

/* The first unexpanded place from one on, or `size` or more if there is none. */
INLINE size_t next_unexpanded(const struct beam *beam, size_t place)
{
    uint64_t reached = ~(uint64_t)0 << place % 64;
    for (size_t number = place / 64; 64 * number < beam->size; ++number) {
        uint64_t word = beam->unexpanded[number] & reached;
        if (word != 0)
            return 64 * number + lowest_bit(word);
        reached = ~(uint64_t)0;
    }
    return beam->size;
}

INLINE size_t first_unexpanded(const struct beam *beam)
{
    return next_unexpanded(beam, 0);
}

#endif
