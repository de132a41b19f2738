"""Measure every switch of the encoding on the demo set; print a Markdown table.

python tools/measure_encodings.py > docs/algorithm/measured.md
"""

from __future__ import annotations

from dataclasses import replace

import quiver
from quiver.datasets import load_demo
from quiver.demo import measure

BEAM_WIDTHS = (16, 32, 64)
DEFAULT, PAPER = quiver.Encoding(), quiver.Encoding.paper()
VARIANTS = {
    "`Encoding()`": DEFAULT,
    "`center=False`": replace(DEFAULT, center=False),
    "`rotate=False`": replace(DEFAULT, rotate=False),
    "`center=False, rotate=False`": replace(DEFAULT, center=False, rotate=False),
    '`query="symmetric"`': replace(DEFAULT, query="symmetric"),
    "`Encoding.paper()`": PAPER,
    "`Encoding.paper()`, centred": replace(PAPER, center=True),
    "`Encoding.paper()`, Vamana's rule": PAPER,
}
INTRODUCTION = """\
## Measured on the demo set

10 000 sentences, 384-d, cosine, 200 queries; `max_degree=32, ef_construction=96,
alpha=1.1`, the whole beam re-ranked. Recall@10 in %, in brackets the distance
computations per query. Deterministic: your computer prints the same table with
`python tools/measure_encodings.py`.
"""


def main() -> None:
    demo = load_demo()
    _, true = quiver.exact_knn(demo.vectors, demo.queries, 10)
    print(INTRODUCTION)
    print("| encoding |", *(f"ef={ef} |" for ef in BEAM_WIDTHS))
    print("|---|" + "---|" * len(BEAM_WIDTHS))
    for name, encoding in VARIANTS.items():
        rule = "vamana" if "Vamana" in name else "auto"
        params = quiver.BuildParams(prune_rule=rule)
        index = quiver.Index.build(demo.vectors, params=params, encoding=encoding)
        points = measure(index, demo.queries, true, beam_widths=BEAM_WIDTHS)
        cells = (
            f"{100 * p.recall:.1f} ({p.distance_computations:.0f})" for p in points
        )
        print(f"| {name} |", *(f"{cell} |" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
