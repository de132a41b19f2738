"""Layout: places of the sections, lines of the table and the bits of the signs."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import get_args

import numpy as np
import pytest
from small_index import small_index

from quiver._typing import ColdDtype
from quiver.storage.layout import (
    align,
    pack_entry,
    pack_signs,
    plan_sections,
    table_offset,
    unpack_entry,
    unpack_signs,
)
from quiver.storage.writer import make_header


def test_offsets_are_rounded_up_and_multiples_stay() -> None:
    assert [align(offset) for offset in (0, 1, 63, 64, 65)] == [0, 64, 64, 64, 128]
    assert align(4097, 4096) == 8192
    assert [table_offset(length) for length in (0, 1, 64, 65)] == [64, 128, 128, 192]


@pytest.mark.parametrize("cold_dtype", ["float32", "float16", "uint8", "int8"])
def test_sections_follow_each_other_with_the_least_padding(cold_dtype: str) -> None:
    header = make_header(small_index().state, cold_dtype, "0")
    plan = plan_sections(header, header_length=100)
    assert plan[0].offset == table_offset(100) + 64 * len(plan)
    for before, after in pairwise(plan):
        alignment = 4096 if after.name == "vectors" else 64
        assert after.offset % alignment == 0
        assert 0 <= after.offset - before.offset - before.length < alignment
    assert plan[-1].length == 12 * 5 * np.dtype(cold_dtype).itemsize


def test_a_line_of_the_table_is_read_as_it_was_written() -> None:
    plans = [
        plan_sections(make_header(small_index().state, cold_dtype, "0"), 100)
        for cold_dtype in get_args(ColdDtype)
    ]
    for section in chain(*plans):
        line = section._replace(crc=0xFFFF_FFFF)
        raw = pack_entry(line)
        assert len(raw) == 64
        assert unpack_entry(raw) == line


@pytest.mark.parametrize("dim", [1, 7, 8, 9, 17])
@pytest.mark.parametrize("rounds", [0, 2])
def test_signs_are_read_as_they_were_packed(rounds: int, dim: int) -> None:
    signs = np.random.default_rng(dim).choice([-1, 1], (rounds, dim)).astype("f4")
    bits = pack_signs(signs)
    assert bits.shape == (rounds, -(-dim // 8))
    found = unpack_signs(bits, dim)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, signs)


def test_the_first_sign_is_the_lowest_bit_and_minus_is_one() -> None:
    signs = np.array([[-1, 1, 1, -1, 1, 1, 1, 1, -1]], np.float32)
    assert pack_signs(signs).tolist() == [[9, 1]]
