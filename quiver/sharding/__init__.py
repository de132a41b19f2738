"""Sharding: one index in several files, searched as one.

Reading order: ``manifest`` and ``folder`` (which shards there are), ``placing`` (which
shard a row belongs to), ``messages``, ``board`` and ``shard`` (what a shard is asked,
and how it answers), ``engines``, ``processes``, ``exchange``, ``worker`` and
``serving`` (where shards live), ``merging`` and ``asked`` (one answer out of many, one
filter for each), ``generation``, ``asking`` and ``sharded`` (the index a caller has),
``starting`` (which of its shards are opened), ``sourcing``, ``spilling``, ``jobs``,
``builders``, ``crews`` and ``build`` (making shards), ``changes`` and ``moving``
(changing them), ``on_ray`` (shards that live and are built on a cluster).
"""
