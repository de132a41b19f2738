/* Read as many lines of rows as the decision needs; see quiver/reference/screen.py.
 *
 * Rows are read a part at a time. Between two parts, those that are likely beyond the
 * bound of a walk are dropped, and the next lines of the others are asked for.
 */
#ifndef QUIVER_SCREEN_H
#define QUIVER_SCREEN_H

#include "distance.h"

/* Parts end after 2, 4, 8 … lines, and with the row, of at least so many. */
enum { FIRST_LINES = 2, LEAST_LINES = 4, MOST_PARTS = 32 };

#define SCREEN_SIGMAS 2.0

/* Some lines of a row, and what the sum of the products up to their end foretells. */
struct part {
    size_t start; /* in bytes of a row */
    size_t n_lines;
    const int8_t *values; /* of these lines alone, plane by plane */
    int32_t offset;       /* offset·Σv up to the end */
    float factor;
    float spread;
};

/* Room for the values of a query in parts follows from `plane_bytes_of`. */
struct screen {
    size_t n_parts; /* 0 where rows are read whole */
    struct part parts[MOST_PARTS];
};

/* Mean of w_j² of a code; see quiver/reference/bounds.py. */
INLINE double mean_square(size_t bits)
{
    return bits == 2 ? 3.67 : bits == 4 ? 36.0 : 1700.0;
}

/* Copy the planes of a part one behind the other; add up their values and squares. */
static int8_t *take_part(const struct query *query, const struct part *part, int8_t *to,
                         int32_t *sum, int64_t *energy)
{
    size_t row_bytes = CACHE_LINE * query->n_lines;
    size_t n_bytes = CACHE_LINE * part->n_lines;
    const int8_t *from = query->values + part->start;
    for (size_t plane = 0; plane < planes_of(query->bits); ++plane)
        memcpy(to + n_bytes * plane, from + row_bytes * plane, n_bytes);
    size_t n_values = n_bytes * planes_of(query->bits);
    /* A line's squares fit an int32 many times over. */
    for (size_t i = 0; i < n_values; i += CACHE_LINE) {
        int32_t squares = 0, values = 0;
        for (size_t j = i; j < i + CACHE_LINE; ++j) {
            values += to[j];
            squares += to[j] * to[j];
        }
        *sum += values;
        *energy += squares;
    }
    return to + n_values;
}

/* Cut an int8 query into parts, its values copied to `to`. */
static void init_screen(struct screen *screen, const struct query *query, int8_t *to)
{
    int64_t energies[MOST_PARTS], energy = 0;
    int32_t sum = 0;
    size_t n_parts = 0;
    for (size_t read = 0; read < query->n_lines; ++n_parts) {
        struct part *part = screen->parts + n_parts;
        size_t wanted = read == 0 ? FIRST_LINES : read, left = query->n_lines - read;
        part->start = CACHE_LINE * read;
        part->n_lines = wanted < left ? wanted : left;
        part->values = to;
        to = take_part(query, part, to, &sum, &energy);
        part->offset = value_offset(query->bits) * sum;
        energies[n_parts] = energy;
        read += part->n_lines;
    }
    float spared =
        (float)(4.0 * SCREEN_SIGMAS * SCREEN_SIGMAS * mean_square(query->bits));
    for (size_t i = 0; i < n_parts; ++i) {
        float share = (float)energy / (float)energies[i];
        screen->parts[i].factor = 2.0f * query->m * share;
        screen->parts[i].spread = sqrtf(query->norm2 * (spared * (share - 1.0f)));
    }
    screen->n_parts = n_parts;
}

/* Add the products of one part of four rows to their sums. */
INLINE ints4 add_part4(const struct part *part, const uint8_t *const rows[4],
                       int32_t *sums, size_t n_lines, size_t bits)
{
    const uint8_t *pieces[4];
    for (size_t k = 0; k < 4; ++k)
        pieces[k] = rows[k] + part->start;
    ints4 total = dot_values4(part->values, pieces, n_lines, bits);
    if (part->start > 0)
        total = add_ints4(total, load_ints4(sums));
    store_ints4(sums, total);
    return total;
}

/* What four distances hardly fall below, told from the sums up to a part. */
INLINE floats4 foretold4(const struct query *query, const struct part *part,
                         const uint8_t *const rows[4], ints4 total, size_t bits)
{
    floats4 scale, bias;
    load_corrections4(rows, &scale, &bias);
    floats4 dot = linear4(total, value_factor(bits), -part->offset);
    floats4 reach = add4(mul4(dot, splat4(part->factor)), splat4(part->spread));
    return sub4(add4(splat4(query->norm2), bias), mul4(scale, reach));
}

#ifndef QUIVER_HAS_KEEP
INLINE size_t keep4(floats4 least, float bound, ints4 total, const uint32_t *ids,
                    size_t count, uint32_t *kept_ids, int32_t *kept_sums)
{
    size_t n_kept = 0;
    float at_least[4];
    int32_t sums[4];
    store4(at_least, least);
    store_ints4(sums, total);
    for (size_t k = 0; k < 4 && k < count; ++k) {
        kept_ids[n_kept] = ids[k];
        kept_sums[n_kept] = sums[k];
        n_kept += !(at_least[k] > bound);
    }
    return n_kept;
}
#endif

/* Read a part of the rows `ids`; they and their `sums` have room for three more. Return
 * how many may be within the bound: their ids and sums are moved to the front. After the
 * last part these are all, and have distances. */
INLINE size_t read_lines(const struct query *shared, const struct part *shared_part,
                         int is_last, float bound, uint32_t *ids, size_t count,
                         int32_t *sums, float *distances, size_t n_lines, size_t bits)
{
    const struct query query = *shared;
    const struct part part = *shared_part;
    size_t n_left = 0;
    for (size_t i = 0; i < count; i += 4) {
        const uint8_t *rows[4];
        for (size_t k = 0; k < 4; ++k)
            rows[k] = row_of(&query, ids[i + k < count ? i + k : count - 1]);
        ints4 total = add_part4(&part, rows, sums + i, n_lines, bits);
        if (is_last) {
            store4(distances + i, linear_distance4(&query, rows, total, bits));
            continue;
        }
        floats4 least = foretold4(&query, &part, rows, total, bits);
        n_left += keep4(least, bound, total, ids + i, count - i, ids + n_left,
                        sums + n_left);
    }
    return is_last ? count : n_left;
}

/* Common sizes of parts are unrolled, as in `measure`. */
static size_t read_part(const struct query *query, const struct screen *screen,
                        size_t number, float bound, uint32_t *ids, size_t count,
                        int32_t *sums, float *distances)
{
    const struct part *part = screen->parts + number;
    int is_last = number + 1 == screen->n_parts;
#define READ_LINES(n_lines, bits)                                                       \
    read_lines(query, part, is_last, bound, ids, count, sums, distances, n_lines, bits)
    if (query->bits == 8)
        return READ_LINES(part->n_lines, 8);
    if (query->bits == 4)
        return READ_LINES(part->n_lines, 4);
    switch (part->n_lines) {
    case 1:
        return READ_LINES(1, 2);
    case 2:
        return READ_LINES(2, 2);
    case 3:
        return READ_LINES(3, 2);
    case 4:
        return READ_LINES(4, 2);
    default:
        return READ_LINES(part->n_lines, 2);
    }
#undef READ_LINES
}

#endif
