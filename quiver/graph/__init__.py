"""The graph: Vamana on codes, and the reachability every build guarantees."""
