/* One walk, step by step, and what ends it; see quiver/reference/walk.py.
 *
 * Without rules the beam is the answer and also what may be expanded. With them what may
 * be expanded is a heap, and the beam holds rows that may answer. Everything here that
 * is told `by_rules` is compiled once for each.
 */
#ifndef QUIVER_WALK_H
#define QUIVER_WALK_H

#include "beam.h"
#include "distance.h"
#include "frontier.h"
#include "horizon.h"
#include "screen.h"
#include "seen.h"

enum end { GOES_ON, COMPLETE, OVER_BUDGET, OUT_OF_MEMORY };

/* A beam that rows which may not answer keep empty ends its walk at this part of the
 * budget. */
enum { PATIENCE = 15 };

/* `newly_seen` waits to be measured; `nothing_seen` is what a walk begins with. */
struct walk {
    struct query query;
    size_t number;
    struct beam beam;
    struct seen seen;
    struct seen nothing_seen;
    uint64_t *accepted;
    uint32_t *newly_seen;
    float *distances;
    int8_t *values; /* scratch of a wide coded query, or of one in parts */
    int32_t *sums;
    struct screen screen;
    size_t bytes_asked; /* of every row newly seen, at first */
    size_t n_newly_seen;
    const uint32_t *neighbors; /* the list to be read next */
    size_t n_neighbors;
    int64_t hops;
    int64_t distance_computations;
    int64_t lines_read;
    struct quiver_horizon horizon;
    /* By rules. No key above `bound` is expanded, and `bound` never rises. */
    struct key_list frontier;
    struct key_list within;
    const uint64_t *allowed;
    uint64_t limit;
    uint64_t bound;
    int64_t budget;
    int is_radius;
};

INLINE size_t words_of(size_t n_rows)
{
    return (n_rows + 63) / 64;
}

/* The step before the first hop sees the entry points. */
static void open_walk(struct walk *walk, const struct quiver_codes *codes,
                      const struct quiver_graph *graph,
                      const struct quiver_queries *queries, size_t number,
                      const struct quiver_horizon *horizon, int is_screened)
{
    walk->query = init_query(codes, queries, number, walk->values);
    walk->screen.n_parts = 0;
    walk->bytes_asked = CACHE_LINE * walk->query.n_lines;
    if (is_screened)
        init_screen(&walk->screen, &walk->query, walk->values);
    /* A walk alone has nothing to do while it waits: it asks for all at once. */
    if (is_screened && queries->n_queries > 1)
        walk->bytes_asked = CACHE_LINE * FIRST_LINES;
    walk->number = number;
    walk->horizon = *horizon;
    walk->neighbors = graph->entry_points;
    walk->n_neighbors = graph->n_entry_points;
    walk->hops = -1;
    walk->distance_computations = walk->lines_read = 0;
    clear_beam(&walk->beam);
    free(walk->seen.grown);
    walk->seen = walk->nothing_seen;
    clear_seen(&walk->seen);
}

static void set_rules(struct walk *walk, const struct quiver_rules *rules,
                      size_t n_rows)
{
    size_t mask = rules->n_masks > 1 ? walk->number : 0;
    walk->frontier.size = walk->within.size = 0;
    walk->allowed = rules->n_masks ? rules->allowed + mask * words_of(n_rows) : NULL;
    walk->budget = rules->budget ? rules->budget[walk->number] : INT64_MAX;
    walk->is_radius = rules->limits != NULL;
    /* Above every row at that distance; below every row where there is no limit. */
    walk->limit = walk->is_radius ? make_key(rules->limits[walk->number], NO_ID) : 0;
    walk->bound = NO_KEY;
}

INLINE int is_allowed(const struct walk *walk, uint32_t id)
{
    return walk->allowed == NULL || (walk->allowed[id / 64] >> id % 64 & 1);
}

/* Collect the neighbours not seen before and mark them, without a branch on it. */
INLINE void see(struct walk *walk, int in_table)
{
    const uint32_t *neighbors = walk->neighbors;
    uint32_t *restrict words = walk->seen.words;
    uint32_t *restrict newly_seen = walk->newly_seen;
    unsigned shift = walk->seen.shift;
    size_t count = 0, width = walk->n_neighbors;
    for (size_t i = 0; i < width && neighbors[i] != NO_ID; ++i) {
        uint32_t id = neighbors[i];
        newly_seen[count] = id;
        count += in_table ? see_in_table(words, shift, id) : see_bit(words, id);
    }
    walk->n_newly_seen = count;
}

/* Ask for a part of the rows that were newly seen and not dropped. */
INLINE void prefetch_part(const struct walk *walk, size_t number)
{
    const struct part *part = walk->screen.parts + number;
    for (size_t i = 0; i < walk->n_newly_seen; ++i)
        prefetch_bytes(row_of(&walk->query, walk->newly_seen[i]) + part->start,
                       CACHE_LINE * part->n_lines);
}

INLINE void prefetch_neighbors(const struct quiver_graph *graph, uint64_t key)
{
    prefetch_bytes(graph->neighbors + key_id(key) * graph->width,
                   graph->width * sizeof(uint32_t));
}

INLINE enum end go_to(struct walk *walk, const struct quiver_graph *graph, uint64_t key)
{
    if (reserve_seen(&walk->seen, (size_t)walk->distance_computations + graph->width))
        return OUT_OF_MEMORY;
    walk->neighbors = graph->neighbors + key_id(key) * graph->width;
    walk->n_neighbors = graph->width;
    prefetch_neighbors(graph, key);
    return GOES_ON;
}

