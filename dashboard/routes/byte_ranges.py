"""A part of a file, as browsers ask for when they play a video: RFC 9110, one range of bytes."""

from __future__ import annotations

import re

ONE_RANGE = re.compile(r"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))")


def part_of(content: bytes, asked: str | None) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of the answer to a `Range` header; what is no single range gets the whole file."""
    found = ONE_RANGE.fullmatch(asked or "")
    if found is None:
        return 200, content, {"Accept-Ranges": "bytes"}
    first, last, ending = found.groups()
    size = len(content)
    start = max(0, size - int(ending)) if ending else int(first)
    stop = min(size, int(last) + 1) if last else size
    if start >= stop:
        return 416, b"", {"Content-Range": f"bytes */{size}"}
    return 206, content[start:stop], {"Accept-Ranges": "bytes", "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
