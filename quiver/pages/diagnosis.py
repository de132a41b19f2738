"""The diagnosis as one page: tables and SVG plots, no script, no outside file."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import numpy as np

from quiver.diagnosis.fidelity import DEPTHS, TRANSFORMS
from quiver.diagnosis.record import Diagnosis
from quiver.pages.page import page, table
from quiver.pages.svg import Series, bar_chart, line_chart

_N_BINS = 25


def render(diagnosis: Diagnosis) -> str:
    """Return the page."""
    d = diagnosis
    title = f"{d.n} x {d.dim}, {d.metric}: {d.verdict.word}"
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in d.verdict.reasons)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(d.looked_at.capitalize())}. "
        f"Build with <code>{escape(repr(d.encoding))}</code>.</p><ul>{reasons}</ul>",
        *_findings(d),
        "<h2>Recall@10 to expect</h2>",
        table(
            ("ef", "recall", "codes alone", "float32"),
            (
                (f.ef, f.recall, f.ceiling, f.float_graph or "not asked")
                for f in d.forecasts
            ),
        ),
        _forecast_chart(d),
        "<h2>Exact distances</h2>",
        table(("", ""), _structure_rows(d)),
        _distance_chart(d),
        "<h2>Code fidelity: share of the true 10 among the best by code</h2>",
        table(("", "bits", *DEPTHS), _fidelity_rows(d)),
        *_fidelity_charts(d),
        "<h2>Planes of the published code</h2>",
        table(
            ("", "sign entropy (bits)", "strong share"),
            (
                (name, f"{p.sign_entropy:.3f}", f"{p.strong_share:.3f}")
                for name, p in d.planes.items()
            ),
        ),
        *_plane_charts(d),
        f"<h2>Memory</h2><p>{escape(str(d.memory))}</p>",
    ]
    return page(title, parts)


def _findings(d: Diagnosis) -> Iterable[str]:
    if d.findings:
        yield "<h2>Among all rows</h2>"
        yield (
            "<ul>" + "".join(f"<li>{escape(str(f))}</li>" for f in d.findings) + "</ul>"
        )
    if d.look.tried:
        yield f"<h2>Widths tried on {d.look.rows} rows</h2>"
        yield (
            "<ul>"
            + "".join(f"<li>{escape(str(m))}</li>" for m in d.look.tried)
            + "</ul>"
        )


def _structure_rows(d: Diagnosis) -> list[tuple[str, str]]:
    s, m = d.structure, d.moments
    return [
        ("local intrinsic dimension", f"{s.local_dimension:.1f}"),
        ("effective dimension of the base", f"{m.effective_dimension:.1f}"),
        ("norm of the mean / root mean square norm", f"{m.mean_norm:.3f}"),
        ("mean distance / distance of the 10th neighbour", f"{s.contrast:.2f}"),
        ("rows at most 10 % farther than that", f"{100 * s.rivals:.2f} %"),
        ("queries whose 10th and 11th neighbour tie", f"{100 * s.ties:.1f} %"),
    ]


def _fidelity_rows(d: Diagnosis) -> Iterable[tuple[object, ...]]:
    for row in d.fidelity:
        cells = (
            f"{100 * share:.1f} ± {100 * spread:.1f}"
            for share, spread in zip(row.shares, row.spread, strict=True)
        )
        yield (f"{row.transform}, {row.distance}", row.bits, *cells)


def _forecast_chart(d: Diagnosis) -> str:
    efs = [float(f.ef) for f in d.forecasts]
    lines = [
        Series("codes alone", efs, [f.ceiling.mean for f in d.forecasts]),
        Series("recall", efs, [f.recall.mean for f in d.forecasts]),
        Series("low end", efs, [f.recall.low for f in d.forecasts]),
    ]
    return line_chart(f"expected at n = {d.n}", "ef", "recall@10", lines)


def _distance_chart(d: Diagnosis) -> str:
    s, middles = d.structure, range(len(d.structure.all_distances))
    return bar_chart(
        "distances from queries",
        "Euclidean distance of the task",
        "density",
        s.edges,
        Series("all rows", middles, s.all_distances),
        Series("the 10 nearest", middles, s.near_distances),
    )


def _fidelity_charts(d: Diagnosis) -> Iterable[str]:
    depths = [float(depth) for depth in DEPTHS]
    for transform in TRANSFORMS:
        lines = [
            Series(row.distance, depths, row.shares)
            for row in d.fidelity
            if row.transform == transform
        ]
        yield line_chart(transform, "best by code", "share of the true 10", lines)


def _plane_charts(d: Diagnosis) -> Iterable[str]:
    edges = [number / _N_BINS for number in range(_N_BINS + 1)]
    for name, planes in d.planes.items():
        bars = [
            Series(plane, range(_N_BINS), np.histogram(density, edges)[0].tolist())
            for plane, density in (
                ("sign", planes.sign_density),
                ("strong", planes.strong_density),
            )
        ]
        yield bar_chart(name, "share of rows with the bit", "coordinates", edges, *bars)
