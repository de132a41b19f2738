/* From queries to ids: the words of a search one after the other, with no array between
 * them that the caller sees; see quiver/reference/answer.py. */
#ifndef QUIVER_ANSWER_H
#define QUIVER_ANSWER_H

#include <math.h>
#include <stdlib.h>

#include "encode.h"
#include "rerank.h"
#include "search.h"

/* Scratch of a batch, then of the query that is ranked. */
struct answer_scratch {
    int8_t *values;
    float *corrections;
    uint64_t *keys;
    uint8_t *complete;
    uint32_t *candidates;
    float *bounds;
    uint64_t *linked;
    struct beam best;
};

static void *place_answers(struct answer_scratch *scratch,
                           const struct quiver_searched *searched,
                           const struct quiver_effort *effort, size_t n_queries)
{
    const struct quiver_codes *codes = &searched->codes;
    size_t row_bytes = CACHE_LINE * lines_of(codes->dim, codes->bits);
    size_t n_values = n_queries * planes_of(codes->bits) * row_bytes;
    size_t n_keys = n_queries * effort->ef, n_beam = beam_words(effort->k);
    size_t width = effort->depth + searched->n_beside;
    size_t n_words = n_beam + effort->k + n_keys + n_queries + width;
    size_t n_bytes = n_values + n_words * sizeof(uint64_t) + n_queries;
    void *block = malloc(n_bytes + CACHE_LINE);
    if (block == NULL)
        return NULL;
    uint64_t *words = align_up(block);
    place_beam(&scratch->best, words, effort->k);
    scratch->linked = words + n_beam;
    scratch->keys = scratch->linked + effort->k;
    scratch->corrections = (float *)(scratch->keys + n_keys);
    scratch->candidates = (uint32_t *)(scratch->corrections + 2 * n_queries);
    scratch->bounds = (float *)(scratch->candidates + width);
    scratch->values = (int8_t *)(scratch->bounds + width);
    scratch->complete = (uint8_t *)(scratch->values + n_values);
    memset(scratch->values, 0, n_values);
    return block;
}

INLINE int is_in(const uint32_t *ids, size_t count, uint32_t id)
{
    int found = 0;
    for (size_t i = 0; i < count; ++i)
        found |= ids[i] == id;
    return found;
}

/* The rows of a beam, then those beside it. */
static void list_candidates(const struct quiver_searched *searched, const uint64_t *keys,
                            size_t depth, uint32_t *candidates)
{
    const uint64_t *allowed = searched->rules.allowed;
    for (size_t i = 0; i < depth; ++i)
        candidates[i] = key_id(keys[i]);
    for (size_t j = 0; j < searched->n_beside; ++j) {
        uint32_t id = searched->beside[j];
        int may_answer = allowed == NULL || (allowed[id / 64] >> id % 64 & 1);
        int is_new = may_answer && !is_in(candidates, depth, id);
        candidates[depth + j] = is_new ? id : NO_ID;
    }
}

INLINE size_t count_not_zero(const float *query, size_t dim)
{
    uint32_t count = 0;
    for (size_t j = 0; j < dim; ++j)
        count += query[j] != 0;
    return count;
}

/* What the distances of a beam are at least; see quiver/reference/bounds.py. Each step
 * is rounded to float. */
static void bound_beam(const struct quiver_searched *searched, const float *query,
                       const float *corrections, const uint64_t *keys, size_t depth,
                       float *bounds)
{
    const struct quiver_bound_terms *terms = &searched->terms;
    const struct quiver_codes *codes = &searched->codes;
    size_t row_bytes = CACHE_LINE * lines_of(codes->dim, codes->bits);
    float step = corrections[0], norm2 = corrections[1];
    float error = sqrtf(norm2 * terms->per_norm + step * step * terms->per_step);
    float less = norm2 * terms->rounding;
    if (searched->metric == QUIVER_INNER_PRODUCT) {
        float shift = (float)lane_dot(query, searched->mean, searched->vectors.dim);
        less += norm2 / 2 + shift + 2 * terms->rounding * fabsf(shift);
    }
    for (size_t i = 0; i < depth && keys[i] != NO_KEY; ++i) {
        float scale = row_scale(codes->rows + key_id(keys[i]) * row_bytes);
        float bound = key_distance(keys[i]) * terms->estimate - (scale * error + less);
        if (searched->metric == QUIVER_EUCLIDEAN)
            bound = sqrtf(bound > 0 ? bound : 0);
        bounds[i] = bound;
    }
}

