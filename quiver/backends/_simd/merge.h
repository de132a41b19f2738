/* Reverse edges joined to the lists of their targets; see quiver/reference/merge.py. */
#ifndef QUIVER_MERGE_H
#define QUIVER_MERGE_H

#include "beam.h"
#include "prune.h"

#define DIGIT_BITS 11
#define N_DIGITS (1 << DIGIT_BITS)

/* Pairs whose list is asked for ahead of its turn. */
#define AHEAD 8

/* What the merging of one range needs besides its inputs. */
struct merge_scratch {
    uint64_t *pairs; /* (target - start, source) */
    uint64_t *spare;
    struct beam beam;
    uint32_t *ids; /* of one list and its new sources */
    float *distances;
    struct prune_scratch prune;
    int8_t *values;
};

/* Collect the edges to targets in the range; the first source comes first. */
static size_t take_pairs(const struct quiver_chosen *chosen, uint32_t start,
                         uint32_t stop, uint64_t *pairs)
{
    size_t n_pairs = 0;
    for (size_t i = 0; i < chosen->n_sources; ++i)
        for (size_t j = 0; j < chosen->width; ++j) {
            uint32_t place = chosen->edges[i * chosen->width + j] - start;
            pairs[n_pairs] = (uint64_t)place << 32 | chosen->sources[i];
            n_pairs += place < stop - start;
        }
    return n_pairs;
}

/* Sort pairs by target, those of one target as they come; no place of a target is above
 * `top`. Return where they are: in `pairs` or in `spare`. */
static uint64_t *sort_by_target(uint64_t *pairs, uint64_t *spare, size_t n_pairs,
                                uint64_t top)
{
    for (unsigned shift = 32; top >> (shift - 32) > 0; shift += DIGIT_BITS) {
        size_t places[N_DIGITS + 1] = {0};
        for (size_t i = 0; i < n_pairs; ++i)
            ++places[(pairs[i] >> shift) % N_DIGITS + 1];
        for (size_t digit = 0; digit < N_DIGITS; ++digit)
            places[digit + 1] += places[digit];
        for (size_t i = 0; i < n_pairs; ++i)
            spare[places[(pairs[i] >> shift) % N_DIGITS]++] = pairs[i];
        uint64_t *sorted = spare;
        spare = pairs;
        pairs = sorted;
    }
    return pairs;
}

INLINE int is_among(uint32_t id, const uint32_t *ids, size_t count)
{
    int found = 0;
    for (size_t i = 0; i < count; ++i)
        found |= ids[i] == id;
    return found;
}

/* Write a list and, behind it, the sources that are not in it, each once; return how
 * many, which is at most one for every source more. */
static size_t join(const uint32_t *list, size_t width, const uint64_t *pairs,
                   size_t n_pairs, uint32_t *ids)
{
    size_t n_known = 0;
    for (; n_known < width && list[n_known] != NO_ID; ++n_known)
        ids[n_known] = list[n_known];
    size_t count = n_known;
    for (size_t i = 0; i < n_pairs; ++i) {
        ids[count] = key_id(pairs[i]);
        count += (i == 0 || pairs[i] != pairs[i - 1]) &&
                 !is_among(ids[count], ids, n_known);
    }
    return count;
}

INLINE size_t keep_allowed(const uint64_t *allowed, uint32_t *ids, size_t count)
{
    size_t n_allowed = 0;
    for (size_t i = 0; i < count; ++i) {
        uint32_t id = ids[i];
        ids[n_allowed] = id;
        n_allowed += allowed[id / 64] >> id % 64 & 1;
    }
    return n_allowed;
}

/* Choose among the ids in scratch, all of one target; return how many are kept. */
static size_t choose(struct query *query, uint32_t target, size_t count,
                     const struct quiver_choice *choice, struct merge_scratch *scratch)
{
    struct beam *beam = &scratch->beam;
    size_t row_bytes = CACHE_LINE * query->n_lines;
    for (size_t i = 0; i < count; ++i)
        prefetch_bytes(row_of(query, scratch->ids[i]), row_bytes);
    set_row(query, row_of(query, target));
    measure(query, scratch->ids, count, scratch->distances);
    /* A beam as wide as there are keys does nothing but sort them. */
    beam->ef = count;
    clear_beam(beam);
    for (size_t i = 0; i < count; ++i)
        insert_key(beam, make_key(scratch->distances[i], scratch->ids[i]));
    return prune_one(query, beam->keys, count, choice, &scratch->prune);
}

