/* Inner functions in NEON; those that read codes are in simd_neon_codes.h. */
#ifndef QUIVER_SIMD_NEON_H
#define QUIVER_SIMD_NEON_H

#include "keys.h"
#include "simd_neon_codes.h"

/* Four rows at a time: their floats. */
typedef float32x4_t floats4;

INLINE ints4 load_ints4(const int32_t *from)
{
    return vld1q_s32(from);
}

INLINE void store_ints4(int32_t *to, ints4 x)
{
    vst1q_s32(to, x);
}

INLINE ints4 add_ints4(ints4 x, ints4 y)
{
    return vaddq_s32(x, y);
}

INLINE floats4 splat4(float value)
{
    return vdupq_n_f32(value);
}

INLINE floats4 add4(floats4 x, floats4 y)
{
    return vaddq_f32(x, y);
}

INLINE floats4 sub4(floats4 x, floats4 y)
{
    return vsubq_f32(x, y);
}

INLINE floats4 mul4(floats4 x, floats4 y)
{
    return vmulq_f32(x, y);
}

INLINE floats4 sqrt4(floats4 x)
{
    return vsqrtq_f32(x);
}

/* FMAX would return a NaN that x is, and 0.0 for a pair of zeros. */
INLINE floats4 max4(floats4 x, floats4 y)
{
    return vbslq_f32(vcgtq_f32(x, y), x, y);
}

INLINE void store4(float *to, floats4 x)
{
    vst1q_f32(to, x);
}

INLINE floats4 linear4(ints4 x, int32_t factor, int32_t offset)
{
    return vcvtq_f32_s32(vmlaq_n_s32(vdupq_n_s32(offset), x, factor));
}

INLINE void load_corrections4(const uint8_t *const rows[4], floats4 *scale,
                              floats4 *bias)
{
    uint8x16_t ab = vcombine_u8(vld1_u8(rows[0]), vld1_u8(rows[1]));
    uint8x16_t cd = vcombine_u8(vld1_u8(rows[2]), vld1_u8(rows[3]));
    *scale = vuzp1q_f32(vreinterpretq_f32_u8(ab), vreinterpretq_f32_u8(cd));
    *bias = vuzp2q_f32(vreinterpretq_f32_u8(ab), vreinterpretq_f32_u8(cd));
}

/* Every step takes the a's from even and the b's from odd places; three of them leave
 * the eight in order again. */
INLINE void butterflies_of_8(float *eight)
{
    float32x4_t first = vld1q_f32(eight), second = vld1q_f32(eight + 4);
    for (int step = 0; step < 3; ++step) {
        float32x4_t a = vuzp1q_f32(first, second), b = vuzp2q_f32(first, second);
        first = vaddq_f32(a, b);
        second = vsubq_f32(a, b);
    }
    vst1q_f32(eight, first);
    vst1q_f32(eight + 4, second);
}

/* Eight float64 lanes of a sum, two by two. */
struct lanes {
    float64x2_t pair[4];
};

INLINE struct lanes zero_lanes(void)
{
    float64x2_t zero = vdupq_n_f64(0);
    return (struct lanes){{zero, zero, zero, zero}};
}

INLINE struct lanes widen_floats(float32x4_t first, float32x4_t second)
{
    return (struct lanes){{
        vcvt_f64_f32(vget_low_f32(first)),
        vcvt_high_f64_f32(first),
        vcvt_f64_f32(vget_low_f32(second)),
        vcvt_high_f64_f32(second),
    }};
}

INLINE struct lanes widen(const float *from)
{
    return widen_floats(vld1q_f32(from), vld1q_f32(from + 4));
}

INLINE struct lanes widen_uint8(const uint8_t *from)
{
    uint16x8_t wide = vmovl_u8(vld1_u8(from));
    return widen_floats(vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))),
                        vcvtq_f32_u32(vmovl_high_u16(wide)));
}

INLINE struct lanes widen_int8(const int8_t *from)
{
    int16x8_t wide = vmovl_s8(vld1_s8(from));
    return widen_floats(vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide))),
                        vcvtq_f32_s32(vmovl_high_s16(wide)));
}

INLINE struct lanes add_product(struct lanes sum, struct lanes x, struct lanes y)
{
    for (int k = 0; k < 4; ++k)
        sum.pair[k] = vaddq_f64(sum.pair[k], vmulq_f64(x.pair[k], y.pair[k]));
    return sum;
}

INLINE struct lanes subtract(struct lanes x, struct lanes y)
{
    for (int k = 0; k < 4; ++k)
        x.pair[k] = vsubq_f64(x.pair[k], y.pair[k]);
    return x;
}

INLINE double fold_lanes(struct lanes sum)
{
    const float64x2_t *pair = sum.pair;
    return vpaddd_f64(
        vaddq_f64(vaddq_f64(pair[0], pair[2]), vaddq_f64(pair[1], pair[3])));
}

#define QUIVER_HAS_BEAM

/* Four keys at a time, and the last ones alone. */
INLINE size_t accept_keys(uint64_t last, const float *distances, const uint32_t *ids,
                          size_t count, uint64_t *accepted)
{
    size_t n_accepted = 0, i = 0;
    for (; i + 4 <= count; i += 4) {
        float32x4_t d = vaddq_f32(vld1q_f32(distances + i), vdupq_n_f32(0));
        int32x4_t bits = vreinterpretq_s32_f32(d);
        uint32x4_t negative = vreinterpretq_u32_s32(vshrq_n_s32(bits, 31));
        uint32x4_t flip = vorrq_u32(negative, vdupq_n_u32(SIGN_BIT));
        uint32x4_t high = veorq_u32(vreinterpretq_u32_s32(bits), flip);
        uint32x4_t low = vld1q_u32(ids + i);
        uint64_t keys[4];
        vst1q_u64(keys, vreinterpretq_u64_u32(vzip1q_u32(low, high)));
        vst1q_u64(keys + 2, vreinterpretq_u64_u32(vzip2q_u32(low, high)));
        for (size_t k = 0; k < 4; ++k) {
            accepted[n_accepted] = keys[k];
            n_accepted += keys[k] < last;
        }
    }
    for (; i < count; ++i) {
        accepted[n_accepted] = make_key(distances[i], ids[i]);
        n_accepted += accepted[n_accepted] < last;
    }
    return n_accepted;
}

/* Halve the places where it may belong, without a branch, then move all above at once. */
INLINE size_t insert_sorted(uint64_t *keys, size_t size, size_t ef, uint64_t key)
{
    if (key >= keys[ef - 1])
        return ef;
    uint64_t *place = keys, *last = keys + (size < ef ? size : ef - 1);
    size_t n = (size_t)(last - keys), half;
    for (; (half = n / 2) > 0; n -= half)
        place += place[half - 1] < key ? half : 0;
    place += n > 0 && *place < key;
    memmove(place + 1, place, (size_t)(last - place) * sizeof *keys);
    *place = key;
    return (size_t)(place - keys);
}

#endif
