"""Safetensors: read by the format's description, and every size proven first."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from keyed_files import ROWS, write_safetensors

from quiver.datasets import read_vectors
from quiver.errors import FileFormatError, QuiverError


def test_bfloat16_is_read_as_the_float32_it_is(tmp_path):
    bits = ROWS.view(np.uint32) >> 16
    write_safetensors(tmp_path / "a.safetensors", bits.astype("u2"), "BF16")
    found = read_vectors(tmp_path / "a.safetensors")
    assert found.dtype == np.float32
    # Whole numbers up to 255 need no more than its eight bits.
    np.testing.assert_array_equal(found, ROWS)


def test_what_the_library_writes_is_read(tmp_path):
    library = pytest.importorskip("safetensors.numpy", reason="not installed")
    library.save_file({"a": ROWS, "b": ROWS[0]}, tmp_path / "a.safetensors")
    np.testing.assert_array_equal(read_vectors(tmp_path / "a.safetensors"), ROWS)


SOUND = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
FORGED: dict[str, Any] = {
    "no header": [],
    "no tensor": {"v": 3},
    "another dtype": {"v": SOUND | {"dtype": "F8_E4M3"}},
    "a dtype that is no word": {"v": SOUND | {"dtype": []}},
    "one dim": {"v": SOUND | {"shape": [6]}},
    "a shape too large": {"v": SOUND | {"shape": [2**62, 2**62]}},
    "a negative shape": {"v": SOUND | {"shape": [-2, -3]}},
    "a shape of floats": {"v": SOUND | {"shape": [2.0, 3]}},
    "a shape of flags": {"v": SOUND | {"shape": [True, 6]}},
    "no rows": {"v": SOUND | {"shape": [0, 3]}},
    "no columns": {"v": SOUND | {"shape": [2, 0], "data_offsets": [24, 24]}},
    "values before the file": {"v": SOUND | {"data_offsets": [-24, 0]}},
    "values behind the file": {"v": SOUND | {"data_offsets": [24, 48]}},
    "values backwards": {"v": SOUND | {"data_offsets": [24, 0]}},
    "one offset": {"v": SOUND | {"data_offsets": [24]}},
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_header_is_refused(tmp_path, name):
    text = json.dumps(FORGED[name]).encode()
    content = len(text).to_bytes(8, "little") + text + bytes(24)
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(QuiverError, match=r"a\.safetensors"):
        read_vectors(tmp_path / "a.safetensors", key="v")


@pytest.mark.parametrize("length", [0, 5, 10**6, 2**63, 2**64 - 1])
def test_a_forged_length_is_refused(tmp_path, length):
    (tmp_path / "a.safetensors").write_bytes(length.to_bytes(8, "little") + b"{}" * 9)
    with pytest.raises(FileFormatError, match=r"a\.safetensors"):
        read_vectors(tmp_path / "a.safetensors")
