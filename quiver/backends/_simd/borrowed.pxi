"""The arrays of one call, borrowed only if a kernel stays inside them.

Buffers are borrowed one by one, because a typed memoryview each would cost a single
query more than its walk through a small index.
"""

cimport cython
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_FORMAT,
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
WEIGHTS = {"corrected": QUIVER_CORRECTED, "published": QUIVER_PUBLISHED_WEIGHTS}
PRUNE_RULES = {
    "vamana": QUIVER_VAMANA,
    "strict_first": QUIVER_STRICT_FIRST,
    "published": QUIVER_PUBLISHED,
}


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
cdef Element BOOL = Element(b"bool", b"?", 1)
cdef Element FLOAT32 = Element(b"float32", b"f", 4)
# Tells what else would have been taken.
cdef Element FLOAT32_OR_BYTES = Element(b"float32, uint8 or int8", b"f", 4)

cdef enum:
    # `search_radius` borrows the most: twelve today.
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
        return of_type(self.borrow_any(array, flags), name, element, ndim)

    cdef Py_buffer *borrow_any(self, object array, int flags) except NULL:
        if self.n_buffers == MOST_BUFFERS:
            raise SystemError(f"a kernel call borrows at most {MOST_BUFFERS} arrays")
        cdef Py_buffer *buffer = &self.buffers[self.n_buffers]
        PyObject_GetBuffer(array, buffer, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags)
        self.n_buffers += 1
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

    cdef quiver_vectors kept_vectors(self, object array) except *:
        """Borrow vectors in any of the types that an index keeps."""
        cdef Py_buffer *buffer = self.borrow_any(array, 0)
        cdef quiver_element element = QUIVER_FLOAT32
        cdef Element *expected = &FLOAT32_OR_BYTES
        if has_type(buffer, &UINT8):
            element, expected = QUIVER_UINT8, &UINT8
        elif has_type(buffer, &INT8):
            element, expected = QUIVER_INT8, &INT8
        of_type(buffer, "vectors", expected, 2)
        at_least_one("dim", buffer.shape[1])
        return quiver_vectors(rows=buffer.buf, dim=buffer.shape[1], element=element)

    cdef quiver_codes codes(
        self, object rows, size_t dim, size_t bits, str weights
    ) except *:
        cdef Py_ssize_t row_bytes = CACHE_LINE * lines_of(dim, width_of(bits))
        cdef Py_buffer *buffer = self.matrix(rows, "codes", &UINT8, ANY, row_bytes)
        return quiver_codes(
            rows=<const uint8_t *>buffer.buf,
            n_rows=buffer.shape[0],
            dim=dim,
            bits=bits,
            weights=WEIGHTS[weights],
        )

    cdef quiver_queries queries(
        self, object rows, object values, object corrections, quiver_codes *codes
    ) except *:
        cdef Py_ssize_t row_bytes = CACHE_LINE * lines_of(codes.dim, codes.bits)
        cdef Py_buffer *buffer
        cdef Py_buffer *pairs
        if rows is not None:
            buffer = self.matrix(rows, "queries", &UINT8, ANY, row_bytes)
            return quiver_queries(
                rows=<const uint8_t *>buffer.buf,
                values=NULL,
                corrections=NULL,
                n_queries=buffer.shape[0],
            )
        buffer = self.planes(values, codes.bits, ANY, row_bytes)
        pairs = self.matrix(
            corrections, "corrections of queries", &FLOAT32, buffer.shape[0], 2
        )
        return quiver_queries(
            rows=NULL,
            values=<const int8_t *>buffer.buf,
            corrections=<const float *>pairs.buf,
            n_queries=buffer.shape[0],
        )

    cdef Py_buffer *planes(
        self,
        object values,
        size_t bits,
        Py_ssize_t n_queries,
        Py_ssize_t row_bytes,
        int flags=0,
    ) except NULL:
        """Borrow the int8 planes of queries."""
        cdef Py_buffer *buffer = self.borrow(values, "values", &INT8, 3, flags)
        cdef Py_ssize_t n_planes = planes_of(width_of(bits))
        if (
            (n_queries != ANY and buffer.shape[0] != n_queries)
            or buffer.shape[1] != n_planes
            or buffer.shape[2] != row_bytes
        ):
            raise InvalidArgumentError(
                f"values must have shape ({side(n_queries)}, {n_planes}, {row_bytes}), "
                f"got ({buffer.shape[0]}, {buffer.shape[1]}, {buffer.shape[2]})"
            )
        return buffer

    cdef quiver_transform transform(
        self, str scaling, object mean, object signs, Py_ssize_t dim
    ) except *:
        cdef Py_buffer *means = self.vector(mean, "mean", &FLOAT32, dim)
        cdef Py_buffer *rounds = self.matrix(signs, "signs", &FLOAT32, ANY, ANY)
        if rounds.shape[1] < dim:
            raise InvalidArgumentError(
                f"signs must have at least {dim} columns, got {rounds.shape[1]}"
            )
        return quiver_transform(
            scaling=METRICS[scaling],
            mean=<const float *>means.buf,
            signs=<const float *>rounds.buf,
            n_rounds=rounds.shape[0],
            dim=dim,
            coded_dim=rounds.shape[1],
        )


cdef bint has_type(Py_buffer *buffer, Element *element):
    return (
        buffer.itemsize == element.size
        and buffer.format[0] != 0
        and buffer.format[1] == 0
        and strchr(element.codes, buffer.format[0]) != NULL
    )


cdef Py_buffer *of_type(
    Py_buffer *buffer, str name, Element *element, int ndim
) except NULL:
    if buffer.ndim != ndim or not has_type(buffer, element):
        raise InvalidTypeError(
            f"{name} must have {ndim} dimensions of {element.name.decode()}, got "
            f"{buffer.ndim} of format {buffer.format.decode()!r} "
            f"with {buffer.itemsize} bytes each"
        )
    return buffer


cdef int check(int status) except -1:
    if status != 0:
        raise MemoryError("the kernel could not allocate its scratch memory")
    return 0


cdef str side(Py_ssize_t length):
    return "any" if length == ANY else str(length)


cdef size_t width_of(size_t bits) except 0:
    """Return the bits of a coordinate, if a kernel knows them."""
    if bits != 2 and bits != 4 and bits != 8:
        raise InvalidArgumentError(f"bits must be 2, 4 or 8, got {bits}")
    return bits


cdef int at_least_one(str name, Py_ssize_t number) except -1:
    if number < 1:
        raise InvalidArgumentError(f"{name} must be at least 1, got {number}")
    return 0
