"""A real headless browser, driven by WebDriver.

Needs Debian's ``chromium`` and ``chromium-driver``; the protocol is spoken directly.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from io import BytesIO
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import pytest

NEEDS_BROWSER = [
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")),
        reason="needs chromium and chromedriver",
    ),
    pytest.mark.timeout(180),
]

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARROW_LEFT = "\ue012"
CAPABILITIES = {
    "browserName": "chrome",
    "goog:loggingPrefs": {"browser": "ALL"},
    "goog:chromeOptions": {
        "binary": shutil.which("chromium"),
        "args": [
            *("--headless", "--no-sandbox", "--disable-gpu"),
            "--window-size=1200,1000",
            # No name resolves: a page that needs a network shows an error.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ],
    },
}


class Browser:
    """One session; every call is one WebDriver command."""

    def __init__(self, base: str) -> None:
        self.base = f"{base}/session"
        wanted = {"capabilities": {"alwaysMatch": CAPABILITIES}}
        session = self.call("POST", "", wanted)["sessionId"]
        self.base += f"/{session}"

    def call(self, method: str, path: str, body: object = None):
        content = None if body is None else json.dumps(body).encode()
        request = Request(self.base + path, content, method=method)
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def find(self, selector: str) -> str:
        wanted = {"using": "css selector", "value": selector}
        return self.call("POST", "/element", wanted)[ELEMENT]

    def press(self, element: str, key: str) -> None:
        self.call("POST", f"/element/{element}/value", {"text": key})

    def click(self, selector: str) -> None:
        self.call("POST", f"/element/{self.find(selector)}/click", {})

    def run(self, script: str):
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def text(self, selector: str) -> str:
        return self.call("GET", f"/element/{self.find(selector)}/text")

    def screenshot(self, selector: str) -> np.ndarray:
        image = pytest.importorskip("matplotlib.image", reason="needs the extra `plot`")
        encoded = self.call("GET", f"/element/{self.find(selector)}/screenshot")
        return image.imread(BytesIO(base64.b64decode(encoded)), format="png")

    def console_errors(self) -> list[str]:
        log = self.call("POST", "/se/log", {"type": "browser"})
        return [line["message"] for line in log if line["level"] == "SEVERE"]


@contextmanager
def open_browser():
    driver = subprocess.Popen(
        ["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True
    )
    try:
        lines = iter(driver.stdout.readline, "")
        ports = (re.search(r"successfully on port (\d+)", line) for line in lines)
        port = next(found[1] for found in ports if found)
        browser = connect(f"http://127.0.0.1:{port}")
        yield browser
        browser.call("DELETE", "")
    finally:
        driver.terminate()
        driver.wait(30)
        driver.stdout.close()


def connect(base: str) -> Browser:
    for _ in range(20):
        try:
            return Browser(base)
        except URLError:
            time.sleep(0.5)
    return Browser(base)
