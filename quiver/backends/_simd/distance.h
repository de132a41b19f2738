/* One query against rows named by ids; see quiver/reference/distance.py. */
#ifndef QUIVER_DISTANCE_H
#define QUIVER_DISTANCE_H

#include <math.h>
#include <stdlib.h>

#include "kernels.h"
#include "keys.h"
#include "simd.h"

/* int8 values against codes, as of queries and of wide codes; two 2-bit codes by their
 * bits; two published ones. */
enum distance_kind { LINEAR, SYMMETRIC, PUBLISHED };

/* Mean cosine between r and its wide code; see quiver/reference/distance.py. */
#define TYPICAL_COSINE_4 0.9944f
#define TYPICAL_COSINE_8 0.99997f

/* One query with everything that is the same for all rows. */
struct query {
    enum distance_kind kind;
    const uint8_t *rows; /* the base */
    size_t dim;
    size_t bits;
    size_t n_lines;
    const uint8_t *code;  /* of a coded query */
    const int8_t *values; /* linear, 8 / bits planes of whole rows */
    int8_t *scratch;      /* where a wide code becomes values */
    float norm2;          /* ‖r‖² of the query */
    float m;              /* linear step; symmetric factor of the query's code */
    float factor;         /* linear, of every scale; symmetric 1 / ‖w‖ */
    float least;          /* distances below are raised to it */
    int32_t offset;       /* linear offset·Σv */
};

INLINE int is_wide(const struct quiver_codes *codes)
{
    return codes->bits > 2;
}

/* Room for the values of one query. */
INLINE size_t plane_bytes_of(size_t bits, size_t n_lines)
{
    return planes_of(bits) * n_lines * CACHE_LINE;
}

/* Scratch bytes of a coded query: a wide code is measured by its values. */
INLINE size_t value_bytes_of(const struct quiver_codes *codes)
{
    size_t n_lines = lines_of(codes->dim, codes->bits);
    return is_wide(codes) ? plane_bytes_of(codes->bits, n_lines) : 0;
}

/* A coded query without its row; `scratch` holds `value_bytes_of` bytes. */
static struct query init_symmetric(const struct quiver_codes *codes, int8_t *scratch)
{
    struct query query = {
        .rows = codes->rows,
        .dim = codes->dim,
        .bits = codes->bits,
        .n_lines = lines_of(codes->dim, codes->bits),
    };
    if (is_wide(codes)) {
        query.kind = LINEAR;
        query.factor = codes->bits == 4 ? TYPICAL_COSINE_4 : TYPICAL_COSINE_8;
        query.values = query.scratch = scratch;
        return query;
    }
    size_t n_strong = (codes->dim + 1) / 3;
    double length2 = (double)(9 * n_strong + (codes->dim - n_strong));
    query.kind = codes->weights == QUIVER_PUBLISHED_WEIGHTS ? PUBLISHED : SYMMETRIC;
    query.factor = (float)(1.0 / sqrt(length2));
    return query;
}

/* Write the values of a wide code where an int8 query has them; return their sum. */
static int32_t write_values(const uint8_t *row, size_t dim, size_t bits, size_t n_lines,
                            int8_t *values)
{
    size_t n_bytes = code_bytes_of(n_lines);
    int32_t factor = value_factor(bits), offset = value_offset(bits), sum = 0;
    const uint8_t *code = row + CORRECTION_BYTES;
    for (size_t plane = 0; plane < planes_of(bits); ++plane) {
        int8_t *to = values + CACHE_LINE * n_lines * plane;
        size_t first = n_bytes * plane, shift = bits * plane;
        size_t count = dim <= first ? 0 : dim - first < n_bytes ? dim - first : n_bytes;
        memset(to, 0, CORRECTION_BYTES);
        to += CORRECTION_BYTES;
        for (size_t b = 0; b < count; ++b) {
            int32_t u = code[b] >> shift & ((1 << bits) - 1);
            to[b] = (int8_t)(factor * u - offset);
            sum += to[b];
        }
        memset(to + count, 0, n_bytes - count);
    }
    return sum;
}

