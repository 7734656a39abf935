"""Every family of endpoints through the proxy, with the official SDK or on the wire, and the events
of each.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from openai import AzureOpenAI, OpenAI

from harness import http_client, upstream_record
from harness.chat import API_VERSION, CALLER_KEY, PROMPT, new_deployment
from harness.event_log import EventLog
from local.stack import Stack
from tests.e2e.conftest import on_embedded_alone

BINARY = bytes(range(256)) * 2000


@pytest.fixture
def client(stack: Stack) -> Iterator[AzureOpenAI]:
    with AzureOpenAI(
        azure_endpoint=stack.proxy_url,
        api_key=CALLER_KEY,
        api_version="2025-04-01-preview",
        max_retries=0,
    ) as sdk:
        yield sdk


@pytest.fixture
def v1(stack: Stack) -> Iterator[OpenAI]:
    """The plain SDK on the versionless routes."""
    with OpenAI(base_url=f"{stack.proxy_url}/openai/v1/", api_key=CALLER_KEY, max_retries=0) as sdk:
        yield sdk


@on_embedded_alone
def test_completions(client: AzureOpenAI, events: EventLog) -> None:
    """Whole and streamed, the usage of the stream asked for by the proxy."""
    whole = client.completions.with_raw_response.create(model=new_deployment(), prompt=PROMPT)
    streamed = client.completions.with_raw_response.create(
        model=new_deployment(), prompt=PROMPT, stream=True
    )
    text = "".join(choice.text for chunk in streamed.parse() for choice in chunk.choices)
    event = events.one(exchange_id=whole.headers["x-exchange-id"])
    assert (event["operation"], event["content"]) == ("completions", whole.parse().choices[0].text)
    event = events.one(exchange_id=streamed.headers["x-exchange-id"])
    assert (event["type"], event["content"], event["outcome"]) == (
        "stream_completion",
        text,
        "completed",
    )
    assert event["usage"]["total_tokens"] > 0


@on_embedded_alone
def test_embeddings(client: AzureOpenAI, v1: OpenAI, events: EventLog) -> None:
    """Both kinds of routes work; vectors reach the client, not the event."""
    for sdk in (client, v1):
        raw = sdk.embeddings.with_raw_response.create(
            model=new_deployment(), input=[PROMPT, "second"]
        )
        assert len(raw.parse().data) == 2
        event = events.one(exchange_id=raw.headers["x-exchange-id"])
        assert (event["type"], event["operation"], event["outcome"]) == (
            "embedding",
            "embeddings",
            "completed",
        )


@on_embedded_alone
def test_the_life_of_a_response(v1: OpenAI, events: EventLog) -> None:
    """Created, read, its input listed, deleted."""
    created = v1.responses.with_raw_response.create(model=new_deployment(), input=PROMPT)
    response = created.parse()
    assert response.output_text
    read = v1.responses.with_raw_response.retrieve(response.id)
    assert read.parse().output_text == response.output_text
    items = v1.responses.input_items.with_raw_response.list(response.id)
    deleted = v1.responses.with_raw_response.delete(response.id)
    for raw, operation in (
        (created, "responses"),
        (read, "responses.get"),
        (items, "responses.input_items"),
        (deleted, "responses.delete"),
    ):
        event = events.one(exchange_id=raw.headers["x-exchange-id"])
        assert (event["operation"], event["outcome"], event["status_code"]) == (
            operation,
            "completed",
            200,
        )
    assert (
        events.one(exchange_id=created.headers["x-exchange-id"])["content"] == response.output_text
    )


@on_embedded_alone
def test_a_streamed_response(v1: OpenAI, client: AzureOpenAI, events: EventLog) -> None:
    """Both kinds of routes work: events with names reach the SDK, and the last one ends it."""
    for sdk in (v1, client):
        raw = sdk.responses.with_raw_response.create(
            model=new_deployment(), input=PROMPT, stream=True
        )
        chunks = list(raw.parse())
        assert chunks[-1].type == "response.completed"
        event = events.one(exchange_id=raw.headers["x-exchange-id"])
        assert (event["type"], event["outcome"]) == ("stream_completion", "completed")
        assert event["content"] == chunks[-1].response.output_text
        assert event["usage"]["output_tokens"] > 0


@on_embedded_alone
def test_a_polled_background_response_counts_once(v1: OpenAI, events: EventLog) -> None:
    """The create call carries no usage; of the polls that do, exactly one counts it."""
    created = v1.responses.with_raw_response.create(
        model=f"{new_deployment()}--background_ms=100", input=PROMPT, background=True
    )
    response, polled = created.parse(), list[str]()
    while len(polled) < 3:
        raw = v1.responses.with_raw_response.retrieve(response.id)
        if raw.parse().status == "completed":
            polled.append(raw.headers["x-exchange-id"])
    create, *polls = (
        events.one(exchange_id=exchange_id)
        for exchange_id in (created.headers["x-exchange-id"], *polled)
    )
    assert (create["response_status"], create["usage"]) == ("queued", None)
    assert all(poll["usage"]["total_tokens"] > 0 for poll in polls)
    assert sorted(poll["usage_repeated"] for poll in polls) == [False, True, True]


@on_embedded_alone
def test_a_batch_that_is_read_twice_is_counted_once(v1: OpenAI, events: EventLog) -> None:
    """Its usage comes with each read, and counts at the tier of batches."""
    batch_id = f"batch_{uuid.uuid4().hex}"
    reads = [v1.batches.with_raw_response.retrieve(batch_id) for _ in range(2)]
    found = [events.one(exchange_id=read.headers["x-exchange-id"]) for read in reads]
    assert [event["batch"]["status"] for event in found] == ["completed"] * 2
    assert all(event["usage"]["total_tokens"] > 0 for event in found)
    assert sorted(event["usage_repeated"] for event in found) == [False, True]
    assert {event["quantities"]["service_tier"] for event in found} == {"batch"}


@on_embedded_alone
def test_a_background_response(v1: OpenAI, events: EventLog) -> None:
    """Created, cancelled; another one read as a stream."""
    response_stream: Any = v1.responses.create(
        model=f"{new_deployment()}--background_ms=60000", input=PROMPT, background=True
    )
    cancelled = v1.responses.with_raw_response.cancel(response_stream.id)
    assert cancelled.parse().status == "cancelled"
    other = v1.responses.create(model=new_deployment(), input=PROMPT, background=True)
    stream = v1.responses.with_raw_response.retrieve(other.id, stream=True)
    types = [event.type for event in stream.parse()]
    assert types[-1] == "response.completed"
    assert (
        events.one(exchange_id=cancelled.headers["x-exchange-id"])["operation"]
        == "responses.cancel"
    )
    event = events.one(exchange_id=stream.headers["x-exchange-id"])
    assert (event["operation"], event["outcome"]) == ("responses.get", "completed")


@on_embedded_alone
def test_images(client: AzureOpenAI, events: EventLog) -> None:
    """Their base64 reaches the client, not the event."""
    raw = client.images.with_raw_response.generate(
        model=new_deployment(), prompt=PROMPT, n=2, response_format="b64_json"
    )
    data = raw.parse().data or []
    assert [bool(image.b64_json) for image in data] == [True, True]
    event = events.one(exchange_id=raw.headers["x-exchange-id"])
    assert (event["type"], event["operation"]) == ("image", "images.generations")
    assert str(data[0].b64_json) not in json.dumps(event)


@on_embedded_alone
def test_a_transcription(client: AzureOpenAI, events: EventLog) -> None:
    """The event holds what the SDK's multipart body asks for."""
    raw = client.audio.transcriptions.with_raw_response.create(
        model=new_deployment(), file=("sound.wav", BINARY)
    )
    assert raw.parse().text
    event = events.one(exchange_id=raw.headers["x-exchange-id"])
    assert (event["type"], event["operation"], event["outcome"]) == (
        "audio",
        "audio.transcriptions",
        "completed",
    )


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_a_multipart_body_goes_up_byte_for_byte(
    stack: Stack, events: EventLog, *, chunked: bool
) -> None:
    """It may hold any bytes, however it is framed; the event says how many."""
    deployment = new_deployment()
    part = (
        b'content-disposition: form-data; name="file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n'
        + BINARY
    )
    body = b"--x\r\n" + part + b"\r\n--x--\r\n"
    headers = [
        ("content-type", "multipart/form-data; boundary=x"),
        *([("transfer-encoding", "chunked")] if chunked else []),
    ]
    target = f"/openai/deployments/{deployment}/audio/translations?api-version={API_VERSION}"
    if chunked:  # with PATCH, because Call gives every POST a content-length
        framed = b"".join(
            b"%x\r\n%b\r\n" % (len(body[at : at + 9999]), body[at : at + 9999])
            for at in range(0, len(body), 9999)
        )
        with http_client.Call(stack.proxy_url, "PATCH", target, headers) as call:
            call.send(framed + b"0\r\n\r\n")
            response = call.rest()
    else:
        response = http_client.call(stack.proxy_url, "POST", target, headers, body)
    upstream_request = upstream_record.only_request(stack, deployment=deployment)
    assert (response.status, upstream_request.body_sha256) == (
        200,
        hashlib.sha256(body).hexdigest(),
    )
    assert events.one(exchange_id=response.exchange_id)["outcome"] == "completed"


