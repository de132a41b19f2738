/* The kernel contract in C, stated once: every target exports one table of it.
 *
 * Reading order: portable.h, layout.h and keys.h are what everything stands on; simd.h
 * is what a target supplies, simd_portable.h its simplest form; lanes.h sums floats,
 * transform.h and encode.h code vectors; distance.h measures, prune.h chooses edges;
 * beam.h, frontier.h and seen.h are what a walk keeps, merge.h gives edges their reverse,
 * walk.h is a walk, search.h those of a batch, rerank.h the exact end, answer.h all of it
 * from queries to ids. kernels.c puts them into the table, targets.c finds the table of a
 * name and by processor.h whether it can run here.
 *
 * Semantics are those of quiver/backends/protocol.py. A kernel keeps no state, never
 * writes to its inputs and returns 0, or -1 if scratch memory could not be had.
 */
#ifndef QUIVER_KERNELS_H
#define QUIVER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum quiver_metric { QUIVER_COSINE, QUIVER_EUCLIDEAN, QUIVER_INNER_PRODUCT };
enum quiver_prune_rule { QUIVER_VAMANA, QUIVER_STRICT_FIRST, QUIVER_PUBLISHED };

enum quiver_element { QUIVER_FLOAT32, QUIVER_UINT8, QUIVER_INT8 };

enum quiver_weights { QUIVER_CORRECTED, QUIVER_PUBLISHED_WEIGHTS };

/* Coded rows as quiver/reference/codes.py lays them out: scale, bias, `dim` values. */
struct quiver_codes {
    const uint8_t *rows;
    size_t n_rows;
    size_t dim;
    size_t bits;
    enum quiver_weights weights;
};

/* A batch of queries: either coded rows, or int8 values with (step, norm²) pairs. */
struct quiver_queries {
    const uint8_t *rows;
    const int8_t *values;
    const float *corrections;
    size_t n_queries;
};

/* The map T from `dim` to `coded_dim` coordinates; `mean` has `dim` entries, each of the
 * `n_rounds` rows of `signs` `coded_dim`. */
struct quiver_transform {
    enum quiver_metric scaling;
    const float *mean;
    const float *signs;
    size_t n_rounds;
    size_t dim;
    size_t coded_dim;
};

/* Vectors as an index keeps them, row by row, aligned to one element; each element is a
 * float32 exactly. */
struct quiver_vectors {
    const void *rows;
    size_t dim;
    enum quiver_element element;
};

/* Out-edges of every row; a row ends at its first NO_ID. Walks start at the nearest of
 * the entry points. */
struct quiver_graph {
    const uint32_t *neighbors;
    size_t width;
    const uint32_t *entry_points;
    size_t n_entry_points;
};

/* How edges are chosen among candidates. */
struct quiver_choice {
    size_t max_degree;
    float alpha;
    float beta;
    enum quiver_prune_rule rule;
};

/* Lists of `width` places, `max_degree` at least, and the rows that may be chosen where
 * one overflows: a bit each, or NULL for all. */
struct quiver_lists {
    const uint32_t *neighbors;
    size_t width;
    const uint64_t *allowed;
};

/* What each of some rows, ascending, has just chosen; NO_ID anywhere is none. */
struct quiver_chosen {
    const uint32_t *sources;
    const uint32_t *edges;
    size_t n_sources;
    size_t width;
};

/* A row `factor` times as far as the one found of a rank ends a walk; a rank of 0 is no
 * horizon. */
struct quiver_horizon {
    size_t rank;
    float factor;
};

/* What ends the walks of a batch besides the beam, and how they read; all zero for
 * none. */
struct quiver_rules {
    const uint64_t *allowed; /* `n_masks` masks of a bit per row: 0, 1, or one a query */
    size_t n_masks;
    const int64_t *budget; /* NULL, or one a query */
    const float *limits;   /* NULL, or one a query: then the answers are balls */
    int is_screened;       /* rows may be dropped by their first lines */
    struct quiver_horizon horizon;
};

