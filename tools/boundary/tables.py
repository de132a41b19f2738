"""The tables of the page, from the records of each section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from boundary.measure import AT_64, Record
from boundary.speed import TARGETS
from boundary.verdicts import error_of, is_verdict_right
from quiver.memory import format_bytes

Records = Mapping[str, Record]


def table(records: Records) -> str:
    """Return the table of all data sets."""
    heads = (
        *("data", "n x dim", "bits", "bytes", "default", "two bits", "paper code"),
        *("float32 graph", "published", "expected", "verdict", "right"),
    )
    return _markdown(heads, (_line(name, record) for name, record in records.items()))


def _line(name: str, record: Record) -> list[str]:
    default, two_bits = record["default"], record["two_bits"]
    is_same = default["encoding"] == two_bits["encoding"]
    error = f"({100 * error_of(record):+.1f})"
    return [
        *(name, _size(record), str(default["bits"]), _bytes_per_row(default, record)),
        *(
            percents(default["recall"]),
            "" if is_same else percents(two_bits["whole"]),
        ),
        *(percents(record["paper"]["whole"]), percents(record["graph"])),
        *(percent(record["published"]), f"{percent(record['expected'])} {error}"),
        *(record["word"], "yes" if is_verdict_right(record) else "no"),
    ]


def scale(records: Records) -> str:
    """Return cost and recall of builds of many rows."""
    heads = (
        *("data", "n x dim", "bits", "threads", "build CPU s", "hot", "cold"),
        *("recall", "float32 graph"),
    )
    lines = []
    for name, record in records.items():
        build = record["build"]
        hot, cold = (format_bytes(build[key]) for key in ("hot_bytes", "cold_bytes"))
        seconds = f"{build['build_cpu_seconds']:.0f}"
        cost = (
            str(record["threads"]),
            seconds,
            f"{hot} ({_bytes_per_row(build, record)})",
        )
        recalls = percents(build["recall"]), percents(record["graph"])
        line = _name(name), _size(record), str(build["bits"]), *cost, cold, *recalls
        lines.append(line)
    return _markdown(heads, lines)


def by_beta(records: Records) -> str:
    """Return recall and distances computed at ef=64 by ``beta``."""
    betas = sorted({beta for record in records.values() for beta in record["by_beta"]})
    lines = []
    for name, record in records.items():
        builds = [record["by_beta"].get(beta) for beta in betas]
        cells = [
            f"{percent(b['recall'][AT_64])} ({b['distances'][AT_64]})" if b else ""
            for b in builds
        ]
        lines.append((_name(name), _size(record), *cells))
    return _markdown(("data", "n x dim", *(f"beta={b}" for b in betas)), lines)


def speeds(records: Records) -> str:
    """Return queries per CPU second at each recall, and how many times hnswlib's."""
    heads = "data", "n x dim", "recall", "default (bits)", "8 bits", "hnswlib"
    lines = []
    for name, record in records.items():
        columns = (record["speeds"][key] for key in ("default", "widest", "hnswlib"))
        for target, default, widest, peer in zip(TARGETS, *columns, strict=True):
            own = f"{_speed(default, peer)} ({record['bits']})", _speed(widest, peer)
            beside = str(peer or "not reached")
            lines.append((_name(name), _size(record), str(target), *own, beside))
    return _markdown(heads, lines)


def _speed(own: int | None, peer: int | None) -> str:
    if own is None:
        return "not reached"
    return f"{own}, {own / peer:.2f} x" if peer else str(own)


def few_dimensions(records: Records) -> str:
    """Return recall at ef=64 by kind, rows and dimensions."""
    dims = sorted({record["dim"] for record in records.values()})
    cells: dict[tuple[str, int], dict[int, str]] = {}
    for record in records.values():
        shares = record["default"]["recall"] + record["graph"]
        cell = f"{percents(shares)} ({record['default']['bits']})"
        cells.setdefault((record["kind"], record["n"]), {})[record["dim"]] = cell
    lines = [
        (kind, str(n), *(row.get(dim, "") for dim in dims))
        for (kind, n), row in cells.items()
    ]
    return _markdown(("data", "n", *(f"{dim}-d" for dim in dims)), lines)


def _markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _name(key: str) -> str:
    """Return the name of a data set without its rows."""
    return key.partition(", ")[0]


def _size(record: Record) -> str:
    return f"{record['n']} x {record['dim']}"


def _bytes_per_row(build: Record, record: Record) -> str:
    return f"{build['hot_bytes'] / record['n']:.0f}"


def percent(share: float | None) -> str:
    """Return a share in %, nothing where there is none."""
    return "" if share is None else f"{100 * share:.1f}"


def percents(shares: Sequence[float]) -> str:
    """Return shares in %, one by ef."""
    return " / ".join(map(percent, shares)) or "not measured"
