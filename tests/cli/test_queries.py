"""The command ``search``, and ground truth from a file: what the API returns."""

from __future__ import annotations

import json

import numpy as np
import pytest
from command_line import QUERIES, ROWS, fill, run
from quick import QUICK_BACKEND

import quiver


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("cli"))


def test_build_reads_an_hdf5_file_and_search_its_queries_and_truth(folder):
    h5py = pytest.importorskip("h5py", reason="needs the extra `io`")
    with h5py.File(folder / "set.hdf5", "w") as file:
        file["train"] = np.load(folder / "base.npy")
        file["test"] = np.load(folder / "queries.npy")
        file["neighbors"] = np.load(folder / "truth.npy")
    run("build", folder / "set.hdf5", "-o", folder / "hdf5.quiver")
    truth = ("--ground-truth", folder / "set.hdf5")
    found = run(
        *("search", folder / "hdf5.quiver", folder / "set.hdf5", "--json"),
        *("--ef", ROWS, "--n-rerank", ROWS, *truth),
    )
    report = json.loads(found.stdout)
    assert report["queries"] == QUERIES
    assert report["recall_at_10"] == 1.0


@pytest.mark.parametrize(
    "place",
    [
        ("--cold", "memory"),
        ("--cold", "mmap"),
        ("--hot", "mmap"),
        ("--hot", "mmap", "--verify", "none"),
    ],
)
def test_search_returns_what_the_api_returns(folder, place):
    index = quiver.open(folder / "base.quiver", backend=QUICK_BACKEND)
    expected = index.search(np.load(folder / "queries.npy"), k=4, ef=30, n_rerank=8)
    found = run(
        *("search", folder / "base.quiver", folder / "queries.npy", "-k", 4),
        *("--ef", 30, "--n-rerank", 8, "--npz", folder / "found.npz", "--json"),
        *place,
    )
    report = json.loads(found.stdout)
    assert [row["ids"] for row in report["results"]] == expected.ids.tolist()
    assert report["mean_hops"] == expected.stats.hops.mean()
    with np.load(folder / "found.npz") as arrays:
        np.testing.assert_array_equal(arrays["ids"], expected.ids)
        np.testing.assert_array_equal(arrays["distances"], expected.distances)
        np.testing.assert_array_equal(arrays["counts"], expected.counts)
        np.testing.assert_array_equal(arrays["hops"], expected.stats.hops)


def test_fewer_than_k_neighbors_are_listed_without_placeholders(folder):
    out = folder / "three.quiver"
    run("build", folder / "base.npy", "-o", out, "--max-rows", 3)
    found = run("search", out, folder / "queries.npy", "--max-rows", 1, "--json")
    (row,) = json.loads(found.stdout)["results"]
    assert sorted(row["ids"]) == [0, 1, 2]
    assert len(row["distances"]) == 3


def test_search_prints_neighbors_and_recall_for_people(folder):
    found = run(
        *("search", folder / "base.quiver", folder / "queries.npy"),
        *("--ef", ROWS, "--n-rerank", ROWS, "--ground-truth", folder / "truth.npy"),
    )
    first = np.load(folder / "truth.npy")[0, 0]
    assert f"{first}: " in found.stdout
    assert "recall at 10" in found.stdout
    assert f"and {QUERIES - 5} more" in found.stdout


