"""The stand-in's record of exchanges, and its bounds."""

from __future__ import annotations

import base64
import hashlib

from emulators.azure_openai import recording
from emulators.azure_openai.recording import ExchangeRecording, RecordedExchange


def begin(
    exchanges: ExchangeRecording, target: str = "/openai/x", deployment: str = ""
) -> RecordedExchange:
    """An exchange with one header."""
    exchange = exchanges.begin("POST", target, "1.1", [("X-Case", "kept"), ("x-case", "too")])
    exchange.deployment = deployment
    return exchange


def test_a_document_describes_the_exchange_exactly() -> None:
    """Digests and sizes are of the body's bytes, headers are as they arrived, and a bare `?`
    differs from no query.
    """
    exchanges = ExchangeRecording()
    exchange = begin(exchanges, "/openai/\xe9?")
    exchange.record_request_piece(b"ask")
    exchange.wrote(b"ans", 1.0)
    exchange.wrote(b"wer", 2.0)
    exchanges.end(exchange, recording.FINISHED)
    document = exchange.document()
    assert (document["path"], document["query"]) == ("/openai/\xe9", "")
    assert document["headers"] == [("X-Case", "kept"), ("x-case", "too")]
    assert document["request_sha256"] == hashlib.sha256(b"ask").hexdigest()
    assert document["response_sha256"] == hashlib.sha256(b"answer").hexdigest()
    assert base64.b64decode(str(document["response_body_base64"])) == b"answer"
    assert (document["write_times"], document["writes"], document["response_size"]) == (
        [1.0, 2.0],
        2,
        6,
    )
    assert document["ended"] == "finished"


def test_only_the_first_ending_counts() -> None:
    """A later event on the connection does not change how the response ended."""
    exchanges = ExchangeRecording()
    exchange = begin(exchanges)
    exchanges.end(exchange, recording.FINISHED)
    exchanges.end(exchange, recording.PEER_CLOSED)
    assert exchange.ended == "finished"


def test_filters_by_deployment_header_and_number() -> None:
    """A deployment is found with and without its directives, and header names match in any case."""
    exchanges = ExchangeRecording()
    one, two = begin(exchanges, deployment="a--chunks=3"), begin(exchanges, deployment="b")
    assert exchanges.find(deployment="a") == exchanges.find(deployment="a--chunks=3") == [one]
    assert exchanges.find(header="X-CASE: too") == [one, two]
    assert exchanges.find(header="x-case:other") == []
    assert exchanges.find(limit=1) == [two]


def test_old_exchanges_make_room() -> None:
    """The number of exchanges is bounded, and so is what their bodies take; digests stay."""
    exchanges = ExchangeRecording(max_exchanges=3, max_detail_bytes=250)
    for _ in range(4):
        exchange = begin(exchanges)
        exchange.wrote(bytes(100), 1.0)
        exchanges.end(exchange, recording.FINISHED)
    documents = [exchange.document() for exchange in exchanges.find()]
    assert [document["id"] for document in documents] == [2, 3, 4]
    assert [document["response_body_base64"] is None for document in documents] == [
        True,
        False,
        False,
    ]
    assert {document["response_size"] for document in documents} == {100}


def test_a_long_body_is_kept_as_digest_only() -> None:
    """A body above the limit isn't held, and write times stop at theirs."""
    exchange = begin(ExchangeRecording())
    for _ in range(recording.MAX_WRITE_TIMES + 1):
        exchange.wrote(bytes(1024), 1.0)
    exchange.record_request_piece(bytes(recording.MAX_REQUEST_BODY_BYTES + 1))
    document = exchange.document()
    assert document["response_body_base64"] is document["request_body"] is None
    assert (
        document["response_sha256"]
        == hashlib.sha256(bytes(1024 * (recording.MAX_WRITE_TIMES + 1))).hexdigest()
    )
    assert len(exchange.write_times) == recording.MAX_WRITE_TIMES
