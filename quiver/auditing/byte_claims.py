"""Claims about bytes, which are counted: exact, whatever the data."""

from __future__ import annotations

from collections.abc import Iterator

from quiver.auditing import footprint
from quiver.auditing.claim import Claim
from quiver.auditing.data import Data
from quiver.auditing.judging import Estimate, Region, Verdict, judge
from quiver.auditing.measuring import Measured
from quiver.auditing.published import M


def byte_claims(measured: Measured, data: Data) -> Iterator[Claim]:
    """Hold the printed memory against arithmetic, and against the graph at hand."""
    same, every = footprint.agreeing(footprint.printed_hot())
    yield _exact(
        "2, 5, 7",
        "hot memory is two bits a coordinate and 4m + 1 words, in MiB, cut",
        f"{every} figures",
        Region(every, every),
        same,
        "figures that the formula gives",
    )
    same, every = footprint.agreeing(footprint.printed_codes())
    yield _exact(
        "2",
        "codes are two bits a coordinate, in 10^6 bytes, cut",
        f"{every} figures",
        Region(every, every),
        same,
        "figures that the formula gives",
    )
    mixed = list(footprint.printed_adjacency())
    yield _exact(
        "2",
        "adjacency and metadata, as printed, are the memory of the lists",
        ", ".join(f"{printed} MB" for printed, *_ in mixed),
        Region(len(mixed), len(mixed)),
        sum(printed == int(lists) for printed, lists, _ in mixed),
        "figures that the lists give; "
        f"{sum(printed == rest for printed, _, rest in mixed)} are the total in MiB "
        "less the codes in 10^6 bytes",
    )
    n = measured.memory.n_vectors
    least = footprint.least_list_bytes(M)
    yield _exact(
        "2",
        "lists need no more than 2m + 1 words",
        f"260 MB, {least} B a vector",
        Region(most=least),
        measured.memory.graph / n,
        f"B a vector here, against {footprint.list_bytes(M)} while building",
    )
    hot = footprint.hot_bytes(data.dim)
    yield _exact(
        "2, 5",
        f"hot bytes of a vector of {data.dim} coordinates",
        f"{hot:g} by the formula",
        Region(hot, hot),
        measured.memory.hot_per_vector,
        "B here: lists as wide as their bound, codes in whole cache lines, ids",
    )


def _exact(
    table: str,
    statement: str,
    published: str,
    region: Region,
    counted: float,
    what: str,
) -> Claim:
    word, _ = judge(Estimate.exact(counted), region)
    verdict = Verdict(word, f"{counted:g} {what}")
    return Claim(table, statement, published, str(region), verdict)
