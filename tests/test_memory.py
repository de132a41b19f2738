"""The memory report: one unit for an index, one for a vector, and nothing mixed."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from diagnosed import needs_kernels
from rows import normal_rows

import quiver
from quiver.build import Plan, build
from quiver.conformance.hazards import METRICS
from quiver.errors import InvalidArgumentError
from quiver.memory import format_bytes
from quiver.reference.codes import CACHE_LINE, least_lines


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        (
            (10_000, 384),
            "hot 2.5 MiB (264 B per vector: codes 128, graph 128, ids 8), "
            "cold 14.6 MiB (1536 B per vector)",
        ),
        (
            (2_000_000, 768),
            "hot 747.7 MiB (392 B per vector: codes 256, graph 128, ids 8), "
            "cold 5.7 GiB (3072 B per vector)",
        ),
        (
            (3, 8),
            "hot 600 B (200 B per vector: codes 64, graph 128, ids 8), "
            "cold 96 B (32 B per vector)",
        ),
    ],
)
def test_a_report_gives_parts_in_the_unit_it_names(shape, line):
    assert str(quiver.predict_memory(*shape)) == line


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 30, "3.0 GiB")],
)
def test_bytes_are_told_in_the_largest_unit_with_a_whole_part(n_bytes, text):
    assert format_bytes(n_bytes) == text
    assert format_bytes(5 << 40) == "5.0 TiB"


def test_a_coded_row_is_the_share_of_float32_that_the_front_page_says():
    def share(dim, bits):
        return 4 * dim / (CACHE_LINE * least_lines(dim, bits))

    two_bits = {dim: share(dim, 2) for dim in (768, 384, 128, 16, 8)}
    assert two_bits == {768: 12, 384: 12, 128: 8, 16: 1, 8: 0.5}
    assert [round(share(768, bits), 1) for bits in (4, 8)] == [6.9, 3.7]


@pytest.mark.parametrize(
    ("encoding", "code_bytes"),
    [
        (quiver.Encoding(), 128),
        (quiver.Encoding(bits=4), 256),
        (quiver.Encoding(bits=8), 448),
        (quiver.Encoding(lines=5), 320),
        (quiver.Encoding.paper(), 128),
    ],
)
def test_bits_and_lines_are_predicted(encoding, code_bytes):
    assert quiver.predict_memory(10, 384, encoding=encoding).codes == 10 * code_bytes


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "float16", "float64"])
def test_memory_is_predicted_by_the_dtype_that_is_kept(dtype):
    rows = (50 * np.eye(40, 6)).astype(dtype)
    report = quiver.Index.build(rows, backend="reference").memory_report()
    kept = dtype if dtype in ("uint8", "int8") else "float32"
    predicted = quiver.predict_memory(40, 6, cold_dtype=kept)
    assert report.vectors == predicted.vectors == 240 * (1 if kept == dtype else 4)
    assert quiver.predict_memory(40, 6, cold_dtype="float16").vectors == 480


def test_a_cold_dtype_that_is_none_is_named():
    with pytest.raises(InvalidArgumentError, match="cold_dtype must be one of float32"):
        quiver.predict_memory(40, 6, cold_dtype="int16")


@needs_kernels
@pytest.mark.parametrize("metric", METRICS)
def test_a_build_from_a_file_holds_what_is_predicted(metric, tmp_path):
    np.save(tmp_path / "rows.npy", normal_rows(20_000, 32))
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    params = quiver.BuildParams(ef_construction=32)
    predicted = quiver.predict_memory(*rows.shape, params).building
    assert predicted == 20_000 * (64 + 8 + 4 * (32 + 41))
    plan = Plan(metric, quiver.Encoding(), params, quiver.get_backend("auto"))
    tracemalloc.start()
    build(rows, np.arange(len(rows)), plan)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert predicted < peak < predicted + 3 * 2**20


@pytest.mark.parametrize("metric", METRICS)
def test_memory_is_predicted_and_reported(metric):
    params = quiver.BuildParams(max_degree=8, ef_construction=24)
    index = quiver.Index.build(normal_rows(400, 24), metric=metric, params=params)
    report = index.memory_report()
    predicted = quiver.predict_memory(400, 24, params)
    assert report == predicted
    assert report.codes == index.codes.rows.nbytes
    assert report.graph == index.neighbors.nbytes
    assert report.ids == index.ids.nbytes
    assert report.vectors == index.vectors.nbytes
    assert report.hot == report.codes + report.graph + report.ids
    assert report.hot_per_vector == report.hot / 400
    assert f"{report.hot_per_vector:.0f} B per vector" in str(report)
