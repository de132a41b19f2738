"""Quiver in the streaming track of big-ann-benchmarks.

Reading order: `runbook` (their files, and what each step leaves behind), `generate`
(runbooks for one's own vectors), `adapter` (quiver behind their interface: the file
that goes into their checkout with ``config.yaml`` and ``Dockerfile``), `truth` (the
exact neighbors at each search, in their files), `replay` (what their runner does, with
recall by their rule and costs), `files` (their vector files). See docs/streaming.md.

The harness: https://github.com/harsha-simhadri/big-ann-benchmarks, commit 452e508.
"""
