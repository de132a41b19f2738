"""Readers: the files of other tools, as arrays."""
