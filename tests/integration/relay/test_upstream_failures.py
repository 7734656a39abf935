"""Each failure of the upstream is reported to the client as far as HTTP allows."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import httpx
import pytest

from shared.core.records.exchange.outcome import Outcome
from tests.integration.relay.samples import (
    ASK,
    DONE,
    SOUND,
    SOUND_DONE,
    SPEECH,
    STOP,
    TEXT,
    TRANSCRIPTION,
    USAGE,
    USAGE_CHUNK,
    WORD,
    WORD_DONE,
)
from tests.integration.support.exchanges import (
    UNTOUCHED,
    RelayClient,
    ScriptedBody,
    document,
    event_of,
    relay_setup,
    sse,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("failure", "status", "code", "outcome"),
    [
        (httpx.ConnectError("x"), 502, "upstream_unreachable", Outcome.UPSTREAM_ERROR),
        (httpx.RemoteProtocolError("x"), 502, "upstream_unreachable", Outcome.UPSTREAM_ERROR),
        (httpx.ConnectTimeout("x"), 504, "upstream_timeout", Outcome.TIMED_OUT),
        (httpx.WriteTimeout("x"), 504, "upstream_timeout", Outcome.TIMED_OUT),
        (httpx.ReadTimeout("x"), 504, "upstream_timeout", Outcome.TIMED_OUT),
        (httpx.PoolTimeout("x"), 504, "upstream_timeout", Outcome.TIMED_OUT),
    ],
)
async def test_an_upstream_that_does_not_answer(
    failure: Exception, status: int, code: str, outcome: Outcome
) -> None:
    """The client and the envelope have the same error."""
    setup = relay_setup(failure)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.ended) == (status, True)
    error = json.loads(client.body)["error"]
    assert (error["code"], error["type"]) == (code, "fnsse_error")
    assert "contoso" not in error["message"]
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.response_capture) == (
        outcome,
        status,
        None,
    )
    assert envelope.failure is not None
    assert (envelope.failure.code, envelope.failure.message) == (code, error["message"])


@pytest.mark.parametrize(
    ("failure", "setting"),
    [
        (httpx.ConnectTimeout("x"), "UPSTREAM_CONNECT_TIMEOUT_S"),
        (httpx.PoolTimeout("x"), "UPSTREAM_CONNECT_TIMEOUT_S"),
        (httpx.WriteTimeout("x"), "UPSTREAM_WRITE_TIMEOUT_S"),
        (httpx.ReadTimeout("x"), "UPSTREAM_READ_TIMEOUT_S"),
    ],
)
async def test_a_timeout_names_its_setting(failure: Exception, setting: str) -> None:
    """The operator then knows which one to raise."""
    client = RelayClient(relay_setup(failure).relay, ASK)
    await client.run()
    assert setting in json.loads(client.body)["error"]["message"]


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (httpx.ReadError("x"), Outcome.UPSTREAM_INTERRUPTED),
        (httpx.ReadTimeout("x"), Outcome.TIMED_OUT),
    ],
)
async def test_a_broken_stream_never_looks_complete(failure: Exception, outcome: Outcome) -> None:
    """Without an end the server closes the connection, which every client takes for an error."""
    setup = relay_setup(sse(TEXT, failure))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body == TEXT
    assert not client.ended
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (outcome, 200)
    assert [blob.body for blob in setup.store.captures(".response")] == [TEXT]


async def test_a_broken_stream_ends_in_an_error_frame() -> None:
    """Clients raise it. There is no `[DONE]` after it."""
    setup = relay_setup(
        sse(TEXT, httpx.ReadError("x")), interventions=replace(UNTOUCHED, error_frames=True)
    )
    client = RelayClient(setup.relay, ASK)
    await client.run()
    frame = client.body.removeprefix(TEXT)
    assert "error" in json.loads(frame.removeprefix(b"data: "))
    assert b"[DONE]" not in client.body
    assert (await setup.envelope()).outcome is Outcome.UPSTREAM_INTERRUPTED


async def test_no_error_frame_is_put_within_an_event() -> None:
    """It would be read as the event's rest."""
    setup = relay_setup(
        sse(TEXT[:20], httpx.ReadError("x")), interventions=replace(UNTOUCHED, error_frames=True)
    )
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body == TEXT[:20]
    assert not client.ended


async def test_a_stream_without_its_end_was_interrupted() -> None:
    """HTTP ended it, without `[DONE]`."""
    setup = relay_setup(sse(TEXT))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body == TEXT
    assert not client.ended
    assert (await setup.envelope()).outcome is Outcome.UPSTREAM_INTERRUPTED


