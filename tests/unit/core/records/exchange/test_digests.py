"""The digests of captures and events, and which of the ledger's entries later deliveries are
compared with.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from local.repository import ROOT
from shared.core.records.delivery.first_digests import FirstDigests
from shared.core.records.delivery.ledger_entry import Delivery, LedgerEntry
from shared.core.records.exchange import capture, digests
from shared.core.records.exchange.digests import Digests
from shared.core.records.exchange.exchange_id import new_exchange_id

PAGE = ROOT / "docs" / "explanation" / "tampering.md"
FIRST, SECOND = (new_exchange_id(1_763_908_200_000, bytes([n] * 10)) for n in range(2))
A, B, C, D = (letter * 43 for letter in "abcd")


def line(exchange_id: str, at_ms: int, **known: str) -> bytes:
    return LedgerEntry(
        exchange_id=exchange_id,
        delivery=Delivery.DELIVERED,
        at_ms=at_ms,
        detail=Digests(**known).word,
    ).line()


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
    """By the lines of docs/explanation/tampering.md."""
    data = capture.preamble(header) + body
    (tmp_path / "capture").write_bytes(data)
    script = PAGE.read_text("utf-8").partition("<<'PYTHON'\n")[2].partition("\nPYTHON\n")[0]
    ran = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "capture"], capture_output=True, check=True
    )
    body_sha256 = hashlib.sha256(b"the body").hexdigest()
    assert ran.stdout.decode().strip() == digests.of_capture(capture.load(data), body_sha256)


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
    assert first.of([FIRST]) == {FIRST: Digests(request=A, response=A, event=A)}


def test_what_the_first_entry_lacks_is_taken_from_the_next() -> None:
    """An `aborted` event came before the response's capture was stored, an old version of the app
    wrote no digest at all.
    """
    first = FirstDigests([FIRST, SECOND])
    first.read(line(FIRST, 1) + line(FIRST, 2, request=A, event=B) + line(SECOND, 1))
    first.read(line(FIRST, 3, request=C, response=C, event=C))
    assert first.of([FIRST, SECOND]) == {FIRST: Digests(request=A, response=C, event=B)}


def test_what_began_soon_after_is_found_as_well() -> None:
    """A replay asks for it next; and for the exchanges that were asked for, whenever they began."""
    start = 1_763_908_200_000
    asked, soon, later, last, before = (
        new_exchange_id(start + seconds * 1000, bytes(10)) for seconds in (0, 59, 60, 3000, -1)
    )
    first = FirstDigests([last, asked])
    for exchange_id in (asked, soon, later, last, before):
        first.read(line(exchange_id, 1, request=A))
    assert first.of([asked, soon, later, last, before]).keys() == {asked, soon, last}
    assert first.covers([asked, soon])
    for outside in (later, last, before):
        assert not first.covers([asked, outside])
