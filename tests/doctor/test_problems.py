"""What is called a problem, and that each has its remedy."""

from __future__ import annotations

import pytest

from quiver.doctor.problems import find_problems

TRIAL = {"backend": "numba", "cases": 9, "mismatches": 0, "first_mismatch": ""}
SOUND = {
    "version": "1.0",
    "installation": {"version": "1.0", "others": [], "damaged": [], "n_files": 9},
    "extension": "loaded",
    "backends": [{"name": "numba", "available": True, "reason": ""}],
    "default_refused": None,
    "numba_runs": True,
    "numba_cache": "folder",
    "self_test": [TRIAL],
}


def test_nothing_is_wrong_with_a_sound_installation():
    assert find_problems(SOUND) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"extension": "undefined symbol: foo"}, "compiled kernels do not load: undef"),
        ({"default_refused": "backend 'x' cannot run"}, "'auto' is refused: backend"),
        ({"numba_cache": None}, "Set NUMBA_CACHE_DIR"),
        (
            {"self_test": [{**TRIAL, "mismatches": 2, "first_mismatch": "dim=3"}]},
            "'numba' is not the reference: 2 of 9 cases differ, first dim=3. Use",
        ),
        (
            {
                "backends": [{"name": "reference", "available": True}],
                "numba_runs": False,
                "extension": "not installed",
            },
            "only the slow reference runs here",
        ),
    ],
)
def test_every_fault_is_one_problem_with_its_remedy(change, problem):
    (found,) = find_problems({**SOUND, **change})
    assert problem in found
