"""Every bit holds, however the calling thread was told to round and to flush."""

from __future__ import annotations

import inspect
import shutil
import subprocess
import threading
from functools import cache
from importlib.util import find_spec
from types import FunctionType

import float_modes
import numpy as np
import pytest
from computed import arrays_of_all_words, digest_of_all_words, spread_rows
from isolated_run import run_isolated
from small_index import bounded

import quiver
from quiver import arithmetic
from quiver.arithmetic import (
    in_standard_arithmetic,
    is_standard,
    standard_arithmetic,
)
from quiver.errors import ArithmeticModeError
from quiver.evaluation.bench import bench_backends
from quiver.parallel.workers import Workers

needs_modes = pytest.mark.skipif(
    not float_modes.MODES, reason="where a thread keeps its rules is known for Linux"
)
each_mode = pytest.mark.parametrize("mode", float_modes.MODES)
# Rows of subnormals are told to be too fine, which is what they are here for.
pytestmark = pytest.mark.filterwarnings("ignore::quiver.errors.PrecisionWarning")
FASTEST = next(info.name for info in quiver.list_backends() if info.available)

# What computes nothing that could be rounded or flushed.
NO_ARITHMETIC = {
    *("get_backend", "list_backends", "register_backend", "predict_memory"),
}


def test_a_thread_computes_by_the_standard_unless_it_is_told_otherwise():
    assert is_standard()


@needs_modes
@each_mode
def test_every_mode_is_seen_and_put_right_only_while_a_word_runs(mode):
    seen = in_standard_arithmetic(lambda: (is_standard(), float_modes.current()))
    with float_modes.mode(mode):
        assert not is_standard()
        assert seen() == (True, 0)
        assert float_modes.current() == float_modes.MODES[mode]
    assert is_standard()


@needs_modes
def test_an_error_leaves_the_rules_of_the_caller():
    def fail():
        assert is_standard()
        msg = "on purpose"
        raise KeyError(msg)

    with float_modes.mode("flushes both"):
        with pytest.raises(KeyError):
            in_standard_arithmetic(fail)()
        assert float_modes.current() == float_modes.MODES["flushes both"]


@needs_modes
def test_what_changes_the_rules_within_a_block_changes_them_for_the_block_alone():
    with standard_arithmetic():
        float_modes.set_mode("rounds up")
        assert not is_standard()
    assert is_standard()


@needs_modes
def test_rules_that_cannot_be_set_right_are_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr(arithmetic, "_rules", lambda: None)
    rows = spread_rows(12, 5)
    with (
        float_modes.mode("flushes both"),
        pytest.raises(ArithmeticModeError, match=r"set_flush_denormal.*Remedy: undo"),
    ):
        quiver.Index.build(rows, backend="reference")
    assert quiver.Index.build(rows, backend="reference").n == 12


@needs_modes
@each_mode
def test_threads_that_take_chunks_compute_by_the_standard(mode):
    def look(start, stop):
        is_right = is_standard()
        # As a task that loads a library would.
        float_modes.set_mode(mode)
        return is_right

    with float_modes.mode(mode), Workers(3) as workers:
        assert all(workers.map(look, 40, chunk_rows=1))
        assert float_modes.current() == float_modes.MODES[mode]


@cache
def expected(backend):
    return dict(arrays_of_all_words(backend))


@needs_modes
def test_every_verb_returns_the_same_bits_where_subnormals_are_flushed(backend):
    assert_equal_in_mode(backend.name, "flushes both")


@needs_modes
@pytest.mark.parametrize("mode", [m for m in float_modes.MODES if "rounds" in m])
def test_every_verb_returns_the_same_bits_however_the_caller_rounds(mode):
    # The guard is above all backends, so that one is enough.
    assert_equal_in_mode(FASTEST, mode)


def assert_equal_in_mode(backend, mode):
    arrays = expected(backend)
    with float_modes.mode(mode):
        found = dict(arrays_of_all_words(backend))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        # Compared as bytes: a comparison of floats would obey the mode.
        assert found[name].tobytes() == array.tobytes(), name


