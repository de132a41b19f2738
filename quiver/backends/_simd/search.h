/* The walks of a batch, and the scan that needs no graph; see quiver/reference/search.py.
 *
 * Several walks take turns on one thread: while one waits for the rows it asked for,
 * the others compute. Walks share nothing, so their answers cannot depend on it.
 */
#ifndef QUIVER_SEARCH_H
#define QUIVER_SEARCH_H

#include <stdlib.h>

#include "walk.h"

/* Measured on 100 000 rows: 24.7, 16.5, 13.2, 13.2 ns per distance for 1, 2, 4, 8. */
#define N_WALKS 4

/* Screened walks wait for their rows more often, for shorter. Of 7 lines, 100 000 rows,
 * 4 or 8 at once took 18.8 or 17.8 µs at ef = 32, 106 or 94 at 256. */
#define N_SCREENED_WALKS 8

/* A walk alone looks ahead in codes of more bytes. Fewer lie in near caches, where asking
 * for them again costs up to a tenth; at 100 000 rows of two lines it saves a fifth. */
#define NEAR_BYTES ((size_t)1 << 22)

INLINE int is_far(const struct quiver_codes *codes)
{
    return codes->n_rows * lines_of(codes->dim, codes->bits) > NEAR_BYTES / CACHE_LINE;
}

/* Give every walk its share of one block; return the block, or NULL. */
static void *place_walks(struct walk *walks, size_t n_walks, size_t ef,
                         const struct quiver_codes *codes,
                         const struct quiver_graph *graph, int is_screened)
{
    size_t width = graph->width < graph->n_entry_points ? graph->n_entry_points
                                                        : graph->width;
    size_t n_beam = beam_words(ef);
    uint64_t n_ids = ((uint64_t)ef + NODES_PASSED) * graph->width;
    struct seen seen = plan_seen(n_ids + graph->n_entry_points, codes->n_rows);
    size_t n_seen = round_up((seen.n_words + 1) / 2, BEAM_STEP);
    size_t n_lines = lines_of(codes->dim, codes->bits);
    size_t value_bytes = is_screened ? plane_bytes_of(codes->bits, n_lines)
                                     : value_bytes_of(codes);
    size_t n_values = round_up(value_bytes / sizeof(uint64_t), BEAM_STEP);
    size_t n_list = round_up(width + BEAM_STEP, BEAM_STEP);
    size_t n_sums = is_screened ? n_list : 0;
    size_t n_words = n_beam + n_seen + 2 * n_list + n_sums + n_values;
    void *scratch = malloc(n_walks * n_words * sizeof(uint64_t) + CACHE_LINE);
    if (scratch == NULL)
        return NULL;
    uint64_t *words = align_up(scratch);
    for (struct walk *walk = walks; walk < walks + n_walks; ++walk, words += n_words) {
        place_beam(&walk->beam, words, ef);
        seen.words = (uint32_t *)(words + n_beam);
        walk->seen = walk->nothing_seen = seen;
        walk->accepted = words + n_beam + n_seen;
        walk->newly_seen = (uint32_t *)(walk->accepted + n_list);
        walk->distances = (float *)(walk->newly_seen + n_list);
        walk->sums = (int32_t *)(walk->accepted + 2 * n_list);
        walk->values = (int8_t *)(walk->accepted + 2 * n_list + n_sums);
        walk->frontier = walk->within = (struct key_list){0};
    }
    return scratch;
}

/* Balls take over the list of their walk, which begins the next with a new one. */
static void close_walk(struct walk *walk, enum end end,
                       const struct quiver_answers *answers)
{
    size_t number = walk->number, ef = walk->beam.ef;
    answers->hops[number] = walk->hops;
    answers->distance_computations[number] = walk->distance_computations;
    answers->lines_read[number] = walk->lines_read;
    answers->complete[number] = end == COMPLETE;
    if (answers->balls == NULL) {
        keep_within(&walk->horizon, &walk->beam);
        memcpy(answers->keys + number * ef, walk->beam.keys, ef * sizeof(uint64_t));
        return;
    }
    sort_keys(&walk->within);
    answers->balls[number] = (struct quiver_ball){walk->within.keys, walk->within.size};
    walk->within = (struct key_list){0};
}

