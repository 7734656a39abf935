"""A message of the queue holds one envelope, or as many as fit."""

from __future__ import annotations

import base64

import pytest

from harness.sample_envelope import PLAIN, sample_envelope
from shared.core.records.exchange.envelope import dump
from shared.core.records.queue import envelope_message
from shared.errors import EnvelopeError


def test_one_envelope_is_the_message() -> None:
    assert envelope_message.pack([dump(PLAIN)]) == dump(PLAIN)
    assert envelope_message.load(dump(PLAIN)) == [PLAIN]


def test_several_envelopes_share_a_message() -> None:
    """They come back in their order."""
    envelopes = [sample_envelope(deployment=f"gpt-{number}") for number in range(5)]
    texts = [dump(envelope) for envelope in envelopes]
    assert envelope_message.count_fitting(texts) == 5
    message = envelope_message.pack(texts)
    assert envelope_message.load(message.encode()) == envelopes


def test_a_message_holds_no_more_than_the_service_takes() -> None:
    """64 KiB, in Base64. The rest is left for the next message."""
    largest = [dump(sample_envelope(path="p" * 7000))] * 20
    count = envelope_message.count_fitting(largest)
    message = envelope_message.pack(largest[:count])
    assert 5 <= count < 20
    assert len(base64.b64encode(message.encode())) <= 64 * 1024
    assert len(envelope_message.load(message)) == count


@pytest.mark.parametrize(
    "message", [b"", b"nonsense", b"null", b"[]", b"[1]", b'[{"secret": 1}]', b"[" * 100_000]
)
def test_anything_else_raises_without_quoting_it(message: bytes) -> None:
    with pytest.raises(EnvelopeError) as raised:
        envelope_message.load(message)
    assert "secret" not in str(raised.value)
