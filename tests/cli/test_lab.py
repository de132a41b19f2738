"""``quiver lab``: a process that serves a page, of whatever it is given, until told."""

from __future__ import annotations

import http.client
import signal
import sys

import numpy as np
import pytest
from command_line import run, serving
from quick import QUICK_BACKEND
from rows import normal_rows

import quiver
from quiver.cli import lab as command

pytest.importorskip("fastapi", reason="needs the extra `lab`")
pytest.importorskip("uvicorn", reason="needs the extra `lab`")

from quiver.lab import app as lab_app
from quiver.service import running

ROWS = normal_rows(40, 16, seed=5)
SECONDS = 60


@pytest.fixture
def served(monkeypatch):
    """Return what would be served, and which addresses a browser would open."""
    seen = {"material": [], "opened": []}

    def keep(material, host):
        seen["material"].append(material)
        return make_app(material, host)

    make_app = lab_app.make_app
    monkeypatch.setattr(lab_app, "make_app", keep)
    monkeypatch.setattr(running, "run", lambda *_: None)
    monkeypatch.setattr(command.webbrowser, "open", seen["opened"].append)
    return seen


def lab(*words):
    return run("lab", *words, "--backend", QUICK_BACKEND)


@pytest.fixture
def vectors(tmp_path):
    np.save(tmp_path / "base.npy", ROWS)
    return tmp_path / "base.npy"


@pytest.mark.skipif(sys.platform == "win32", reason="signals end the process")
def test_a_process_serves_the_page_and_ends_by_a_signal(vectors):
    with serving("lab", vectors, "--no-browser") as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        connection.request("GET", "/")
        page = connection.getresponse()
        assert page.status == 200
        assert b"<h1>quiver lab</h1>" in page.read()
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
        told = process.stderr.read()
    assert "stopped" in told
    assert "Traceback" not in told


def test_vectors_are_indexed_in_both_ways_and_opened_in_a_browser(served, vectors):
    texts = vectors.with_name("texts.txt")
    texts.write_text("first\nsecond\n")
    queries = vectors.with_name("queries.npy")
    np.save(queries, ROWS[:3])
    done = lab(vectors, "--texts", texts, "--queries", queries, "--metric", "l2")
    assert done.exit_code == 0, done.output
    (material,) = served["material"]
    assert [*material.sides] == ["default", "paper"]
    assert {one.metric for one in material.sides.values()} == {"euclidean"}
    assert material.sides["paper"].encoding == quiver.Encoding.paper()
    assert (material.text(1), material.n_queries) == ("second", 3)
    (url,) = served["opened"]
    assert url in done.output


def test_an_index_is_opened_as_it_is_whatever_its_name(served, tmp_path):
    index = quiver.Index.build(
        ROWS, ids=np.arange(40) + 7, metric="inner_product", backend="reference"
    )
    index.save(tmp_path / "an.index")
    assert lab(tmp_path / "an.index", "--no-browser").exit_code == 0
    (material,) = served["material"]
    assert [*material.sides] == ["index", "paper"]
    for side in material.sides.values():
        assert side.metric == "inner_product"
        np.testing.assert_array_equal(side.ids, index.ids)
    assert served["opened"] == []


def test_the_second_index_can_be_left_out(served, vectors):
    assert lab(vectors, "--no-paper", "--no-browser").exit_code == 0
    assert [*served["material"][0].sides] == ["default"]


def test_without_a_file_the_demo_set_is_shown(served):
    assert lab("--max-rows", 40, "--no-browser").exit_code == 0
    (material,) = served["material"]
    assert (material.index.n, material.n_queries) == (40, 200)
    assert material.find("wireshark")[0].text == "Wireshark, but with Scapy."


def test_queries_of_another_width_are_refused_at_once(served, vectors):
    np.save(vectors.with_name("narrow.npy"), ROWS[:3, :5])
    done = lab(vectors, "--queries", vectors.with_name("narrow.npy"), "--no-browser")
    assert done.exit_code == 1
    assert "queries must have" in " ".join(done.output.split())
    assert served["material"] == []


def test_an_address_that_others_reach_is_warned_of(served, vectors):
    done = lab(vectors, "--no-browser", "--host", "0.0.0.0")
    assert "there is no password" in " ".join(done.output.split())
    assert served["material"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--texts", "t.txt"], "texts must be given with a file of vectors"),
        (["--column", "v"], "column must be given with a file of vectors"),
        (["nowhere.npy"], "cannot read: No such file"),
        (["--metric", "kosine"], "did you mean 'cosine'?"),
        (["--host", "192.0.2.1"], "host and port must be free"),
    ],
)
def test_a_mistake_is_one_line(served, words, message):
    done = lab(*words, "--no-browser")
    assert done.exit_code == 1
    assert message in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert served["material"] == []
