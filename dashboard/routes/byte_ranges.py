"""One range of bytes of a file (RFC 9110), which browsers request when they play a video."""

from __future__ import annotations

import re

ONE_RANGE = re.compile(r"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))")


def part_of(content: bytes, byte_range: str | None) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers for a `Range` header; anything but a single range gets the whole file."""
    match = ONE_RANGE.fullmatch(byte_range or "")
    if match is None:
        return 200, content, {"Accept-Ranges": "bytes"}
    first, last, ending = match.groups()
    size = len(content)
    start = max(0, size - int(ending)) if ending else int(first)
    stop = min(size, int(last) + 1) if last else size
    if start >= stop:
        return 416, b"", {"Content-Range": f"bytes */{size}"}
    return 206, content[start:stop], {"Accept-Ranges": "bytes", "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