INLINE enum end advance_in_beam(struct walk *walk, const struct quiver_graph *graph)
{
    struct beam *beam = &walk->beam;
    size_t n_accepted = accept(beam, walk->distances, walk->newly_seen,
                               walk->n_newly_seen, walk->accepted);
    for (size_t i = 0; i < n_accepted; ++i)
        insert_flag(beam, insert_key(beam, walk->accepted[i]));
    size_t place = first_unexpanded(beam);
    if (place >= beam->size || is_beyond(&walk->horizon, beam->keys[place], beam))
        return COMPLETE;
    beam->unexpanded[place / 64] &= ~((uint64_t)1 << place % 64);
    return go_to(walk, graph, beam->keys[place]);
}

INLINE enum end advance_by_rules(struct walk *walk, const struct quiver_graph *graph)
{
    struct beam *beam = &walk->beam;
    if (reserve(&walk->frontier, walk->n_newly_seen) != 0 ||
        (walk->is_radius && reserve(&walk->within, walk->n_newly_seen) != 0))
        return OUT_OF_MEMORY;
    size_t n_accepted = accept_keys(walk->bound, walk->distances, walk->newly_seen,
                                    walk->n_newly_seen, walk->accepted);
    for (size_t i = 0; i < n_accepted; ++i) {
        uint64_t key = walk->accepted[i];
        push(&walk->frontier, key);
        if (!is_allowed(walk, key_id(key)))
            continue;
        insert_key(beam, key);
        if (key <= walk->limit)
            append(&walk->within, key);
    }
    uint64_t last = beam->keys[beam->ef - 1];
    walk->bound = last > walk->limit ? last : walk->limit;
    if (walk->frontier.size == 0 || walk->frontier.keys[0] > walk->bound ||
        is_beyond(&walk->horizon, walk->frontier.keys[0], beam))
        return COMPLETE;
    int has_found = walk->allowed == NULL || beam->size == beam->ef;
    int64_t budget = has_found ? walk->budget : walk->budget / PATIENCE;
    if (walk->distance_computations >= budget)
        return OVER_BUDGET;
    return go_to(walk, graph, pop(&walk->frontier));
}

/* No row beyond it may matter any more. */
INLINE float bound_of(const struct walk *walk, int by_rules)
{
    uint64_t last = by_rules ? walk->bound : walk->beam.keys[walk->beam.ef - 1];
    return last == NO_KEY ? INFINITY : key_distance(last);
}

/* Read a part of what was newly seen and not dropped, and ask for the next. */
INLINE void read_newly_seen(struct walk *walk, size_t part, int by_rules)
{
    const struct screen *screen = &walk->screen;
    walk->lines_read += (int64_t)(walk->n_newly_seen * screen->parts[part].n_lines);
    walk->n_newly_seen =
        read_part(&walk->query, screen, part, bound_of(walk, by_rules), walk->newly_seen,
                  walk->n_newly_seen, walk->sums, walk->distances);
    if (part + 1 < screen->n_parts &&
        screen->parts[part + 1].start >= walk->bytes_asked)
        prefetch_part(walk, part + 1);
}

/* Measure what was newly seen and choose the next node. */
INLINE enum end advance(struct walk *walk, const struct quiver_graph *graph,
                        int by_rules)
{
    size_t n_parts = walk->screen.n_parts;
    if (n_parts > 0) {
        read_newly_seen(walk, n_parts - 1, by_rules);
    } else {
        measure(&walk->query, walk->newly_seen, walk->n_newly_seen, walk->distances);
        walk->lines_read += (int64_t)(walk->n_newly_seen * walk->query.n_lines);
    }
    return by_rules ? advance_by_rules(walk, graph) : advance_in_beam(walk, graph);
}

/* Ask for the rows that the list of a node names, seen or not. */
INLINE void prefetch_rows_of(const struct walk *walk, const struct quiver_graph *graph,
                             uint64_t key)
{
    const uint32_t *neighbors = graph->neighbors + key_id(key) * graph->width;
    for (size_t i = 0; i < graph->width && neighbors[i] != NO_ID; ++i)
        prefetch_bytes(row_of(&walk->query, neighbors[i]), walk->bytes_asked);
}

/* A walk alone waits for its rows: meanwhile ask for those that will probably be next,
 * whose list was asked for a hop ago, and for the list after that. */
INLINE void look_ahead(const struct walk *walk, const struct quiver_graph *graph,
                       size_t place)
{
    const struct beam *beam = &walk->beam;
    size_t after = next_unexpanded(beam, place + 1);
    if (after < beam->size)
        prefetch_neighbors(graph, beam->keys[after]);
    if (place < beam->size)
        prefetch_rows_of(walk, graph, beam->keys[place]);
}

/* Read the list of the node chosen and ask for the rows it names. */
INLINE void expand(struct walk *walk, const struct quiver_graph *graph, int by_rules,
                   int looks_ahead)
{
    const struct beam *beam = &walk->beam;
    const struct key_list *frontier = &walk->frontier;
    size_t place = by_rules ? 0 : first_unexpanded(beam);
    ++walk->hops;
    /* It is next, unless a neighbour seen now turns out to be nearer. */
    if (place < (by_rules ? frontier->size : beam->size))
        prefetch_neighbors(graph, by_rules ? frontier->keys[0] : beam->keys[place]);
    walk->seen.shift == 0 ? see(walk, 0) : see(walk, 1);
    for (size_t i = 0; i < walk->n_newly_seen; ++i)
        prefetch_bytes(row_of(&walk->query, walk->newly_seen[i]), walk->bytes_asked);
    walk->distance_computations += (int64_t)walk->n_newly_seen;
    if (looks_ahead && !by_rules)
        look_ahead(walk, graph, place);
}

#endif
