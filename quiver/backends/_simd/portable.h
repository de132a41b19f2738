/* What differs between compilers, and loads that need no alignment. */
#ifndef QUIVER_PORTABLE_H
#define QUIVER_PORTABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Every float operation is rounded on its own; a fused multiply-add would not be. */
#if defined(_MSC_VER) && !defined(__clang__)
#pragma fp_contract(off)
#define INLINE static __forceinline
#else
#define INLINE static inline __attribute__((always_inline))
#endif

#if defined(__GNUC__) || defined(__clang__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

#define CACHE_LINE 64

INLINE uint64_t load_word(const void *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* The first cache line that starts at or after a pointer. */
INLINE void *align_up(void *pointer)
{
    return (void *)(((uintptr_t)pointer + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
}

INLINE float load_float(const void *from)
{
    float value;
    memcpy(&value, from, sizeof value);
    return value;
}

INLINE uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

INLINE uint64_t popcount(uint64_t word)
{
#if defined(__POPCNT__) || (defined(__GNUC__) && defined(__ARM_NEON))
    return (uint64_t)__builtin_popcountll(word);
#else
    word -= word >> 1 & UINT64_C(0x5555555555555555);
    word = (word & UINT64_C(0x3333333333333333)) +
           (word >> 2 & UINT64_C(0x3333333333333333));
    word = (word + (word >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    return word * UINT64_C(0x0101010101010101) >> 56;
#endif
}

/* The place of the lowest set bit of a word that is not zero. */
INLINE size_t lowest_bit(uint64_t word)
{
    return (size_t)popcount(~word & (word - 1));
}

INLINE void prefetch_bytes(const void *from, size_t n_bytes)
{
    for (size_t offset = 0; offset < n_bytes; offset += CACHE_LINE)
        PREFETCH((const uint8_t *)from + offset);
}

#endif
