"""Validation: what a caller hands in, checked and made one form of, once."""
