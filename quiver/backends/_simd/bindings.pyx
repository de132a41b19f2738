# cython: language_level=3, boundscheck=False, wraparound=False
# cython: initializedcheck=False, freethreading_compatible=True
"""Typed doors to the C kernels: pointers and shapes, no arithmetic.

Arrays arrive validated; outputs are allocated by the caller, of the right shape.
Buffers are borrowed one by one, because a typed memoryview each would cost a single
query more than its walk through a small index.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.string cimport strchr
METRICS = {
    "cosine": QUIVER_COSINE,
    "euclidean": QUIVER_EUCLIDEAN,
    "inner_product": QUIVER_INNER_PRODUCT,
}
PRUNE_RULES = {"vamana": QUIVER_VAMANA, "published": QUIVER_PUBLISHED}


# Struct codes of the array types; which of two is used depends on the platform.
cdef const char *UINT8 = b"B"
cdef const char *INT8 = b"b"
cdef const char *UINT32 = b"IL"
cdef const char *UINT64 = b"LQ"
cdef const char *INT64 = b"lq"
cdef const char *FLOAT32 = b"f"
cdef enum:
    MOST_BUFFERS = 8


cdef class Borrowed:
    """The buffers of one call, given back when it ends."""

    cdef Py_buffer buffers[MOST_BUFFERS]
    cdef int n_buffers

    def __dealloc__(self):
        for number in range(self.n_buffers):
            PyBuffer_Release(&self.buffers[number])

    cdef Py_buffer *read(
        self, object array, const char *formats, int ndim=2, int flags=0
    ) except NULL:
        """Return the C-contiguous buffer of an array of one of these formats."""
        cdef Py_buffer *buffer = &self.buffers[self.n_buffers]
        PyObject_GetBuffer(array, buffer, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags)
        self.n_buffers += 1
        if buffer.ndim != ndim or strchr(formats, buffer.format[0]) == NULL:
            raise TypeError(
                f"expected {ndim} dimensions of {formats.decode()}, "
                f"got {buffer.ndim} of {buffer.format.decode()}"
            )
        return buffer

    cdef Py_buffer *write(
        self, object array, const char *formats, int ndim=2
    ) except NULL:
        return self.read(array, formats, ndim, PyBUF_WRITABLE)

    cdef quiver_codes codes(self, object rows, size_t dim, int strong) except *:
        cdef Py_buffer *buffer = self.read(rows, UINT8)
        return quiver_codes(
            rows=<const uint8_t *>buffer.buf,
            n_rows=buffer.shape[0],
            dim=dim,
            strong=strong,
        )

    cdef quiver_queries queries(
        self, object rows, object values, object corrections
    ) except *:
        cdef Py_buffer *buffer
        if rows is not None:
            buffer = self.read(rows, UINT8)
            return quiver_queries(
                rows=<const uint8_t *>buffer.buf,
                values=NULL,
                corrections=NULL,
                n_queries=buffer.shape[0],
            )
        buffer = self.read(values, INT8)
        return quiver_queries(
            rows=NULL,
            values=<const int8_t *>buffer.buf,
            corrections=<const float *>self.read(corrections, FLOAT32).buf,
            n_queries=buffer.shape[0],
        )

    cdef quiver_transform transform(
        self, str metric, object mean, object signs
    ) except *:
        cdef Py_buffer *means = self.read(mean, FLOAT32, 1)
        cdef Py_buffer *rounds = self.read(signs, FLOAT32)
        return quiver_transform(
            metric=METRICS[metric],
            mean=<const float *>means.buf,
            signs=<const float *>rounds.buf,
            n_rounds=rounds.shape[0],
            dim=means.shape[0],
        )


cdef int check(int status) except -1:
    if status != 0:
        raise MemoryError("the kernel could not allocate its scratch memory")
    return 0


cdef class Kernels:
    """The functions of one target; raises ImportError if it cannot run here."""

    cdef const quiver_kernels *table

    def __cinit__(self, str target):
        cdef const char *reason = NULL
        name = target.encode()
        self.table = quiver_find_kernels(name, &reason)
        if self.table == NULL:
            raise ImportError(f"{target}: {reason.decode()}")

    def encode(self, vectors, str metric, mean, signs, int strong, rows):
        cdef Borrowed borrowed = Borrowed()
        cdef Py_buffer *base = borrowed.read(vectors, FLOAT32)
        cdef Py_buffer *out = borrowed.write(rows, UINT8)
        cdef quiver_transform transform = borrowed.transform(metric, mean, signs)
        cdef int status
        with nogil:
            status = self.table.encode(
                &transform,
                <const float *>base.buf,
                base.shape[0],
                strong,
                <uint8_t *>out.buf,
            )
        check(status)

    def quantise(self, vectors, str metric, mean, signs, values, corrections):
        cdef Borrowed borrowed = Borrowed()
        cdef Py_buffer *base = borrowed.read(vectors, FLOAT32)
        cdef Py_buffer *out = borrowed.write(values, INT8)
        cdef Py_buffer *pairs = borrowed.write(corrections, FLOAT32)
        cdef quiver_transform transform = borrowed.transform(metric, mean, signs)
        cdef int status
        with nogil:
            status = self.table.quantise(
                &transform,
                <const float *>base.buf,
                base.shape[0],
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
        cdef quiver_queries queries = borrowed.queries(query_rows, values, corrections)
        cdef Py_buffer *out = borrowed.write(distances, FLOAT32)
        cdef const uint32_t *ids = NULL
        cdef int status
        if candidates is not None:
            ids = <const uint32_t *>borrowed.read(candidates, UINT32).buf
        with nogil:
            status = self.table.distance(
                &codes, &queries, ids, out.shape[1], <float *>out.buf
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
        cdef Py_buffer *keys = borrowed.read(candidates, UINT64)
        cdef Py_buffer *out = borrowed.write(neighbors, UINT32)
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
        cdef quiver_queries queries = borrowed.queries(query_rows, values, corrections)
        cdef Py_buffer *edges = borrowed.read(neighbors, UINT32)
        cdef quiver_graph graph = quiver_graph(
            neighbors=<const uint32_t *>edges.buf,
            width=edges.shape[1],
            entry_point=entry_point,
        )
        cdef Py_buffer *beams = borrowed.write(keys, UINT64)
        cdef Py_buffer *n_hops = borrowed.write(hops, INT64, 1)
        cdef Py_buffer *n_distances = borrowed.write(distance_computations, INT64, 1)
        cdef int status
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
        cdef Py_buffer *base = borrowed.read(vectors, FLOAT32)
        cdef Py_buffer *wanted = borrowed.read(queries, FLOAT32)
        cdef Py_buffer *lists = borrowed.read(candidates, UINT32)
        cdef Py_buffer *best = borrowed.write(ids, UINT32)
        cdef Py_buffer *exact = borrowed.write(distances, FLOAT32)
        cdef quiver_metric which = METRICS[metric]
        cdef int status
        with nogil:
            status = self.table.rerank(
                <const float *>base.buf,
                <const float *>wanted.buf,
                base.shape[1],
                <const uint32_t *>lists.buf,
                wanted.shape[0],
                lists.shape[1],
                best.shape[1],
                which,
                <uint32_t *>best.buf,
                <float *>exact.buf,
            )
        check(status)
