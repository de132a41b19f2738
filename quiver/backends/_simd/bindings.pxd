# The kernel contract of kernels.h, as Cython needs to hear it.
from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "layout.h" nogil:
    enum:
        CACHE_LINE

    size_t lines_of(size_t dim, size_t bits)
    size_t planes_of(size_t bits)


cdef extern from "kernels.h" nogil:
    enum quiver_metric:
        QUIVER_COSINE
        QUIVER_EUCLIDEAN
        QUIVER_INNER_PRODUCT

    enum quiver_element:
        QUIVER_FLOAT32
        QUIVER_UINT8
        QUIVER_INT8

    enum quiver_weights:
        QUIVER_CORRECTED
        QUIVER_PUBLISHED_WEIGHTS

    enum quiver_prune_rule:
        QUIVER_VAMANA
        QUIVER_STRICT_FIRST
        QUIVER_PUBLISHED

    struct quiver_codes:
        const uint8_t *rows
        size_t n_rows
        size_t dim
        size_t bits
        quiver_weights weights

    struct quiver_queries:
        const uint8_t *rows
        const int8_t *values
        const float *corrections
        size_t n_queries

    struct quiver_transform:
        quiver_metric scaling
        const float *mean
        const float *signs
        size_t n_rounds
        size_t dim
        size_t coded_dim

    struct quiver_vectors:
        const void *rows
        size_t dim
        quiver_element element

    struct quiver_graph:
        const uint32_t *neighbors
        size_t width
        const uint32_t *entry_points
        size_t n_entry_points

    struct quiver_choice:
        size_t max_degree
        float alpha
        float beta
        quiver_prune_rule rule

    struct quiver_lists:
        const uint32_t *neighbors
        size_t width
        const uint64_t *allowed

    struct quiver_chosen:
        const uint32_t *sources
        const uint32_t *edges
        size_t n_sources
        size_t width

    struct quiver_horizon:
        size_t rank
        float factor

    struct quiver_rules:
        const uint64_t *allowed
        size_t n_masks
        const int64_t *budget
        const float *limits
        int is_screened
        quiver_horizon horizon

    struct quiver_ball:
        uint64_t *keys
        size_t size

    struct quiver_answers:
        uint64_t *keys
        quiver_ball *balls
        int64_t *hops
        int64_t *distance_computations
        int64_t *lines_read
        uint8_t *complete

    struct quiver_bound_terms:
        float estimate
        float rounding
        float per_norm
        float per_step
        size_t least_dim

    struct quiver_searched:
        quiver_codes codes
        quiver_graph graph
        quiver_vectors vectors
        quiver_transform transform
        quiver_metric metric
        const float *mean
        const int64_t *ids
        quiver_rules rules
        const uint32_t *beside
        size_t n_beside
        const uint32_t *unlinked
        size_t n_unlinked
        quiver_bound_terms terms

    struct quiver_effort:
        size_t k
        size_t ef
        size_t depth
        int is_bounded
        quiver_horizon horizon

    struct quiver_kernels:
        int (*encode)(const quiver_transform *, const float *, size_t, size_t,
                      quiver_weights, uint8_t *) noexcept nogil
        int (*quantize)(const quiver_transform *, const float *, size_t, size_t,
                        int8_t *, float *) noexcept nogil
        int (*distance)(const quiver_codes *, const quiver_queries *,
                        const uint32_t *, size_t, float *) noexcept nogil
        int (*prune)(const quiver_codes *, const uint64_t *, size_t, size_t,
                     const quiver_choice *, uint32_t *) noexcept nogil
        int (*merge)(const quiver_codes *, const quiver_lists *,
                     const quiver_chosen *, uint32_t, uint32_t,
                     const quiver_choice *, uint32_t *, uint32_t *,
                     size_t *) noexcept nogil
        int (*search)(const quiver_codes *, const quiver_graph *,
                      const quiver_queries *, const quiver_rules *, size_t,
                      const quiver_answers *) noexcept nogil
        int (*scan)(const quiver_codes *, const quiver_queries *, const uint32_t *,
                    size_t, size_t, uint64_t *) noexcept nogil
        int (*rerank)(const quiver_vectors *, const float *, const uint32_t *,
                      const float *, size_t, size_t, size_t, quiver_metric,
                      uint32_t *, float *, int64_t *) noexcept nogil
        int (*answer)(const quiver_searched *, const quiver_effort *, const float *,
                      size_t, int64_t *, float *, int64_t *) noexcept nogil

    const quiver_kernels *quiver_find_kernels(const char *, const char **)
    const char *quiver_sources
