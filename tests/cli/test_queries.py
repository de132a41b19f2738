"""The command ``search``, and ground truth from a file: what the API returns."""

from __future__ import annotations

import json

import numpy as np
import pytest
from command_line import QUERIES, ROWS, fill, run

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


@pytest.mark.parametrize("cold", ["memory", "mmap"])
def test_search_returns_what_the_api_returns(folder, cold):
    index = quiver.open(folder / "base.quiver", backend="reference")
    expected = index.search(np.load(folder / "queries.npy"), k=4, ef=30, n_rerank=8)
    found = run(
        *("search", folder / "base.quiver", folder / "queries.npy", "-k", 4),
        *("--ef", 30, "--n-rerank", 8, "--npz", folder / "found.npz", "--json"),
        *("--cold", cold),
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
    index = quiver.open(folder / "base.quiver", backend="reference")
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
        *("--ground-truth", folder / "shifted.npy", "--backend", "reference"),
    )
    assert found.exit_code == 1
    assert "ground_truth must hold" in found.stderr
    assert "shifted queries" in found.stderr


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
