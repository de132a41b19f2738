"""The solver proves what is true, refutes what is not, and the page says which."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("z3", reason="needs z3-solver: `make proofs` installs it")

import z3
from proofs import __main__ as command
from proofs.claim import CLAIMS, Claim, broken_by, prove
from proofs.page import page
from proofs.words import popcount, words

PAGE = Path(__file__).parents[1] / "docs" / "proofs.md"


def test_what_is_true_of_every_word_is_proved():
    (word,) = words("w")
    assert broken_by(word ^ word == 0) == ""


def test_what_is_false_of_one_word_is_refuted_by_it():
    (word,) = words("w")
    assert broken_by(word != 0xFEED) == f"[w = {0xFEED}]"


def test_the_popcount_is_the_number_of_ones():
    assert str(z3.simplify(popcount(z3.BitVecVal(0b1011, 8)))) == "3"


def test_a_claim_whose_planted_mistake_is_no_mistake_is_not_proved():
    def lemmas(same=0):
        yield words("w")[0] ^ words("w")[0] == 0 * same

    proof = prove(Claim("", "", "", lemmas, {"same": 1}))
    assert not proof.unproved
    assert not proof.ok


def test_a_claim_without_lemmas_is_not_proved():
    assert not prove(Claim("", "", "", lambda **_: iter(()), {"no": 1})).ok


@pytest.mark.parametrize("claim", CLAIMS[:4], ids=lambda claim: claim.name)
def test_the_first_claims_are_proved(claim):
    assert prove(claim).ok


def test_every_claim_plants_one_mistake():
    assert len(CLAIMS) >= 20
    assert all(len(claim.planted) == 1 for claim in CLAIMS)
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)


def test_the_page_is_what_the_claims_say():
    """After a change: PYTHONPATH=tools python -P -m proofs --out docs/proofs.md."""
    assert PAGE.read_text("utf-8") == page(CLAIMS)


def test_the_command_fails_if_a_claim_does(monkeypatch, capsys):
    def lemmas(word=0):
        yield words("w")[0] == word

    monkeypatch.setattr(
        command, "CLAIMS", [Claim("wrong", "", "", lemmas, {"word": 1})]
    )
    monkeypatch.setattr("sys.argv", ["proofs"])
    assert command.main() == 1
    assert "NOT PROVED" in capsys.readouterr().out
