# cython: language_level=3, boundscheck=False, wraparound=False
# cython: initializedcheck=False, freethreading_compatible=True
"""Typed doors to the C kernels: pointers and shapes, no arithmetic.

Values arrive validated and outputs are allocated by the caller. Shapes and types are
compared here once more, so that no call can make a kernel read or write outside an
array. Buffers are borrowed one by one, because a typed memoryview each would cost a
single query more than its walk through a small index.
"""

cimport cython
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.string cimport strchr

from quiver.errors import InvalidArgumentError, InvalidTypeError

METRICS = {
    "cosine": QUIVER_COSINE,
    "euclidean": QUIVER_EUCLIDEAN,
    "inner_product": QUIVER_INNER_PRODUCT,
}
PRUNE_RULES = {"vamana": QUIVER_VAMANA, "published": QUIVER_PUBLISHED}


cdef struct Element:
    const char *name
    const char *codes
    Py_ssize_t size


# Struct codes of each type: which of two is used depends on the platform, and `L` is
# eight bytes on one and four on another, so that the size decides.
cdef Element UINT8 = Element(b"uint8", b"B", 1)
cdef Element INT8 = Element(b"int8", b"b", 1)
cdef Element UINT32 = Element(b"uint32", b"IL", 4)
cdef Element UINT64 = Element(b"uint64", b"LQ", 8)
cdef Element INT64 = Element(b"int64", b"lq", 8)
cdef Element FLOAT32 = Element(b"float32", b"f", 4)

cdef enum:
    # `search` borrows the most: seven today.
    MOST_BUFFERS = 16
    ANY = -1


@cython.final
@cython.freelist(8)
cdef class Borrowed:
    """The buffers of one call, given back when it ends."""

    cdef Py_buffer buffers[MOST_BUFFERS]
    cdef int n_buffers

    def __dealloc__(self):
        for number in range(self.n_buffers):
            PyBuffer_Release(&self.buffers[number])

    cdef Py_buffer *borrow(
        self, object array, str name, Element *element, int ndim, int flags
    ) except NULL:
        """Return the C-contiguous buffer of an array of this type."""
        if self.n_buffers == MOST_BUFFERS:
            raise SystemError(f"a kernel call borrows at most {MOST_BUFFERS} arrays")
        cdef Py_buffer *buffer = &self.buffers[self.n_buffers]
        PyObject_GetBuffer(array, buffer, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags)
        self.n_buffers += 1
        if (
            buffer.ndim != ndim
            or buffer.itemsize != element.size
            or buffer.format[0] == 0
            or buffer.format[1] != 0
            or strchr(element.codes, buffer.format[0]) == NULL
        ):
            raise InvalidTypeError(
                f"{name} must have {ndim} dimensions of {element.name.decode()}, got "
                f"{buffer.ndim} of format {buffer.format.decode()!r} "
                f"with {buffer.itemsize} bytes each"
            )
        return buffer

    cdef Py_buffer *vector(
        self, object array, str name, Element *element, Py_ssize_t length, int flags=0
    ) except NULL:
        """Borrow a one-dimensional array of this length."""
        cdef Py_buffer *buffer = self.borrow(array, name, element, 1, flags)
        if length != ANY and buffer.shape[0] != length:
            raise InvalidArgumentError(
                f"{name} must have shape ({length},), got ({buffer.shape[0]},)"
            )
        return buffer

    cdef Py_buffer *matrix(
        self,
        object array,
        str name,
        Element *element,
        Py_ssize_t n_rows,
        Py_ssize_t n_columns,
        int flags=0,
    ) except NULL:
        """Borrow a matrix of this shape; ANY leaves a side open."""
        cdef Py_buffer *buffer = self.borrow(array, name, element, 2, flags)
        if (n_rows != ANY and buffer.shape[0] != n_rows) or (
            n_columns != ANY and buffer.shape[1] != n_columns
        ):
            raise InvalidArgumentError(
                f"{name} must have shape ({side(n_rows)}, {side(n_columns)}), "
                f"got ({buffer.shape[0]}, {buffer.shape[1]})"
            )
        return buffer

    cdef Py_buffer *vectors(self, object array, str name, Py_ssize_t dim) except NULL:
        """Borrow float32 vectors of this dimension, or of any positive one."""
        cdef Py_buffer *buffer = self.matrix(array, name, &FLOAT32, ANY, dim)
        at_least_one("dim", buffer.shape[1])
        return buffer

    cdef quiver_codes codes(self, object rows, size_t dim, int strong) except *:
        cdef Py_ssize_t row_bytes = row_bytes_of(blocks_of(dim))
        cdef Py_buffer *buffer = self.matrix(rows, "codes", &UINT8, ANY, row_bytes)
        return quiver_codes(
            rows=<const uint8_t *>buffer.buf,
            n_rows=buffer.shape[0],
            dim=dim,
            strong=strong,
        )

    cdef quiver_queries queries(
        self, object rows, object values, object corrections, size_t dim
    ) except *:
        cdef Py_ssize_t n_blocks = blocks_of(dim)
        cdef Py_buffer *buffer
        cdef Py_buffer *pairs
        if rows is not None:
            buffer = self.matrix(rows, "queries", &UINT8, ANY, row_bytes_of(n_blocks))
            return quiver_queries(
                rows=<const uint8_t *>buffer.buf,
                values=NULL,
                corrections=NULL,
                n_queries=buffer.shape[0],
            )
        buffer = self.matrix(
            values, "values of queries", &INT8, ANY, BLOCK_DIMS * n_blocks
        )
        pairs = self.matrix(
            corrections, "corrections of queries", &FLOAT32, buffer.shape[0], 2
        )
        return quiver_queries(
            rows=NULL,
            values=<const int8_t *>buffer.buf,
            corrections=<const float *>pairs.buf,
            n_queries=buffer.shape[0],
        )

    cdef quiver_transform transform(
        self, str metric, object mean, object signs, Py_ssize_t dim
    ) except *:
        cdef Py_buffer *means = self.vector(mean, "mean", &FLOAT32, dim)
        cdef Py_buffer *rounds = self.matrix(signs, "signs", &FLOAT32, ANY, dim)
        return quiver_transform(
            metric=METRICS[metric],
            mean=<const float *>means.buf,
            signs=<const float *>rounds.buf,
            n_rounds=rounds.shape[0],
            dim=dim,
        )


