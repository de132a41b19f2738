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

/* Scratch for one vector, and the place of each of its values among the coordinates. */
struct transform_scratch {
    float *prepared;
    float *coordinates;
    uint32_t *positions;
};

/* Floats of scratch, with room for so many coordinates and more. */
INLINE size_t transform_room(const struct quiver_transform *transform, size_t room)
{
    return 2 * transform->dim + room;
}

/* Share out that scratch; divisions take so long that they are done once. */
static struct transform_scratch place_transform(const struct quiver_transform *transform,
                                                float *floats)
{
    size_t dim = transform->dim;
    uint32_t *positions = (uint32_t *)(floats + dim);
    for (size_t j = 0; j < dim; ++j)
        positions[j] = (uint32_t)(j * transform->coded_dim / dim);
    return (struct transform_scratch){floats, floats + 2 * dim, positions};
}

/* prepare(x) - mean: multiply in float64 and round once, then subtract. */
static void prepare(const struct quiver_transform *transform, const float *vector,
                    float *restrict prepared)
{
    const float *mean = transform->mean;
    size_t dim = transform->dim;
    if (transform->scaling == QUIVER_EUCLIDEAN) {
        for (size_t j = 0; j < dim; ++j)
            prepared[j] = vector[j] - mean[j];
        return;
    }
    double factor = scaling_factor(transform->scaling, vector, dim);
    for (size_t j = 0; j < dim; ++j)
        prepared[j] = (float)((double)vector[j] * factor) - mean[j];
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

/* The steps h and 2h in one pass over memory: the same additions in the same order. */
INLINE void two_butterflies(float *block, size_t p, size_t h)
{
    for (size_t start = 0; start < p; start += 4 * h) {
        float *restrict first = block + start, *restrict second = first + h;
        float *restrict third = second + h, *restrict fourth = third + h;
        for (size_t j = 0; j < h; ++j) {
            float a = first[j] + second[j], b = first[j] - second[j];
            float c = third[j] + fourth[j], d = third[j] - fourth[j];
            first[j] = a + c;
            second[j] = b + d;
            third[j] = a - c;
            fourth[j] = b - d;
        }
    }
}

/* Short steps are constants: vectors longer than h would leave them to scalar code. */
static void hadamard(float *block, size_t p)
{
    size_t h = 1;
    if (p >= 32) {
        for (size_t start = 0; start < p; start += 8)
            butterflies_of_8(block + start);
        two_butterflies(block, p, 8);
        h = 32;
    }
    for (; 2 * h < p; h *= 4)
        two_butterflies(block, p, h);
    if (h < p)
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

/* Write the `coded_dim` coordinates of a vector. */
static void apply_transform(const struct quiver_transform *transform,
                            const float *vector, const struct transform_scratch *scratch)
{
    size_t dim = transform->dim;
    float *restrict coordinates = scratch->coordinates;
    const float *restrict prepared = scratch->prepared;
    const uint32_t *restrict positions = scratch->positions;
    prepare(transform, vector, scratch->prepared);
    memset(coordinates, 0, transform->coded_dim * sizeof(float));
    for (size_t j = 0; j < dim; ++j)
        coordinates[positions[j]] = prepared[j];
    rotate(transform, coordinates);
}

#endif