def test_recall_from_a_ground_truth_file_is_the_api_s(folder):
    base, queries = np.load(folder / "base.npy"), np.load(folder / "queries.npy")
    _, true = quiver.exact_knn(base, queries, 10, metric="cosine")
    index = quiver.open(folder / "base.quiver", backend=QUICK_BACKEND)
    found = index.search(queries, k=10, ef=12)
    report = run(
        *("search", folder / "base.quiver", folder / "queries.npy", "--json"),
        *("--ef", 12, "--ground-truth", folder / "truth.npy"),
    )
    expected = quiver.recall_at_k(found.distances, true)
    assert 0 < expected < 1
    assert json.loads(report.stdout)["recall_at_10"] == expected


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        (np.zeros((QUERIES, 10), np.float32), "integer ids, got dtype float32"),
        (np.zeros((QUERIES, 9), np.int32), f"shape ({QUERIES}, >= 10)"),
        (np.zeros((QUERIES - 1, 10), np.int32), f"got ({QUERIES - 1}, 10)"),
        (np.full((QUERIES, 10), ROWS, np.int32), f"got {ROWS}"),
        (np.full((QUERIES, 10), -1, np.int32), "got -1"),
        (np.full((QUERIES, 10), 7, np.int32), "id 7 twice for query 0"),
    ],
)
def test_a_ground_truth_that_does_not_fit_is_refused(folder, truth, message):
    np.save(folder / "wrong.npy", truth)
    found = run(
        *("search", folder / "base.quiver", folder / "queries.npy"),
        *("--ground-truth", folder / "wrong.npy"),
    )
    assert found.exit_code == 1
    assert message in found.stderr


@pytest.mark.parametrize("command", ["search", "evaluate", "tune"])
def test_a_ground_truth_of_shifted_queries_is_refused(folder, command):
    np.save(folder / "shifted.npy", np.roll(np.load(folder / "truth.npy"), 1, axis=0))
    found = run(
        *(command, folder / "base.quiver", folder / "queries.npy"),
        *("--ground-truth", folder / "shifted.npy", "--backend", QUICK_BACKEND),
    )
    assert found.exit_code == 1
    assert "ground_truth must hold" in found.stderr
    assert "shifted queries" in found.stderr


def test_a_horizon_is_passed_on_and_refused_where_it_has_no_use(folder):
    files = folder / "base.quiver", folder / "queries.npy"
    out = folder / "ended.npz"
    effort = "--ef", 32, "--horizon", 1.01, "--npz", out
    assert run("search", *files, *effort).exit_code == 0
    index = quiver.open(files[0])
    found = index.search(np.load(files[1]), ef=32, horizon=1.01)
    with np.load(out) as written:
        np.testing.assert_array_equal(written["ids"], found.ids)
        np.testing.assert_array_equal(written["hops"], found.stats.hops)
    for other in (("--radius", 0.5), ("--page", 2)):
        refused = run("search", *files, "--horizon", 1.01, *other)
        assert refused.exit_code == 1
        assert "horizon must not be given with" in refused.stderr


@pytest.mark.parametrize("suffix", ["txt", "npy"])
def test_only_the_ids_of_a_file_answer(folder, suffix):
    wanted, file = [3, 1, 4, 15, 10**6], folder / f"wanted.{suffix}"
    if suffix == "txt":
        file.write_text("".join(f"{id_}\n" for id_ in wanted))
    else:
        np.save(file, np.array(wanted))
    named = ("--filter-ids", file)
    where = folder / "base.quiver", folder / "queries.npy"
    found = json.loads(run("search", *where, "-k", 6, "--json", *named).stdout)
    for row in found["results"]:
        assert sorted(row["ids"]) == [1, 3, 4, 15]
    report = json.loads(run("evaluate", *where, "--json", "--ef", 20, *named).stdout)
    assert report["points"][0]["recall"]["mean"] == 1.0
    refused = run("explain", *where, *named)
    assert refused.exit_code == 1
    assert "leaves nothing to explain" in " ".join(refused.stderr.split())


@pytest.mark.parametrize("form", ["npy", "digits.npy", "txt", "digits.txt"])
def test_a_mark_for_each_vector_filters_as_bools_do(folder, form):
    marks = np.arange(ROWS) % 3 == 1
    file = folder / f"marks.{form}"
    if form.endswith("txt"):
        yes, no = ("1", "0") if "digits" in form else ("True", "false")
        file.write_text("\n".join(yes if mark else no for mark in marks))
    else:
        np.save(file, marks.astype(np.uint8) if "digits" in form else marks)
    index = quiver.open(folder / "base.quiver", backend=QUICK_BACKEND)
    expected = index.search(np.load(folder / "queries.npy"), k=4, filter=marks)
    where = folder / "base.quiver", folder / "queries.npy"
    found = run("search", *where, "-k", 4, "--json", "--filter-ids", file)
    results = json.loads(found.stdout)["results"]
    assert [row["ids"] for row in results] == expected.ids.tolist()


