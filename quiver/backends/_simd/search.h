/* Best-first walks with a bounded, sorted beam; see quiver/reference/search.py. */
#ifndef QUIVER_SEARCH_H
#define QUIVER_SEARCH_H

#include <stdlib.h>

#include "distance.h"

/* One walk. `unexpanded` has a bit per place of the beam; bits from `size` on are
 * meaningless. `seen` has a bit per row. */
struct walk {
    uint64_t *beam;
    size_t size;
    size_t ef;
    uint64_t *unexpanded;
    uint64_t *seen;
    uint32_t *newly_seen;
    float *distances;
};

/* Open a place among the bits, moving those from it on up by one, and set it. */
INLINE void insert_bit(uint64_t *words, size_t place, size_t n_words)
{
    size_t number = place / 64;
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
INLINE size_t next_place(const struct walk *walk)
{
    for (size_t number = 0; 64 * number < walk->size; ++number)
        if (walk->unexpanded[number] != 0)
            return 64 * number + lowest_bit(walk->unexpanded[number]);
    return walk->size;
}

INLINE void offer(struct walk *walk, uint64_t key)
{
    if (walk->size == walk->ef && key >= walk->beam[walk->size - 1])
        return;
    size_t place = insert_key(walk->beam, &walk->size, walk->ef, key);
    insert_bit(walk->unexpanded, place, (walk->ef + 63) / 64);
}

/* Collect the neighbours not seen before and mark them, without a branch on it. */
INLINE size_t see(const struct walk *walk, const uint32_t *neighbors, size_t width)
{
    size_t count = 0;
    for (size_t i = 0; i < width && neighbors[i] != NO_ID; ++i) {
        uint32_t id = neighbors[i];
        uint64_t word = walk->seen[id / 64];
        walk->newly_seen[count] = id;
        count += ~word >> id % 64 & 1;
        walk->seen[id / 64] = word | (uint64_t)1 << id % 64;
    }
    return count;
}

static void walk_one(struct walk *walk, const struct query *query,
                     const struct quiver_graph *graph, int64_t *hops,
                     int64_t *distance_computations)
{
    size_t row_bytes = row_bytes_of(query->n_blocks), place;
    size_t count = see(walk, &graph->entry_point, 1);
    *hops = *distance_computations = 0;
    for (;;) {
        for (size_t i = 0; i < count; ++i)
            prefetch_bytes(query->rows + walk->newly_seen[i] * row_bytes, row_bytes);
        measure(query, walk->newly_seen, count, walk->distances);
        *distance_computations += (int64_t)count;
        for (size_t i = 0; i < count; ++i)
            offer(walk, make_key(walk->distances[i], walk->newly_seen[i]));
        place = next_place(walk);
        if (place >= walk->size)
            break;
        walk->unexpanded[place / 64] &= ~((uint64_t)1 << place % 64);
        ++*hops;
        const uint32_t *row =
            graph->neighbors + key_id(walk->beam[place]) * graph->width;
        count = see(walk, row, graph->width);
    }
}

static int search(const struct quiver_codes *codes, const struct quiver_graph *graph,
                  const struct quiver_queries *queries, size_t ef, uint64_t *keys,
                  int64_t *hops, int64_t *distance_computations)
{
    size_t n_flags = (ef + 63) / 64, n_seen = (codes->n_rows + 63) / 64;
    size_t n_lists = graph->width + 1;
    uint64_t *words = malloc((n_flags + n_seen + n_lists) * sizeof(uint64_t));
    if (words == NULL)
        return -1;
    struct walk walk = {.ef = ef, .unexpanded = words, .seen = words + n_flags};
    walk.newly_seen = (uint32_t *)(words + n_flags + n_seen);
    walk.distances = (float *)(walk.newly_seen + n_lists);
    for (size_t number = 0; number < queries->n_queries; ++number) {
        struct query query = open_query(codes, queries, number);
        memset(words, 0, (n_flags + n_seen) * sizeof(uint64_t));
        walk.beam = keys + number * ef;
        walk.size = 0;
        walk_one(&walk, &query, graph, hops + number, distance_computations + number);
        for (size_t i = walk.size; i < ef; ++i)
            walk.beam[i] = NO_KEY;
    }
    free(words);
    return 0;
}

#endif
