/* T(x) = Q·S(prepare(x) - mean); see quiver/reference/transform.py. */
#ifndef QUIVER_TRANSFORM_H
#define QUIVER_TRANSFORM_H

#include <math.h>

#include "kernels.h"
#include "lanes.h"
#include "simd.h"

/* Norms below count as this in the inner-product scaling, which so never overflows. */
#define SHORTEST 1e-24

static double scaling_factor(enum quiver_metric metric, const float *vector, size_t dim)
{
    double norm = sqrt(lane_dot(vector, vector, dim));
    if (metric == QUIVER_COSINE)
        return norm > 0 ? 1.0 / norm : 0.0;
    norm = norm > SHORTEST ? norm : SHORTEST;
    return 1.0 / (norm * sqrt(norm));
}

/* Multiply in float64 and round once. */
static void prepare(const struct quiver_transform *transform, const float *vector,
                    float *prepared)
{
    size_t dim = transform->dim;
    if (transform->scaling == QUIVER_EUCLIDEAN) {
        memcpy(prepared, vector, dim * sizeof(float));
        return;
    }
    double factor = scaling_factor(transform->scaling, vector, dim);
    for (size_t j = 0; j < dim; ++j)
        prepared[j] = (float)((double)vector[j] * factor);
}

INLINE void butterflies(float *block, size_t p, size_t h)
{
    for (size_t start = 0; start < p; start += 2 * h) {
        float *restrict lower = block + start, *restrict upper = block + start + h;
        for (size_t j = 0; j < h; ++j) {
            float a = lower[j], b = upper[j];
            lower[j] = a + b;
            upper[j] = a - b;
        }
    }
}

/* Short steps are constants: vectors longer than h would leave them to scalar code. */
static void hadamard(float *block, size_t p)
{
    size_t h = 1;
    if (p >= 16) {
        for (size_t start = 0; start < p; start += 8)
            butterflies_of_8(block + start);
        butterflies(block, p, 8);
        h = 16;
    }
    for (; h < p; h *= 2)
        butterflies(block, p, h);
    float factor = (float)(1.0 / sqrt((double)p));
    for (size_t j = 0; j < p; ++j)
        block[j] *= factor;
}

static void rotate(const struct quiver_transform *transform, float *coordinates)
{
    size_t dim = transform->coded_dim, p = 1;
    while (2 * p <= dim)
        p *= 2;
    for (size_t number = 0; number < transform->n_rounds; ++number) {
        const float *signs = transform->signs + number * dim;
        for (size_t j = 0; j < dim; ++j)
            coordinates[j] *= signs[j];
        hadamard(coordinates + (number == 0 ? 0 : dim - p), p);
    }
}

/* Write `coded_dim` coordinates; `prepared` is scratch for `dim` floats. */
static void apply_transform(const struct quiver_transform *transform,
                            const float *vector, float *prepared, float *coordinates)
{
    size_t dim = transform->dim, coded_dim = transform->coded_dim;
    prepare(transform, vector, prepared);
    memset(coordinates, 0, coded_dim * sizeof(float));
    for (size_t j = 0; j < dim; ++j)
        coordinates[j * coded_dim / dim] = prepared[j] - transform->mean[j];
    rotate(transform, coordinates);
}

#endif
