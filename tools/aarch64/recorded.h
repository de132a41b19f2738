/* A file of calls, as recorded.py writes it: one is read, and asked what it holds. */
#ifndef QUIVER_RECORDED_H
#define QUIVER_RECORDED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"

#define MOST_VALUES 32
#define MEMORY_BYTES ((size_t)1 << 26)

/* An array, its kind by NumPy's letter. A number has no axes, None has -1 of them. */
struct value {
    int64_t n_axes, kind, item_bytes, shape[3], start;
};

struct call {
    char kernel[16];
    int64_t n_inputs, n_outputs;
    struct value values[MOST_VALUES];
    uint8_t *arrays[MOST_VALUES];
    uint8_t *written[MOST_VALUES]; /* in place of the outputs */
};

static _Noreturn void fail(const char *why)
{
    fprintf(stderr, "replay: %s\n", why);
    exit(2);
}

/* All arrays of one call, which the next may overwrite. */
static _Alignas(CACHE_LINE) uint8_t memory[MEMORY_BYTES];
static size_t n_used;

/* Return room that starts a cache line. */
static uint8_t *allocate(size_t n_bytes)
{
    uint8_t *block = memory + n_used;
    n_used += (n_bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    if (n_bytes > MEMORY_BYTES || n_used > MEMORY_BYTES)
        fail("no memory for so large a call");
    return block;
}

static size_t bytes_of(const struct value *value)
{
    size_t n_bytes = value->n_axes < 0 ? 0 : (size_t)value->item_bytes;
    for (int64_t axis = 0; axis < value->n_axes; ++axis)
        n_bytes *= (size_t)value->shape[axis];
    return n_bytes;
}

static void read_exactly(void *to, size_t n_bytes, FILE *file)
{
    if (fread(to, 1, n_bytes, file) != n_bytes)
        fail("the file ends within a call");
}

/* Arrays start as far behind a cache line as the file says. */
static uint8_t *read_array(const struct value *value, FILE *file)
{
    size_t start = (size_t)value->start;
    uint8_t *array = allocate(start + bytes_of(value)) + start;
    read_exactly(array, bytes_of(value), file);
    return array;
}

static int read_call(struct call *call, FILE *file)
{
    if (fread(call->kernel, 1, sizeof call->kernel, file) == 0)
        return 0;
    read_exactly(&call->n_inputs, 2 * sizeof call->n_inputs, file);
    int64_t n_values = call->n_inputs + call->n_outputs;
    if (n_values > MOST_VALUES)
        fail("a call has too many values");
    read_exactly(call->values, (size_t)n_values * sizeof *call->values, file);
    for (int64_t i = 0; i < n_values; ++i)
        call->arrays[i] = read_array(call->values + i, file);
    return 1;
}

/* What a call has at a place, as C wants it. */
static const void *array(const struct call *call, int place)
{
    return call->values[place].n_axes < 0 ? NULL : call->arrays[place];
}

static size_t length(const struct call *call, int place, int axis)
{
    return (size_t)call->values[place].shape[axis];
}

static size_t integer(const struct call *call, int place)
{
    int64_t number;
    memcpy(&number, call->arrays[place], sizeof number);
    return (size_t)number;
}

static float real(const struct call *call, int place)
{
    double number;
    memcpy(&number, call->arrays[place], sizeof number);
    return (float)number;
}

/* Of words in the order of an enum of kernels.h, ended by NULL, the place of a call's. */
static int word(const struct call *call, int place, const char *const *words)
{
    for (int i = 0; words[i] != NULL; ++i)
        if (strcmp(words[i], (const char *)call->arrays[place]) == 0)
            return i;
    fail("a call has an unknown word");
}

/* Room for an output, of which the reference may have needed less. */
static void *room(struct call *call, int output, size_t n_bytes, int filling)
{
    int place = (int)call->n_inputs + output;
    size_t needed = bytes_of(call->values + place);
    call->written[output] = allocate(n_bytes > needed ? n_bytes : needed);
    memset(call->written[output], filling, needed);
    return call->written[output];
}

#endif
