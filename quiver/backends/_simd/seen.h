/* The rows a walk has seen, exactly, at a cost that follows what it sees.
 *
 * A small base has a bit for each row. A larger one has an open table of the ids seen,
 * which grows with them until bits would take no more room. Words of ones stand for
 * nothing seen in both: an empty place of a table is NO_ID.
 */
#ifndef QUIVER_SEEN_H
#define QUIVER_SEEN_H

#include <stdlib.h>

#include "keys.h"

/* A bit costs less than a place of a table, but all bits are cleared for every walk and
 * held in the cache. Tables win between one and four million rows, the sooner the fewer
 * rows a walk sees: docs/benchmarks.md. */
#define MOST_ROWS_IN_BITS ((size_t)1 << 21)

/* A table is made with four places for an id, so that most ids are at their own, and
 * grows when it is half full. */
#define PLACES_MADE 4
#define PLACES_LEAST 2

/* A walk sees about as many rows as the lists of its beam hold, and of some more nodes
 * that it passes on its way there. */
#define NODES_PASSED 16

struct seen {
    uint32_t *words;
    size_t n_words;
    size_t n_rows;   /* of the base */
    unsigned shift;  /* a table has 2^(32 - shift) words; bits have 0 */
    size_t most_ids; /* in a table, before it must grow */
    uint32_t *grown; /* the words if they are a block of their own, or NULL */
};

/* Choose what takes so many ids; the caller gives it its words. */
static struct seen plan_seen(uint64_t n_ids, size_t n_rows)
{
    size_t n_bit_words = (n_rows + 31) / 32, n_words = 1;
    unsigned shift = 32;
    for (; n_words < PLACES_MADE * n_ids && n_words < n_bit_words; n_words *= 2)
        --shift;
    struct seen seen = {.n_rows = n_rows, .n_words = n_bit_words};
    if (n_rows > MOST_ROWS_IN_BITS && n_words < n_bit_words) {
        seen.n_words = n_words;
        seen.shift = shift;
        seen.most_ids = n_words / PLACES_LEAST;
    }
    return seen;
}

INLINE void clear_seen(struct seen *seen)
{
    memset(seen->words, 0xFF, seen->n_words * sizeof *seen->words);
}

/* See a row; return whether it is new. */
INLINE size_t see_bit(uint32_t *words, uint32_t id)
{
    uint32_t word = words[id / 32], bit = (uint32_t)1 << id % 32;
    words[id / 32] = word & ~bit;
    return (word & bit) != 0;
}

/* The same in a table: multiplied by the golden ratio, ids at equal steps spread out. */
INLINE size_t see_in_table(uint32_t *words, unsigned shift, uint32_t id)
{
    uint32_t last = UINT32_MAX >> shift;
    uint32_t place = id * UINT32_C(0x9E3779B1) >> shift;
    while ((words[place] != id) & (words[place] != NO_ID))
        place = (place + 1) & last;
    size_t is_new = words[place] != id;
    words[place] = id;
    return is_new;
}

INLINE size_t see_row(const struct seen *seen, uint32_t id)
{
    return seen->shift == 0 ? see_bit(seen->words, id)
                            : see_in_table(seen->words, seen->shift, id);
}

/* Take a table to one for so many ids or, where that is no smaller, to bits. */
static int grow_seen(struct seen *seen, size_t n_ids)
{
    struct seen grown = plan_seen(n_ids, seen->n_rows);
    grown.words = grown.grown = malloc(grown.n_words * sizeof *grown.words);
    if (grown.words == NULL)
        return -1;
    clear_seen(&grown);
    for (size_t i = 0; i < seen->n_words; ++i)
        if (seen->words[i] != NO_ID)
            see_row(&grown, seen->words[i]);
    free(seen->grown);
    *seen = grown;
    return 0;
}

/* Make room for so many ids in all; return -1 if there is no memory. */
INLINE int reserve_seen(struct seen *seen, size_t n_ids)
{
    return seen->shift == 0 || n_ids <= seen->most_ids ? 0 : grow_seen(seen, n_ids);
}

#endif
