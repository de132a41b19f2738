/* Whether this processor has a feature, by its name in targets.py. */
#ifndef QUIVER_PROCESSOR_H
#define QUIVER_PROCESSOR_H

#include "portable.h"

#if defined(__aarch64__) || defined(_M_ARM64)

#define PROCESSOR_HAS(feature) has_##feature()

#if defined(__ARM_FEATURE_DOTPROD)
/* All that this build can run on have it, such as every Mac. */
INLINE int has_dotprod(void)
{
    return 1;
}
#elif defined(__linux__)
#include <sys/auxv.h>
/* Older headers do not name it. */
#ifndef HWCAP_ASIMDDP
#define HWCAP_ASIMDDP (1 << 20)
#endif
INLINE int has_dotprod(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
}
#elif defined(_WIN32)
#include <windows.h>
#ifndef PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE
#define PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE 43
#endif
INLINE int has_dotprod(void)
{
    return IsProcessorFeaturePresent(PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE);
}
#else
/* Nobody to ask: the kernels without it run everywhere. */
INLINE int has_dotprod(void)
{
    return 0;
}
#endif

#else

/* Not every compiler's runtime has initialised this before the first question. */
#define PROCESSOR_HAS(feature) (__builtin_cpu_init(), __builtin_cpu_supports(#feature))

#endif

#endif