INLINE void set_row(struct query *query, const uint8_t *row)
{
    query->code = row;
    query->norm2 = row_bias(row);
    if (query->kind != LINEAR) {
        query->m = sqrtf(query->norm2) * query->factor;
        return;
    }
    int32_t sum =
        write_values(row, query->dim, query->bits, query->n_lines, query->scratch);
    query->m = row_scale(row) * query->factor;
    query->offset = value_offset(query->bits) * sum;
}

/* `scratch` is for wide coded queries, as in init_symmetric. */
static struct query init_query(const struct quiver_codes *codes,
                               const struct quiver_queries *queries, size_t number,
                               int8_t *scratch)
{
    size_t n_lines = lines_of(codes->dim, codes->bits);
    if (queries->values == NULL) {
        struct query query = init_symmetric(codes, scratch);
        set_row(&query, queries->rows + number * CACHE_LINE * n_lines);
        return query;
    }
    size_t n_values = plane_bytes_of(codes->bits, n_lines);
    struct query query = {
        .kind = LINEAR,
        .rows = codes->rows,
        .dim = codes->dim,
        .bits = codes->bits,
        .n_lines = n_lines,
        .values = queries->values + number * n_values,
        .m = queries->corrections[2 * number],
        .norm2 = queries->corrections[2 * number + 1],
        .factor = 1.0f,
        .least = -INFINITY,
    };
    int32_t sum = 0;
    for (size_t j = 0; j < n_values; ++j)
        sum += query.values[j];
    query.offset = value_offset(codes->bits) * sum;
    return query;
}

INLINE const uint8_t *row_of(const struct query *query, uint32_t id)
{
    return query->rows + id * (CACHE_LINE * query->n_lines);
}

/* `products` are Σ v_j·u_j of whole rows. */
INLINE floats4 linear_distance4(const struct query *query, const uint8_t *const rows[4],
                                ints4 products, size_t bits)
{
    floats4 scale, bias;
    load_corrections4(rows, &scale, &bias);
    floats4 dot = linear4(products, value_factor(bits), -query->offset);
    floats4 factor = mul4(splat4(query->m), mul4(scale, splat4(query->factor)));
    floats4 overlap = mul4(splat4(2.0f), mul4(dot, factor));
    return max4(sub4(add4(splat4(query->norm2), bias), overlap), splat4(query->least));
}

INLINE floats4 symmetric4(const struct query *query, const uint8_t *const rows[4],
                          size_t n_lines)
{
    floats4 scale, bias;
    load_corrections4(rows, &scale, &bias);
    floats4 dot = linear4(mismatch4(query->code, rows, n_lines), -2,
                          9 * (int32_t)query->dim);
    floats4 m = mul4(sqrt4(bias), splat4(query->factor));
    floats4 overlap = mul4(splat4(2.0f), mul4(dot, mul4(splat4(query->m), m)));
    return max4(sub4(add4(splat4(query->norm2), bias), overlap), splat4(0.0f));
}

/* Padding reads as strong and alike: counting it as dimensions makes it harmless. */
INLINE float published(const struct query *query, const uint8_t *row, size_t n_lines)
{
    uint64_t shared = 0, opposed = 0;
    for (size_t at = CORRECTION_BYTES; at < CACHE_LINE * n_lines; at += 8) {
        uint64_t a = load_word(query->code + at), b = load_word(row + at);
        uint64_t strong_a = strong_plane(a), strong_b = strong_plane(b);
        uint64_t differs = (a ^ b) & HIGH_BITS, both = strong_a & strong_b;
        /* Planes use every second bit: two of equal weight share one popcount. */
        shared += popcount(strong_a | strong_b >> 1) + popcount(both);
        opposed += popcount(differs | (differs & (strong_a | strong_b)) >> 1);
        opposed += 2 * popcount(differs & both);
    }
    int32_t n_coded = (int32_t)(4 * code_bytes_of(n_lines));
    int32_t dot = n_coded + (int32_t)shared - 2 * (int32_t)opposed;
    return (float)(4 * n_coded - dot);
}

