"""Parallel: the one place that has threads, and what long work tells meanwhile."""
