/* What the AVX2 and the AVX-512 target share. */
#ifndef QUIVER_SIMD_X86_H
#define QUIVER_SIMD_X86_H

#include <immintrin.h>

#include "layout.h"

/* Butterflies h = 1, 2, 4 of eight floats: partner plus self, negated where it is b.
 * Adding -b is subtracting b, in every bit. */
INLINE void butterflies_of_8(float *eight)
{
    const __m256 b1 = _mm256_setr_ps(0, -0.f, 0, -0.f, 0, -0.f, 0, -0.f);
    const __m256 b2 = _mm256_setr_ps(0, 0, -0.f, -0.f, 0, 0, -0.f, -0.f);
    const __m256 b4 = _mm256_setr_ps(0, 0, 0, 0, -0.f, -0.f, -0.f, -0.f);
    __m256 x = _mm256_loadu_ps(eight);
    x = _mm256_add_ps(_mm256_permute_ps(x, 0xB1), _mm256_xor_ps(x, b1));
    x = _mm256_add_ps(_mm256_permute_ps(x, 0x4E), _mm256_xor_ps(x, b2));
    x = _mm256_add_ps(_mm256_permute2f128_ps(x, x, 1), _mm256_xor_ps(x, b4));
    _mm256_storeu_ps(eight, x);
}

/* Four rows at a time: their integers and their floats. */
typedef __m128i ints4;
typedef __m128 floats4;

INLINE ints4 load_ints4(const int32_t *from)
{
    return _mm_loadu_si128((const __m128i *)from);
}

INLINE void store_ints4(int32_t *to, ints4 x)
{
    _mm_storeu_si128((__m128i *)to, x);
}

INLINE ints4 add_ints4(ints4 x, ints4 y)
{
    return _mm_add_epi32(x, y);
}

INLINE floats4 splat4(float value)
{
    return _mm_set1_ps(value);
}

INLINE floats4 add4(floats4 x, floats4 y)
{
    return _mm_add_ps(x, y);
}

INLINE floats4 sub4(floats4 x, floats4 y)
{
    return _mm_sub_ps(x, y);
}

INLINE floats4 mul4(floats4 x, floats4 y)
{
    return _mm_mul_ps(x, y);
}

INLINE floats4 sqrt4(floats4 x)
{
    return _mm_sqrt_ps(x);
}

INLINE floats4 max4(floats4 x, floats4 y)
{
    return _mm_max_ps(x, y);
}

INLINE void store4(float *to, floats4 x)
{
    _mm_storeu_ps(to, x);
}

INLINE floats4 linear4(ints4 x, int32_t factor, int32_t offset)
{
    ints4 scaled = _mm_mullo_epi32(x, _mm_set1_epi32(factor));
    return _mm_cvtepi32_ps(_mm_add_epi32(scaled, _mm_set1_epi32(offset)));
}

INLINE void load_corrections4(const uint8_t *const rows[4], floats4 *scale,
                              floats4 *bias)
{
    __m128 ab = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)rows[0]));
    __m128 cd = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)rows[2]));
    ab = _mm_loadh_pi(ab, (const __m64 *)rows[1]);
    cd = _mm_loadh_pi(cd, (const __m64 *)rows[3]);
    *scale = _mm_shuffle_ps(ab, cd, 0x88);
    *bias = _mm_shuffle_ps(ab, cd, 0xDD);
}

#endif
