"""Prove every claim for all words, and see every planted mistake refuted.

PYTHONPATH=tools python -P -m proofs [--out FILE]

The exit code is 1 if a claim is not proved or a mistake not found. ``--out`` writes the
claims as a page, each with what it says and who relies on it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import z3

from proofs import byte_products, floats, planes, popcounts
from proofs.claim import CLAIMS, Proof, prove
from proofs.page import page

MODULES = popcounts, planes, byte_products, floats
"""Imported for the claims they register."""


def main() -> int:
    """Prove, print, and write the page; return the exit code."""
    parser = argparse.ArgumentParser(prog="proofs", description=__doc__)
    parser.add_argument("--out", type=Path, help="write the page of all claims")
    options = parser.parse_args()
    print(f"z3 {z3.get_version_string()}, {len(CLAIMS)} claims")
    proofs = []
    for one in CLAIMS:
        proofs.append(prove(one))
        _tell(proofs[-1])
    if options.out is not None:
        options.out.write_text(page(CLAIMS), "utf-8")
    return int(not all(proof.ok for proof in proofs))


def _tell(proof: Proof) -> None:
    verdict = f"{proof.n_lemmas} lemmas proved"
    if proof.unproved:
        verdict = f"NOT PROVED: {proof.unproved}"
    elif not proof.counterexample:
        verdict = "PROVES NOTHING: the planted mistake was not found"
    print(f"{proof.claim.name:<32}{proof.seconds:6.1f} s  {verdict}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
