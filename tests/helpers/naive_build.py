"""The build of docs/algorithm/build.md, one node at a time, from a table of distances.

Independent of `quiver.graph.vamana`: lists of ids and Python sorts, and no arrays.
"""

from __future__ import annotations

from collections import Counter

import naive

Lists = list[list[int]]


def build(
    table: list[list[float]],
    biases: list[float],
    order: list[int],
    max_degree: int,
    ef_construction: int,
    alpha: float,
    beta: float,
    rule: str,
    largest_batch: int,
    n_entry_points: int,
) -> Lists:
    """Return the out-edges of every node, in the order they were kept."""
    n = len(order)
    entry_points = order[:n_entry_points]
    lists: Lists = [[] for _ in range(n)]

    def prune(target: int, ids: set[int]) -> list[int]:
        candidates = sorted((table[target][c], c) for c in ids)
        return naive.prune(
            *(candidates, lambda c, s: table[c][s], biases),
            *(max_degree, alpha, beta, rule),
        )

    start, size = 1, min(2, largest_batch)
    while start < n:
        batch = order[start : start + size]
        graph = [list(edges) for edges in lists]
        for node in batch:
            to_node = table[node].__getitem__
            starts = entry_points[:start]
            beam, _, _ = naive.search(to_node, graph, starts, ef_construction)
            lists[node] = prune(node, {found for _, found in beam})
        for target in range(n):
            sources = [s for s in sorted(batch) if target in lists[s]]
            if len(lists[target]) + len(sources) <= int(1.3 * max_degree):
                lists[target] += sources
            elif sources:
                lists[target] = prune(target, {*lists[target], *sources})
        start += size
        size = min(2 * size, largest_batch)
    for node, edges in enumerate(lists):
        if len(edges) > max_degree:
            lists[node] = prune(node, set(edges))
    link_unreached(table, lists, entry_points, max_degree, ef_construction)
    return lists


def link_unreached(
    table: list[list[float]],
    lists: Lists,
    entry_points: list[int],
    max_degree: int,
    ef_construction: int,
) -> None:
    """Link each lost node below the nearest one that a walk finds."""
    parent: dict[int, int | None] = {entry_points[0]: None}

    def grow(frontier: list[int]) -> None:
        while frontier:
            children: dict[int, int] = {}
            for node in frontier:
                for child in lists[node]:
                    if child not in parent:
                        children.setdefault(child, node)
            parent.update(children)
            frontier = sorted(children)

    def first_with_room(near: int) -> int:
        n_children = Counter(parent.values())
        below = [near]
        for host in below:
            if n_children[host] < max_degree:
                return host
            below += lists[host]
        raise AssertionError

    grow(entry_points[:1])
    starts = [start for start in entry_points if start in parent]
    graph = [list(edges) for edges in lists]
    for node in range(len(lists)):
        if node not in parent:
            to_node = table[node].__getitem__
            beam, _, _ = naive.search(to_node, graph, starts, ef_construction)
            host = first_with_room(beam[0][1])
            edges = lists[host]
            if len(edges) < max_degree:
                edges.append(node)
            else:
                spare = [i for i, e in enumerate(edges) if parent.get(e) != host]
                edges[spare[-1]] = node
            parent[node] = host
            grow([node])


def reached_from(lists: Lists, entry_point: int) -> set[int]:
    """Return every node that a walk from the entry point can meet."""
    reached, open_nodes = {entry_point}, [entry_point]
    while open_nodes:
        fresh = set(lists[open_nodes.pop()]) - reached
        reached |= fresh
        open_nodes += fresh
    return reached
