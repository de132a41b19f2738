/* What lies too far beyond what a walk has found; see quiver/reference/horizon.py. */
#ifndef QUIVER_HORIZON_H
#define QUIVER_HORIZON_H

#include "beam.h"
#include "kernels.h"

INLINE int is_beyond(const struct quiver_horizon *horizon, uint64_t key,
                     const struct beam *beam)
{
    size_t rank = horizon->rank;
    if (rank == 0 || beam->size < rank)
        return 0;
    float near = key_distance(beam->keys[rank - 1]);
    return key_distance(key) > horizon->factor * (near > 0 ? near : 0);
}

/* The answer of a walk that has ended. */
INLINE void keep_within(const struct quiver_horizon *horizon, struct beam *beam)
{
    while (beam->size > 0 && is_beyond(horizon, beam->keys[beam->size - 1], beam))
        beam->keys[--beam->size] = NO_KEY;
}

#endif
