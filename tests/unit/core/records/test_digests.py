"""The digests of captures and events, and which of the ledger's entries later deliveries are
compared with.
"""

from __future__ import annotations

import base64
import hashlib

from shared.core.records import capture, digests
from shared.core.records.digests import Digests
from shared.core.records.exchange_id import new_exchange_id
from shared.core.records.first_digests import FirstDigests
from shared.core.records.ledger_entry import Delivery, LedgerEntry

FIRST, SECOND = (new_exchange_id(1_763_908_200_000, bytes([n] * 10)) for n in range(2))
A, B, C, D = (letter * 43 for letter in "abcd")


def line(exchange_id: str, at_ms: int, **known: str) -> bytes:
    return LedgerEntry(
        exchange_id=exchange_id,
        delivery=Delivery.DELIVERED,
        at_ms=at_ms,
        detail=Digests(**known).word,
    ).line()


def test_the_digest_of_a_capture_covers_header_and_body() -> None:
    """As docs/explanation/tampering.md says how to compute it."""
    header, body = capture.preamble({"a": 1, "ratio": 0.1, "text": "\ud800\u00e9"}), b"the body"
    inner = hashlib.sha256(body)
    expected = hashlib.sha256(header + inner.digest()).digest()
    found = digests.of_capture(capture.load(header + body), inner.hexdigest())
    assert found == base64.urlsafe_b64encode(expected).decode().rstrip("=")


def test_a_placeholder_has_no_digest() -> None:
    """The capture may still replace it."""
    placeholder = capture.load(capture.preamble({"partial": True}))
    assert digests.of_capture(placeholder, hashlib.sha256().hexdigest()) is None
    assert digests.of_capture(None, None) is None


def test_the_earliest_entry_counts_wherever_it_is_read() -> None:
    """What a later delivery found must not become what the next one is compared with."""
    first = FirstDigests([FIRST])
    first.read(line(FIRST, 9, request=B, response=B, event=B) + line(SECOND, 1, request=D))
    first.read(line(FIRST, 5, request=A, response=A, event=A))
    assert first.found() == {FIRST: Digests(request=A, response=A, event=A)}


def test_what_the_first_entry_lacks_is_taken_from_the_next() -> None:
    """An `aborted` event came before the response's capture was stored, an old version of the app
    wrote no digest at all.
    """
    first = FirstDigests([FIRST, SECOND])
    first.read(line(FIRST, 1) + line(FIRST, 2, request=A, event=B) + line(SECOND, 1))
    first.read(line(FIRST, 3, request=C, response=C, event=C))
    assert first.found() == {FIRST: Digests(request=A, response=C, event=B)}
