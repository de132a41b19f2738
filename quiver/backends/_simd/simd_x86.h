/* What the AVX2 and the AVX-512 target share. */
#ifndef QUIVER_SIMD_X86_H
#define QUIVER_SIMD_X86_H

#include <immintrin.h>

#include "layout.h"

/* Gather the (scale, bias) pairs that follow four codes. */
INLINE void load_corrections_4(const uint8_t *const rows[4], size_t offset,
                               float scale[4], float bias[4])
{
    __m128 ab = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(rows[0] + offset)));
    __m128 cd = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(rows[2] + offset)));
    ab = _mm_loadh_pi(ab, (const __m64 *)(rows[1] + offset));
    cd = _mm_loadh_pi(cd, (const __m64 *)(rows[3] + offset));
    _mm_storeu_ps(scale, _mm_shuffle_ps(ab, cd, 0x88));
    _mm_storeu_ps(bias, _mm_shuffle_ps(ab, cd, 0xDD));
}

#endif
