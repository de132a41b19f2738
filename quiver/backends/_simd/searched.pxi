"""What every search of one version of an index reads, borrowed once."""


@cython.final
cdef class Searched:
    """The arrays of one version of an index, as the kernels of a target take them."""

    cdef Borrowed borrowed
    cdef quiver_searched searched
    cdef const quiver_kernels *table

    def __cinit__(
        self,
        Kernels kernels,
        *,
        codes,
        neighbors,
        entry_points,
        vectors,
        transform,
        str metric,
        mean,
        ids,
        allowed,
        beside,
        unlinked,
        bint screened,
        terms,
        size_t least_dim,
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef size_t n_rows
        cdef Py_buffer *others
        cdef Py_buffer *pairs
        cdef quiver_searched *to = &self.searched
        self.borrowed, self.table = borrowed, kernels.table
        rows, dim, bits, weights = codes
        to.codes = borrowed.codes(rows, dim, bits, weights)
        n_rows = to.codes.n_rows
        to.graph = borrow_graph(borrowed, neighbors, entry_points, n_rows)
        to.vectors = borrowed.kept_vectors(vectors)
        same("the rows of vectors", len(vectors), n_rows)
        scaling, mean_of_queries, signs = transform
        to.transform = borrowed.transform(
            scaling, mean_of_queries, signs, to.vectors.dim
        )
        same("coded_dim", to.transform.coded_dim, dim)
        to.metric = METRICS[metric]
        to.mean = <const float *>borrowed.vector(
            mean, "mean", &FLOAT32, to.vectors.dim
        ).buf
        to.ids = <const int64_t *>borrowed.vector(ids, "ids", &INT64, n_rows).buf
        # One mask for all queries, however many there will be.
        to.rules = borrow_rules(borrowed, allowed, None, None, screened, 1, n_rows)
        others = borrowed.vector(beside, "beside", &UINT32, ANY)
        to.beside = <const uint32_t *>others.buf
        to.n_beside = others.shape[0]
        for number in range(to.n_beside):
            below("beside", to.beside[number], n_rows)
        pairs = borrowed.matrix(unlinked, "unlinked", &UINT32, ANY, 2)
        to.unlinked = <const uint32_t *>pairs.buf
        to.n_unlinked = pairs.shape[0]
        for number in range(to.n_unlinked):
            below("unlinked", to.unlinked[2 * number + 1], n_rows)
        estimate, rounding, per_norm, per_step = terms
        to.terms = quiver_bound_terms(
            estimate=estimate,
            rounding=rounding,
            per_norm=per_norm,
            per_step=per_step,
            least_dim=least_dim,
        )

    def answer(
        self,
        queries,
        Py_ssize_t ef,
        Py_ssize_t depth,
        bint is_bounded,
        horizon,
        ids,
        distances,
        counters,
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef Py_buffer *asked = borrowed.vectors(
            queries, "queries", self.searched.vectors.dim
        )
        cdef Py_ssize_t q = asked.shape[0]
        cdef Py_buffer *best = borrowed.matrix(
            ids, "ids", &INT64, q, ANY, PyBUF_WRITABLE
        )
        cdef Py_ssize_t k = best.shape[1]
        cdef Py_buffer *exact = borrowed.matrix(
            distances, "distances", &FLOAT32, q, k, PyBUF_WRITABLE
        )
        cdef Py_buffer *counts = borrowed.matrix(
            counters, "counters", &INT64, 5, q, PyBUF_WRITABLE
        )
        cdef quiver_effort effort = quiver_effort(
            k=k,
            ef=ef,
            depth=depth,
            is_bounded=is_bounded,
            horizon=horizon_of(horizon),
        )
        cdef int status
        at_least_one("k", k)
        at_least_one("depth", depth)
        if depth > ef:
            raise InvalidArgumentError(f"depth must be at most ef, {ef}, got {depth}")
        with nogil:
            status = self.table.answer(
                &self.searched,
                &effort,
                <const float *>asked.buf,
                q,
                <int64_t *>best.buf,
                <float *>exact.buf,
                <int64_t *>counts.buf,
            )
        check(status)


cdef int same(str name, size_t number, size_t expected) except -1:
    if number != expected:
        raise InvalidArgumentError(f"{name} must be {expected}, got {number}")
    return 0
