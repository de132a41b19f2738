"""The benchmark suite: backend first, quality beside speed. See docs/benchmarks.md."""
