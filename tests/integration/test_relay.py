"""The relay: every byte passes, and every failure is reported to the client as far as HTTP
allows.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceRequestError

from harness.cutting import every_way
from shared.adapters.identity.credentials import CachedToken, TokenCredential
from shared.core.records.exchange.outcome import Outcome
from tests.integration.exchanges import (
    CHAT,
    DEADLINE_S,
    UNTOUCHED,
    RelayClient,
    ScriptedBody,
    document,
    event_of,
    relay_setup,
    sse,
)

pytestmark = pytest.mark.anyio

ASK = json.dumps(
    {"stream": True, "messages": [{"role": "user", "content": "žluť 🐎"}]}, ensure_ascii=False
).encode()
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
FILTER = event_of(choices=[], prompt_filter_results=[], id="", model="")
TEXT = event_of(
    choices=[{"index": 0, "delta": {"content": "žluť\u2028🐎"}}], model="gpt-4o", usage=None
)
STOP = event_of(
    choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], model="gpt-4o", usage=None
)
USAGE_CHUNK = event_of(choices=[], usage=USAGE, model="gpt-4o")
DONE = b"data: [DONE]\n\n"
# an operation whose streams have no known end
IMAGES = "/openai/deployments/image/images/generations"
# operations whose streams have a last event instead of [DONE]
SPEECH = "/openai/deployments/tts/audio/speech"
TRANSCRIPTION = "/openai/deployments/whisper/audio/transcriptions"
SOUND = event_of(type="speech.audio.delta", audio="UklGRg==")
SOUND_DONE = event_of(type="speech.audio.done", usage=USAGE)
WORD = event_of(type="transcript.text.delta", delta="one")
WORD_DONE = event_of(type="transcript.text.done", text="one")
STREAM = FILTER + TEXT + b": comment\r\n\r\n" + STOP + USAGE_CHUNK + DONE


# --- byte for byte --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, STREAM),
        (CHAT, STREAM.replace(b"\n", b"\r\n")),
        (IMAGES, bytes(range(256)) * 3),
        (IMAGES, b""),
        (SPEECH, SOUND + SOUND_DONE),
    ],
    ids=["LF", "CRLF", "what is no SSE at all", "nothing", "speech"],
)
async def test_a_stream_passes_byte_for_byte(path: str, body: bytes) -> None:
    for pieces in every_way(body):
        setup = relay_setup(sse(*pieces))
        client = RelayClient(setup.relay, ASK, path=path)
        await client.run()
        assert client.body == body
        assert client.ended
        await setup.recorded()
        assert [blob.body for blob in setup.store.captures(".response")] == [body]


async def test_only_the_requested_usage_chunk_is_taken_out() -> None:
    for pieces in every_way(STREAM):
        setup = relay_setup(sse(*pieces), interventions=replace(UNTOUCHED, ask_for_usage=True))
        client = RelayClient(setup.relay, ASK)
        await client.run()
        assert client.body == STREAM.replace(USAGE_CHUNK, b"")
        envelope = await setup.envelope()
        assert (envelope.usage, envelope.usage_requested, envelope.outcome) == (
            USAGE,
            True,
            Outcome.COMPLETED,
        )
        assert [blob.body for blob in setup.store.captures(".response")] == [STREAM], (
            "the capture keeps it"
        )


async def test_a_document_comes_out_as_it_came_with_its_length() -> None:
    body = b'{"choices": [], "usage": null}'
    setup = relay_setup(document(body, apim_request_id="1", set_cookie="a=b"))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body == body
    assert client.headers["content-length"] == str(len(body))
    assert (client.headers["apim-request-id"], client.headers["set-cookie"]) == ("1", "a=b")


@pytest.mark.parametrize(
    "pieces", [[ASK], [ASK[:7], b"", ASK[7:]], [ASK[i : i + 1] for i in range(len(ASK))]]
)
async def test_the_request_goes_up_as_it_came_with_the_proxys_credential(
    pieces: list[bytes],
) -> None:
    setup = relay_setup(document(b"{}"))
    headers = {
        "content-length": str(len(ASK)),
        "api-key": "the callers",
        "authorization": "Bearer x",
        "x-note": "kept",
    }
    await RelayClient(setup.relay, *pieces, headers=headers).run()
    ((request, body),) = setup.upstream.requests
    assert body == ASK
    assert (
        request.extensions["target"]
        == b"/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
    )
    assert request.url.host == "contoso.openai.azure.com"
    assert request.headers["api-key"] == "the-proxys-key"
    assert "authorization" not in request.headers
    assert (request.headers["x-note"], request.headers["content-length"]) == ("kept", str(len(ASK)))
    await setup.recorded()
    assert [blob.body for blob in setup.store.captures(".request")] == [ASK]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_an_error_of_the_upstream_passes_untouched(status: int) -> None:
    body = b'{"error": {"code": "429", "message": "slow down"}}'
    setup = relay_setup(document(body, status=status, retry_after="7"))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.body, client.headers["retry-after"]) == (status, body, "7")
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.UPSTREAM_ERROR, status)


async def test_each_piece_passes_before_the_next_one_comes() -> None:
    arrived = asyncio.Event()
    response = sse(TEXT, arrived, STOP, DONE)
    setup = relay_setup(response)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    assert isinstance(response.stream, ScriptedBody)
    assert response.stream.yielded_count == 1
    arrived.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body == TEXT + STOP + DONE


async def test_every_response_carries_the_exchanges_id() -> None:
    setup = relay_setup(sse(DONE))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.headers["x-exchange-id"] == (await setup.envelope()).exchange_id


# --- the client disconnects ----------------------------------------------------------------------


async def test_a_disconnect_before_the_response_cancels_the_call() -> None:
    setup = relay_setup(asyncio.Event())
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    async with asyncio.timeout(DEADLINE_S):
        await setup.upstream.called.wait()
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    assert setup.upstream.cancelled, "the upstream must not work for nobody"
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.CLIENT_DISCONNECTED, None)
    assert envelope.request_capture is not None
    assert envelope.response_capture is None
    assert not client.messages


async def test_a_disconnect_within_a_stream_closes_the_upstreams_response() -> None:
    response = sse(FILTER, TEXT, asyncio.Event())
    setup = relay_setup(response)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(FILTER + TEXT)
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    assert isinstance(response.stream, ScriptedBody)
    assert response.stream.closed
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.stream) == (
        Outcome.CLIENT_DISCONNECTED,
        200,
        True,
    )
    assert (envelope.response_bytes, envelope.chunk_count) == (len(FILTER + TEXT), 2)
    assert [blob.body for blob in setup.store.captures(".response")] == [FILTER + TEXT]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("before", [b"", b'{"error": '])
async def test_disconnect_from_a_refusal_is_the_upstreams_error(status: int, before: bytes) -> None:
    """Several SDKs disconnect at the headers of a response that they try again."""
    parts = (before,) if before else ()
    setup = relay_setup(sse(*parts, asyncio.Event(), status=status))
    client = RelayClient(setup.relay, b"{}")
    running = client.start()
    async with asyncio.timeout(DEADLINE_S):
        while client.status != status or client.body != before:
            client.received.clear()
            await client.received.wait()
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    envelope = await setup.envelope()
    assert envelope.outcome is Outcome.UPSTREAM_ERROR
    assert (envelope.status_code, envelope.upstream_status_code) == (status, status)


async def test_disconnect_after_the_last_frame_is_complete() -> None:
    """Many clients close there instead of reading to the end of the body."""
    setup = relay_setup(sse(TEXT, STOP, USAGE_CHUNK, DONE, asyncio.Event()))
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT + STOP + USAGE_CHUNK + DONE)
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.usage, envelope.usage_source) == (
        Outcome.COMPLETED,
        USAGE,
        "upstream",
    )


async def test_disconnect_within_the_request_reaches_no_upstream() -> None:
    setup = relay_setup()
    client = RelayClient(setup.relay, ASK[:10], headers={"content-length": "1000"})
    client.body_is_whole = False
    client.disconnect()
    await client.run()
    assert not setup.upstream.requests
    assert not client.messages
    assert (await setup.envelope()).outcome is Outcome.CLIENT_DISCONNECTED


async def test_an_exchange_that_the_server_cancels_is_recorded() -> None:
    setup = relay_setup(sse(TEXT, asyncio.Event()))
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await setup.envelope()).outcome is Outcome.CLIENT_DISCONNECTED
    assert [blob.body for blob in setup.store.captures(".response")] == [TEXT]


# --- the proxy says no ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "headers"),
    [
        ([], {"content-length": "1000001"}),
        ([], {"content-length": "9" * 30}),
        ([b"x" * 600_000, b"x" * 600_000, b"never read"], {"transfer-encoding": "chunked"}),
    ],
    ids=["announced", "announced beyond all numbers", "unannounced"],
)
async def test_a_body_over_the_limit_is_rejected_at_once(
    pieces: list[bytes], headers: dict[str, str]
) -> None:
    setup = relay_setup()
    client = RelayClient(setup.relay, *pieces, headers=headers)
    await client.run()
    assert (client.status, client.ended) == (413, True)
    assert json.loads(client.body)["error"]["code"] == "body_too_large"
    assert not setup.upstream.requests
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.REJECTED, 413)
    assert (envelope.request_capture, envelope.response_capture) == (None, None)
    # nothing of the body
    assert {name for name in setup.store.blobs if not name.endswith(".outcome")} == set()
    assert client.pieces in ([], [b"never read"])


async def test_a_broken_off_upload_is_recorded() -> None:
    setup = relay_setup()
    client = RelayClient(setup.relay, ASK[:10], ASK[10:30], headers={"content-length": "1000"})
    client.body_is_whole = False
    client.disconnect()
    await client.run()
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.request_bytes) == (Outcome.CLIENT_DISCONNECTED, 30)
    assert [blob.body for blob in setup.store.captures(".request")] == [ASK[:30]]


async def test_a_body_of_exactly_the_limit_is_taken() -> None:
    setup = relay_setup(document(b"{}"), request_body_bytes=len(ASK))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.status == 200


# --- the upstream fails ---------------------------------------------------------------------------


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
async def test_a_stream_that_breaks_never_looks_complete(
    failure: Exception, outcome: Outcome
) -> None:
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
    setup = relay_setup(
        sse(TEXT[:20], httpx.ReadError("x")), interventions=replace(UNTOUCHED, error_frames=True)
    )
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body == TEXT[:20]
    assert not client.ended


async def test_a_stream_without_its_end_was_interrupted() -> None:
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
async def test_an_audio_stream_is_complete_with_its_last_event_alone(
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
async def test_a_stream_that_breaks_after_its_last_frame_is_complete(
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


async def test_a_finished_stream_is_complete_at_the_time_limit() -> None:
    setup = relay_setup(sse(TEXT, STOP, DONE, asyncio.Event()), exchange_s=1)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.body, client.ended) == (TEXT + STOP + DONE, True)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.failure) == (Outcome.COMPLETED, None)


@pytest.mark.parametrize("ending", [[httpx.ReadError("x")], []], ids=["broken", "ended"])
async def test_of_two_choices_both_have_to_finish(ending: list[Exception]) -> None:
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


async def test_a_document_that_breaks_never_looks_complete() -> None:
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
async def test_a_response_that_no_server_could_pass_on_is_refused(
    status: int, headers: dict[str, str]
) -> None:
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


# --- the proxy itself fails -----------------------------------------------------------------------


async def test_an_internal_error_is_reported_recorded_and_raised() -> None:
    """500 in Azure's shape for the client, its own outcome in the envelope, the exception for the
    host's log.
    """
    setup = relay_setup(RuntimeError("secret"))
    client = RelayClient(setup.relay, ASK)
    with pytest.raises(RuntimeError, match="secret"):
        await client.run()
    assert (client.status, client.ended) == (500, True)
    error = json.loads(client.body)["error"]
    assert (error["code"], error["type"]) == ("internal_error", "fnsse_error")
    envelope = await setup.envelope()
    assert envelope.failure is not None
    assert (envelope.failure.code, envelope.status_code, envelope.upstream_status_code) == (
        "internal_error",
        500,
        None,
    )
    assert envelope.outcome is not Outcome.CLIENT_DISCONNECTED
    assert b"secret" not in client.body + envelope.failure.message.encode()


@pytest.mark.parametrize("before", [b"", TEXT], ids=["after the headers", "after a piece"])
async def test_an_internal_error_within_a_response_cuts_it_off(before: bytes) -> None:
    setup = relay_setup(
        sse(before, RuntimeError("secret")), interventions=replace(UNTOUCHED, error_frames=True)
    )
    client = RelayClient(setup.relay, ASK)
    with pytest.raises(RuntimeError):
        await client.run()
    assert (client.status, client.body, client.ended) == (200, before, False)
    envelope = await setup.envelope()
    assert envelope.failure is not None
    assert (envelope.failure.code, envelope.outcome) == (
        "internal_error",
        Outcome.UPSTREAM_INTERRUPTED,
    )


async def test_an_identity_that_cannot_be_reached_is_a_502() -> None:
    class Unreachable:
        async def get_token(self, *_: str, **__: object) -> AccessToken:
            raise ServiceRequestError("169.254.169.254 does not answer")

    token = CachedToken(Unreachable(), "scope")  # type: ignore[arg-type]  # as much of it as is used
    setup = relay_setup(credential=TokenCredential(token))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.ended) == (502, True)
    error = json.loads(client.body)["error"]
    assert error["code"] == "upstream_unreachable"
    assert "169.254" not in error["message"]
    envelope = await setup.envelope()
    assert envelope.failure is not None
    assert (envelope.failure.code, envelope.outcome) == (
        "upstream_unreachable",
        Outcome.UPSTREAM_ERROR,
    )
    assert not setup.upstream.requests


# --- the exchange takes too long ------------------------------------------------------------------


async def test_an_exchange_without_a_response_ends_at_its_limit() -> None:
    setup = relay_setup(asyncio.Event(), exchange_s=0.1)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.ended) == (504, True)
    assert "EXCHANGE_TIMEOUT_S" in json.loads(client.body)["error"]["message"]
    assert setup.upstream.cancelled
    assert (await setup.envelope()).outcome is Outcome.TIMED_OUT


async def test_an_exchange_within_its_response_ends_at_its_limit() -> None:
    response = sse(TEXT, asyncio.Event())
    setup = relay_setup(response, exchange_s=1)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body == TEXT
    assert not client.ended
    assert isinstance(response.stream, ScriptedBody)
    assert response.stream.closed
    assert (await setup.envelope()).outcome is Outcome.TIMED_OUT


async def test_a_request_that_never_becomes_whole_ends_at_the_limit() -> None:
    setup = relay_setup(exchange_s=0.1)
    client = RelayClient(setup.relay, ASK[:5], headers={"content-length": "100"})
    client.body_is_whole = False
    began = time.monotonic()
    await client.run()
    assert time.monotonic() - began < DEADLINE_S
    assert client.status == 504
    assert (await setup.envelope()).outcome is Outcome.TIMED_OUT
