/* The exact metric on stored vectors; see quiver/reference/rerank.py. */
#ifndef QUIVER_RERANK_H
#define QUIVER_RERANK_H

#include <math.h>

#include "kernels.h"
#include "keys.h"

/* `query_norm` is ‖q‖ and is read for cosine only. */
INLINE float exact_distance(const float *vector, const float *query, size_t dim,
                            enum quiver_metric metric, double query_norm)
{
    if (metric == QUIVER_EUCLIDEAN)
        return (float)sqrt(lane_squared_difference(vector, query, dim));
    double dot = lane_dot(vector, query, dim);
    if (metric == QUIVER_INNER_PRODUCT)
        return (float)-dot;
    double lengths = query_norm * sqrt(lane_dot(vector, vector, dim));
    double distance = 1.0 - (lengths > 0 ? dot / lengths : 0.0);
    return (float)(distance > 0 ? distance : 0.0);
}

static size_t rerank_one(const float *vectors, const float *query, size_t dim,
                         const uint32_t *candidates, size_t width, size_t k,
                         enum quiver_metric metric, uint64_t *best)
{
    size_t n_best = 0;
    double query_norm = sqrt(lane_dot(query, query, dim));
    for (size_t i = 0; i < width; ++i) {
        if (candidates[i] == NO_ID)
            continue;
        const float *vector = vectors + candidates[i] * dim;
        float distance = exact_distance(vector, query, dim, metric, query_norm);
        uint64_t key = make_key(distance, candidates[i]);
        if (n_best < k || key < best[k - 1])
            insert_key(best, &n_best, k, key);
    }
    return n_best;
}

static int rerank(const float *vectors, const float *queries, size_t dim,
                  const uint32_t *candidates, size_t n_queries, size_t width, size_t k,
                  enum quiver_metric metric, uint32_t *ids, float *distances)
{
    uint64_t *best = malloc((k + 1) * sizeof(uint64_t));
    if (best == NULL)
        return -1;
    for (size_t number = 0; number < n_queries; ++number) {
        size_t n_best = rerank_one(vectors, queries + number * dim, dim,
                                   candidates + number * width, width, k, metric, best);
        for (size_t i = 0; i < k; ++i) {
            ids[number * k + i] = i < n_best ? key_id(best[i]) : NO_ID;
            distances[number * k + i] = i < n_best ? key_distance(best[i]) : INFINITY;
        }
    }
    free(best);
    return 0;
}

#endif
