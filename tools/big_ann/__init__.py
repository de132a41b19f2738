"""Quiver in the streaming and the filter track of big-ann-benchmarks.

Reading order: `runbook` (their files, and what each step leaves behind), `generate`
(runbooks for one's own vectors), `adapter` (quiver behind their interfaces: the file
that goes into their checkout with ``Dockerfile`` and ``streaming.yaml`` or
``filter.yaml``), `truth` (the exact neighbors at each search, in their files), `replay`
(what their runner does, with recall by their rule and costs), `words` (rows and queries
of the filter track), `files` (their vector files). See docs/streaming.md, and
docs/benchmarks.md for the filter track.

The harness: https://github.com/harsha-simhadri/big-ann-benchmarks, commit 452e508.
"""
