"""What the merging of reverse edges reads, borrowed like any other array."""


cdef quiver_lists borrow_lists(
    Borrowed borrowed, object neighbors, object allowed, size_t n_rows
) except *:
    cdef Py_buffer *edges = borrowed.matrix(neighbors, "neighbors", &UINT32, n_rows, ANY)
    cdef quiver_lists lists = quiver_lists(
        neighbors=<const uint32_t *>edges.buf, width=edges.shape[1], allowed=NULL
    )
    cdef Py_buffer *marks
    if allowed is not None:
        marks = borrowed.matrix(allowed, "allowed", &UINT64, 1, (n_rows + 63) // 64)
        lists.allowed = <const uint64_t *>marks.buf
    return lists


cdef quiver_chosen borrow_chosen(
    Borrowed borrowed, object sources, object edges, size_t n_rows
) except *:
    cdef Py_buffer *rows = borrow_rows(borrowed, sources, n_rows)
    cdef Py_buffer *lists = borrowed.matrix(
        edges, "edges", &UINT32, rows.shape[0], ANY
    )
    return quiver_chosen(
        sources=<const uint32_t *>rows.buf,
        edges=<const uint32_t *>lists.buf,
        n_sources=rows.shape[0],
        width=lists.shape[1],
    )


cdef Py_ssize_t within(str name, Py_ssize_t number, Py_ssize_t most) except -1:
    if not 0 <= number <= most:
        raise InvalidArgumentError(f"{name} must be in 0 … {most}, got {number}")
    return number
