/* The exact metric on stored vectors; see quiver/reference/rerank.py. */
#ifndef QUIVER_RERANK_H
#define QUIVER_RERANK_H

#include <math.h>
#include <stdlib.h>

#include "beam.h"
#include "kernels.h"
#include "lanes.h"

/* How far ahead rows are asked for: enough to cover the latency of main memory. */
#define PREFETCH_BYTES 6144

/* `query_norm` is ‖q‖ and is read for cosine only. */
INLINE float exact_distance(const float *vector, const float *query, size_t dim,
                            enum quiver_metric metric, double query_norm)
{
    if (metric == QUIVER_EUCLIDEAN)
        return (float)sqrt(lane_squared_difference(vector, query, dim));
    if (metric == QUIVER_INNER_PRODUCT)
        return (float)-lane_dot(vector, query, dim);
    double norm2, dot = lane_dot_and_norm2(vector, query, dim, &norm2);
    double lengths = query_norm * sqrt(norm2);
    double distance = 1.0 - (lengths > 0 ? dot / lengths : 0.0);
    return (float)(distance > 0 ? distance : 0.0);
}

INLINE void prefetch_row(const float *vectors, size_t dim, uint32_t id)
{
    if (id != NO_ID)
        prefetch_bytes(vectors + id * dim, dim * sizeof(float));
}

static void rerank_one(const float *vectors, const float *query, size_t dim,
                       const uint32_t *candidates, size_t width,
                       enum quiver_metric metric, struct beam *best)
{
    double query_norm = sqrt(lane_dot(query, query, dim));
    size_t ahead = 1 + PREFETCH_BYTES / (dim * sizeof(float));
    clear_beam(best);
    for (size_t i = 0; i < width && i < ahead; ++i)
        prefetch_row(vectors, dim, candidates[i]);
    for (size_t i = 0; i < width; ++i) {
        uint32_t id = candidates[i];
        if (i + ahead < width)
            prefetch_row(vectors, dim, candidates[i + ahead]);
        if (id == NO_ID)
            continue;
        float distance =
            exact_distance(vectors + id * dim, query, dim, metric, query_norm);
        insert_key(best, make_key(distance, id));
    }
}

static int rerank(const float *vectors, const float *queries, size_t dim,
                  const uint32_t *candidates, size_t n_queries, size_t width, size_t k,
                  enum quiver_metric metric, uint32_t *ids, float *distances)
{
    void *scratch = malloc(beam_words(k) * sizeof(uint64_t) + CACHE_LINE);
    if (scratch == NULL)
        return -1;
    struct beam best;
    place_beam(&best, align_up(scratch), k);
    for (size_t number = 0; number < n_queries; ++number) {
        rerank_one(vectors, queries + number * dim, dim, candidates + number * width,
                   width, metric, &best);
        for (size_t i = 0; i < k; ++i) {
            ids[number * k + i] = key_id(best.keys[i]);
            distances[number * k + i] =
                i < best.size ? key_distance(best.keys[i]) : INFINITY;
        }
    }
    free(scratch);
    return 0;
}

#endif
