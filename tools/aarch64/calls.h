/* Every kernel, called with what a call holds. */
#ifndef QUIVER_CALLS_H
#define QUIVER_CALLS_H

#include "kernels.h"
#include "recorded.h"

/* What outputs hold before a call. */
#define GARBAGE 0x55

/* In the order of the enums of kernels.h. */
static const char *const metrics[] = {"cosine", "euclidean", "inner_product", NULL};
static const char *const weights[] = {"corrected", "published", NULL};
static const char *const rules[] = {"vamana", "strict_first", "published", NULL};

static struct quiver_codes codes_at(const struct call *call, int place)
{
    return (struct quiver_codes){
        .rows = array(call, place),
        .n_rows = length(call, place, 0),
        .dim = integer(call, place + 1),
        .bits = integer(call, place + 2),
        .weights = (enum quiver_weights)word(call, place + 3, weights),
    };
}

static struct quiver_queries queries_at(const struct call *call, int place)
{
    int form = array(call, place) != NULL ? place : place + 1;
    return (struct quiver_queries){
        .rows = array(call, place),
        .values = array(call, place + 1),
        .corrections = array(call, place + 2),
        .n_queries = length(call, form, 0),
    };
}

static struct quiver_transform transform_at(const struct call *call, int place)
{
    return (struct quiver_transform){
        .scaling = (enum quiver_metric)word(call, place, metrics),
        .mean = array(call, place + 1),
        .signs = array(call, place + 2),
        .n_rounds = length(call, place + 2, 0),
        .dim = length(call, place + 1, 0),
        .coded_dim = length(call, place + 2, 1),
    };
}

static struct quiver_vectors vectors_at(const struct call *call, int place)
{
    int64_t kind = call->values[place].kind;
    return (struct quiver_vectors){
        .rows = array(call, place),
        .dim = length(call, place, 1),
        .element = kind == 'f'   ? QUIVER_FLOAT32
                   : kind == 'u' ? QUIVER_UINT8
                                 : QUIVER_INT8,
    };
}

static struct quiver_choice choice_at(const struct call *call, int place, size_t degree)
{
    return (struct quiver_choice){
        .max_degree = degree,
        .alpha = real(call, place),
        .beta = real(call, place + 1),
        .rule = (enum quiver_prune_rule)word(call, place + 2, rules),
    };
}

/* A horizon is two values, its rank and its factor; none is one. */
static struct quiver_horizon horizon_at(const struct call *call, int place)
{
    if (array(call, place) == NULL)
        return (struct quiver_horizon){0};
    return (struct quiver_horizon){integer(call, place), real(call, place + 1)};
}

static int call_encode(const struct quiver_kernels *kernels, struct call *call)
{
    struct quiver_transform transform = transform_at(call, 1);
    return kernels->encode(&transform, array(call, 0), length(call, 0, 0),
                           integer(call, 4), (enum quiver_weights)word(call, 5, weights),
                           room(call, 0, 0, 0));
}

static int call_quantize(const struct quiver_kernels *kernels, struct call *call)
{
    struct quiver_transform transform = transform_at(call, 1);
    int8_t *values = room(call, 0, 0, 0);
    return kernels->quantize(&transform, array(call, 0), length(call, 0, 0),
                             integer(call, 4), values, room(call, 1, 0, GARBAGE));
}

static int call_distance(const struct quiver_kernels *kernels, struct call *call)
{
    struct quiver_codes codes = codes_at(call, 0);
    struct quiver_queries queries = queries_at(call, 4);
    const uint32_t *candidates = array(call, 7);
    size_t width = candidates == NULL ? codes.n_rows : length(call, 7, 1);
    return kernels->distance(&codes, &queries, candidates, width,
                             room(call, 0, 0, GARBAGE));
}

static int call_prune(const struct quiver_kernels *kernels, struct call *call)
{
    struct quiver_codes codes = codes_at(call, 0);
    size_t degree = length(call, (int)call->n_inputs, 1);
    struct quiver_choice choice = choice_at(call, 5, degree);
    return kernels->prune(&codes, array(call, 4), length(call, 4, 0),
                          length(call, 4, 1), &choice, room(call, 0, 0, GARBAGE));
}

static int call_merge(const struct quiver_kernels *kernels, struct call *call)
{
    struct quiver_codes codes = codes_at(call, 0);
    struct quiver_lists lists = {array(call, 4), length(call, 4, 1), array(call, 13)};
    struct quiver_chosen chosen = {array(call, 5), array(call, 6), length(call, 6, 0),
                                   length(call, 6, 1)};
    uint32_t start = (uint32_t)integer(call, 7), stop = (uint32_t)integer(call, 8);
    struct quiver_choice choice = choice_at(call, 10, integer(call, 9));
    size_t n_bytes = (stop - start) * sizeof(uint32_t), n_targets = 0;
    uint32_t *targets = room(call, 0, n_bytes, GARBAGE);
    uint32_t *merged = room(call, 1, n_bytes * lists.width, GARBAGE);
    int status = kernels->merge(&codes, &lists, &chosen, start, stop, &choice, targets,
                                merged, &n_targets);
    return n_targets == length(call, (int)call->n_inputs, 0) ? status : 1;
}