INLINE int run_walks(const struct quiver_codes *codes, const struct quiver_graph *graph,
                     const struct quiver_queries *queries,
                     const struct quiver_rules *rules, size_t ef,
                     const struct quiver_answers *answers, int by_rules,
                     int is_screened)
{
    struct walk walks[N_SCREENED_WALKS];
    size_t n_most = is_screened ? N_SCREENED_WALKS : N_WALKS;
    size_t n_placed = queries->n_queries < n_most ? queries->n_queries : n_most;
    size_t n_walks = 0, n_opened = 0;
    enum end end = GOES_ON;
    int looks_ahead = n_placed == 1 && is_far(codes);
    void *scratch = place_walks(walks, n_placed, ef, codes, graph, is_screened);
    if (scratch == NULL)
        return -1;
    while (end != OUT_OF_MEMORY) {
        for (; n_walks < n_placed && n_opened < queries->n_queries; ++n_walks) {
            open_walk(walks + n_walks, codes, graph, queries, n_opened++,
                      &rules->horizon, is_screened);
            if (by_rules)
                set_rules(walks + n_walks, rules, codes->n_rows);
        }
        if (n_walks == 0)
            break;
        for (size_t i = 0; i < n_walks; ++i)
            expand(walks + i, graph, by_rules, looks_ahead);
        for (size_t part = 0; part + 1 < walks->screen.n_parts; ++part)
            for (size_t i = 0; i < n_walks; ++i)
                read_newly_seen(walks + i, part, by_rules);
        for (size_t i = 0; i < n_walks && end != OUT_OF_MEMORY; ++i) {
            end = advance(walks + i, graph, by_rules);
            if (end == GOES_ON || end == OUT_OF_MEMORY)
                continue;
            close_walk(walks + i, end, answers);
            struct walk closed = walks[i];
            walks[i--] = walks[--n_walks];
            walks[n_walks] = closed;
        }
    }
    for (size_t i = 0; by_rules && i < n_placed; ++i) {
        free(walks[i].frontier.keys);
        free(walks[i].within.keys);
    }
    for (size_t i = 0; i < n_placed; ++i)
        free(walks[i].seen.grown);
    free(scratch);
    return end == OUT_OF_MEMORY ? -1 : 0;
}

static int run_in_beam(const struct quiver_codes *codes,
                       const struct quiver_graph *graph,
                       const struct quiver_queries *queries,
                       const struct quiver_rules *rules, size_t ef,
                       const struct quiver_answers *answers, int is_screened)
{
    return run_walks(codes, graph, queries, rules, ef, answers, 0, is_screened);
}

static int run_by_rules(const struct quiver_codes *codes,
                        const struct quiver_graph *graph,
                        const struct quiver_queries *queries,
                        const struct quiver_rules *rules, size_t ef,
                        const struct quiver_answers *answers, int is_screened)
{
    return run_walks(codes, graph, queries, rules, ef, answers, 1, is_screened);
}

static int search(const struct quiver_codes *codes, const struct quiver_graph *graph,
                  const struct quiver_queries *queries,
                  const struct quiver_rules *rules, size_t ef,
                  const struct quiver_answers *answers)
{
    int has_rules = rules->n_masks > 0 || rules->budget != NULL || rules->limits != NULL;
    int is_screened = rules->is_screened && queries->values != NULL &&
                      lines_of(codes->dim, codes->bits) >= LEAST_LINES;
    return has_rules
               ? run_by_rules(codes, graph, queries, rules, ef, answers, is_screened)
               : run_in_beam(codes, graph, queries, rules, ef, answers, is_screened);
}

/* Let the beam keep the nearest of one query's rows. */
static void scan_rows(const struct query *query, const uint32_t *rows, size_t n_rows,
                      struct beam *beam)
{
    float distances[CHUNK];
    uint64_t accepted[CHUNK + BEAM_STEP];
    size_t row_bytes = CACHE_LINE * query->n_lines;
    for (size_t start = 0; start < n_rows; start += CHUNK) {
        size_t count = n_rows - start < CHUNK ? n_rows - start : CHUNK;
        for (size_t i = start + CHUNK; i < start + 2 * CHUNK && i < n_rows; ++i)
            prefetch_bytes(row_of(query, rows[i]), row_bytes);
        measure(query, rows + start, count, distances);
        size_t n_accepted = accept(beam, distances, rows + start, count, accepted);
        for (size_t i = 0; i < n_accepted; ++i)
            insert_key(beam, accepted[i]);
    }
}

static int scan(const struct quiver_codes *codes, const struct quiver_queries *queries,
                const uint32_t *rows, size_t n_rows, size_t ef, uint64_t *keys)
{
    size_t n_beam = beam_words(ef);
    void *scratch =
        malloc(n_beam * sizeof(uint64_t) + value_bytes_of(codes) + CACHE_LINE);
    if (scratch == NULL)
        return -1;
    uint64_t *words = align_up(scratch);
    struct beam beam;
    place_beam(&beam, words, ef);
    for (size_t number = 0; number < queries->n_queries; ++number) {
        struct query query =
            init_query(codes, queries, number, (int8_t *)(words + n_beam));
        clear_beam(&beam);
        scan_rows(&query, rows, n_rows, &beam);
        memcpy(keys + number * ef, beam.keys, ef * sizeof(uint64_t));
    }
    free(scratch);
    return 0;
}

#endif
