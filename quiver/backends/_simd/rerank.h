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
INLINE float exact_distance(const void *vector, enum quiver_element element,
                            const float *query, size_t dim, enum quiver_metric metric,
                            double query_norm)
{
    if (metric == QUIVER_EUCLIDEAN)
        return (float)sqrt(row_squared_difference(vector, element, query, dim));
    if (metric == QUIVER_INNER_PRODUCT)
        return (float)-row_dot(vector, element, query, dim);
    double norm2, dot = row_dot_and_norm2(vector, element, query, dim, &norm2);
    double lengths = query_norm * sqrt(norm2);
    double distance = 1.0 - (lengths > 0 ? dot / lengths : 0.0);
    return (float)(distance > 0 ? distance : 0.0);
}

/* Whether a candidate can still be among the k best; `worst` is the last of these. */
INLINE int matters(const uint32_t *candidates, const float *bounds, size_t place,
                   float worst)
{
    return candidates[place] != NO_ID && !(bounds[place] > worst);
}

INLINE float worst_distance(const struct beam *best)
{
    return best->size < best->ef ? INFINITY : key_distance(best->keys[best->ef - 1]);
}

/* Ask for a row that may start anywhere in a line: its last byte may lie in one more. */
INLINE void prefetch_row(const uint8_t *row, size_t row_bytes)
{
    prefetch_bytes(row, row_bytes);
    PREFETCH(row + row_bytes - 1);
}

/* Return how many vectors were read. What is asked for ahead may not be. */
INLINE int64_t rerank_list(const struct quiver_vectors *vectors,
                           enum quiver_element element, const float *query,
                           const uint32_t *candidates, const float *bounds, size_t width,
                           enum quiver_metric metric, struct beam *best)
{
    size_t dim = vectors->dim, row_bytes = dim * element_bytes(element);
    size_t ahead = 1 + PREFETCH_BYTES / row_bytes, next = 0;
    double query_norm = sqrt(lane_dot(query, query, dim));
    float worst = INFINITY;
    int64_t n_read = 0;
    const uint8_t *rows = vectors->rows;
    clear_beam(best);
    for (size_t i = 0; i < width; ++i) {
        for (; next < width && next <= i + ahead; ++next)
            if (matters(candidates, bounds, next, worst))
                prefetch_row(rows + candidates[next] * row_bytes, row_bytes);
        if (!matters(candidates, bounds, i, worst))
            continue;
        const void *vector = rows + candidates[i] * row_bytes;
        float distance = exact_distance(vector, element, query, dim, metric, query_norm);
        insert_key(best, make_key(distance, candidates[i]));
        worst = worst_distance(best);
        ++n_read;
    }
    return n_read;
}

/* Elements of each kind have a loop of their own. */
static int64_t rerank_one(const struct quiver_vectors *vectors, const float *query,
                          const uint32_t *candidates, const float *bounds, size_t width,
                          enum quiver_metric metric, struct beam *best)
{
    switch (vectors->element) {
    case QUIVER_UINT8:
        return rerank_list(vectors, QUIVER_UINT8, query, candidates, bounds, width,
                           metric, best);
    case QUIVER_INT8:
        return rerank_list(vectors, QUIVER_INT8, query, candidates, bounds, width,
                           metric, best);
    default:
        return rerank_list(vectors, QUIVER_FLOAT32, query, candidates, bounds, width,
                           metric, best);
    }
}

static int rerank(const struct quiver_vectors *vectors, const float *queries,
                  const uint32_t *candidates, const float *bounds, size_t n_queries,
                  size_t width, size_t k, enum quiver_metric metric, uint32_t *ids,
                  float *distances, int64_t *reranked)
{
    void *scratch = malloc(beam_words(k) * sizeof(uint64_t) + CACHE_LINE);
    if (scratch == NULL)
        return -1;
    struct beam best;
    place_beam(&best, align_up(scratch), k);
    for (size_t number = 0; number < n_queries; ++number) {
        reranked[number] = rerank_one(
            vectors, queries + number * vectors->dim, candidates + number * width,
            bounds + number * width, width, metric, &best);
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
