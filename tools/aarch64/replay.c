/* Call the kernels of a target as a file tells, and compare what they return with it.
 *
 *     replay TARGET FILE
 *
 * A record of the file, written by recorded.py, is a call: the name of the kernel, the
 * values that the bindings hand it, and what the reference returned. Every bit counts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "layout.h"

#define MOST_VALUES 32
#define MEMORY_BYTES ((size_t)1 << 26)
#define GARBAGE 0x55

/* Counted are the instructions between two of these, by count.c. */
#ifdef __aarch64__
#define MARK() __asm__ volatile("hint #101" ::: "memory")
#else
#define MARK()
#endif

/* An array, its kind by NumPy's letter. A number has no axes, None has -1 of them. */
struct value {
    int64_t n_axes, kind, item_bytes, shape[3], start;
};

struct call {
    char kernel[16];
    int64_t n_inputs, n_outputs;
    struct value values[MOST_VALUES];
    uint8_t *arrays[MOST_VALUES];
    uint8_t *written[MOST_VALUES]; /* in place of the outputs */
};

static _Noreturn void fail(const char *why)
{
    fprintf(stderr, "replay: %s\n", why);
    exit(2);
}

/* All arrays of one call, which the next may overwrite. */
static _Alignas(CACHE_LINE) uint8_t memory[MEMORY_BYTES];
static size_t n_used;

/* Return room that starts a cache line. */
static uint8_t *allocate(size_t n_bytes)
{
    uint8_t *block = memory + n_used;
    n_used += (n_bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    if (n_bytes > MEMORY_BYTES || n_used > MEMORY_BYTES)
        fail("no memory for so large a call");
    return block;
}

static size_t bytes_of(const struct value *value)
{
    size_t n_bytes = value->n_axes < 0 ? 0 : (size_t)value->item_bytes;
    for (int64_t axis = 0; axis < value->n_axes; ++axis)
        n_bytes *= (size_t)value->shape[axis];
    return n_bytes;
}

static void read_exactly(void *to, size_t n_bytes, FILE *file)
{
    if (fread(to, 1, n_bytes, file) != n_bytes)
        fail("the file ends within a call");
}

/* Arrays start as far behind a cache line as the file says. */
static uint8_t *read_array(const struct value *value, FILE *file)
{
    size_t start = (size_t)value->start;
    uint8_t *array = allocate(start + bytes_of(value)) + start;
    read_exactly(array, bytes_of(value), file);
    return array;
}

static int read_call(struct call *call, FILE *file)
{
    if (fread(call->kernel, 1, sizeof call->kernel, file) == 0)
        return 0;
    read_exactly(&call->n_inputs, 2 * sizeof call->n_inputs, file);
    int64_t n_values = call->n_inputs + call->n_outputs;
    if (n_values > MOST_VALUES)
        fail("a call has too many values");
    read_exactly(call->values, (size_t)n_values * sizeof *call->values, file);
    for (int64_t i = 0; i < n_values; ++i)
        call->arrays[i] = read_array(call->values + i, file);
    return 1;
}

/* What a call has at a place, as C wants it. */
static const void *array(const struct call *call, int place)
{
    return call->values[place].n_axes < 0 ? NULL : call->arrays[place];
}

static size_t length(const struct call *call, int place, int axis)
{
    return (size_t)call->values[place].shape[axis];
}

static size_t integer(const struct call *call, int place)
{
    int64_t number;
    memcpy(&number, call->arrays[place], sizeof number);
    return (size_t)number;
}

static float real(const struct call *call, int place)
{
    double number;
    memcpy(&number, call->arrays[place], sizeof number);
    return (float)number;
}

/* Of words in the order of an enum of kernels.h, ended by NULL, the place of a call's. */
static int word(const struct call *call, int place, const char *const *words)
{
    for (int i = 0; words[i] != NULL; ++i)
        if (strcmp(words[i], (const char *)call->arrays[place]) == 0)
            return i;
    fail("a call has an unknown word");
}

static const char *const metrics[] = {"cosine", "euclidean", "inner_product", NULL};
static const char *const weights[] = {"corrected", "published", NULL};
static const char *const rules[] = {"vamana", "strict_first", "published", NULL};

/* Room for an output, of which the reference may have needed less. */
static void *room(struct call *call, int output, size_t n_bytes, int filling)
{
    int place = (int)call->n_inputs + output;
    size_t needed = bytes_of(call->values + place);
    call->written[output] = allocate(n_bytes > needed ? n_bytes : needed);
    memset(call->written[output], filling, needed);
    return call->written[output];
}

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

static size_t find_kernel(const char *name)
{
    for (size_t i = 0; i < N_KNOWN; ++i)
        if (strcmp(known[i].name, name) == 0)
            return i;
    fail("the file names an unknown kernel");
}

/* Make a call; return whether all that it gives is the reference's. */
static int is_equal(const struct quiver_kernels *kernels, const struct kernel *kernel,
                    struct call *call)
{
    MARK();
    int status = kernel->call(kernels, call);
    MARK();
    int equal = status == 0;
    for (int64_t i = 0; equal && i < call->n_outputs; ++i) {
        int64_t place = call->n_inputs + i;
        size_t n_bytes = bytes_of(call->values + place);
        equal = memcmp(call->written[i], call->arrays[place], n_bytes) == 0;
    }
    return equal;
}

int main(int n_arguments, char **arguments)
{
    static struct call call;
    size_t n_calls[N_KNOWN] = {0}, n_equal[N_KNOWN] = {0}, n_wrong = 0, number = 0;
    const char *lacks;
    if (n_arguments != 3)
        fail("usage: replay TARGET FILE");
    const struct quiver_kernels *kernels = quiver_find_kernels(arguments[1], &lacks);
    if (kernels == NULL) {
        printf("this processor lacks %s\n", lacks == NULL ? "the target" : lacks);
        return 3;
    }
    FILE *file = fopen(arguments[2], "rb");
    if (file == NULL)
        fail("the file cannot be opened");
    for (; n_used = 0, read_call(&call, file); ++number) {
        size_t kernel = find_kernel(call.kernel);
        int equal = is_equal(kernels, known + kernel, &call);
        if (!equal)
            printf("call %zu, %s: differs\n", number, call.kernel);
        n_wrong += !equal;
        n_equal[kernel] += (size_t)equal;
        ++n_calls[kernel];
    }
    for (size_t i = 0; i < N_KNOWN; ++i)
        if (n_calls[i] > 0)
            printf("%s: %zu of %zu equal\n", known[i].name, n_equal[i], n_calls[i]);
    return n_wrong > 0 || number == 0;
}
