"""What goes into a walk and comes out of it, borrowed like any other array."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdlib cimport calloc, free


cdef quiver_graph borrow_graph(
    Borrowed borrowed, object neighbors, object entry_points, size_t n_rows
) except *:
    cdef Py_buffer *edges = borrowed.matrix(neighbors, "neighbors", &UINT32, n_rows, ANY)
    cdef Py_buffer *entries = borrowed.vector(
        entry_points, "entry_points", &UINT32, ANY
    )
    cdef const uint32_t *starts = <const uint32_t *>entries.buf
    at_least_one("the number of entry_points", entries.shape[0])
    for number in range(entries.shape[0]):
        below("entry_points", starts[number], n_rows)
    return quiver_graph(
        neighbors=<const uint32_t *>edges.buf,
        width=edges.shape[1],
        entry_points=starts,
        n_entry_points=entries.shape[0],
    )


cdef quiver_rules borrow_rules(
    Borrowed borrowed,
    object allowed,
    object budget,
    object limits,
    bint is_screened,
    Py_ssize_t q,
    size_t n_rows,
) except *:
    cdef quiver_rules rules = quiver_rules(
        allowed=NULL,
        n_masks=0,
        budget=NULL,
        limits=NULL,
        is_screened=is_screened,
        horizon=horizon_of(None),
    )
    cdef Py_buffer *buffer
    if allowed is not None:
        buffer = borrowed.matrix(allowed, "allowed", &UINT64, ANY, (n_rows + 63) // 64)
        if buffer.shape[0] != 1 and buffer.shape[0] != q:
            raise InvalidArgumentError(
                f"allowed must have shape (1 or {q}, any), got ({buffer.shape[0]}, any)"
            )
        rules.allowed = <const uint64_t *>buffer.buf
        rules.n_masks = buffer.shape[0]
    if budget is not None:
        buffer = borrowed.vector(budget, "budget", &INT64, q)
        rules.budget = <const int64_t *>buffer.buf
    if limits is not None:
        buffer = borrowed.vector(limits, "limits", &FLOAT32, q)
        rules.limits = <const float *>buffer.buf
    return rules


cdef quiver_horizon horizon_of(object horizon) except *:
    if horizon is None:
        return quiver_horizon(rank=0, factor=0)
    rank, factor = horizon
    at_least_one("the rank of a horizon", rank)
    return quiver_horizon(rank=rank, factor=factor)


cdef quiver_answers borrow_counters(
    Borrowed borrowed,
    object hops,
    object distance_computations,
    object lines_read,
    object complete,
    Py_ssize_t q,
) except *:
    cdef Py_buffer *n_hops = borrowed.vector(hops, "hops", &INT64, q, PyBUF_WRITABLE)
    cdef Py_buffer *n_distances = borrowed.vector(
        distance_computations, "distance_computations", &INT64, q, PyBUF_WRITABLE
    )
    cdef Py_buffer *n_lines = borrowed.vector(
        lines_read, "lines_read", &INT64, q, PyBUF_WRITABLE
    )
    cdef Py_buffer *ended = borrowed.vector(
        complete, "complete", &BOOL, q, PyBUF_WRITABLE
    )
    return quiver_answers(
        keys=NULL,
        balls=NULL,
        hops=<int64_t *>n_hops.buf,
        distance_computations=<int64_t *>n_distances.buf,
        lines_read=<int64_t *>n_lines.buf,
        complete=<uint8_t *>ended.buf,
    )


cdef uint64_t *borrow_beams(
    Borrowed borrowed, object keys, Py_ssize_t q, Py_ssize_t ef
) except NULL:
    return <uint64_t *>borrowed.matrix(
        keys, "keys", &UINT64, q, ef, PyBUF_WRITABLE
    ).buf


cdef Py_buffer *borrow_rows(
    Borrowed borrowed, object rows, size_t n_rows
) except NULL:
    cdef Py_buffer *buffer = borrowed.vector(rows, "rows", &UINT32, ANY)
    # They ascend.
    if buffer.shape[0] > 0:
        below("rows", (<const uint32_t *>buffer.buf)[buffer.shape[0] - 1], n_rows)
    return buffer


cdef int below(str name, size_t row, size_t n_rows) except -1:
    if row >= n_rows:
        raise InvalidArgumentError(f"{name} must be rows below {n_rows}, got {row}")
    return 0


@cython.final
cdef class Balls:
    """The balls that a kernel allocates, given back when this goes."""

    cdef quiver_ball *balls
    cdef Py_ssize_t n_balls

    def __cinit__(self, Py_ssize_t n_balls):
        # An empty block may be NULL, which would mean that no balls are wanted.
        self.balls = <quiver_ball *>calloc(n_balls + 1, sizeof(quiver_ball))
        if self.balls == NULL:
            raise MemoryError("no memory for the answers")
        self.n_balls = n_balls

    def __dealloc__(self):
        if self.balls == NULL:
            return
        for number in range(self.n_balls):
            free(self.balls[number].keys)
        free(self.balls)

    cdef list contents(self):
        return [
            PyBytes_FromStringAndSize(
                <char *>self.balls[number].keys,
                self.balls[number].size * sizeof(uint64_t),
            )
            for number in range(self.n_balls)
        ]
