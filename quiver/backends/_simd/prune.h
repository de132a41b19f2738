/* Few, diverse out-edges from sorted candidates; see quiver/reference/prune.py. */
#ifndef QUIVER_PRUNE_H
#define QUIVER_PRUNE_H

#include <stdlib.h>

#include "distance.h"

/* Kept rows are measured this many at a time, so that a near one ends the test. */
#define STEP 8

struct prune_scratch {
    uint32_t *kept;
    uint32_t *struck; /* places of candidates */
};

/* What a candidate is compared by: its distance to the target and the rule's slacks. */
struct prune_test {
    enum quiver_prune_rule rule;
    float slack;
    float alpha;
    float beta;
    float to_target;
    float least_bias; /* of a row that may cover it: beta times its own */
};

enum cover { UNCOVERED, COVERED, COVERED_FOR_GOOD };

INLINE enum cover cover_by(const struct prune_test *test, float to_kept, float kept_bias)
{
    if (test->rule == QUIVER_PUBLISHED)
        return to_kept < test->alpha * test->to_target ? COVERED : UNCOVERED;
    if (kept_bias < test->least_bias)
        return UNCOVERED;
    if (test->alpha * to_kept <= test->to_target)
        return COVERED_FOR_GOOD;
    return test->slack * to_kept <= test->to_target ? COVERED : UNCOVERED;
}

/* Whether a kept row covers a candidate; for good if the second round needs no look. */
static enum cover find_cover(struct query *query, uint64_t candidate,
                             const uint32_t *kept, size_t n_kept,
                             struct prune_test *test)
{
    float to_kept[STEP];
    set_row(query, row_of(query, key_id(candidate)));
    test->to_target = key_distance(candidate);
    test->least_bias = test->beta * query->norm2;
    for (size_t start = 0; start < n_kept; start += STEP) {
        size_t count = n_kept - start < STEP ? n_kept - start : STEP;
        enum cover found = UNCOVERED;
        measure(query, kept + start, count, to_kept);
        for (size_t i = 0; i < count; ++i) {
            const uint8_t *row = row_of(query, kept[start + i]);
            enum cover cover = cover_by(test, to_kept[i], row_bias(row));
            found = cover > found ? cover : found;
        }
        if (found != UNCOVERED)
            return found;
    }
    return UNCOVERED;
}

/* Leave the kept ids in scratch; return how many. */
static size_t prune_one(struct query *query, const uint64_t *candidates, size_t width,
                        const struct quiver_choice *choice,
                        const struct prune_scratch *scratch)
{
    struct prune_test test = {
        .rule = choice->rule,
        .slack = choice->rule == QUIVER_STRICT_FIRST ? 1.0f : choice->alpha,
        .alpha = choice->alpha,
        .beta = choice->beta,
    };
    size_t n_kept = 0, n_struck = 0, row_bytes = CACHE_LINE * query->n_lines;
    for (size_t i = 0; i < width && candidates[i] != NO_KEY; ++i)
        prefetch_bytes(row_of(query, key_id(candidates[i])), row_bytes);
    for (size_t i = 0; i < width && candidates[i] != NO_KEY; ++i) {
        if (n_kept == choice->max_degree)
            return n_kept;
        enum cover cover =
            find_cover(query, candidates[i], scratch->kept, n_kept, &test);
        if (cover == UNCOVERED)
            scratch->kept[n_kept++] = key_id(candidates[i]);
        else if (cover == COVERED)
            scratch->struck[n_struck++] = (uint32_t)i;
    }
    test.slack = choice->alpha;
    for (size_t i = 0; i < n_struck && n_kept < choice->max_degree; ++i) {
        uint64_t candidate = candidates[scratch->struck[i]];
        if (test.rule == QUIVER_PUBLISHED ||
            find_cover(query, candidate, scratch->kept, n_kept, &test) == UNCOVERED)
            scratch->kept[n_kept++] = key_id(candidate);
    }
    return n_kept;
}

static int prune(const struct quiver_codes *codes, const uint64_t *candidates,
                 size_t n_targets, size_t width, const struct quiver_choice *choice,
                 uint32_t *neighbors)
{
    size_t max_degree = choice->max_degree;
    size_t n_ids = max_degree + width + 1;
    uint32_t *ids = malloc(n_ids * sizeof(uint32_t) + value_bytes_of(codes));
    if (ids == NULL)
        return -1;
    struct prune_scratch scratch = {ids, ids + max_degree};
    struct query query = init_symmetric(codes, (int8_t *)(ids + n_ids));
    for (size_t i = 0; i < n_targets; ++i) {
        size_t n_kept =
            prune_one(&query, candidates + i * width, width, choice, &scratch);
        uint32_t *row = neighbors + i * max_degree;
        memcpy(row, scratch.kept, n_kept * sizeof(uint32_t));
        for (size_t j = n_kept; j < max_degree; ++j)
            row[j] = NO_ID;
    }
    free(ids);
    return 0;
}

#endif
