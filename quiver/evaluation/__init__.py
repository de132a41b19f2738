"""Evaluation: how well and how fast an index answers."""
