/* Lists of keys that grow: what a walk may expand next, and what it found in reach. */
#ifndef QUIVER_FRONTIER_H
#define QUIVER_FRONTIER_H

#include <stdlib.h>

#include "keys.h"

struct key_list {
    uint64_t *keys;
    size_t size;
    size_t capacity;
};

/* Make room for so many more; return -1 if there is no memory. */
INLINE int reserve(struct key_list *list, size_t more)
{
    size_t needed = list->size + more;
    if (needed <= list->capacity)
        return 0;
    size_t capacity = needed < 2 * list->capacity ? 2 * list->capacity : needed;
    uint64_t *keys = realloc(list->keys, capacity * sizeof *keys);
    if (keys == NULL)
        return -1;
    list->keys = keys;
    list->capacity = capacity;
    return 0;
}

INLINE void append(struct key_list *list, uint64_t key)
{
    list->keys[list->size++] = key;
}

/* Every key of a heap is below those at twice its place plus one and plus two. */
INLINE void push(struct key_list *heap, uint64_t key)
{
    size_t place = heap->size++;
    for (; place > 0 && heap->keys[(place - 1) / 2] > key; place = (place - 1) / 2)
        heap->keys[place] = heap->keys[(place - 1) / 2];
    heap->keys[place] = key;
}

/* Remove the smallest key of a heap that is not empty and return it. */
INLINE uint64_t pop(struct key_list *heap)
{
    uint64_t *keys = heap->keys, smallest = keys[0], last = keys[--heap->size];
    size_t place = 0, below;
    while ((below = 2 * place + 1) < heap->size) {
        below += below + 1 < heap->size && keys[below + 1] < keys[below];
        if (keys[below] >= last)
            break;
        keys[place] = keys[below];
        place = below;
    }
    keys[place] = last;
    return smallest;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

INLINE void sort_keys(struct key_list *list)
{
    if (list->size > 1)
        qsort(list->keys, list->size, sizeof *list->keys, compare_keys);
}

#endif
