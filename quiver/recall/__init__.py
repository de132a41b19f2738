"""Recall: exact neighbours, and the share of them that a search found."""
