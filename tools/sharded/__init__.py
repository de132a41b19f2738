"""Shards timed, simulated and planned: what workers do, and what a cluster would.

Reading order: ``clock`` (processes that share processors), ``cluster`` and
``simulation`` (questions scattered over workers and gathered), ``running`` (real
workers, timed), ``planning`` (memory, hours, bytes and tails of more vectors than fit
here). ``__main__`` says how to call them.
"""
