/* What the AVX2 and the AVX-512 target share. */
#ifndef QUIVER_SIMD_X86_H
#define QUIVER_SIMD_X86_H

#include <immintrin.h>

#include "layout.h"

/* Four rows at a time: their integers and their floats. */
typedef __m128i ints4;
typedef __m128 floats4;

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

INLINE floats4 clamp4(floats4 x)
{
    return _mm_max_ps(x, _mm_setzero_ps());
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

/* Gather the (scale, bias) pairs that follow four codes. */
INLINE void load_corrections4(const uint8_t *const rows[4], size_t offset,
                              floats4 *scale, floats4 *bias)
{
    __m128 ab = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(rows[0] + offset)));
    __m128 cd = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(rows[2] + offset)));
    ab = _mm_loadh_pi(ab, (const __m64 *)(rows[1] + offset));
    cd = _mm_loadh_pi(cd, (const __m64 *)(rows[3] + offset));
    *scale = _mm_shuffle_ps(ab, cd, 0x88);
    *bias = _mm_shuffle_ps(ab, cd, 0xDD);
}

#endif
