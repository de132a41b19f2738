"""The page of all claims: what is proved, and which code relies on it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from proofs.claim import Claim

HEAD = """\
# Proved for all words

Identities that the kernels rely on. Each was proved by z3, a solver for bit-vectors and
floats, for every word there is, with shifts, masks, carries and signs as the processor
has them. A planted mistake, the same claim with one wrong constant or one line read
otherwise than it is written, must be refuted, so that the check can fail. `make proofs`
repeats it, as does `PYTHONPATH=tools python -P -m proofs` where z3-solver is installed;
the lemmas are in `tools/proofs/`. This page is written by that command with
`--out docs/proofs.md`.

What a lemma has to do with the code is said beside it. Functions that are *called* got
words of the solver in the place of arrays, so that their own lines made the formula: of
the reference, and of Numba's kernels, whose builder of LLVM computes at once. Functions
that are *read* were taken from the text of the C header, each assignment as it is
compiled (`tools/proofs/c_text.py`), intrinsics of x86 by `tools/proofs/intrinsics.py`.
Another line there is another lemma. Where neither is said, the lemma tells the code
again, and that it tells the same is for you to compare. Of loops, of loads and of what
is done between the lines that are read only tests can speak. NEON is not read.

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
