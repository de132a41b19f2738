/* Vectors to codes, queries to int8; see quiver/reference/encode.py. */
#ifndef QUIVER_ENCODE_H
#define QUIVER_ENCODE_H

#include <float.h>
#include <stdlib.h>

#include "keys.h"
#include "layout.h"
#include "transform.h"

#define MAGNITUDE_BITS 31

/* Scratch of one row; every array has room for all coordinates of its lines. */
struct encode_scratch {
    struct transform_scratch transform;
    const float *coordinates;
    float *weights;
    int32_t *magnitudes;
    uint8_t *u;
    uint8_t *trial;
};

static int alloc_scratch(struct encode_scratch *scratch,
                         const struct quiver_transform *transform, size_t bits)
{
    size_t n_lines = lines_of(transform->coded_dim, bits);
    size_t room = planes_of(bits) * code_bytes_of(n_lines);
    size_t n_floats = transform_room(transform, 3 * room);
    float *floats = malloc(n_floats * sizeof(float) + 2 * room);
    if (floats == NULL)
        return -1;
    scratch->transform = place_transform(transform, floats);
    scratch->coordinates = scratch->transform.coordinates;
    scratch->weights = scratch->transform.coordinates + room;
    scratch->magnitudes = (int32_t *)(scratch->weights + room);
    scratch->u = (uint8_t *)(scratch->magnitudes + room);
    scratch->trial = scratch->u + room;
    memset(scratch->u, 0, room);
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

/* Adding 1.5 · 2^23 rounds |x| < 2^22 to integer, halves to even, and leaves that integer
 * in the low bits. */
INLINE uint32_t rounded_bits(float x)
{
    return float_bits(x + 12582912.0f);
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

/* Values of the corrected code u as floats, for the sums. */
static void write_weights(const uint8_t *u, size_t dim, size_t bits, float *weights)
{
    int32_t factor = value_factor(bits), offset = value_offset(bits);
    for (size_t j = 0; j < dim; ++j)
        weights[j] = (float)(factor * u[j] - offset);
}

/* Shares of the peak that a wide code's steps are tried on. */
static const float clipping[] = {1.0f, 0.85f, 0.7f};

/* Wide codes: of the step sizes tried, the one whose code makes the least angle. */
static void code_in_steps(const struct encode_scratch *scratch, size_t dim, size_t bits)
{
    const float *r = scratch->coordinates;
    float middle = (float)value_offset(bits) / (float)value_factor(bits);
    float reach = bits == 4 ? 8.0f : 127.0f, least = bits == 4 ? 0.0f : 1.0f;
    float most = bits == 4 ? 15.0f : 255.0f, peak = peak_of(r, dim);
    double best_cosine = -1.0;
    for (size_t i = 0; i < sizeof clipping / sizeof clipping[0]; ++i) {
        float inverse = reach / (peak * clipping[i]);
        inverse = inverse <= FLT_MAX ? inverse : 0.0f;
        for (size_t j = 0; j < dim; ++j) {
            float step = r[j] * inverse + middle;
            step = step > least ? step : least;
            step = step < most ? step : most;
            scratch->trial[j] = (uint8_t)rounded_bits(step);
        }
        write_weights(scratch->trial, dim, bits, scratch->weights);
        double norm2, overlap = lane_dot_and_norm2(scratch->weights, r, dim, &norm2);
        double cosine = norm2 > 0 ? overlap / sqrt(norm2) : 0.0;
        if (cosine > best_cosine) {
            best_cosine = cosine;
            memcpy(scratch->u, scratch->trial, dim);
        }
    }
}

/* `u` has planes of code bytes, zero past the last coordinate. */
static void pack(const uint8_t *u, size_t bits, size_t n_lines, uint8_t *code)
{
    size_t n_bytes = code_bytes_of(n_lines);
    memcpy(code, u, n_bytes);
    for (size_t plane = 1; plane < planes_of(bits); ++plane)
        for (size_t b = 0; b < n_bytes; ++b)
            code[b] |= (uint8_t)(u[n_bytes * plane + b] << bits * plane);
}

/* scale = ‖r‖² / ⟨w, r⟩ and bias = ‖r‖²; ⟨w, r⟩ is zero only where r is. */
static void write_corrections(const struct encode_scratch *scratch, size_t dim,
                              size_t bits, uint8_t *to)
{
    const float *r = scratch->coordinates;
    write_weights(scratch->u, dim, bits, scratch->weights);
    double norm2, overlap = lane_dot_and_norm2(r, scratch->weights, dim, &norm2);
    float pair[2] = {(float)(overlap > 0 ? norm2 / overlap : 0.0), (float)norm2};
    memcpy(to, pair, sizeof pair);
}

/* `rows` come zeroed, so that the corrections of published weights stay zero. */
static int encode(const struct quiver_transform *transform, const float *vectors,
                  size_t n_vectors, size_t bits, enum quiver_weights weights,
                  uint8_t *rows)
{
    size_t dim = transform->coded_dim, n_lines = lines_of(dim, bits);
    struct encode_scratch scratch;
    if (alloc_scratch(&scratch, transform, bits) != 0)
        return -1;
    for (size_t i = 0; i < n_vectors; ++i) {
        uint8_t *row = rows + i * CACHE_LINE * n_lines;
        apply_transform(transform, vectors + i * transform->dim, &scratch.transform);
        if (bits > 2)
            code_in_steps(&scratch, dim, bits);
        else if (weights == QUIVER_PUBLISHED_WEIGHTS)
            code_by_mean(&scratch, dim);
        else
            code_by_rank(&scratch, dim);
        pack(scratch.u, bits, n_lines, row + CORRECTION_BYTES);
        if (weights == QUIVER_CORRECTED)
            write_corrections(&scratch, dim, bits, row);
    }
    free(scratch.transform.prepared);
    return 0;
}

/* `values` come zeroed; a plane has whole rows and starts beside the corrections.
 * `rounded` is scratch: a loop over all coordinates vectorises best. */
static void quantize_row(const float *r, size_t dim, size_t n_lines, int8_t *rounded,
                         int8_t *values, float *corrections)
{
    float peak = peak_of(r, dim), inverse = 127.0f / peak;
    int usable = inverse <= FLT_MAX;
    inverse = usable ? inverse : 0.0f;
    for (size_t j = 0; j < dim; ++j)
        rounded[j] = (int8_t)rounded_bits(r[j] * inverse);
    size_t n_bytes = code_bytes_of(n_lines);
    for (size_t first = 0; first < dim; first += n_bytes) {
        size_t count = dim - first < n_bytes ? dim - first : n_bytes;
        memcpy(values + CORRECTION_BYTES, rounded + first, count);
        values += CACHE_LINE * n_lines;
    }
    corrections[0] = usable ? peak / 127.0f : 0.0f;
    corrections[1] = (float)lane_dot(r, r, dim);
}

static int quantize(const struct quiver_transform *transform, const float *vectors,
                    size_t n_vectors, size_t bits, int8_t *values, float *corrections)
{
    size_t dim = transform->coded_dim, n_lines = lines_of(dim, bits);
    size_t n_values = planes_of(bits) * n_lines * CACHE_LINE;
    size_t n_floats = transform_room(transform, dim);
    float *floats = malloc(n_floats * sizeof(float) + dim);
    if (floats == NULL)
        return -1;
    struct transform_scratch scratch = place_transform(transform, floats);
    int8_t *rounded = (int8_t *)(floats + n_floats);
    for (size_t i = 0; i < n_vectors; ++i) {
        apply_transform(transform, vectors + i * transform->dim, &scratch);
        quantize_row(scratch.coordinates, dim, n_lines, rounded,
                     values + i * n_values, corrections + 2 * i);
    }
    free(floats);
    return 0;
}

#endif
