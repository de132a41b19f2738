# cython: language_level=3, boundscheck=False, wraparound=False
# cython: initializedcheck=False, freethreading_compatible=True
"""Typed doors to the C kernels: pointers and shapes, no arithmetic.

Values arrive validated and outputs are allocated by the caller. Shapes and types are
compared once more, so that no call can make a kernel read or write outside an array.
"""

from cpython.buffer cimport PyBUF_WRITABLE

include "borrowed.pxi"
include "linked.pxi"
include "walked.pxi"

SOURCES = quiver_sources.decode()


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
        cdef quiver_choice choice = quiver_choice(
            max_degree=out.shape[1], alpha=alpha, beta=beta, rule=PRUNE_RULES[rule]
        )
        cdef int status
        with nogil:
            status = self.table.prune(
                &codes,
                <const uint64_t *>keys.buf,
                keys.shape[0],
                keys.shape[1],
                &choice,
                <uint32_t *>out.buf,
            )
        check(status)

    def merge(
        self,
        rows, size_t dim, size_t bits, str weights,
        neighbors, sources, edges,
        Py_ssize_t start, Py_ssize_t stop,
        Py_ssize_t max_degree, float alpha, float beta, str rule,
        allowed,
        targets, merged,
    ):
        """Fill the first places of ``targets`` and ``merged``; return how many."""
        cdef Borrowed borrowed = Borrowed()
        cdef quiver_codes codes = borrowed.codes(rows, dim, bits, weights)
        cdef quiver_lists lists = borrow_lists(
            borrowed, neighbors, allowed, codes.n_rows
        )
        cdef quiver_chosen chosen = borrow_chosen(
            borrowed, sources, edges, codes.n_rows
        )
        cdef quiver_choice choice = quiver_choice(
            max_degree=within("max_degree", max_degree, lists.width),
            alpha=alpha,
            beta=beta,
            rule=PRUNE_RULES[rule],
        )
        within("stop", stop, codes.n_rows)
        within("start", start, stop)
        cdef Py_ssize_t most = min(
            stop - start, <Py_ssize_t>(chosen.n_sources * chosen.width)
        )
        cdef Py_buffer *served = borrowed.vector(
            targets, "targets", &UINT32, most, PyBUF_WRITABLE
        )
        cdef Py_buffer *out = borrowed.matrix(
            merged, "merged", &UINT32, most, lists.width, PyBUF_WRITABLE
        )
        cdef size_t n_targets = 0
        cdef int status
        with nogil:
            status = self.table.merge(
                &codes,
                &lists,
                &chosen,
                start,
                stop,
                &choice,
                <uint32_t *>served.buf,
                <uint32_t *>out.buf,
                &n_targets,
            )
        check(status)
        return n_targets

    def search(
        self,
        rows, size_t dim, size_t bits, str weights,
        neighbors,
        query_rows, values, corrections,
        entry_points,
        Py_ssize_t ef,
        allowed, budget, limits,
        bint screened,
        horizon,
        keys, hops, distance_computations, lines_read, complete,
    ):
        """Fill ``keys`` or, where there are limits, return the bytes of each ball."""
        cdef Borrowed borrowed = Borrowed()
        cdef quiver_codes codes = borrowed.codes(rows, dim, bits, weights)
        cdef quiver_queries queries = borrowed.queries(
            query_rows, values, corrections, &codes
        )
        cdef Py_ssize_t q = queries.n_queries
        cdef quiver_graph graph = borrow_graph(
            borrowed, neighbors, entry_points, codes.n_rows
        )
        cdef quiver_rules rules = borrow_rules(
            borrowed, allowed, budget, limits, screened, q, codes.n_rows
        )
        rules.horizon = horizon_of(horizon)
        cdef quiver_answers answers = borrow_counters(
            borrowed, hops, distance_computations, lines_read, complete, q
        )
        cdef Balls balls = Balls(0 if limits is None else q)
        cdef int status
        at_least_one("ef", ef)
        if limits is None:
            answers.keys = borrow_beams(borrowed, keys, q, ef)
        else:
            answers.balls = balls.balls
        with nogil:
            status = self.table.search(&codes, &graph, &queries, &rules, ef, &answers)
        check(status)
        return balls.contents()

    def scan(
        self,
        rows, size_t dim, size_t bits, str weights,
        query_rows, values, corrections,
        scanned,
        Py_ssize_t ef,
        keys,
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef quiver_codes codes = borrowed.codes(rows, dim, bits, weights)
        cdef quiver_queries queries = borrowed.queries(
            query_rows, values, corrections, &codes
        )
        cdef Py_buffer *ids = borrow_rows(borrowed, scanned, codes.n_rows)
        cdef uint64_t *beams = borrow_beams(borrowed, keys, queries.n_queries, ef)
        cdef int status
        at_least_one("ef", ef)
        with nogil:
            status = self.table.scan(
                &codes, &queries, <const uint32_t *>ids.buf, ids.shape[0], ef, beams
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


include "searched.pxi"
