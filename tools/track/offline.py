"""asv's pages where no web server is: what they would fetch stands in a script.

A browser lets no page fetch from a file, but run scripts beside it. From a server the
pages fetch as ever, and this script is not loaded.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

_SCRIPT = "published.js"
_LOADED = (
    '<script>if (location.protocol === "file:") '
    f"document.write('<script src=\"{_SCRIPT}\"><\\/script>');</script>\n"
)
# Before it nothing is fetched, and jQuery is there.
_BEFORE = re.compile(r'<script[^>]*\ssrc="asv\.js"')

_ANSWER = """
jQuery.ajaxTransport("json", function (asked) {
  var found = published[decodeURIComponent(asked.url.split("?")[0])];
  return {
    send: function (_, done) {
      // As late as from a server: asv's pages are not all known yet when it asks first.
      setTimeout(function () {
        if (found) { done(200, "success", {json: found}); }
        else { done(404, "absent"); }
      });
    },
    abort: function () {}
  };
});
"""


def without_server(folder: Path) -> None:
    """Let the pages that asv published to a folder open from a file.

    Raises
    ------
    ValueError
        The page does not load the script of asv that fetches.
    """
    published = {
        path.relative_to(folder).as_posix(): json.loads(path.read_text("utf-8"))
        for path in sorted(folder.rglob("*.json"))
    }
    content = json.dumps(published, separators=(",", ":"))
    script = f"var published = {content};\n{_ANSWER}"
    (folder / _SCRIPT).write_text(script, encoding="utf-8")
    front = folder / "index.html"
    page = front.read_text("utf-8")
    place = _BEFORE.search(page)
    if place is None:
        msg = f"{front} does not load asv.js: asv's pages have changed"
        raise ValueError(msg)
    page = page[: place.start()] + _LOADED + page[place.start() :]
    front.write_text(page, encoding="utf-8")
