"""An explanation as one HTML page: its walk, drawn by a script that the page holds.

So it needs no library, no other file and no network.
"""

from __future__ import annotations

import json
import re
from html import escape

from quiver.explain.explanation import Explanation
from quiver.pages.walk import Labels, page_file, walk_document, walk_parts


def to_html(explanation: Explanation, labels: Labels) -> str:
    """Return the page of an explanation."""
    e = explanation
    walk = json.dumps(walk_document(e, labels.get), allow_nan=False)
    parts = {
        "effort": f"k={e.k}, {e.effort}, {e.metric}",
        "code_distance": escape(e.code_distance),
        "style": page_file("walk.css"),
        "parts": walk_parts(),
        # A label could otherwise close the element.
        "walk": walk.replace("<", "\\u003c"),
        "script": page_file("walk.js"),
    }
    # In one pass, so that a label cannot name a placeholder.
    template = page_file("explanation.html")
    return re.sub(r"@(\w+)@", lambda found: parts[found[1]], template)