INLINE void measure_lines(const struct query *shared, const uint32_t *ids, size_t count,
                          float *distances, size_t n_lines, size_t bits)
{
    /* A copy that no store to `distances` can change stays in registers. */
    const struct query query = *shared;
    for (size_t i = 0; i < count; i += 4) {
        const uint8_t *rows[4];
        for (size_t k = 0; k < 4; ++k)
            rows[k] = query.rows + ids[i + k < count ? i + k : count - 1] *
                                       (CACHE_LINE * n_lines);
        if (query.kind == LINEAR) {
            ints4 products = dot_values4(query.values, rows, n_lines, bits);
            store4(distances + i, linear_distance4(&query, rows, products, bits));
        } else if (query.kind == SYMMETRIC)
            store4(distances + i, symmetric4(&query, rows, n_lines));
        else
            for (size_t k = 0; k < 4; ++k)
                distances[i + k] = published(&query, rows[k], n_lines);
    }
}

/* Measure rows `ids`, four at a time: `distances` has room for three more. Common row
 * sizes of 2-bit codes, up to 1 760 dimensions, are unrolled. */
static void measure(const struct query *query, const uint32_t *ids, size_t count,
                    float *distances)
{
    if (query->bits == 8)
        measure_lines(query, ids, count, distances, query->n_lines, 8);
    else if (query->bits == 4)
        measure_lines(query, ids, count, distances, query->n_lines, 4);
    else
        switch (query->n_lines) {
        case 1:
            measure_lines(query, ids, count, distances, 1, 2);
            break;
        case 2:
            measure_lines(query, ids, count, distances, 2, 2);
            break;
        case 3:
            measure_lines(query, ids, count, distances, 3, 2);
            break;
        case 4:
            measure_lines(query, ids, count, distances, 4, 2);
            break;
        case 7:
            measure_lines(query, ids, count, distances, 7, 2);
            break;
        default:
            measure_lines(query, ids, count, distances, query->n_lines, 2);
        }
}

#define CHUNK 64

/* Measure one list of ids with unused places; those are at infinity. */
static void measure_used(const struct query *query, const uint32_t *ids, size_t count,
                         float *distances)
{
    uint32_t used[CHUNK], place[CHUNK];
    float found[CHUNK];
    size_t n_used = 0;
    for (size_t i = 0; i < count; ++i) {
        distances[i] = INFINITY;
        used[n_used] = ids[i];
        place[n_used] = (uint32_t)i;
        n_used += ids[i] != NO_ID;
    }
    measure(query, used, n_used, found);
    for (size_t i = 0; i < n_used; ++i)
        distances[place[i]] = found[i];
}

static int distance(const struct quiver_codes *codes,
                    const struct quiver_queries *queries, const uint32_t *candidates,
                    size_t width, float *distances)
{
    int8_t *scratch = malloc(value_bytes_of(codes) + 1);
    if (scratch == NULL)
        return -1;
    for (size_t number = 0; number < queries->n_queries; ++number) {
        struct query query = init_query(codes, queries, number, scratch);
        for (size_t start = 0; start < width; start += CHUNK) {
            size_t count = width - start < CHUNK ? width - start : CHUNK;
            uint32_t ids[CHUNK];
            for (size_t i = 0; i < count; ++i)
                ids[i] = candidates ? candidates[number * width + start + i]
                                    : (uint32_t)(start + i);
            measure_used(&query, ids, count, distances + number * width + start);
        }
    }
    free(scratch);
    return 0;
}

#endif