def test_speech_streams_down(stack: Stack, events: EventLog) -> None:
    """Audio bytes reach the client piece by piece, each before the upstream sends the next."""
    deployment = new_deployment()
    body = json.dumps({"model": "tts", "input": PROMPT, "voice": "alloy"}).encode()
    headers = [
        ("content-type", "application/json"),
        ("x-stand-in", "chunks=5; chunk_ms=100; content_size=100000"),
    ]
    target = f"/openai/deployments/{deployment}/audio/speech?api-version={API_VERSION}"
    response = http_client.call(stack.proxy_url, "POST", target, headers, body)
    upstream_request = upstream_record.only_request(stack, deployment=deployment)
    assert response.whole
    assert response.body == upstream_request.response_body
    assert len(response.body) == 100_000
    assert response.header("content-type") == "audio/mpeg"
    assert response.pieces[0].at < upstream_request.write_times[1]
    event = events.one(exchange_id=response.exchange_id)
    assert (event["type"], event["operation"], event["outcome"]) == (
        "audio",
        "audio.speech",
        "completed",
    )


@on_embedded_alone
def test_files_and_batches(client: AzureOpenAI, events: EventLog) -> None:
    """A file is uploaded, downloaded and listed, a batch is made and cancelled: each is an event of
    the kind `call`, with its status and sizes.
    """
    upload = client.files.with_raw_response.create(file=("in.jsonl", BINARY), purpose="batch")
    content = client.files.with_raw_response.content(upload.parse().id)
    batch = client.batches.with_raw_response.create(
        input_file_id=upload.parse().id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
    )
    cancelled = client.batches.with_raw_response.cancel(batch.parse().id)
    removed = client.files.with_raw_response.delete(upload.parse().id)
    assert b"custom_id" in content.content
    for raw in (upload, content, batch, cancelled, removed):
        event = events.one(exchange_id=raw.headers["x-exchange-id"])
        assert (event["type"], event["operation"], event["outcome"]) == (
            "call",
            "call",
            "completed",
        )
        assert event["status_code"] == raw.status_code


