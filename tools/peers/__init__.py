"""Quiver beside its peers: recall against speed, build time, memory.

Reading order: `contract` (what a library must offer), `hnsw`, `vamana`, `quantized` and
`ours` (the libraries), `catalogue` (all of them by name), `worker` (one library in its
own process), `schedule` (who is timed when), `pareto`, `report` and `plot`.
"""