cdef str side(Py_ssize_t length):
    return "any" if length == ANY else str(length)


cdef int at_least_one(str name, Py_ssize_t number) except -1:
    if number < 1:
        raise InvalidArgumentError(f"{name} must be at least 1, got {number}")
    return 0


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

    def encode(self, vectors, str metric, mean, signs, int strong, rows):
        cdef Borrowed borrowed = Borrowed()
        cdef Py_buffer *base = borrowed.vectors(vectors, "vectors", ANY)
        cdef Py_ssize_t n = base.shape[0], dim = base.shape[1]
        cdef Py_ssize_t row_bytes = row_bytes_of(blocks_of(dim))
        cdef Py_buffer *out = borrowed.matrix(
            rows, "rows", &UINT8, n, row_bytes, PyBUF_WRITABLE
        )
        cdef quiver_transform transform = borrowed.transform(metric, mean, signs, dim)
        cdef int status
        with nogil:
            status = self.table.encode(
                &transform,
                <const float *>base.buf,
                n,
                strong,
                <uint8_t *>out.buf,
            )
        check(status)

    def quantise(self, vectors, str metric, mean, signs, values, corrections):
        cdef Borrowed borrowed = Borrowed()
        cdef Py_buffer *base = borrowed.vectors(vectors, "queries", ANY)
        cdef Py_ssize_t n = base.shape[0], dim = base.shape[1]
        cdef Py_ssize_t n_values = BLOCK_DIMS * blocks_of(dim)
        cdef Py_buffer *out = borrowed.matrix(
            values, "values", &INT8, n, n_values, PyBUF_WRITABLE
        )
        cdef Py_buffer *pairs = borrowed.matrix(
            corrections, "corrections", &FLOAT32, n, 2, PyBUF_WRITABLE
        )
        cdef quiver_transform transform = borrowed.transform(metric, mean, signs, dim)
        cdef int status
        with nogil:
            status = self.table.quantise(
                &transform,
                <const float *>base.buf,
                n,
                <int8_t *>out.buf,
                <float *>pairs.buf,
            )
        check(status)

    def distance(
        self,
        rows,
        size_t dim,
        int strong,
        query_rows,
        values,
        corrections,
        candidates,
        distances,
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef quiver_codes codes = borrowed.codes(rows, dim, strong)
        cdef quiver_queries queries = borrowed.queries(
            query_rows, values, corrections, dim
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
        int strong,
        candidates,
        float alpha,
        str rule,
        neighbors,
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef quiver_codes codes = borrowed.codes(rows, dim, strong)
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
                which,
                <uint32_t *>out.buf,
            )
        check(status)

    def search(
        self,
        rows,
        size_t dim,
        int strong,
        neighbors,
        query_rows,
        values,
        corrections,
        uint32_t entry_point,
        keys,
        hops,
        distance_computations,
    ):
        cdef Borrowed borrowed = Borrowed()
        cdef quiver_codes codes = borrowed.codes(rows, dim, strong)
        cdef quiver_queries queries = borrowed.queries(
            query_rows, values, corrections, dim
        )
        cdef Py_ssize_t q = queries.n_queries
        cdef Py_buffer *edges = borrowed.matrix(
            neighbors, "neighbors", &UINT32, codes.n_rows, ANY
        )
        cdef quiver_graph graph = quiver_graph(
            neighbors=<const uint32_t *>edges.buf,
            width=edges.shape[1],
            entry_point=entry_point,
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
        if entry_point >= codes.n_rows:
            raise InvalidArgumentError(
                f"entry_point must be a row below {codes.n_rows}, got {entry_point}"
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

    def rerank(self, vectors, queries, candidates, str metric, ids, distances):
        cdef Borrowed borrowed = Borrowed()
        cdef Py_buffer *base = borrowed.vectors(vectors, "vectors", ANY)
        cdef Py_ssize_t dim = base.shape[1]
        cdef Py_buffer *wanted = borrowed.vectors(queries, "queries", dim)
        cdef Py_ssize_t q = wanted.shape[0]
        cdef Py_buffer *lists = borrowed.matrix(
            candidates, "candidates", &UINT32, q, ANY
        )
        cdef Py_buffer *best = borrowed.matrix(
            ids, "ids", &UINT32, q, ANY, PyBUF_WRITABLE
        )
        cdef Py_ssize_t k = best.shape[1]
        cdef Py_buffer *exact = borrowed.matrix(
            distances, "distances", &FLOAT32, q, k, PyBUF_WRITABLE
        )
        cdef quiver_metric which = METRICS[metric]
        cdef int status
        at_least_one("k", k)
        with nogil:
            status = self.table.rerank(
                <const float *>base.buf,
                <const float *>wanted.buf,
                dim,
                <const uint32_t *>lists.buf,
                q,
                lists.shape[1],
                k,
                which,
                <uint32_t *>best.buf,
                <float *>exact.buf,
            )
        check(status)
