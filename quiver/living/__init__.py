"""The living index: rows come and go, and every version is whole.

A state is never changed: each operation makes the next one and puts it in its place at
the end, so a reader keeps what it began with, and whatever stops an operation leaves
the last version. Reading order: ``verbs`` and ``upkeep`` (what a user calls),
``operations`` (checks, and what follows from an operation), ``adding`` with ``copies``
and ``links`` (rows join), ``consolidating`` (removed rows go), ``fresh`` (before there
is a graph), ``writer`` (what is kept between operations), ``journaled`` (operations on
the disk before they count). See docs/algorithm/change.md.
"""
