/* The one definition of a float sum; see quiver/reference/lanes.py.
 *
 * A target supplies `struct lanes`: eight float64 lanes and what is done to them. Of two
 * rows x may be bytes; `element` says what it is, a constant in every call.
 */
#ifndef QUIVER_LANES_H
#define QUIVER_LANES_H

#include "kernels.h"
#include "simd.h"

INLINE size_t element_bytes(enum quiver_element element)
{
    return element == QUIVER_FLOAT32 ? sizeof(float) : 1;
}

/* Eight elements of a row from `start` on. */
INLINE struct lanes widen_row(const void *row, enum quiver_element element, size_t start)
{
    if (element == QUIVER_UINT8)
        return widen_uint8((const uint8_t *)row + start);
    if (element == QUIVER_INT8)
        return widen_int8((const int8_t *)row + start);
    return widen((const float *)row + start);
}

/* The last terms, fewer than eight; a zero added to a lane changes no bit of it. */
INLINE struct lanes widen_rest(const void *row, enum quiver_element element, size_t start,
                               size_t dim)
{
    float rest[8] = {0};
    size_t size = element_bytes(element);
    memcpy(rest, (const uint8_t *)row + start * size, (dim - start) * size);
    return widen_row(rest, element, 0);
}

/* ⟨x, y⟩; a product of two float32 is exact in float64. */
INLINE double row_dot(const void *x, enum quiver_element element, const float *y,
                      size_t dim)
{
    struct lanes sum = zero_lanes();
    size_t j = 0;
    for (; j + 8 <= dim; j += 8)
        sum = add_product(sum, widen_row(x, element, j), widen(y + j));
    if (j < dim)
        sum = add_product(sum, widen_rest(x, element, j, dim),
                          widen_rest(y, QUIVER_FLOAT32, j, dim));
    return fold_lanes(sum);
}

/* ⟨x, y⟩ and ⟨x, x⟩ in one pass over x. */
INLINE double row_dot_and_norm2(const void *x, enum quiver_element element,
                                const float *y, size_t dim, double *norm2)
{
    struct lanes dot = zero_lanes(), square = zero_lanes();
    size_t j = 0;
    for (; j + 8 <= dim; j += 8) {
        struct lanes wide = widen_row(x, element, j);
        dot = add_product(dot, wide, widen(y + j));
        square = add_product(square, wide, wide);
    }
    if (j < dim) {
        struct lanes wide = widen_rest(x, element, j, dim);
        dot = add_product(dot, wide, widen_rest(y, QUIVER_FLOAT32, j, dim));
        square = add_product(square, wide, wide);
    }
    *norm2 = fold_lanes(square);
    return fold_lanes(dot);
}

/* Σ (x - y)². */
INLINE double row_squared_difference(const void *x, enum quiver_element element,
                                     const float *y, size_t dim)
{
    struct lanes sum = zero_lanes();
    size_t j = 0;
    for (; j + 8 <= dim; j += 8) {
        struct lanes apart = subtract(widen_row(x, element, j), widen(y + j));
        sum = add_product(sum, apart, apart);
    }
    if (j < dim) {
        struct lanes apart = subtract(widen_rest(x, element, j, dim),
                                      widen_rest(y, QUIVER_FLOAT32, j, dim));
        sum = add_product(sum, apart, apart);
    }
    return fold_lanes(sum);
}

/* The same of two float32 rows. */
INLINE double lane_dot(const float *x, const float *y, size_t dim)
{
    return row_dot(x, QUIVER_FLOAT32, y, dim);
}

INLINE double lane_dot_and_norm2(const float *x, const float *y, size_t dim,
                                 double *norm2)
{
    return row_dot_and_norm2(x, QUIVER_FLOAT32, y, dim, norm2);
}

#endif
