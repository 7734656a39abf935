"""The digests of captures and events."""

from __future__ import annotations

import hashlib

from shared.core.records.exchange import capture, digests


def test_a_placeholder_has_no_digest() -> None:
    """The capture may still replace it."""
    placeholder = capture.load(capture.preamble({"partial": True}))
    assert digests.of_capture(placeholder, hashlib.sha256().hexdigest()) is None
    assert digests.of_capture(None, None) is None
