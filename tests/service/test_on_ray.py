"""The example on Ray Serve: its replicas answer as the index does."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from rows import normal_rows

import quiver

EXAMPLE = Path(__file__).parents[2] / "examples" / "ray_serve" / "app.py"
ROWS = normal_rows(300, 16, seed=5)
QUERIES = normal_rows(5, 16, seed=6)
START_SECONDS, SECONDS = 120, 30

pytestmark = pytest.mark.slow


def free_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return found.getsockname()[1]


def asked(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    with closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def nearest(port, body):
    return json.loads(asked(port, "POST", "/search", body)[1])["ids"][0][0]


def wait_until(is_so):
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def is_ready(port):
    try:
        return asked(port, "GET", "/healthz")[0] == 200
    except OSError:
        return False


@contextmanager
def serving(folder, log):
    """Run the example, and yield its process and port once it is ready."""
    port = free_port()
    words = [sys.executable, EXAMPLE, folder, "--replicas", "2", "--port", str(port)]
    environment = {**os.environ, "RAY_AUTH_MODE": "token"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    with log.open("w") as told:
        process = subprocess.Popen(
            words, stdout=told, stderr=subprocess.STDOUT, env=environment
        )
    with process:
        try:
            end = time.monotonic() + START_SECONDS
            while not is_ready(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.2)
            yield process, port
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C ends the example")
def test_replicas_answer_as_the_index_does_and_refuse_alike(tmp_path):
    for module in ("ray.serve", "fastapi"):
        pytest.importorskip(module, reason="needs ray[serve] and the extra `serve`")
    quiver.build_shards(ROWS, tmp_path / "shards", shards=3, max_degree=8)
    with quiver.ShardedIndex.open(tmp_path / "shards") as index:
        expected = index.search(QUERIES, 4)
    with serving(tmp_path / "shards", tmp_path / "log") as (process, port):
        body = json.dumps({"queries": QUERIES.tolist(), "k": 4})
        # Of two replicas each is likely to be asked.
        for _ in range(8):
            status, text = asked(port, "POST", "/search", body)
            assert status == 200, text
            found = json.loads(text)
            np.testing.assert_array_equal(found["ids"], expected.ids)
            distances = np.array(found["distances"])
            np.testing.assert_array_equal(distances, expected.distances)
            assert found["coverage"] == 1.0
        status, text = asked(port, "POST", "/search", b'{"queries": [[1]]}')
        assert (status, json.loads(text)["error"]["argument"]) == (422, "queries")
        assert asked(port, "POST", "/search", b"\xff")[0] == 400
        assert "quiver_requests_total" in asked(port, "GET", "/metrics")[1]
        with quiver.ShardedIndex.open(tmp_path / "shards") as index:
            index.add(QUERIES[:1], ids=[10**6])
        wait_until(lambda: all(nearest(port, body) == 10**6 for _ in range(8)))
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)
    assert not is_ready(port)
