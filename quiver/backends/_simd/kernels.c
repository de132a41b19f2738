/* One source for every target: compiled once each, with that target's own flags.
 *
 * The build defines QUIVER_TARGET, a name, and QUIVER_SIMD_HEADER, the file with the
 * inner functions that simd.h asks for; the five words are written once above them.
 */
#include <float.h>

#include "kernels.h"

/* Every bit promised depends on each operation being done and rounded as written. */
#if defined(__FAST_MATH__) || defined(_M_FP_FAST)
#error "quiver's kernels must be compiled without -ffast-math, -Ofast or /fp:fast"
#endif
_Static_assert(FLT_EVAL_METHOD == 0, "float operations must be rounded to float");

#include "answer.h"
#include "distance.h"
#include "encode.h"
#include "merge.h"
#include "prune.h"
#include "rerank.h"
#include "search.h"

#define PASTE(prefix, target) prefix##target
#define TABLE(target) PASTE(quiver_kernels_, target)

const struct quiver_kernels TABLE(QUIVER_TARGET) = {
    .encode = encode,
    .quantize = quantize,
    .distance = distance,
    .prune = prune,
    .merge = merge,
    .search = search,
    .scan = scan,
    .rerank = rerank,
    .answer = answer,
};
