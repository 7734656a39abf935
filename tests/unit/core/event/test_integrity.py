"""A capture that differs from the one of the first delivery is a problem of the event."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from harness.sample_envelope import PLAIN
from shared.core.event import integrity
from shared.core.event.builder import build
from shared.core.event.integrity import CheckedEvent
from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.digests import Digests
from shared.core.records.exchange.envelope import Envelope
from shared.core.wire.content_mode import ContentMode

REQUEST = capture.load(capture.preamble({"caller": {"user": "one"}}) + b'{"messages": []}')
RESPONSE = capture.load(capture.preamble({"status_code": 200, "envelope": {}}) + b"{}")
REQUEST_ALTERED = "the request's capture was altered"
RESPONSE_ALTERED = "the response's capture was altered"
GONE = ": it is not there any more"


def check(
    envelope: Envelope, request: Capture | None = REQUEST, response: Capture | None = RESPONSE
) -> CheckedEvent:
    event = build(envelope, request, response, None)
    return integrity.check(event, envelope, request, response)


FIRST = check(PLAIN).digests
AGAIN = replace(PLAIN, replayed=True, first_delivery=replace(FIRST, event="e" * 43))


def test_a_first_delivery_is_compared_with_nothing() -> None:
    assert check(PLAIN).altered == ()
    assert FIRST.request != FIRST.response
    assert None not in {FIRST.request, FIRST.response}


def test_the_same_captures_are_not_a_problem() -> None:
    found = check(AGAIN)
    assert (found.altered, found.digests) == ((), FIRST)
    assert found.event == build(AGAIN, REQUEST, RESPONSE, None)


@pytest.mark.parametrize(
    ("request_capture", "response_capture", "expected"),
    [
        (replace(REQUEST, body=b'{"messages": [1]}'), RESPONSE, (REQUEST_ALTERED,)),
        (replace(REQUEST, header={"caller": {"user": "two"}}), RESPONSE, (REQUEST_ALTERED,)),
        (REQUEST, replace(RESPONSE, body=b"[]"), (RESPONSE_ALTERED,)),
        (REQUEST, replace(RESPONSE, header={"status_code": 201}), (RESPONSE_ALTERED,)),
        (None, RESPONSE, (REQUEST_ALTERED + GONE,)),
        (RESPONSE, REQUEST, (REQUEST_ALTERED, RESPONSE_ALTERED)),
        (None, None, (REQUEST_ALTERED + GONE, RESPONSE_ALTERED + GONE)),
    ],
    ids=["body", "caller", "answer", "status", "deleted", "exchanged", "both deleted"],
)
def test_an_altered_capture_is_named(
    request_capture: Capture | None, response_capture: Capture | None, expected: tuple[str, ...]
) -> None:
    found = check(AGAIN, request_capture, response_capture)
    assert found.altered == expected
    assert found.event.problems[-len(expected) :] == expected


def test_what_was_altered_is_not_entered_in_the_ledger() -> None:
    found = check(AGAIN, replace(REQUEST, body=b"{}"), RESPONSE)
    assert found.digests == Digests(response=FIRST.response)


def test_what_the_ledger_does_not_know_is_not_compared() -> None:
    """The first event was delivered by a version without digests, or before the capture came."""
    only_request = replace(AGAIN, first_delivery=Digests(request=FIRST.request))
    assert check(only_request, REQUEST, replace(RESPONSE, body=b"[]")).altered == ()


RELAYED = replace(
    PLAIN,
    request_sha256=hashlib.sha256(REQUEST.body).hexdigest(),
    response_sha256=hashlib.sha256(RESPONSE.body).hexdigest(),
)


def test_what_was_altered_before_the_first_delivery_is_found() -> None:
    """The hash of the body that the relay put into the envelope shows it."""
    assert check(RELAYED).altered == ()
    other = replace(REQUEST, body=b"{}"), replace(RESPONSE, body=b"[]")
    assert check(RELAYED, other[0]).altered == (REQUEST_ALTERED,)
    assert check(RELAYED, REQUEST, other[1]).altered == (RESPONSE_ALTERED,)
    assert check(RELAYED, *other).digests == Digests()


@pytest.mark.parametrize("body", [b'{"messages": [1]}', b""], ids=["altered", "emptied"])
def test_a_hash_in_the_header_hides_no_alteration(body: bytes) -> None:
    """Only captures without a body have one."""
    digest = {"bytes": len(REQUEST.body), "sha256": RELAYED.request_sha256}
    forged = Capture(header={**REQUEST.header, "body": digest}, body=body)
    assert check(RELAYED, forged).altered == (REQUEST_ALTERED,)


def test_a_body_of_which_only_a_part_was_stored_was_not_altered() -> None:
    """The placeholder of a request is not its capture; and one that is not there was maybe never
    stored.
    """
    placeholder = Capture(header={"partial": True}, body=b"")
    assert check(RELAYED, placeholder).altered == ()
    assert check(RELAYED, None, None).altered == ()


def test_an_altered_hash_of_a_body_that_is_not_stored_is_found() -> None:
    """The header of its capture holds it."""
    digest = {"bytes": 5, "sha256": RELAYED.request_sha256}
    unstored = replace(RELAYED, content_mode=ContentMode.METADATA)
    response = replace(
        RESPONSE, header={"body": {"bytes": 2, "sha256": RELAYED.response_sha256}}, body=b""
    )
    true = Capture(header={"body": digest}, body=b"")
    assert check(unstored, true, response).altered == ()
    false = Capture(header={"body": digest | {"sha256": "0" * 64}}, body=b"")
    assert check(unstored, false, response).altered == (REQUEST_ALTERED,)
