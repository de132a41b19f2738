"""The solver proves what is true, refutes what is not, and the page says which."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("z3", reason="needs z3-solver: `make proofs` installs it")

import numpy as np
import z3
from proofs import __main__ as command
from proofs.c_text import Header, Unknown, _in_python
from proofs.claim import CLAIMS, Claim, broken_by, prove
from proofs.numbers import Word, every_way
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


QUICK = "keys there and back", "swapped pairs", "strong planes", "sign and strength"


@pytest.mark.parametrize("name", QUICK)
def test_claims_about_the_code_itself_are_proved(name):
    pytest.importorskip("numba", reason="its kernels are called")
    (claim,) = (claim for claim in CLAIMS if claim.name == name)
    assert prove(claim).ok


def number(word):
    """Return what a word of known bits is."""
    return z3.simplify(word.bits).as_long()


def test_a_c_function_is_what_its_text_says_and_an_edit_is_seen():
    word = Word(z3.BitVecVal(0b0110, 64))
    assert number(Header("layout.h").call("swap_pairs", word)) == 0b1001
    edited = Header("layout.h", ("HIGH_BITS) >> 1", "HIGH_BITS) >> 3"))
    assert number(edited.call("swap_pairs", word)) == 0b1000
    assert Header("layout.h").call("value_offset", 4) == 15
    with pytest.raises(ValueError, match="does not say"):
        Header("layout.h", ("no such line", ""))


def test_what_a_c_function_takes_from_memory_is_unknown():
    header = Header("simd_portable.h")
    assert "word_a" not in header.values("mismatch")
    with pytest.raises(Unknown):
        header.call("no_such_function")
    # C binds & less than ==, Python does not.
    with pytest.raises(Unknown):
        _in_python("a & b == c")


def test_c_is_spelled_in_python():
    for c, python in (
        ("a ? b : c ? d : e", "where(a, b, where(c, d, e))"),
        ("(uint64_t)a << 32 | id", "uint64_t(a) << 32 | id"),
        ("(size_t)count(~a & (a - 1))", "size_t(count(~a & (a - 1)))"),
        ("query->code + UINT64_C(0x0F)", "query.code + 0x0F"),
        ("x + 1.5f", "x + 1.5"),
    ):
        assert _in_python(c) == python


def test_both_ways_of_a_branch_on_a_word_are_taken():
    word = Word(words("w")[0])
    ways = every_way(lambda x: (1 if x & 1 else 2) + (10 if x & 2 else 20), word)
    assert [result for _, result in ways] == [11, 21, 12, 22]
    assert all(broken_by(condition) for condition, _ in ways)
    assert broken_by(z3.Or(*(condition for condition, _ in ways))) == ""


def test_words_widen_without_a_sign_and_shift_in_zeros():
    byte = Word(z3.BitVecVal(0xF0, 8))
    assert number(byte >> 4) == 0x0F
    assert number(byte + Word(z3.BitVecVal(0x1000, 16))) == 0x10F0
    assert number(0 - byte) == 0x10
    assert number(np.where(byte & np.uint8(1), np.uint8(3), byte)) == 0xF0


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
