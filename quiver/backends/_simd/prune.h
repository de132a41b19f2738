/* Few, diverse out-edges from sorted candidates; see quiver/reference/prune.py. */
#ifndef QUIVER_PRUNE_H
#define QUIVER_PRUNE_H

#include <stdlib.h>

#include "distance.h"

struct prune_scratch {
    uint32_t *kept;
    uint32_t *rejected;
    float *to_kept;
};

INLINE int is_covered(const float *to_kept, size_t n_kept, float reach, float alpha,
                      enum quiver_prune_rule rule)
{
    int covered = 0;
    for (size_t i = 0; i < n_kept; ++i)
        covered |= rule == QUIVER_PUBLISHED ? to_kept[i] < alpha * reach
                                            : alpha * to_kept[i] <= reach;
    return covered;
}

static size_t prune_one(const struct quiver_codes *codes, const uint64_t *candidates,
                        size_t width, size_t max_degree, float alpha,
                        enum quiver_prune_rule rule, const struct prune_scratch *scratch)
{
    size_t n_kept = 0, n_rejected = 0, row_bytes = row_bytes_of(blocks_of(codes->dim));
    for (size_t i = 0; i < width && candidates[i] != NO_KEY; ++i) {
        if (n_kept == max_degree)
            break;
        uint32_t id = key_id(candidates[i]);
        struct query query = coded_query(codes, codes->rows + id * row_bytes);
        measure(&query, scratch->kept, n_kept, scratch->to_kept);
        if (is_covered(scratch->to_kept, n_kept, key_distance(candidates[i]), alpha,
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
    uint32_t *ids = malloc((2 * width + max_degree) * sizeof(uint32_t) +
                           (max_degree + 3) * sizeof(float));
    if (ids == NULL)
        return -1;
    struct prune_scratch scratch = {ids, ids + max_degree,
                                    (float *)(ids + max_degree + width)};
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
