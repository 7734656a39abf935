"""The lines of docs/explanation/tampering.md that compute a capture's digest."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from local.repository import ROOT
from shared.core.records.exchange import capture, digests

PAGE = ROOT / "docs" / "explanation" / "tampering.md"


_UNSTORED = {"body": {"bytes": 8, "sha256": hashlib.sha256(b"the body").hexdigest()}}


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ({"ratio": 0.1, "text": "\ud800\u00e9", "content_mode": "full"}, b"the body"),
        ({"envelope": {"content_mode": "redacted"}}, b"the body"),
        ({"content_mode": "metadata"} | _UNSTORED, b""),
        ({"envelope": {"content_mode": "metadata"}} | _UNSTORED, b""),
    ],
    ids=["request", "response", "unstored request", "unstored response"],
)
def test_a_digest_can_be_computed_by_hand(
    tmp_path: Path, header: dict[str, object], body: bytes
) -> None:
    """The lines of docs/explanation/tampering.md compute it."""
    data = capture.preamble(header) + body
    (tmp_path / "capture").write_bytes(data)
    script = PAGE.read_text("utf-8").partition("<<'PYTHON'\n")[2].partition("\nPYTHON\n")[0]
    ran = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "capture"], capture_output=True, check=True
    )
    body_sha256 = hashlib.sha256(b"the body").hexdigest()
    assert ran.stdout.decode().strip() == digests.of_capture(capture.load(data), body_sha256)
