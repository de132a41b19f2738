/* Vectors to 2-bit codes, queries to int8; see quiver/reference/encode.py. */
#ifndef QUIVER_ENCODE_H
#define QUIVER_ENCODE_H

#include <float.h>
#include <stdlib.h>

#include "keys.h"
#include "layout.h"
#include "transform.h"

#define MAGNITUDE_BITS 31

/* Scratch of one row; every array has a whole number of blocks. */
struct encode_scratch {
    float *coordinates;
    float *weights;
    int32_t *magnitudes;
    uint8_t *u;
};

static int open_scratch(struct encode_scratch *scratch, size_t dim)
{
    size_t padded = BLOCK_DIMS * blocks_of(dim);
    scratch->coordinates = malloc(padded * (3 * sizeof(float) + 1));
    if (scratch->coordinates == NULL)
        return -1;
    scratch->weights = scratch->coordinates + padded;
    scratch->magnitudes = (int32_t *)(scratch->weights + padded);
    scratch->u = (uint8_t *)(scratch->magnitudes + padded);
    return 0;
}

/* Return a threshold that k magnitudes exceed or, where equal ones forbid that, the
 * k-th largest itself. It is built from the highest bit down: bits of non-negative
 * floats sort like the floats, and compares of int32 vectorise. */
static int32_t strong_threshold(const int32_t *magnitudes, size_t dim, size_t k)
{
    int32_t threshold = 0;
    for (int bit = MAGNITUDE_BITS - 1; bit >= 0; --bit) {
        int32_t candidate = threshold | (int32_t)1 << bit;
        uint32_t n_reaching = 0;
        for (size_t j = 0; j < dim; ++j)
            n_reaching += magnitudes[j] >= candidate;
        if (n_reaching == k)
            return candidate - 1;
        if (n_reaching > k)
            threshold = candidate;
    }
    return threshold;
}

/* Default rule: the (dim + 1) / 3 largest magnitudes; equal ones: lower j first. */
static void code_by_rank(const struct encode_scratch *scratch, size_t dim)
{
    const float *r = scratch->coordinates;
    int32_t *magnitudes = scratch->magnitudes;
    for (size_t j = 0; j < dim; ++j)
        magnitudes[j] = (int32_t)(float_bits(r[j]) & ~SIGN_BIT);
    size_t k = (dim + 1) / 3, n_above = 0;
    int32_t threshold = strong_threshold(magnitudes, dim, k);
    for (size_t j = 0; j < dim; ++j) {
        uint8_t sign = r[j] > 0, strong = magnitudes[j] > threshold;
        n_above += strong;
        scratch->u[j] = (uint8_t)(2 * sign + (strong == sign));
    }
    for (size_t j = 0, n_equal = k - n_above; n_equal > 0; ++j)
        if (magnitudes[j] == threshold) {
            scratch->u[j] ^= 1;
            --n_equal;
        }
}

/* Paper's rule: strong when the magnitude exceeds the row's mean, in float64. */
static void code_by_mean(const struct encode_scratch *scratch, size_t dim)
{
    const float *r = scratch->coordinates;
    for (size_t j = 0; j < dim; ++j)
        scratch->weights[j] = copysignf(1.0f, r[j]);
    double mean_abs = lane_dot(scratch->weights, r, dim) / (double)dim;
    for (size_t j = 0; j < dim; ++j) {
        uint8_t sign = r[j] > 0, strong = fabs((double)r[j]) > mean_abs;
        scratch->u[j] = (uint8_t)(2 * sign + (strong == sign));
    }
}

static void pack(const uint8_t *u, size_t n_blocks, uint8_t *code)
{
    for (size_t block = 0; block < n_blocks; ++block)
        for (size_t b = 0; b < BLOCK_BYTES; ++b) {
            const uint8_t *quarter = u + BLOCK_DIMS * block + b;
            code[BLOCK_BYTES * block + b] = (uint8_t)(
                quarter[0] | quarter[32] << 2 | quarter[64] << 4 | quarter[96] << 6);
        }
}

/* scale = ‖r‖² / ⟨w, r⟩ and bias = ‖r‖²; ⟨w, r⟩ is zero only where r is. */
static void write_corrections(const struct encode_scratch *scratch, size_t dim,
                              uint8_t *to)
{
    const float *r = scratch->coordinates;
    for (size_t j = 0; j < dim; ++j)
        scratch->weights[j] = (float)(2 * scratch->u[j] - 3);
    double norm2 = lane_dot(r, r, dim);
    double overlap = lane_dot(scratch->weights, r, dim);
    float pair[2] = {(float)(overlap > 0 ? norm2 / overlap : 0.0), (float)norm2};
    memcpy(to, pair, sizeof pair);
}

/* `rows` come zeroed, so that padding stays zero. */
static int encode(const struct quiver_transform *transform, const float *vectors,
                  size_t n_vectors, int strong, uint8_t *rows)
{
    size_t dim = transform->dim, n_blocks = blocks_of(dim);
    struct encode_scratch scratch;
    if (open_scratch(&scratch, dim) != 0)
        return -1;
    memset(scratch.u, 0, BLOCK_DIMS * n_blocks);
    for (size_t i = 0; i < n_vectors; ++i) {
        uint8_t *row = rows + i * row_bytes_of(n_blocks);
        apply_transform(transform, vectors + i * transform->dim,
                        scratch.coordinates);
        if (strong == 2) {
            code_by_mean(&scratch, dim);
        } else {
            code_by_rank(&scratch, dim);
            write_corrections(&scratch, dim, row + BLOCK_BYTES * n_blocks);
        }
        pack(scratch.u, n_blocks, row);
    }
    free(scratch.coordinates);
    return 0;
}

/* Adding and taking away 1.5 · 2^23 rounds |x| < 2^22 to integer, halves to even. */
INLINE int8_t round_to_int8(float x)
{
    const float round_here = 12582912.0f;
    return (int8_t)((x + round_here) - round_here);
}

/* max |r_j|, compared as bits: unlike floats, integers let the compiler vectorise. */
INLINE float peak_of(const float *r, size_t dim)
{
    int32_t peak_bits = 0;
    for (size_t j = 0; j < dim; ++j) {
        int32_t bits = (int32_t)(float_bits(r[j]) & ~SIGN_BIT);
        peak_bits = bits > peak_bits ? bits : peak_bits;
    }
    return load_float(&peak_bits);
}

static void quantise_row(const float *r, size_t dim, int8_t *values, float *corrections)
{
    float peak = peak_of(r, dim), inverse = 127.0f / peak;
    int usable = inverse <= FLT_MAX;
    inverse = usable ? inverse : 0.0f;
    for (size_t j = 0; j < dim; ++j)
        values[j] = round_to_int8(r[j] * inverse);
    memset(values + dim, 0, BLOCK_DIMS * blocks_of(dim) - dim);
    corrections[0] = usable ? peak / 127.0f : 0.0f;
    corrections[1] = (float)lane_dot(r, r, dim);
}

static int quantise(const struct quiver_transform *transform, const float *vectors,
                    size_t n_vectors, int8_t *values, float *corrections)
{
    size_t dim = transform->dim, padded = BLOCK_DIMS * blocks_of(dim);
    float *coordinates = malloc(padded * sizeof(float));
    if (coordinates == NULL)
        return -1;
    for (size_t i = 0; i < n_vectors; ++i) {
        apply_transform(transform, vectors + i * transform->dim, coordinates);
        quantise_row(coordinates, dim, values + i * padded, corrections + 2 * i);
    }
    free(coordinates);
    return 0;
}

#endif