/* Write the list of one target with its new sources. */
static void merge_one(struct query *query, uint32_t target, const uint64_t *pairs,
                      size_t n_pairs, const struct quiver_lists *lists,
                      const struct quiver_choice *choice, struct merge_scratch *scratch,
                      uint32_t *merged)
{
    const uint32_t *ids = scratch->ids;
    size_t count = join(lists->neighbors + target * lists->width, lists->width, pairs,
                        n_pairs, scratch->ids);
    if (count > lists->width) {
        if (lists->allowed != NULL)
            count = keep_allowed(lists->allowed, scratch->ids, count);
        count = choose(query, target, count, choice, scratch);
        ids = scratch->prune.kept;
    }
    memcpy(merged, ids, count * sizeof(uint32_t));
    for (size_t i = count; i < lists->width; ++i)
        merged[i] = NO_ID;
}

/* Give every array its share of one block; return the block, or NULL. */
static void *place_merge(struct merge_scratch *scratch, const struct quiver_codes *codes,
                         size_t n_edges, size_t most, size_t max_degree)
{
    size_t n_pairs = round_up(n_edges + 1, BEAM_STEP), n_beam = beam_words(most);
    size_t n_ids = round_up(most + BEAM_STEP, BEAM_STEP);
    size_t n_bytes = (2 * n_pairs + n_beam) * sizeof(uint64_t) + CACHE_LINE +
                     (3 * n_ids + max_degree) * sizeof(uint32_t) + value_bytes_of(codes);
    void *block = malloc(n_bytes);
    if (block == NULL)
        return NULL;
    uint64_t *words = align_up(block);
    place_beam(&scratch->beam, words, most);
    scratch->pairs = words + n_beam;
    scratch->spare = scratch->pairs + n_pairs;
    scratch->ids = (uint32_t *)(scratch->spare + n_pairs);
    scratch->distances = (float *)(scratch->ids + n_ids);
    scratch->prune.struck = scratch->ids + 2 * n_ids;
    scratch->prune.kept = scratch->prune.struck + n_ids;
    scratch->values = (int8_t *)(scratch->prune.kept + max_degree);
    return block;
}

static int merge(const struct quiver_codes *codes, const struct quiver_lists *lists,
                 const struct quiver_chosen *chosen, uint32_t start, uint32_t stop,
                 const struct quiver_choice *choice, uint32_t *targets, uint32_t *merged,
                 size_t *n_targets)
{
    struct merge_scratch scratch;
    void *block = place_merge(&scratch, codes, chosen->n_sources * chosen->width,
                              lists->width + chosen->n_sources, choice->max_degree);
    *n_targets = 0;
    if (block == NULL)
        return -1;
    struct query query = init_symmetric(codes, scratch.values);
    size_t n_pairs = take_pairs(chosen, start, stop, scratch.pairs);
    const uint64_t *pairs =
        sort_by_target(scratch.pairs, scratch.spare, n_pairs, stop - start);
    for (size_t first = 0, next = 0; first < n_pairs; first = next) {
        uint32_t target = start + (uint32_t)(pairs[first] >> 32);
        while (next < n_pairs && pairs[next] >> 32 == pairs[first] >> 32)
            ++next;
        if (next + AHEAD < n_pairs)
            prefetch_bytes(lists->neighbors +
                               (start + (pairs[next + AHEAD] >> 32)) * lists->width,
                           lists->width * sizeof(uint32_t));
        merge_one(&query, target, pairs + first, next - first, lists, choice, &scratch,
                  merged + *n_targets * lists->width);
        targets[(*n_targets)++] = target;
    }
    free(block);
    return 0;
}

#endif
