# cython: language_level=3, boundscheck=False, wraparound=False
# cython: initializedcheck=False, freethreading_compatible=True
"""Typed doors to the C kernels: pointers and shapes, no arithmetic.

Arrays arrive validated; outputs are allocated by the caller, of the right shape.
"""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "kernels.h" nogil:
    enum quiver_metric:
        QUIVER_COSINE
        QUIVER_EUCLIDEAN
        QUIVER_INNER_PRODUCT

    enum quiver_prune_rule:
        QUIVER_VAMANA
        QUIVER_PUBLISHED

    struct quiver_codes:
        const uint8_t *rows
        size_t n_rows
        size_t dim
        int strong

    struct quiver_queries:
        const uint8_t *rows
        const int8_t *values
        const float *corrections
        size_t n_queries

    struct quiver_transform:
        quiver_metric metric
        const float *mean
        const float *signs
        size_t n_rounds
        size_t dim

    struct quiver_graph:
        const uint32_t *neighbors
        size_t width
        uint32_t entry_point

    struct quiver_kernels:
        int (*encode)(const quiver_transform *, const float *, size_t, int,
                      uint8_t *) noexcept nogil
        int (*quantise)(const quiver_transform *, const float *, size_t, int8_t *,
                        float *) noexcept nogil
        int (*distance)(const quiver_codes *, const quiver_queries *,
                        const uint32_t *, size_t, float *) noexcept nogil
        int (*prune)(const quiver_codes *, const uint64_t *, size_t, size_t, size_t,
                     float, quiver_prune_rule, uint32_t *) noexcept nogil
        int (*search)(const quiver_codes *, const quiver_graph *,
                      const quiver_queries *, size_t, uint64_t *, int64_t *,
                      int64_t *) noexcept nogil
        int (*rerank)(const float *, const float *, size_t, const uint32_t *,
                      size_t, size_t, size_t, quiver_metric, uint32_t *, float *) noexcept nogil

    const quiver_kernels *quiver_find_kernels(const char *, const char **)


METRICS = {
    "cosine": QUIVER_COSINE,
    "euclidean": QUIVER_EUCLIDEAN,
    "inner_product": QUIVER_INNER_PRODUCT,
}
PRUNE_RULES = {"vamana": QUIVER_VAMANA, "published": QUIVER_PUBLISHED}


cdef int check(int status) except -1:
    if status != 0:
        raise MemoryError("the kernel could not allocate its scratch memory")
    return 0


cdef quiver_codes view_codes(const uint8_t[:, ::1] rows, size_t dim, int strong):
    cdef quiver_codes codes
    codes.rows = &rows[0, 0]
    codes.n_rows = rows.shape[0]
    codes.dim = dim
    codes.strong = strong
    return codes


cdef quiver_queries view_queries(
    const uint8_t[:, ::1] rows,
    const int8_t[:, ::1] values,
    const float[:, ::1] corrections,
):
    cdef quiver_queries queries
    queries.rows = NULL
    queries.values = NULL
    queries.corrections = NULL
    if rows is not None:
        queries.rows = &rows[0, 0]
        queries.n_queries = rows.shape[0]
    else:
        queries.values = &values[0, 0]
        queries.corrections = &corrections[0, 0]
        queries.n_queries = values.shape[0]
    return queries


cdef quiver_transform view_transform(
    str metric,
    const float[::1] mean,
    const float[:, ::1] signs,
):
    cdef quiver_transform transform
    transform.metric = METRICS[metric]
    transform.mean = &mean[0]
    transform.signs = &signs[0, 0]
    transform.n_rounds = signs.shape[0]
    transform.dim = mean.shape[0]
    return transform


