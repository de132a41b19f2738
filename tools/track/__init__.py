"""Speed and quality over commits: measured by asv, kept in few bytes, steps found.

`headlines` says which numbers, `results` takes them from asv and `counted` from the
gate's baseline, `history` keeps them, `steps` finds where they moved, `page` shows it.
"""
