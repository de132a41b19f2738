"""Quiver in the benchmark harnesses of others, and the proof that it runs there.

Reading order: `module` (quiver behind the interface that VIBE and ann-benchmarks share,
with what else each wants in ``vibe`` and ``ann_benchmarks``; `big_ann.adapter` is that
of big-ann-benchmarks), `data` (vectors of one's own in their files), `results` (what
they wrote, by their rules), `checkouts` (each harness run on it, from a checkout).

The harnesses: https://github.com/vector-index-bench/vibe, commit b332c73,
https://github.com/erikbern/ann-benchmarks, commit f402b2c, and
https://github.com/harsha-simhadri/big-ann-benchmarks, commit 452e508.
"""
