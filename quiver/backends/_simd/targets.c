/* Which targets were built, and which of them this processor can run. */
#include "kernels.h"

#include <string.h>

extern const struct quiver_kernels quiver_kernels_scalar;
#ifdef QUIVER_BUILT_X86
extern const struct quiver_kernels quiver_kernels_avx2;
extern const struct quiver_kernels quiver_kernels_avx512;
extern const struct quiver_kernels quiver_kernels_avx512base;

static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
}

static int has_avx512base(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static int has_avx512(void)
{
    return has_avx512base() && __builtin_cpu_supports("avx512vnni") &&
           __builtin_cpu_supports("avx512vpopcntdq");
}
#endif

const struct quiver_kernels *quiver_find_kernels(const char *target,
                                                 const char **reason)
{
    if (strcmp(target, "scalar") == 0)
        return &quiver_kernels_scalar;
#ifdef QUIVER_BUILT_X86
    /* Not every compiler's runtime has done this before the first question. */
    __builtin_cpu_init();
    *reason = "this processor lacks the instructions";
    if (strcmp(target, "avx2") == 0)
        return has_avx2() ? &quiver_kernels_avx2 : NULL;
    if (strcmp(target, "avx512base") == 0)
        return has_avx512base() ? &quiver_kernels_avx512base : NULL;
    if (strcmp(target, "avx512") == 0) {
        if (has_avx512())
            return &quiver_kernels_avx512;
        return has_avx512base() ? &quiver_kernels_avx512base : NULL;
    }
#endif
    *reason = "the installed kernels were built without this target";
    return NULL;
}