/* Replace the outputs of a call by what was found in reach: the ends of the lists of
 * keys, and all of them. */
static void write_balls(struct call *call, const struct quiver_ball *balls,
                        size_t n_queries)
{
    size_t n_keys = 0;
    for (size_t i = 0; i < n_queries; ++i)
        n_keys += balls[i].size;
    int64_t *offsets = room(call, 0, 0, 0);
    uint64_t *keys = room(call, 1, n_keys * sizeof(uint64_t), GARBAGE);
    for (size_t i = 0; i < n_queries; ++i) {
        memcpy(keys + offsets[i], balls[i].keys, balls[i].size * sizeof *keys);
        offsets[i + 1] = offsets[i] + (int64_t)balls[i].size;
        free(balls[i].keys);
    }
}

static int call_search(const struct quiver_kernels *kernels, struct call *call)
{
    struct quiver_codes codes = codes_at(call, 0);
    struct quiver_queries queries = queries_at(call, 5);
    struct quiver_graph graph = {array(call, 4), length(call, 4, 1), array(call, 8),
                                 length(call, 8, 0)};
    struct quiver_rules rules = {
        .allowed = array(call, 10),
        .n_masks = array(call, 10) == NULL ? 0 : length(call, 10, 0),
        .budget = array(call, 11),
        .limits = array(call, 12),
        .is_screened = (int)integer(call, 13),
        .horizon = horizon_at(call, 14),
    };
    struct quiver_ball *balls = calloc(queries.n_queries + 1, sizeof *balls);
    int first = rules.limits == NULL ? 1 : 2;
    struct quiver_answers answers = {
        .keys = rules.limits == NULL ? room(call, 0, 0, GARBAGE) : NULL,
        .balls = rules.limits == NULL ? NULL : balls,
        .hops = room(call, first, 0, GARBAGE),
        .distance_computations = room(call, first + 1, 0, GARBAGE),
        .lines_read = room(call, first + 2, 0, GARBAGE),
        .complete = room(call, first + 3, 0, GARBAGE),
    };
    int status = kernels->search(&codes, &graph, &queries, &rules, integer(call, 9),
                                 &answers);
    if (answers.balls != NULL)
        write_balls(call, balls, queries.n_queries);
    free(balls);
    return status;
}

static int call_scan(const struct quiver_kernels *kernels, struct call *call)
{
    struct quiver_codes codes = codes_at(call, 0);
    struct quiver_queries queries = queries_at(call, 4);
    return kernels->scan(&codes, &queries, array(call, 7), length(call, 7, 0),
                         integer(call, 8), room(call, 0, 0, GARBAGE));
}

static int call_rerank(const struct quiver_kernels *kernels, struct call *call)
{
    struct quiver_vectors vectors = vectors_at(call, 0);
    size_t k = length(call, (int)call->n_inputs, 1);
    uint32_t *ids = room(call, 0, 0, GARBAGE);
    float *distances = room(call, 1, 0, GARBAGE);
    return kernels->rerank(&vectors, array(call, 1), array(call, 2), array(call, 3),
                           length(call, 1, 0), length(call, 2, 1), k,
                           (enum quiver_metric)word(call, 4, metrics), ids, distances,
                           room(call, 2, 0, GARBAGE));
}

static int call_answer(const struct quiver_kernels *kernels, struct call *call)
{
    struct quiver_searched searched = {
        .codes = codes_at(call, 0),
        .graph = {array(call, 4), length(call, 4, 1), array(call, 5),
                  length(call, 5, 0)},
        .vectors = vectors_at(call, 6),
        .transform = transform_at(call, 7),
        .metric = (enum quiver_metric)word(call, 10, metrics),
        .mean = array(call, 11),
        .ids = array(call, 12),
        .rules = {.allowed = array(call, 13),
                  .n_masks = array(call, 13) != NULL,
                  .is_screened = (int)integer(call, 16)},
        .beside = array(call, 14),
        .n_beside = length(call, 14, 0),
        .unlinked = array(call, 15),
        .n_unlinked = length(call, 15, 0),
        .terms = {real(call, 17), real(call, 18), real(call, 19), real(call, 20),
                  integer(call, 21)},
    };
    struct quiver_effort effort = {
        .k = length(call, (int)call->n_inputs, 1),
        .ef = integer(call, 23),
        .depth = integer(call, 24),
        .is_bounded = (int)integer(call, 25),
        .horizon = horizon_at(call, 26),
    };
    int64_t *ids = room(call, 0, 0, GARBAGE);
    float *distances = room(call, 1, 0, GARBAGE);
    return kernels->answer(&searched, &effort, array(call, 22), length(call, 22, 0),
                           ids, distances, room(call, 2, 0, GARBAGE));
}

static const struct kernel {
    const char *name;
    int (*call)(const struct quiver_kernels *kernels, struct call *call);
} known[] = {
    {"encode", call_encode},         {"quantize", call_quantize},
    {"distance", call_distance},     {"prune", call_prune},
    {"merge", call_merge},           {"search", call_search},
    {"search_radius", call_search},  {"scan", call_scan},
    {"rerank", call_rerank},         {"answer", call_answer},
};
enum { N_KNOWN = sizeof known / sizeof known[0] };

#endif