/* All keys within a limit, sorted; the caller frees them. */
struct quiver_ball {
    uint64_t *keys;
    size_t size;
};

/* What the walks of a batch return: `ef` sorted keys each or, where `balls` is not NULL,
 * a ball, whose keys may be there even if the kernel fails. */
struct quiver_answers {
    uint64_t *keys;
    struct quiver_ball *balls;
    int64_t *hops;
    int64_t *distance_computations;
    int64_t *lines_read;
    uint8_t *complete;
};

/* What quiver/reference/bounds.py tells bounds by. */
struct quiver_bound_terms {
    float estimate;
    float rounding;
    float per_norm;
    float per_step;
    size_t least_dim; /* coordinates of a query that must not be zero */
};

/* All that a search reads of one version of an index; see quiver/reference/answer.py.
 * The rules are a mask at most. */
struct quiver_searched {
    struct quiver_codes codes;
    struct quiver_graph graph;
    struct quiver_vectors vectors;
    struct quiver_transform transform;
    enum quiver_metric metric;
    const float *mean;
    const int64_t *ids;
    struct quiver_rules rules;
    const uint32_t *beside;
    size_t n_beside;
    const uint32_t *unlinked; /* pairs, ascending */
    size_t n_unlinked;
    struct quiver_bound_terms terms;
};

/* Answers wanted, beam width, how much of the beam may be read, and whether bounds say
 * what of that must be. */
struct quiver_effort {
    size_t k;
    size_t ef;
    size_t depth;
    int is_bounded;
    struct quiver_horizon horizon;
};

struct quiver_kernels {
    int (*encode)(const struct quiver_transform *transform, const float *vectors,
                  size_t n_vectors, size_t bits, enum quiver_weights weights,
                  uint8_t *rows);
    int (*quantize)(const struct quiver_transform *transform, const float *vectors,
                    size_t n_vectors, size_t bits, int8_t *values, float *corrections);
    /* `candidates` is NULL, or n_queries lists of `width` ids. */
    int (*distance)(const struct quiver_codes *codes,
                    const struct quiver_queries *queries, const uint32_t *candidates,
                    size_t width, float *distances);
    int (*prune)(const struct quiver_codes *codes, const uint64_t *candidates,
                 size_t n_targets, size_t width, const struct quiver_choice *choice,
                 uint32_t *neighbors);
    /* `targets` and `merged` have room for every target in the range. */
    int (*merge)(const struct quiver_codes *codes, const struct quiver_lists *lists,
                 const struct quiver_chosen *chosen, uint32_t start, uint32_t stop,
                 const struct quiver_choice *choice, uint32_t *targets, uint32_t *merged,
                 size_t *n_targets);
    int (*search)(const struct quiver_codes *codes, const struct quiver_graph *graph,
                  const struct quiver_queries *queries,
                  const struct quiver_rules *rules, size_t ef,
                  const struct quiver_answers *answers);
    int (*scan)(const struct quiver_codes *codes, const struct quiver_queries *queries,
                const uint32_t *rows, size_t n_rows, size_t ef, uint64_t *keys);
    int (*rerank)(const struct quiver_vectors *vectors, const float *queries,
                  const uint32_t *candidates, const float *bounds, size_t n_queries,
                  size_t width, size_t k, enum quiver_metric metric, uint32_t *ids,
                  float *distances, int64_t *reranked);
    /* `counters` has room for five rows of `n_queries`. */
    int (*answer)(const struct quiver_searched *searched,
                  const struct quiver_effort *effort, const float *queries,
                  size_t n_queries, int64_t *ids, float *distances, int64_t *counters);
};

/* Return the kernels of a target, or NULL if it was not compiled or if the processor
 * lacks a feature it needs, which `lacks` then names. */
const struct quiver_kernels *quiver_find_kernels(const char *target, const char **lacks);

/* Of which sources this was compiled; written by quiver/backends/sources.py. */
extern const char quiver_sources[];

#endif
