"""``quiver shards serve``: a process that answers over HTTP and ends when told."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from command_line import run, serving
from quick import QUICK_BACKEND
from rows import normal_rows

import quiver

pytest.importorskip("fastapi", reason="needs the extra `serve`")
pytest.importorskip("uvicorn", reason="needs the extra `serve`")

from quiver.service import running
from quiver.service.running import address_of, bound

ROWS = normal_rows(120, 16, seed=5)
QUERIES = normal_rows(5, 16, seed=6)
SECONDS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    quiver.build_shards(ROWS, folder, shards=2, backend=QUICK_BACKEND, max_degree=8)
    return folder


def asked(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def exchanged(port, raw):
    """Send bytes that may be no request, and return the first line that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(raw)
        return connection.makefile("rb").readline()


@pytest.mark.parametrize(
    ("engine", "number"),
    [
        ("local", signal.SIGTERM),
        pytest.param("processes", signal.SIGINT, marks=pytest.mark.slow),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="signals end the process")
def test_a_process_answers_as_the_index_does_and_ends_by_a_signal(
    folder, engine, number
):
    expected = quiver.ShardedIndex.open(folder, backend=QUICK_BACKEND).search(
        QUERIES, 3
    )
    with serving("shards", "serve", folder, "--engine", engine) as (process, port):
        body = json.dumps({"queries": QUERIES.tolist(), "k": 3})
        status, text = asked(port, "POST", "/search", body)
        assert status == 200, text
        np.testing.assert_array_equal(json.loads(text)["ids"], expected.ids)
        np.testing.assert_array_equal(
            np.float32(json.loads(text)["distances"]), expected.distances
        )
        for wrong, refused in ((b"\xff", 400), (bytes(17 << 20), 413)):
            assert asked(port, "POST", "/search", wrong)[0] == refused
        assert b" 400 " in exchanged(port, b"\0\xff no HTTP\r\n\r\n")
        assert asked(port, "GET", "/healthz")[0] == 200
        assert "quiver_queries_total 5\n" in asked(port, "GET", "/metrics")[1]
        process.send_signal(number)
        assert process.wait(SECONDS) == 0
        told = process.stderr.read()
    assert "stopped" in told
    assert "Traceback" not in told
    with pytest.raises(ConnectionRefusedError):
        asked(port, "GET", "/healthz")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals end the process")
def test_a_request_under_way_is_answered_before_the_end(folder):
    body = json.dumps({"queries": QUERIES.tolist() * 50, "k": 50, "ef": 120})
    with (
        serving("shards", "serve", folder) as (process, port),
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(asked, port, "POST", "/search", body)
        while "in_flight 0\n" in asked(port, "GET", "/metrics")[1]:
            assert not answer.done()
        process.send_signal(signal.SIGTERM)
        assert answer.result(SECONDS)[0] == 200
        assert process.wait(SECONDS) == 0


def test_a_port_in_use_and_a_strange_host_are_one_line(folder):
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        for words in (("--port", port), ("--port", 0, "--host", "192.0.2.1")):
            done = run("shards", "serve", folder, *words, "--backend", QUICK_BACKEND)
            assert done.exit_code == 1
            assert "host and port must be free" in " ".join(done.output.split())
            assert "Traceback" not in done.output


def test_what_only_this_machine_reaches_is_known():
    with bound("localhost", 0) as listening:
        assert address_of(listening)[1]
    with bound("0.0.0.0", 0) as listening:
        url, is_loopback = address_of(listening)
        assert url == f"http://0.0.0.0:{listening.getsockname()[1]}"
        assert not is_loopback


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
def test_an_address_of_ipv6_is_written_in_brackets():
    with bound("::1", 0) as listening:
        url, is_loopback = address_of(listening)
    assert url.startswith("http://[::1]:")
    assert is_loopback


@pytest.mark.parametrize(("host", "warns"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_an_address_that_others_reach_is_warned_of(folder, monkeypatch, host, warns):
    monkeypatch.setattr(running, "run", lambda *_: None)
    how = "--host", host, "--port", 0, "--backend", QUICK_BACKEND
    done = run("shards", "serve", folder, *how)
    assert done.exit_code == 0, done.output
    assert f"at http://{host}:" in done.output
    assert ("there is no password" in done.output) == warns


def test_limits_that_break_a_rule_are_refused_before_anything_is_opened(tmp_path):
    done = run("shards", "serve", tmp_path / "none", "--batch", 0)
    assert done.exit_code == 1
    assert "batch must be in" in done.output
