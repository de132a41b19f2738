"""Lab: one page on which searches are asked, watched and compared; needs ``lab``.

Reading order: ``material`` (indexes over the same vectors, with texts and queries),
``asked`` (from bytes to a checked question), ``answers`` and ``estimates`` (what the
page shows), ``guard`` (who may ask, and what a browser may do) and, of these the only
one that needs the extra, ``app``. The page itself is in ``page``; how a walk is drawn
in `quiver.pages`.
"""
