# cython: language_level=3, boundscheck=False, wraparound=False
# cython: initializedcheck=False, freethreading_compatible=True
"""Typed doors to the C kernels: pointers and shapes, no arithmetic.

Values arrive validated and outputs are allocated by the caller. Shapes and types are
compared once more, so that no call can make a kernel read or write outside an array.
"""

from cpython.buffer cimport PyBUF_WRITABLE

include "borrowed.pxi"


cdef int check(int status) except -1:
    if status != 0:
        raise MemoryError("the kernel could not allocate its scratch memory")
    return 0


cdef class Kernels:
    """The functions of one target; raises ImportError if it cannot run here."""

    cdef const quiver_kernels *table

    def __cinit__(self, str target):
        cdef const char *lacks = NULL
        name = target.encode()
        self.table = quiver_find_kernels(name, &lacks)
        if lacks != NULL:
            raise ImportError(f"this processor lacks {lacks.decode()}")
        if self.table == NULL:
            raise ImportError("the installed kernels were compiled without this target")

    def encode(
        self, vectors, str scaling, mean, signs, size_t bits, str weights, rows
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef Py_buffer *base = borrowed.vectors(vectors, "vectors", ANY)
        cdef Py_ssize_t n = base.shape[0], dim = base.shape[1]
        cdef quiver_transform transform = borrowed.transform(scaling, mean, signs, dim)
        cdef size_t n_lines = lines_of(transform.coded_dim, width_of(bits))
        cdef Py_buffer *out = borrowed.matrix(
            rows, "rows", &UINT8, n, CACHE_LINE * n_lines, PyBUF_WRITABLE
        )
        cdef quiver_weights which = WEIGHTS[weights]
        cdef int status
        with nogil:
            status = self.table.encode(
                &transform,
                <const float *>base.buf,
                n,
                bits,
                which,
                <uint8_t *>out.buf,
            )
        check(status)

    def quantize(
        self, vectors, str scaling, mean, signs, size_t bits, values, corrections
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef Py_buffer *base = borrowed.vectors(vectors, "queries", ANY)
        cdef Py_ssize_t n = base.shape[0], dim = base.shape[1]
        cdef quiver_transform transform = borrowed.transform(scaling, mean, signs, dim)
        cdef size_t n_lines = lines_of(transform.coded_dim, width_of(bits))
        cdef Py_buffer *out = borrowed.planes(
            values, bits, n, CACHE_LINE * n_lines, PyBUF_WRITABLE
        )
        cdef Py_buffer *pairs = borrowed.matrix(
            corrections, "corrections", &FLOAT32, n, 2, PyBUF_WRITABLE
        )
        cdef int status
        with nogil:
            status = self.table.quantize(
                &transform,
                <const float *>base.buf,
                n,
                bits,
                <int8_t *>out.buf,
                <float *>pairs.buf,
            )
        check(status)

    def distance(
        self,
        rows,
        size_t dim,
        size_t bits,
        str weights,
        query_rows,
        values,
        corrections,
        candidates,
        distances,
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef quiver_codes codes = borrowed.codes(rows, dim, bits, weights)
        cdef quiver_queries queries = borrowed.queries(
            query_rows, values, corrections, &codes
        )
        cdef Py_ssize_t q = queries.n_queries
        cdef Py_ssize_t width = codes.n_rows
        cdef Py_buffer *lists
        cdef const uint32_t *ids = NULL
        cdef int status
        if candidates is not None:
            lists = borrowed.matrix(candidates, "candidates", &UINT32, q, ANY)
            ids = <const uint32_t *>lists.buf
            width = lists.shape[1]
        cdef Py_buffer *out = borrowed.matrix(
            distances, "distances", &FLOAT32, q, width, PyBUF_WRITABLE
        )
        with nogil:
            status = self.table.distance(
                &codes, &queries, ids, width, <float *>out.buf
            )
        check(status)

    def prune(
        self,
        rows,
        size_t dim,
        size_t bits,
        str weights,
        candidates,
        float alpha,
        float beta,
        str rule,
        neighbors,
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef quiver_codes codes = borrowed.codes(rows, dim, bits, weights)
        cdef Py_buffer *keys = borrowed.matrix(
            candidates, "candidates", &UINT64, ANY, ANY
        )
        cdef Py_buffer *out = borrowed.matrix(
            neighbors, "neighbors", &UINT32, keys.shape[0], ANY, PyBUF_WRITABLE
        )
        cdef quiver_prune_rule which = PRUNE_RULES[rule]
        cdef int status
        with nogil:
            status = self.table.prune(
                &codes,
                <const uint64_t *>keys.buf,
                keys.shape[0],
                keys.shape[1],
                out.shape[1],
                alpha,
                beta,
                which,
                <uint32_t *>out.buf,
            )
        check(status)

    def search(
        self,
        rows,
        size_t dim,
        size_t bits,
        str weights,
        neighbors,
        query_rows,
        values,
        corrections,
        entry_points,
        keys,
        hops,
        distance_computations,
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef quiver_codes codes = borrowed.codes(rows, dim, bits, weights)
        cdef quiver_queries queries = borrowed.queries(
            query_rows, values, corrections, &codes
        )
        cdef Py_ssize_t q = queries.n_queries
        cdef Py_buffer *edges = borrowed.matrix(
            neighbors, "neighbors", &UINT32, codes.n_rows, ANY
        )
        cdef Py_buffer *entries = borrowed.vector(
            entry_points, "entry_points", &UINT32, ANY
        )
        cdef quiver_graph graph = quiver_graph(
            neighbors=<const uint32_t *>edges.buf,
            width=edges.shape[1],
            entry_points=<const uint32_t *>entries.buf,
            n_entry_points=entries.shape[0],
        )
        cdef Py_buffer *beams = borrowed.matrix(
            keys, "keys", &UINT64, q, ANY, PyBUF_WRITABLE
        )
        cdef Py_buffer *n_hops = borrowed.vector(
            hops, "hops", &INT64, q, PyBUF_WRITABLE
        )
        cdef Py_buffer *n_distances = borrowed.vector(
            distance_computations, "distance_computations", &INT64, q, PyBUF_WRITABLE
        )
        cdef int status
        at_least_one("ef", beams.shape[1])
        at_least_one("the number of entry_points", graph.n_entry_points)
        for number in range(graph.n_entry_points):
            if graph.entry_points[number] >= codes.n_rows:
                raise InvalidArgumentError(
                    f"entry_points must be rows below {codes.n_rows}, "
                    f"got {graph.entry_points[number]}"
                )
        with nogil:
            status = self.table.search(
                &codes,
                &graph,
                &queries,
                beams.shape[1],
                <uint64_t *>beams.buf,
                <int64_t *>n_hops.buf,
                <int64_t *>n_distances.buf,
            )
        check(status)

    def rerank(
        self, vectors, queries, candidates, bounds, str metric, ids, distances, reranked
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef quiver_vectors base = borrowed.kept_vectors(vectors)
        cdef Py_buffer *wanted = borrowed.vectors(queries, "queries", base.dim)
        cdef Py_ssize_t q = wanted.shape[0]
        cdef Py_buffer *lists = borrowed.matrix(
            candidates, "candidates", &UINT32, q, ANY
        )
        cdef Py_buffer *least = borrowed.matrix(
            bounds, "bounds", &FLOAT32, q, lists.shape[1]
        )
        cdef Py_buffer *best = borrowed.matrix(
            ids, "ids", &UINT32, q, ANY, PyBUF_WRITABLE
        )
        cdef Py_ssize_t k = best.shape[1]
        cdef Py_buffer *exact = borrowed.matrix(
            distances, "distances", &FLOAT32, q, k, PyBUF_WRITABLE
        )
        cdef Py_buffer *n_reranked = borrowed.vector(
            reranked, "reranked", &INT64, q, PyBUF_WRITABLE
        )
        cdef quiver_metric which = METRICS[metric]
        cdef int status
        at_least_one("k", k)
        with nogil:
            status = self.table.rerank(
                &base,
                <const float *>wanted.buf,
                <const uint32_t *>lists.buf,
                <const float *>least.buf,
                q,
                lists.shape[1],
                k,
                which,
                <uint32_t *>best.buf,
                <float *>exact.buf,
                <int64_t *>n_reranked.buf,
            )
        check(status)