def test_subnormal_rows_give_the_bits_of_the_reference(backend):
    arrays = expected("reference")
    for name, array in expected(backend.name).items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)


@needs_modes
def test_subnormal_rows_are_found_as_the_same_rows_scaled_are():
    draw = np.random.default_rng(3).integers(-(2**16), 2**16, (bounded(400), 24))
    rows, scaled = draw * 2.0**-149, draw * 2.0**-20
    # Not under the other metrics: squares and products vanish, and a build says so.
    true, _ = quiver.exact_knn(scaled, scaled[:50], 10, metric="cosine")
    with float_modes.mode("flushes both"):
        found = quiver.Index.build(rows, max_degree=16).search(rows[:50], k=10)
    assert quiver.recall_by_ids(found.ids, true) >= 0.99


@needs_modes
@pytest.mark.parametrize("mode", ["nothing", "flushes both", "rounds up"])
def test_quiver_imported_after_the_rules_were_changed_gives_the_same_bits(mode):
    found, before, after = run_isolated("computed_under.py", mode, FASTEST).split()
    assert found == digest_of_all_words(FASTEST)
    assert int(before) == int(after) == float_modes.MODES.get(mode, 0)


# Linked with -ffast-math, GCC up to 12 adds an object of its own to libraries that does
# this when they are loaded; later ones leave it to the program.
FLUSHING = """
#include <xmmintrin.h>
__attribute__((constructor)) static void flush(void)
{
    _mm_setcsr(_mm_getcsr() | 0x8040);
}
"""


@needs_modes
@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
@pytest.mark.skipif("flushes results" not in float_modes.MODES, reason="x86-64 only")
def test_a_library_compiled_for_speed_and_loaded_before_changes_no_bit(tmp_path):
    source, library = tmp_path / "fast.c", tmp_path / "fast.so"
    source.write_text(FLUSHING)
    command = ["gcc", "-shared", "-fPIC", "-ffast-math", source, "-o", library]
    subprocess.run(command, check=True)
    found, before, after = run_isolated("computed_under.py", library, FASTEST).split()
    assert int(before) == int(after) == float_modes.MODES["flushes both"]
    assert found == digest_of_all_words(FASTEST)


@needs_modes
@pytest.mark.slow
@pytest.mark.skipif(not find_spec("torch"), reason="needs torch")
def test_torch_that_flushes_goes_on_to_and_changes_no_bit():
    found, before, after = run_isolated("computed_under.py", "torch", FASTEST).split()
    assert int(before) == int(after) == float_modes.MODES["flushes both"]
    assert found == digest_of_all_words(FASTEST)


@needs_modes
def test_another_thread_is_left_alone():
    seen = []
    arrived, leave = threading.Event(), threading.Event()

    def other():
        float_modes.set_mode("rounds down")
        arrived.set()
        leave.wait(60)
        seen.append(float_modes.current())

    thread = threading.Thread(target=other)
    thread.start()
    arrived.wait(60)
    quiver.Index.build(spread_rows(30, 6), backend="reference", threads=1)
    leave.set()
    thread.join()
    assert seen == [float_modes.MODES["rounds down"]]
    assert is_standard()


def is_guarded(word):
    word = getattr(word, "__func__", word)
    return word.__code__ is in_standard_arithmetic(len).__code__


def public_methods(verbs):
    for name, verb in inspect.getmembers_static(verbs):
        plain = getattr(verb, "__func__", verb)
        if not name.startswith("_") and isinstance(plain, FunctionType):
            yield f"{verbs.__name__}.{name}", plain


def test_no_public_word_is_left_out():
    words = {name: getattr(quiver, name) for name in [*quiver.__all__, "open"]}
    words = {name: word for name, word in words.items() if inspect.isfunction(word)}
    words = {**words, "bench_backends": bench_backends}
    for verbs in (quiver.Index, quiver.ShardedIndex):
        words |= public_methods(verbs)
    left_out = {name for name, word in words.items() if not is_guarded(word)}
    assert left_out == NO_ARITHMETIC
    assert len(words) > 40
