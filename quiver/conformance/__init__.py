"""Conformance: whether a backend is the oracle, in every bit."""
