/* The total order of quiver/reference/keys.py, and sorted lists of its keys. */
#ifndef QUIVER_KEYS_H
#define QUIVER_KEYS_H

#include "portable.h"

#define NO_ID UINT32_MAX
#define NO_KEY UINT64_MAX
#define SIGN_BIT UINT32_C(0x80000000)

/* Sorted lists of keys have room for a multiple of this many. */
#define BEAM_STEP 8

INLINE uint64_t make_key(float distance, uint32_t id)
{
    /* Adding zero turns -0.0 into 0.0: equal distances must have equal bits. */
    uint32_t bits = float_bits(distance + 0.0f);
    uint32_t ordered = bits ^ ((0 - (bits >> 31)) | SIGN_BIT);
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

#endif