/* The pairs of a row: those of `unlinked` from the place returned on. */
static size_t find_copies(const struct quiver_searched *searched, uint32_t row)
{
    size_t low = 0, high = searched->n_unlinked;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (searched->unlinked[2 * middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Merge in the rows equal to `row`, NO_ID for zero vectors, at its distance. */
static void join_copies(const struct quiver_searched *searched, uint32_t row,
                        float distance, struct beam *best)
{
    const uint32_t *pairs = searched->unlinked;
    for (size_t i = find_copies(searched, row); i < searched->n_unlinked; ++i) {
        uint64_t key = make_key(distance, pairs[2 * i + 1]);
        if (pairs[2 * i] != row || key >= best->keys[best->ef - 1])
            return;
        insert_key(best, key);
    }
}

static void join_unlinked(const struct quiver_searched *searched, uint64_t *linked,
                          struct beam *best)
{
    size_t n_linked = best->size;
    if (searched->n_unlinked == 0)
        return;
    memcpy(linked, best->keys, n_linked * sizeof(uint64_t));
    for (size_t i = 0; i < n_linked; ++i)
        join_copies(searched, key_id(linked[i]), key_distance(linked[i]), best);
    join_copies(searched, NO_ID, 1.0f, best);
}

static int64_t rank_query(const struct quiver_searched *searched,
                          const struct quiver_effort *effort, const float *query,
                          size_t number, struct answer_scratch *scratch)
{
    size_t depth = effort->depth, width = depth + searched->n_beside;
    const uint64_t *keys = scratch->keys + number * effort->ef;
    list_candidates(searched, keys, depth, scratch->candidates);
    for (size_t i = 0; i < width; ++i)
        scratch->bounds[i] = -INFINITY;
    if (effort->is_bounded &&
        count_not_zero(query, searched->vectors.dim) >= searched->terms.least_dim)
        bound_beam(searched, query, scratch->corrections + 2 * number, keys, depth,
                   scratch->bounds);
    int64_t reranked =
        rerank_one(&searched->vectors, query, scratch->candidates, scratch->bounds,
                   width, searched->metric, &scratch->best);
    join_unlinked(searched, scratch->linked, &scratch->best);
    return reranked;
}

static int answer(const struct quiver_searched *searched,
                  const struct quiver_effort *effort, const float *queries,
                  size_t n_queries, int64_t *ids, float *distances, int64_t *counters)
{
    struct answer_scratch scratch;
    void *block = place_answers(&scratch, searched, effort, n_queries);
    if (block == NULL)
        return -1;
    struct quiver_queries coded = {NULL, scratch.values, scratch.corrections, n_queries};
    struct quiver_answers beams = {
        .keys = scratch.keys,
        .hops = counters + n_queries,
        .distance_computations = counters + 2 * n_queries,
        .lines_read = counters + 4 * n_queries,
        .complete = scratch.complete,
    };
    struct quiver_rules rules = searched->rules;
    rules.horizon = effort->horizon;
    int status = quantize(&searched->transform, queries, n_queries, searched->codes.bits,
                          scratch.values, scratch.corrections);
    if (status == 0)
        status = search(&searched->codes, &searched->graph, &coded, &rules, effort->ef,
                        &beams);
    for (size_t number = 0; status == 0 && number < n_queries; ++number) {
        const float *query = queries + number * searched->vectors.dim;
        const struct beam *best = &scratch.best;
        counters[3 * n_queries + number] =
            rank_query(searched, effort, query, number, &scratch);
        counters[number] = (int64_t)best->size;
        for (size_t i = 0; i < effort->k; ++i) {
            uint64_t key = best->keys[i];
            int is_found = i < best->size;
            ids[number * effort->k + i] = is_found ? searched->ids[key_id(key)] : -1;
            distances[number * effort->k + i] = is_found ? key_distance(key) : INFINITY;
        }
    }
    free(block);
    return status;
}

#endif