@pytest.mark.parametrize("ending", [[httpx.ReadError("x")], []], ids=["broken", "ended"])
@pytest.mark.parametrize(
    ("path", "piece", "last"),
    [(SPEECH, SOUND, SOUND_DONE), (TRANSCRIPTION, WORD, WORD_DONE)],
    ids=["speech", "transcription"],
)
async def test_an_audio_stream_needs_its_last_event(
    path: str, piece: bytes, last: bytes, ending: list[Exception]
) -> None:
    """Cut before it, the exchange is interrupted and the client gets an error frame."""
    for events, whole in (((piece, piece), False), ((piece, last), True)):
        setup = relay_setup(
            sse(*events, *ending), interventions=replace(UNTOUCHED, error_frames=True)
        )
        client = RelayClient(setup.relay, ASK, path=path)
        await client.run()
        frame = client.body.removeprefix(b"".join(events))
        assert (b'"upstream_interrupted"' in frame) is not whole
        envelope = await setup.envelope()
        assert envelope.outcome is (Outcome.COMPLETED if whole else Outcome.UPSTREAM_INTERRUPTED)
        assert (envelope.failure is None) is whole
        assert [blob.body for blob in setup.store.captures(".response")] == [b"".join(events)]


@pytest.mark.parametrize(
    "failure", [httpx.ReadError("x"), httpx.ReadTimeout("x")], ids=["broken", "stalled"]
)
@pytest.mark.parametrize("capture_required", [False, True])
@pytest.mark.parametrize(
    "frames", [(TEXT, STOP, USAGE_CHUNK, DONE), (TEXT, STOP)], ids=["[DONE]", "finish_reason"]
)
async def test_a_break_after_the_last_frame(
    frames: tuple[bytes, ...], capture_required: bool, failure: Exception
) -> None:
    """The client gets all of it and the body's end, and no failure is reported."""
    setup = relay_setup(
        sse(*frames, failure),
        interventions=replace(UNTOUCHED, error_frames=True),
        capture_required=capture_required,
    )
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.body, client.ended) == (b"".join(frames), True)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.failure) == (Outcome.COMPLETED, None)
    assert [blob.body for blob in setup.store.captures(".response")] == [b"".join(frames)]


async def test_a_finished_stream_at_the_time_limit() -> None:
    """The client has all of it, so the outcome is completed."""
    setup = relay_setup(sse(TEXT, STOP, DONE, asyncio.Event()), exchange_s=1)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.body, client.ended) == (TEXT + STOP + DONE, True)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.failure) == (Outcome.COMPLETED, None)


@pytest.mark.parametrize("ending", [[httpx.ReadError("x")], []], ids=["broken", "ended"])
async def test_of_two_choices_both_have_to_finish(ending: list[Exception]) -> None:
    """A stream that lacks one of them was interrupted."""
    other = event_of(choices=[{"index": 1, "delta": {"content": "he"}, "finish_reason": None}])
    last = event_of(choices=[{"index": 1, "delta": {}, "finish_reason": "length"}])
    for frames, whole in (((TEXT, other, STOP), False), ((TEXT, other, STOP, last), True)):
        setup = relay_setup(
            sse(*frames, *ending), interventions=replace(UNTOUCHED, error_frames=True)
        )
        client = RelayClient(setup.relay, ASK)
        await client.run()
        assert client.body.startswith(b"".join(frames))
        assert (b'"upstream_interrupted"' in client.body) is not whole
        envelope = await setup.envelope()
        assert envelope.outcome is (Outcome.COMPLETED if whole else Outcome.UPSTREAM_INTERRUPTED)
        assert (envelope.failure is None) is whole


async def test_a_broken_document_never_looks_complete() -> None:
    """The server closes the connection before the announced length."""
    response = document(b'{"choices"')
    response.headers["content-length"] = "500"
    response.stream = ScriptedBody(b'{"choices"', httpx.ReadError("x"))
    setup = relay_setup(response)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert not client.ended
    assert (await setup.envelope()).outcome is Outcome.UPSTREAM_INTERRUPTED


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (600, {}),
        (999, {}),
        (101, {}),
        (199, {}),
        (200, {"x-note": "a\x01b"}),
        (200, {"x-note": "a\nb"}),
        (200, {"x-note": "\x7f"}),
    ],
)
async def test_an_invalid_response_is_a_502(status: int, headers: dict[str, str]) -> None:
    """No server would pass on its status or a header."""
    body = ScriptedBody(b"{}")
    setup = relay_setup(httpx.Response(status, headers=headers, stream=body))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.ended) == (502, True)
    assert json.loads(client.body)["error"]["code"] == "upstream_unreachable"
    assert body.closed, "its connection would be lost to the pool"
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.upstream_status_code) == (
        Outcome.UPSTREAM_ERROR,
        502,
        None,
    )


async def test_a_tab_in_a_header_passes() -> None:
    """It is the one control character that HTTP allows there."""
    client = RelayClient(relay_setup(document(b"{}", x_note="a\tb")).relay, ASK)
    await client.run()
    assert (client.status, client.headers["x-note"]) == (200, "a\tb")


async def test_headers_are_understood_in_odd_case() -> None:
    """Names of media types and codings have none (RFC 9110, 8.3.1 and 8.4.1)."""
    response = httpx.Response(
        200,
        headers={
            "content-type": "Text/Event-Stream; Charset=UTF-8",
            "content-encoding": "Identity",
        },
        stream=ScriptedBody(TEXT, STOP, USAGE_CHUNK, DONE),
    )
    setup = relay_setup(response, interventions=replace(UNTOUCHED, ask_for_usage=True))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body == TEXT + STOP + DONE
    envelope = await setup.envelope()
    assert (envelope.stream, envelope.usage, envelope.outcome) == (True, USAGE, Outcome.COMPLETED)
