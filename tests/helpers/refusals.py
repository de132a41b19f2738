"""Opening bytes that must be refused, and asking the second reader too."""

from __future__ import annotations

from pathlib import Path

import format_reader
import pytest

import quiver
from quiver.errors import FileFormatError


def refusal(path: Path, data: bytes, **options: object) -> FileFormatError:
    """Write the bytes, prove that opening them is refused, return the error."""
    path.write_bytes(data)
    with pytest.raises(FileFormatError) as caught:
        quiver.open(path, backend="reference", **options)
    message = str(caught.value)
    for word in (str(path), " at byte ", "found ", "expected "):
        assert word in message
    return caught.value


def second_reader_refuses(data: bytes) -> bool:
    try:
        format_reader.read(bytes(data))
    except format_reader.Refused:
        return True
    return False
