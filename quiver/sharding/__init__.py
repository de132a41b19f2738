"""Sharding: one index in several files, searched as one.

Reading order: ``manifest`` (the file that says which shards there are), ``placing``
(which shard a row belongs to), ``messages`` and ``shard`` (what a shard is asked, and
how it answers), ``engines``, ``processes`` and ``serving`` (where shards live),
``merging`` (one answer out of many), ``asked`` (filters, cut for each shard),
``sharded`` (the index a caller has), ``sourcing``, ``spilling``, ``jobs``, ``builders``
and ``build`` (making shards).
"""
