"""On Ray: shards that live and are built on a cluster's machines.

Reading order: ``cluster`` (Ray itself, found, started and waited for), ``holder``,
``replica``, ``gathering`` and ``actors`` (the engine), ``tasks`` (building),
``datasets`` (a Ray Dataset as a source).
Ray is an extra, imported by ``cluster`` alone and only when it is asked for.
"""