def test_marks_of_another_number_of_vectors_are_refused(folder):
    file = folder / "few.txt"
    file.write_text("1\n0\n1\n")
    where = folder / "base.quiver", folder / "queries.npy"
    found = run("search", *where, "--filter-ids", file)
    assert found.exit_code == 1
    assert f"a bool for each row of index.ids, shape ({ROWS},), got" in found.stderr
    file.write_text("7\nmaybe\n")
    found = run("search", *where, "--filter-ids", file)
    assert "line 2 must be an integer id, true, false, got 'maybe'" in found.stderr
    # Two numbers may be ids.
    file.write_text("1\n0\n")
    found = run("search", *where, "--json", "--filter-ids", file)
    for row in json.loads(found.stdout)["results"]:
        assert sorted(row["ids"]) == [0, 1]


def test_a_radius_finds_what_the_api_finds(folder):
    queries = np.load(folder / "queries.npy")
    index = quiver.open(folder / "base.quiver", backend=QUICK_BACKEND)
    radius = float(index.search(queries, k=7).distances[:, -1].mean())
    reach = {"confidence": 3.0, "ef": 40, "max_results": 6}
    expected = index.search_radius(queries, radius, **reach)
    asked = ("search", folder / "base.quiver", folder / "queries.npy")
    asked += ("--radius", repr(radius), "--confidence", 3, "--ef", 40)
    asked += ("--max-results", 6, "--npz", folder / "within.npz")
    report = json.loads(run(*asked, "--json").stdout)
    for number, row in enumerate(report["results"]):
        ids, distances = expected[number]
        assert row["ids"] == ids.tolist()
        assert row["distances"] == distances.tolist()
        assert row["complete"] == expected.complete[number]
    assert report["mean_answers"] == expected.counts.mean()
    assert 0 < expected.complete.mean() < 1
    with np.load(folder / "within.npz") as arrays:
        np.testing.assert_array_equal(arrays["ids"], expected.ids)
        np.testing.assert_array_equal(arrays["offsets"], expected.offsets)
        np.testing.assert_array_equal(arrays["complete"], expected.complete)
    assert "mean answers" in run(*asked).stdout


def test_pages_follow_one_another_until_there_are_none(folder):
    queries = np.load(folder / "queries.npy")
    index = quiver.open(folder / "base.quiver", backend=QUICK_BACKEND)
    asked = ("search", folder / "base.quiver", folder / "queries.npy", "-k", 120)
    expected = [list(index.pages(query, 120)) for query in queries]
    for page in (1, 2, 3):
        report = json.loads(run(*asked, "--json", "--page", page).stdout)
        for row, pages in zip(report["results"], expected, strict=True):
            assert row["ids"] == pages[page - 1][0].tolist()
    assert report["mean_answers"] == ROWS - 240
    npz = ("--npz", folder / "page.npz")
    report = json.loads(run(*asked, "--json", "--page", 4, *npz).stdout)
    assert [row["ids"] for row in report["results"]] == [[]] * QUERIES
    with np.load(folder / "page.npz") as arrays:
        assert (arrays["ids"] == -1).all()
        assert np.isinf(arrays["distances"]).all()
        assert arrays["counts"].tolist() == [0] * QUERIES


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--radius", 0.5, "-k", 3), "k must not be given with radius, got 3"),
        (("--radius", 0.5, "--page", 2), "page must not be given with radius, got 2"),
        (("--confidence", 3), "confidence must not be given without radius, got 3.0"),
        (("--page", 2, "--ef", 90), "ef must not be given with page, got 90"),
        (("--page", 2, "--n-rerank", 9), "n-rerank must not be given with page, got 9"),
    ],
)
def test_options_that_do_not_go_together_are_refused(folder, options, message):
    found = run("search", folder / "base.quiver", folder / "queries.npy", *options)
    assert found.exit_code == 1
    assert message in found.stderr
