"""Make the README's links absolute, as the page of a package registry needs them.

python tools/registry_page.py FILES_URL PICTURES_URL

Run it in the checkout from which a release is built, with the addresses under which
the files of that release are shown and their raw bytes are served; it rewrites
README.md. In the repository the links stay relative, so that any copy can be read.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
# An exclamation mark makes a picture of a link; addresses and anchors are left alone.
RELATIVE_LINK = re.compile(r"(!?)(\[[^\]]*\])\((?![a-z]+:|#)([^)\s]+)\)")


def make_absolute(page: str, files_url: str, pictures_url: str) -> str:
    """Return a Markdown page with every relative link below one of two addresses."""

    def absolute(link: re.Match[str]) -> str:
        mark, text, target = link.groups()
        base = pictures_url if mark else files_url
        return f"{mark}{text}({base.rstrip('/')}/{target})"

    return RELATIVE_LINK.sub(absolute, page)


if __name__ == "__main__":
    page = README.read_text(encoding="utf-8")
    README.write_text(make_absolute(page, *sys.argv[1:3]), encoding="utf-8")
