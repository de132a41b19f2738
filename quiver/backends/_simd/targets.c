/* Which targets were compiled, and which of them this processor can run.
 *
 * QUIVER_TARGETS, written by meson.build, is a TARGET(name, needs) for each, where
 * `needs` is a NEEDS(feature) for every instruction set.
 */
#include "kernels.h"
#include "processor.h"

#include <string.h>

#define NEEDS(feature)                                                                 \
    if (!PROCESSOR_HAS(feature))                                                       \
        return #feature;

#define TARGET(name, needs)                                                            \
    extern const struct quiver_kernels quiver_kernels_##name;                          \
    static const char *name##_lacks(void)                                              \
    {                                                                                  \
        needs return NULL;                                                             \
    }
QUIVER_TARGETS
#undef TARGET

struct target {
    const char *name;
    const struct quiver_kernels *kernels;
    const char *(*lacks)(void); /* the first feature that is missing, or NULL */
};

#define TARGET(name, needs) {#name, &quiver_kernels_##name, name##_lacks},
static const struct target targets[] = {QUIVER_TARGETS};

const struct quiver_kernels *quiver_find_kernels(const char *name, const char **lacks)
{
    *lacks = NULL;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; ++i)
        if (strcmp(name, targets[i].name) == 0) {
            *lacks = targets[i].lacks();
            return *lacks == NULL ? targets[i].kernels : NULL;
        }
    return NULL;
}