@pytest.mark.direct_upstream("the account receives the gateway's credential")
@on_embedded_alone
def test_the_plain_sdk_on_the_versionless_routes(
    v1: OpenAI, stack: Stack, events: EventLog
) -> None:
    """Chat with a Bearer key and no api-version, whole and streamed; the deployment is the body's
    model.
    """
    deployment = new_deployment()
    messages: list[Any] = [{"role": "user", "content": PROMPT}]
    whole = v1.chat.completions.with_raw_response.create(model=deployment, messages=messages)
    upstream_request = upstream_record.only_request(stack, deployment=deployment)
    assert (
        upstream_request.path,
        upstream_request.query,
        upstream_request.all("authorization"),
    ) == (
        "/openai/v1/chat/completions",
        None,
        [],
    )
    event = events.one(exchange_id=whole.headers["x-exchange-id"])
    assert (event["deployment"], event["api_version"], event["outcome"]) == (
        deployment,
        None,
        "completed",
    )
    assert event["content"] == whole.parse().choices[0].message.content
    streamed = v1.chat.completions.with_raw_response.create(
        model=new_deployment(), messages=messages, stream=True
    )
    chunks = list(streamed.parse())
    assert all(chunk.usage is None for chunk in chunks)
    event = events.one(exchange_id=streamed.headers["x-exchange-id"])
    assert event["content"] == "".join(
        chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices
    )
    assert event["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_an_unknown_operation_is_recorded(stack: Stack, events: EventLog, method: str) -> None:
    """An operation that is not known by name, by every method that is relayed: the event has
    status, timings and sizes.
    """
    request_id = str(uuid.uuid4())
    body = BINARY[:1000] if method in {"POST", "PUT", "PATCH"} else b""
    headers = [("x-ms-client-request-id", request_id), ("content-type", "application/octet-stream")]
    target = (
        f"/openai/assistants/{request_id}/gr%C3%BC%C3%9Fe?api-version={API_VERSION}&empty=&flag"
    )
    response = http_client.call(stack.proxy_url, method, target, headers, body)
    upstream_request = upstream_record.only_request(stack, request_id=request_id)
    assert (response.status, upstream_request.method, upstream_request.body_sha256) == (
        200,
        method,
        hashlib.sha256(body).hexdigest(),
    )
    assert response.body == (b"" if method == "HEAD" else upstream_request.response_body)
    assert f"{upstream_request.path}?{upstream_request.query}" == target
    event = events.one(exchange_id=response.exchange_id)
    assert (event["type"], event["operation"], event["outcome"], event["status_code"]) == (
        "call",
        "call",
        "completed",
        200,
    )
