"""Quiver beside its peers: recall against speed, build time, memory.

Reading order: `contract` (what a library must offer), `hnsw`, `vamana`, `quantized` and
`ours` (the libraries), `catalogue` (all of them by name), `worker` (one library in its
own process), `processes` and `schedule` (who is timed when), `load` (what else the
computer does), `pareto`, `tables`, `report` and `plot`. Then `besides`:
filters, a radius, rows that come and go.
"""
