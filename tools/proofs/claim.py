"""Claims: what is proved for all words, and that the proof can fail.

A claim yields lemmas, bit-vector formulas that must hold whatever their words are. The
solver looks for words that break one. Next to it stands a planted mistake, the same
claim with a wrong constant: unless the solver breaks that one, it proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import z3

Lemmas = Iterator[z3.BoolRef]
CLAIMS: list[Claim] = []
SECONDS = 120
"""For one lemma; without an answer by then it is not proved."""


class Claim(NamedTuple):
    """What is claimed, of which code, and how to spoil it.

    Attributes
    ----------
    name, says : str
        A word for it, and the claim in mathematical words.
    where : str
        The code that relies on it, from the package's folder.
    lemmas : callable
        Yields the formulas; its keyword arguments are constants of the claim.
    planted : dict
        A constant with a wrong value.
    """

    name: str
    says: str
    where: str
    lemmas: Callable[..., Lemmas]
    planted: dict[str, Any]


class Proof(NamedTuple):
    """What the solver said of one claim."""

    claim: Claim
    n_lemmas: int
    unproved: str
    counterexample: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every lemma was proved, and the planted mistake refuted."""
        return self.n_lemmas > 0 and not self.unproved and bool(self.counterexample)


def claim(
    says: str, where: str, **planted: Any
) -> Callable[[Callable[..., Lemmas]], Callable[..., Lemmas]]:
    """Register the function below as the lemmas of a claim."""

    def register(lemmas: Callable[..., Lemmas]) -> Callable[..., Lemmas]:
        name = lemmas.__name__.replace("_", " ")
        CLAIMS.append(Claim(name, says, where, lemmas, planted))
        return lemmas

    return register


def prove(one: Claim) -> Proof:
    """Prove every lemma of a claim, and refute it with its planted mistake."""
    start = time.process_time()
    n_lemmas, unproved = 0, ""
    for lemma in one.lemmas():
        n_lemmas += 1
        unproved = unproved or broken_by(lemma)
    planted = map(broken_by, one.lemmas(**one.planted))
    counterexample = next((words for words in planted if words), "")
    return Proof(one, n_lemmas, unproved, counterexample, time.process_time() - start)


def broken_by(lemma: z3.BoolRef) -> str:
    """Return words that break a lemma, or nothing if there are none.

    That the solver gave up is told as if it were broken.
    """
    solver = z3.Solver()
    solver.set("timeout", 1000 * SECONDS)
    solver.add(z3.Not(lemma))
    answer = solver.check()
    if answer == z3.unsat:
        return ""
    return str(solver.model()) if answer == z3.sat else f"given up: {answer}"
