/* Few, diverse out-edges from sorted candidates; see quiver/reference/prune.py. */
#ifndef QUIVER_PRUNE_H
#define QUIVER_PRUNE_H

#include <stdlib.h>

#include "distance.h"

/* Kept rows are measured this many at a time, so that a near one ends the test. */
#define STEP 8

struct prune_scratch {
    uint32_t *kept;
    uint32_t *rejected;
};

INLINE int covers(float to_kept, float reach, float alpha, enum quiver_prune_rule rule)
{
    return rule == QUIVER_PUBLISHED ? to_kept < alpha * reach
                                    : alpha * to_kept <= reach;
}

static int is_covered(const struct query *candidate, const uint32_t *kept,
                      size_t n_kept, float reach, float alpha,
                      enum quiver_prune_rule rule)
{
    float to_kept[STEP];
    for (size_t start = 0; start < n_kept; start += STEP) {
        size_t count = n_kept - start < STEP ? n_kept - start : STEP;
        int covered = 0;
        measure(candidate, kept + start, count, to_kept);
        for (size_t i = 0; i < count; ++i)
            covered |= covers(to_kept[i], reach, alpha, rule);
        if (covered)
            return 1;
    }
    return 0;
}

static size_t prune_one(const struct quiver_codes *codes, const uint64_t *candidates,
                        size_t width, size_t max_degree, float alpha,
                        enum quiver_prune_rule rule, const struct prune_scratch *scratch)
{
    struct query query = open_symmetric(codes);
    size_t n_kept = 0, n_rejected = 0, row_bytes = row_bytes_of(query.n_blocks);
    for (size_t i = 0; i < width && candidates[i] != NO_KEY; ++i)
        prefetch_bytes(codes->rows + key_id(candidates[i]) * row_bytes, row_bytes);
    for (size_t i = 0; i < width && candidates[i] != NO_KEY; ++i) {
        if (n_kept == max_degree)
            break;
        uint32_t id = key_id(candidates[i]);
        set_row(&query, codes->rows + id * row_bytes);
        if (is_covered(&query, scratch->kept, n_kept, key_distance(candidates[i]), alpha,
                       rule))
            scratch->rejected[n_rejected++] = id;
        else
            scratch->kept[n_kept++] = id;
    }
    if (rule == QUIVER_PUBLISHED)
        for (size_t i = 0; i < n_rejected && n_kept < max_degree; ++i)
            scratch->kept[n_kept++] = scratch->rejected[i];
    return n_kept;
}

static int prune(const struct quiver_codes *codes, const uint64_t *candidates,
                 size_t n_targets, size_t width, size_t max_degree, float alpha,
                 enum quiver_prune_rule rule, uint32_t *neighbors)
{
    uint32_t *ids = malloc((max_degree + width + 1) * sizeof(uint32_t));
    if (ids == NULL)
        return -1;
    struct prune_scratch scratch = {ids, ids + max_degree};
    for (size_t i = 0; i < n_targets; ++i) {
        size_t n_kept = prune_one(codes, candidates + i * width, width, max_degree,
                                  alpha, rule, &scratch);
        uint32_t *row = neighbors + i * max_degree;
        memcpy(row, scratch.kept, n_kept * sizeof(uint32_t));
        for (size_t j = n_kept; j < max_degree; ++j)
            row[j] = NO_ID;
    }
    free(ids);
    return 0;
}

#endif
