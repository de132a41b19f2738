/* The contract of a target: what its header supplies, and to the last bit.
 *
 * A target is a header, named by QUIVER_SIMD_HEADER, that defines the three types and
 * every function below as INLINE; simd_portable.h is the model. Results may depend on
 * nothing but the arguments: integers are exact, and each float operation is rounded
 * once, as written here, to nearest with ties to even. No pointer need be aligned
 * unless it is said. The declarations stand after the include, so that the compiler
 * compares them with the definitions.
 */
#ifndef QUIVER_SIMD_H
#define QUIVER_SIMD_H

#include "layout.h"

#ifndef QUIVER_SIMD_HEADER
#define QUIVER_SIMD_HEADER "simd_portable.h"
#endif
#include QUIVER_SIMD_HEADER

/* Integers. `ints4` holds an int32 for each of four rows of n_lines cache lines, each
 * starting a line. `n_lines` and `bits` are constants wherever a size is common. */

/* Σ v_j·u_j of one int8 query and four rows, u_j in 0 … 2^bits - 1 as stored. The query
 * has planes_of(bits) planes of whole rows, zero beside the corrections and past the
 * last coordinate; |v| <= 127, and the sum fits an int32. */
INLINE ints4 dot_values4(const int8_t *values, const uint8_t *const rows[4],
                         size_t n_lines, size_t bits);

/* pop(x) + 3·pop(x ∧ HIGH_BITS) + 2·pop(y) with x = a ⊕ b and y = a ⊕ swap_pairs(b),
 * for the codes of four rows a and a row b, their corrections left out: how far
 * ⟨w_a, w_b⟩ is below 9·dim, halved. */
INLINE ints4 mismatch4(const uint8_t *b, const uint8_t *const a[4], size_t n_lines);

INLINE ints4 load_ints4(const int32_t *from);
INLINE void store_ints4(int32_t *to, ints4 x);
INLINE ints4 add_ints4(ints4 x, ints4 y);

/* Floats. `floats4` holds a float32 for each of four rows. */

/* factor·x + offset in int32, which the caller keeps from overflowing, then rounded. */
INLINE floats4 linear4(ints4 x, int32_t factor, int32_t offset);

INLINE floats4 splat4(float value);
INLINE floats4 add4(floats4 x, floats4 y);
INLINE floats4 sub4(floats4 x, floats4 y);
INLINE floats4 mul4(floats4 x, floats4 y);
INLINE floats4 sqrt4(floats4 x);

/* x where x > y, else y. */
INLINE floats4 max4(floats4 x, floats4 y);

INLINE void store4(float *to, floats4 x);

/* The (scale, bias) pairs at the start of four rows. */
INLINE void load_corrections4(const uint8_t *const rows[4], floats4 *scale,
                              floats4 *bias);

/* Butterflies h = 1, 2, 4, in this order, of eight floats in place:
 * (a, b) at distance h becomes (a + b, a - b). */
INLINE void butterflies_of_8(float *eight);

/* Sums. `struct lanes` holds the eight float64 lanes of quiver/reference/lanes.py. */
INLINE struct lanes zero_lanes(void);
INLINE struct lanes widen(const float *eight);
INLINE struct lanes widen_uint8(const uint8_t *eight);
INLINE struct lanes widen_int8(const int8_t *eight);
INLINE struct lanes subtract(struct lanes x, struct lanes y);

/* sum + x·y, the product rounded before it is added: no fused multiply-add. */
INLINE struct lanes add_product(struct lanes sum, struct lanes x, struct lanes y);

/* ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7)). */
INLINE double fold_lanes(struct lanes sum);

/* Rows to keep. A target that has its own version defines QUIVER_HAS_KEEP, and others
 * take that of screen.h. */
#ifdef QUIVER_HAS_KEEP
/* Write id and sum of those of four rows, `count` at most, whose least distance is not
 * above the bound; return how many. All lists have room for four, and what is kept may
 * be written over what was read. */
INLINE size_t keep4(floats4 least, float bound, ints4 total, const uint32_t *ids,
                    size_t count, uint32_t *kept_ids, int32_t *kept_sums);
#endif

/* Sorted keys. A target that has its own versions defines QUIVER_HAS_BEAM, and others
 * take those of beam.h. Keys have room for a multiple of BEAM_STEP and start a cache
 * line; from `ef` on they are scratch. */
#ifdef QUIVER_HAS_BEAM
/* Write the keys of `count` pairs that are not above `last`, in order; return how many.
 * Those equal to it may be left out. `accepted` has room for BEAM_STEP more. */
INLINE size_t accept_keys(uint64_t last, const float *distances, const uint32_t *ids,
                          size_t count, uint64_t *accepted);

/* Insert a key into `size` sorted ones of at most `ef`, dropping the largest if they
 * are full; return its place, `ef` or more if it was too large. */
INLINE size_t insert_sorted(uint64_t *keys, size_t size, size_t ef, uint64_t key);
#endif

#endif
