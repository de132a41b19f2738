"""The page of all claims: what is proved, and which code relies on it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from proofs.claim import Claim

HEAD = """\
# Proved for all words

Identities that the kernels rely on. Each was proved by z3, a solver for bit-vectors and
floats, for every word there is, with shifts, masks, carries and signs as the processor
has them. A planted mistake, the same claim with one wrong
constant, must be refuted, so that the check can fail. `make proofs` repeats it, as does
`PYTHONPATH=tools python -P -m proofs` where z3-solver is installed; the lemmas are in
`tools/proofs/`. This page is written by that command with `--out docs/proofs.md`.

A popcount is a sum over bits. So an identity over rows follows from one over pairs of
bits, which the lemmas state for each of the 32 pairs of a word, cut out of the whole
words that the code computes.
"""


def page(claims: Sequence[Claim]) -> str:
    """Return the page."""
    return "\n".join([HEAD, *map(_section, claims)])


def _section(claim: Claim) -> str:
    source = inspect.getsource(claim.lemmas)
    body = source[source.index("def ") :].rstrip()
    ((constant, wrong),) = claim.planted.items()
    return f"""\
## {claim.name.capitalize()}

{claim.says}.

Relied on by {claim.where}. Planted mistake: `{constant}={wrong}`.

```text
{body}
```
"""