cdef class Kernels:
    """The functions of one target; raises ImportError if it cannot run here."""

    cdef const quiver_kernels *table

    def __cinit__(self, str target):
        cdef const char *reason = NULL
        name = target.encode()
        self.table = quiver_find_kernels(name, &reason)
        if self.table == NULL:
            raise ImportError(f"{target}: {reason.decode()}")

    def encode(
        self,
        const float[:, ::1] vectors,
        str metric,
        const float[::1] mean,
        const float[:, ::1] signs,
        int strong,
        uint8_t[:, ::1] rows,
    ):
        cdef quiver_transform transform = view_transform(metric, mean, signs)
        cdef int status
        with nogil:
            status = self.table.encode(
                &transform, &vectors[0, 0], vectors.shape[0], strong, &rows[0, 0]
            )
        check(status)

    def quantise(
        self,
        const float[:, ::1] vectors,
        str metric,
        const float[::1] mean,
        const float[:, ::1] signs,
        int8_t[:, ::1] values,
        float[:, ::1] corrections,
    ):
        cdef quiver_transform transform = view_transform(metric, mean, signs)
        cdef int status
        with nogil:
            status = self.table.quantise(
                &transform,
                &vectors[0, 0],
                vectors.shape[0],
                &values[0, 0],
                &corrections[0, 0],
            )
        check(status)

    def distance(
        self,
        const uint8_t[:, ::1] rows,
        size_t dim,
        int strong,
        const uint8_t[:, ::1] query_rows,
        const int8_t[:, ::1] values,
        const float[:, ::1] corrections,
        const uint32_t[:, ::1] candidates,
        float[:, ::1] distances,
    ):
        cdef quiver_codes codes = view_codes(rows, dim, strong)
        cdef quiver_queries queries = view_queries(query_rows, values, corrections)
        cdef const uint32_t *ids = NULL
        cdef int status
        if candidates is not None:
            ids = &candidates[0, 0]
        with nogil:
            status = self.table.distance(
                &codes, &queries, ids, distances.shape[1], &distances[0, 0]
            )
        check(status)

    def prune(
        self,
        const uint8_t[:, ::1] rows,
        size_t dim,
        int strong,
        const uint64_t[:, ::1] candidates,
        float alpha,
        str rule,
        uint32_t[:, ::1] neighbors,
    ):
        cdef quiver_codes codes = view_codes(rows, dim, strong)
        cdef quiver_prune_rule which = PRUNE_RULES[rule]
        cdef int status
        with nogil:
            status = self.table.prune(
                &codes,
                &candidates[0, 0],
                candidates.shape[0],
                candidates.shape[1],
                neighbors.shape[1],
                alpha,
                which,
                &neighbors[0, 0],
            )
        check(status)

    def search(
        self,
        const uint8_t[:, ::1] rows,
        size_t dim,
        int strong,
        const uint32_t[:, ::1] neighbors,
        const uint8_t[:, ::1] query_rows,
        const int8_t[:, ::1] values,
        const float[:, ::1] corrections,
        uint32_t entry_point,
        uint64_t[:, ::1] keys,
        int64_t[::1] hops,
        int64_t[::1] distance_computations,
    ):
        cdef quiver_codes codes = view_codes(rows, dim, strong)
        cdef quiver_queries queries = view_queries(query_rows, values, corrections)
        cdef quiver_graph graph
        cdef int status
        graph.neighbors = &neighbors[0, 0]
        graph.width = neighbors.shape[1]
        graph.entry_point = entry_point
        with nogil:
            status = self.table.search(
                &codes,
                &graph,
                &queries,
                keys.shape[1],
                &keys[0, 0],
                &hops[0],
                &distance_computations[0],
            )
        check(status)

    def rerank(
        self,
        const float[:, ::1] vectors,
        const float[:, ::1] queries,
        const uint32_t[:, ::1] candidates,
        str metric,
        uint32_t[:, ::1] ids,
        float[:, ::1] distances,
    ):
        cdef quiver_metric which = METRICS[metric]
        cdef int status
        with nogil:
            status = self.table.rerank(
                &vectors[0, 0],
                &queries[0, 0],
                vectors.shape[1],
                &candidates[0, 0],
                queries.shape[0],
                candidates.shape[1],
                ids.shape[1],
                which,
                &ids[0, 0],
                &distances[0, 0],
            )
        check(status)
