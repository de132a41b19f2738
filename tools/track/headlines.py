"""The numbers that are followed from commit to commit: few, and the same for years."""

from __future__ import annotations

import re
from typing import NamedTuple

from run_kernels import KERNELS

SECONDS, SHARE, COUNT, BYTES = "seconds", "share", "count", "bytes"


class Headline(NamedTuple):
    """One number per backend and commit.

    `benchmark` is asv's name for it and `parameters` are those after the backend, as
    asv prints them; what the gate counts has neither.
    """

    name: str
    words: str
    unit: str
    benchmark: str = ""
    parameters: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether every change is one of the code: times have noise, counters none."""
        return self.unit != SECONDS

    @property
    def better(self) -> int:
        """1 if more is better, else -1."""
        return 1 if self.unit == SHARE else -1

    @property
    def pattern(self) -> str:
        """What asv's ``--bench`` must be to take this and nothing else."""
        values = ["'[^']+'", *map(re.escape, self.parameters)]
        return rf"^{re.escape(self.benchmark)}\({', '.join(values)}\)$"


_DEMO = "'demo-384'"

_SEARCH = "search.Search"

MEASURED = (
    Headline("build", "build", SECONDS, "build.Build.time_build", (_DEMO, "1")),
    Headline("add", "add a tenth", SECONDS, "change.Change.time_add", (_DEMO,)),
    Headline("batch", "200 queries", SECONDS, "search.Batch.time_batch", (_DEMO, "1")),
    Headline("query", "one query", SECONDS, f"{_SEARCH}.time_one_query", (_DEMO,)),
    Headline(
        "filtered",
        "16 queries, a tenth allowed",
        SECONDS,
        "search.Filtered.time_filtered",
        (_DEMO, "0.1"),
    ),
    Headline("open", "open, mapped", SECONDS, "files.Open.time_open", ("'mmap'",)),
    Headline("recall", "recall@10", SHARE, f"{_SEARCH}.track_recall_at_10", (_DEMO,)),
    Headline(
        "distances",
        "distances a query",
        COUNT,
        f"{_SEARCH}.track_distance_computations",
        (_DEMO,),
    ),
    Headline(
        "reranked", "vectors a query", COUNT, f"{_SEARCH}.track_reranked", (_DEMO,)
    ),
    Headline(
        "bytes",
        "hot bytes a vector",
        BYTES,
        f"{_SEARCH}.track_hot_bytes_per_vector",
        (_DEMO,),
    ),
)
"""The demo set, one thread: real vectors that are in the package, so never others."""

INSTRUCTIONS = tuple(
    Headline(f"{word} instructions", f"instructions of {word}", COUNT)
    for word in KERNELS
)
"""What the gate counts of each target, at two bits."""

GATED = (
    Headline("demo-384 default ef=16 recall", "recall@10, ef=16", SHARE),
    Headline("demo-384 default ef=64 recall", "recall@10, ef=64", SHARE),
    Headline("tight-128 default ef=64 recall", "the same, tight clusters", SHARE),
    Headline("demo-384 default ef=64 distance computations", "distances", COUNT),
    Headline("demo-384 default ef=64 lines read", "lines read", COUNT),
    Headline("demo-384 default ef=64 reranked", "vectors read", COUNT),
    Headline("demo-384 default hot bytes", "hot bytes", BYTES),
    Headline("demo-384 default file bytes", "bytes of the file", BYTES),
)
"""What the gate holds for all backends at once: the baseline's keys."""

HEADLINES = {each.name: each for each in (*MEASURED, *INSTRUCTIONS, *GATED)}
