from __future__ import annotations

import pytest

from dashboard.routes.byte_ranges import part_of


@pytest.mark.parametrize(
    ("byte_range", "status", "body"),
    [
        (None, 200, b"0123456789"), ("bytes=0-", 206, b"0123456789"), ("bytes=2-4", 206, b"234"),
        ("bytes=8-99", 206, b"89"), ("bytes=-3", 206, b"789"), ("bytes=-99", 206, b"0123456789"),
        ("bytes=10-", 416, b""), ("bytes=4-2", 416, b""), ("bytes=-0", 416, b""), ("bytes=0-1,3-4", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"), ("lines=1-2", 200, b"0123456789"), ("bytes=a-b", 200, b"0123456789"),
    ],
)  # fmt: skip
def test_a_range_gives_that_part_of_the_file(byte_range: str | None, status: int, body: bytes) -> None:
    actual, content, headers = part_of(b"0123456789", byte_range)
    assert (actual, content) == (status, body)
    assert headers.get("Content-Range", "").endswith("/10") == (status != 200)
