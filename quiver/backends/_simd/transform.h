/* T(x) = Q(prepare(x) - mean); see quiver/reference/transform.py. */
#ifndef QUIVER_TRANSFORM_H
#define QUIVER_TRANSFORM_H

#include <math.h>

#include "kernels.h"

/* Multiply in float64 by norm / ‖x‖ and round once; a zero vector stays zero. */
INLINE void scale_to_norm(const float *vector, size_t dim, double norm, float *scaled)
{
    double length = sqrt(lane_dot(vector, vector, dim));
    double factor = length > 0 ? norm / length : 0.0;
    for (size_t j = 0; j < dim; ++j)
        scaled[j] = (float)((double)vector[j] * factor);
}

static void prepare(const struct quiver_transform *transform, const float *vector,
                    int is_query, float *prepared)
{
    size_t dim = transform->dim;
    if (transform->metric == QUIVER_COSINE) {
        scale_to_norm(vector, dim, 1.0, prepared);
        return;
    }
    if (transform->metric == QUIVER_INNER_PRODUCT && is_query) {
        scale_to_norm(vector, dim, transform->max_norm, prepared);
        prepared[dim] = 0.0f;
        return;
    }
    memcpy(prepared, vector, dim * sizeof(float));
    if (transform->metric == QUIVER_INNER_PRODUCT) {
        double max_norm = transform->max_norm;
        double room = max_norm * max_norm - lane_dot(vector, vector, dim);
        prepared[dim] = (float)sqrt(room > 0 ? room : 0.0);
    }
}

INLINE void butterflies(float *block, size_t p, size_t h)
{
    for (size_t start = 0; start < p; start += 2 * h)
        for (size_t j = start; j < start + h; ++j) {
            float a = block[j], b = block[j + h];
            block[j] = a + b;
            block[j + h] = a - b;
        }
}

/* Constant small h lets the compiler turn the first rounds into shuffles. */
static void hadamard(float *block, size_t p)
{
    if (p >= 2)
        butterflies(block, p, 1);
    if (p >= 4)
        butterflies(block, p, 2);
    if (p >= 8)
        butterflies(block, p, 4);
    for (size_t h = 8; h < p; h *= 2)
        butterflies(block, p, h);
    float factor = (float)(1.0 / sqrt((double)p));
    for (size_t j = 0; j < p; ++j)
        block[j] *= factor;
}

static void rotate(const struct quiver_transform *transform, float *coordinates)
{
    size_t dim = transform->code_dim, p = 1;
    while (2 * p <= dim)
        p *= 2;
    for (size_t number = 0; number < transform->n_rounds; ++number) {
        const float *signs = transform->signs + number * dim;
        for (size_t j = 0; j < dim; ++j)
            coordinates[j] *= signs[j];
        hadamard(coordinates + (number == 0 ? 0 : dim - p), p);
    }
}

static void apply_transform(const struct quiver_transform *transform,
                            const float *vector, int is_query, float *coordinates)
{
    prepare(transform, vector, is_query, coordinates);
    for (size_t j = 0; j < transform->code_dim; ++j)
        coordinates[j] -= transform->mean[j];
    rotate(transform, coordinates);
}

#endif
