/* The total order of quiver/keys.py, and sorted lists of its keys. */
#ifndef QUIVER_KEYS_H
#define QUIVER_KEYS_H

#include "portable.h"

#define NO_ID UINT32_MAX
#define NO_KEY UINT64_MAX
#define SIGN_BIT UINT32_C(0x80000000)

INLINE uint64_t make_key(float distance, uint32_t id)
{
    /* Adding zero turns -0.0 into 0.0: equal distances must have equal bits. */
    uint32_t bits = float_bits(distance + 0.0f);
    uint32_t ordered = bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
    return (uint64_t)ordered << 32 | id;
}

INLINE uint32_t key_id(uint64_t key)
{
    return (uint32_t)key;
}

INLINE float key_distance(uint64_t key)
{
    uint32_t ordered = (uint32_t)(key >> 32);
    uint32_t bits = ordered & SIGN_BIT ? ordered ^ SIGN_BIT : ~ordered;
    float distance;
    memcpy(&distance, &bits, sizeof distance);
    return distance;
}

/* Insert into a sorted list, dropping its last key if full; return the place.
 * The caller has checked that the key belongs: there is room or it beats the last. */
INLINE size_t insert_key(uint64_t *keys, size_t *size, size_t capacity, uint64_t key)
{
    if (*size < capacity)
        ++*size;
    size_t place = *size - 1;
    for (; place > 0 && keys[place - 1] > key; --place)
        keys[place] = keys[place - 1];
    keys[place] = key;
    return place;
}

#endif
