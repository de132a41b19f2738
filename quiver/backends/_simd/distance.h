/* One query against rows named by ids; see quiver/reference/distance.py. */
#ifndef QUIVER_DISTANCE_H
#define QUIVER_DISTANCE_H

#include <math.h>

#include "kernels.h"
#include "keys.h"
#include "simd.h"

enum distance_kind { ASYMMETRIC, SYMMETRIC, PUBLISHED };

/* One query with everything that is the same for all rows. */
struct query {
    enum distance_kind kind;
    const uint8_t *rows; /* the base */
    size_t dim;
    size_t n_blocks;
    const uint8_t *code;    /* of a coded query */
    const int8_t *values;   /* of an int8 query */
    float step;             /* asymmetric */
    float norm2;            /* asymmetric ‖r‖², symmetric bias */
    float m;                /* symmetric sqrt(bias) / ‖w‖ */
    float inverse_length;   /* symmetric 1 / ‖w‖ */
    int32_t offset;         /* asymmetric 3·Σv */
};

/* A symmetric query without its row. */
static struct query open_symmetric(const struct quiver_codes *codes)
{
    size_t n_strong = (codes->dim + 1) / 3;
    double length2 = (double)(9 * n_strong + (codes->dim - n_strong));
    return (struct query){
        .kind = codes->strong == 2 ? PUBLISHED : SYMMETRIC,
        .rows = codes->rows,
        .dim = codes->dim,
        .n_blocks = blocks_of(codes->dim),
        .inverse_length = (float)(1.0 / sqrt(length2)),
    };
}

INLINE void set_row(struct query *query, const uint8_t *row)
{
    query->code = row;
    query->norm2 = row_bias(row, query->n_blocks);
    query->m = sqrtf(query->norm2) * query->inverse_length;
}

static struct query open_query(const struct quiver_codes *codes,
                               const struct quiver_queries *queries, size_t number)
{
    size_t n_blocks = blocks_of(codes->dim);
    if (queries->values == NULL) {
        struct query query = open_symmetric(codes);
        set_row(&query, queries->rows + number * row_bytes_of(n_blocks));
        return query;
    }
    struct query query = {
        .kind = ASYMMETRIC,
        .rows = codes->rows,
        .dim = codes->dim,
        .n_blocks = n_blocks,
        .values = queries->values + number * BLOCK_DIMS * n_blocks,
        .step = queries->corrections[2 * number],
        .norm2 = queries->corrections[2 * number + 1],
    };
    for (size_t j = 0; j < BLOCK_DIMS * n_blocks; ++j)
        query.offset += 3 * query.values[j];
    return query;
}

INLINE const uint8_t *row_of(const struct query *query, uint32_t id, size_t n_blocks)
{
    return query->rows + id * row_bytes_of(n_blocks);
}

INLINE floats4 asymmetric4(const struct query *query, const uint8_t *const rows[4],
                           size_t n_blocks)
{
    floats4 scale, bias;
    load_corrections4(rows, BLOCK_BYTES * n_blocks, &scale, &bias);
    floats4 dot = linear4(dot_values4(query->values, rows, n_blocks), 2, -query->offset);
    floats4 overlap = mul4(dot, mul4(splat4(query->step), scale));
    return sub4(add4(splat4(query->norm2), bias), mul4(splat4(2.0f), overlap));
}

INLINE floats4 symmetric4(const struct query *query, const uint8_t *const rows[4],
                          size_t n_blocks)
{
    floats4 scale, bias;
    load_corrections4(rows, BLOCK_BYTES * n_blocks, &scale, &bias);
    floats4 dot = linear4(mismatch4(query->code, rows, n_blocks), -2,
                          9 * (int32_t)query->dim);
    floats4 m = mul4(sqrt4(bias), splat4(query->inverse_length));
    floats4 overlap = mul4(dot, mul4(splat4(query->m), m));
    return clamp4(sub4(add4(splat4(query->norm2), bias), mul4(splat4(2.0f), overlap)));
}

/* Padding reads as strong and alike: counting it as dimensions makes it harmless. */
INLINE float published(const struct query *query, const uint8_t *row, size_t n_blocks)
{
    uint64_t shared = 0, opposed = 0;
    for (size_t at = 0; at < BLOCK_BYTES * n_blocks; at += 8) {
        uint64_t a = load_word(query->code + at), b = load_word(row + at);
        uint64_t strong_a = strong_plane(a), strong_b = strong_plane(b);
        uint64_t differs = (a ^ b) & HIGH_BITS, both = strong_a & strong_b;
        /* Planes use every second bit: two of equal weight share one popcount. */
        shared += popcount(strong_a | strong_b >> 1) + popcount(both);
        opposed += popcount(differs | (differs & (strong_a | strong_b)) >> 1);
        opposed += 2 * popcount(differs & both);
    }
    int32_t n_coded = (int32_t)(BLOCK_DIMS * n_blocks);
    int32_t dot = n_coded + (int32_t)shared - 2 * (int32_t)opposed;
    return (float)(4 * n_coded - dot);
}

INLINE void measure_blocks(const struct query *shared, const uint32_t *ids, size_t count,
                           float *distances, size_t n_blocks)
{
    /* A copy that no store to `distances` can change stays in registers. */
    const struct query query = *shared;
    for (size_t i = 0; i < count; i += 4) {
        const uint8_t *rows[4];
        for (size_t k = 0; k < 4; ++k)
            rows[k] = row_of(&query, ids[i + k < count ? i + k : count - 1], n_blocks);
        if (query.kind == ASYMMETRIC)
            store4(distances + i, asymmetric4(&query, rows, n_blocks));
        else if (query.kind == SYMMETRIC)
            store4(distances + i, symmetric4(&query, rows, n_blocks));
        else
            for (size_t k = 0; k < 4; ++k)
                distances[i + k] = published(&query, rows[k], n_blocks);
    }
}

/* Measure rows `ids`, four at a time: `distances` has room for three more. Common code
 * sizes, 128 to 1 536 dimensions, are unrolled. */
static void measure(const struct query *query, const uint32_t *ids, size_t count,
                    float *distances)
{
    switch (query->n_blocks) {
    case 1:
        measure_blocks(query, ids, count, distances, 1);
        break;
    case 2:
        measure_blocks(query, ids, count, distances, 2);
        break;
    case 3:
        measure_blocks(query, ids, count, distances, 3);
        break;
    case 4:
        measure_blocks(query, ids, count, distances, 4);
        break;
    case 6:
        measure_blocks(query, ids, count, distances, 6);
        break;
    case 8:
        measure_blocks(query, ids, count, distances, 8);
        break;
    case 12:
        measure_blocks(query, ids, count, distances, 12);
        break;
    default:
        measure_blocks(query, ids, count, distances, query->n_blocks);
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
    for (size_t number = 0; number < queries->n_queries; ++number) {
        struct query query = open_query(codes, queries, number);
        for (size_t start = 0; start < width; start += CHUNK) {
            size_t count = width - start < CHUNK ? width - start : CHUNK;
            uint32_t ids[CHUNK];
            for (size_t i = 0; i < count; ++i)
                ids[i] = candidates ? candidates[number * width + start + i]
                                    : (uint32_t)(start + i);
            measure_used(&query, ids, count, distances + number * width + start);
        }
    }
    return 0;
}

#endif
