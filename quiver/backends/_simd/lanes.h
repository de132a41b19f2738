/* The one definition of a float sum; see quiver/reference/lanes.py.
 *
 * A target supplies `struct lanes`: eight float64 lanes and what is done to them.
 */
#ifndef QUIVER_LANES_H
#define QUIVER_LANES_H

#include "simd.h"

/* The last terms, fewer than eight; a zero added to a lane changes no bit of it. */
INLINE struct lanes widen_rest(const float *from, size_t count)
{
    float rest[8] = {0};
    memcpy(rest, from, count * sizeof(float));
    return widen(rest);
}

/* ⟨x, y⟩; a product of two float32 is exact in float64. */
INLINE double lane_dot(const float *x, const float *y, size_t dim)
{
    struct lanes sum = zero_lanes();
    size_t j = 0;
    for (; j + 8 <= dim; j += 8)
        sum = add_product(sum, widen(x + j), widen(y + j));
    if (j < dim)
        sum = add_product(sum, widen_rest(x + j, dim - j), widen_rest(y + j, dim - j));
    return fold_lanes(sum);
}

/* ⟨x, y⟩ and ⟨x, x⟩ in one pass over x. */
INLINE double lane_dot_and_norm2(const float *x, const float *y, size_t dim,
                                 double *norm2)
{
    struct lanes dot = zero_lanes(), square = zero_lanes();
    size_t j = 0;
    for (; j + 8 <= dim; j += 8) {
        struct lanes wide = widen(x + j);
        dot = add_product(dot, wide, widen(y + j));
        square = add_product(square, wide, wide);
    }
    if (j < dim) {
        struct lanes wide = widen_rest(x + j, dim - j);
        dot = add_product(dot, wide, widen_rest(y + j, dim - j));
        square = add_product(square, wide, wide);
    }
    *norm2 = fold_lanes(square);
    return fold_lanes(dot);
}

/* Σ (x - y)². */
INLINE double lane_squared_difference(const float *x, const float *y, size_t dim)
{
    struct lanes sum = zero_lanes();
    size_t j = 0;
    for (; j + 8 <= dim; j += 8) {
        struct lanes apart = subtract(widen(x + j), widen(y + j));
        sum = add_product(sum, apart, apart);
    }
    if (j < dim) {
        struct lanes apart =
            subtract(widen_rest(x + j, dim - j), widen_rest(y + j, dim - j));
        sum = add_product(sum, apart, apart);
    }
    return fold_lanes(sum);
}

#endif
