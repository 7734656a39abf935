"""Parsing a captured answer: the result of all documents and chunks of one body."""

from __future__ import annotations

import base64
import json

import pytest

from shared.core.answer.reader import AnswerBody, read
from shared.core.answer.shapes import ParsedAnswer
from shared.core.wire.http.headers import EVENT_STREAM
from shared.core.wire.json.json_shape import Json, JsonObject
from shared.core.wire.operations import CALL, OPERATIONS, OperationSpec


def chunk(content: str) -> dict[str, object]:
    return {"id": "c", "choices": [{"index": 0, "delta": {"content": content}}], "error": None}


def test_a_chunk_whose_event_is_named_error_is_an_error() -> None:
    """The event's name decides, even if the chunk looks like the one before it."""
    chunks = [f"data: {json.dumps(chunk(text))}\n\n" for text in "aab"]
    chunks[2] = "event: error\n" + chunks[2]
    body = AnswerBody(operation="chat.completions", status_code=200, content_type=EVENT_STREAM)
    answer = read(["".join(chunks).encode()], body)
    assert (answer.content, answer.error) == ("aab", chunk("b"))


@pytest.mark.parametrize("spec", [*OPERATIONS, CALL], ids=lambda spec: spec.name)
def test_every_operation_has_a_reader_that_takes_any_document(spec: OperationSpec) -> None:
    """Its table row names the reader; a document of another shape leaves the response empty."""
    body = AnswerBody(operation=spec.name, content_type="application/json")
    assert read([b'{"unknown": 1}'], body).content == ""


def sse(*chunks: object, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return "".join(f"{head}data: {json.dumps(data)}\n\n" for data in chunks).encode()


def in_chat(body: bytes, **more: object) -> ParsedAnswer:
    """A chat stream's body, read."""
    fields = {"operation": "chat.completions", "content_type": EVENT_STREAM} | more
    return read([body], AnswerBody(**fields))  # type: ignore[arg-type]


def delta(**members: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": members}]}


@pytest.mark.parametrize(
    "heartbeat",
    [
        "data:\n\n",
        "data:   \n\n",
        "data: : keepalive\n\n",
        "data: ping\n\n",
        "data: [HEARTBEAT]\n\n",
        "event: ping\ndata: 1764230400\n\n",
        "event: ping\n\n",
        ": comment\n\n",
    ],
)
def test_a_heartbeat_is_not_an_unreadable_event(heartbeat: str) -> None:
    answer = in_chat(heartbeat.encode() + sse(delta(content="a")) + heartbeat.encode())
    assert (answer.content, answer.problems, answer.unreadable) == ("a", (), False)


def test_an_answer_read_in_part_is_not_unreadable() -> None:
    """An answer is unreadable only if nothing of it can be read."""
    some = in_chat(sse("nonsense", {"id": "c"}))
    assert (some.problems, some.unreadable) == (
        ("1 events of the stream hold no JSON object",),
        False,
    )
    assert in_chat(sse("nonsense")).unreadable
    assert in_chat(b"data:\n\n").problems == ("the answer's stream holds no event",)
    assert in_chat(b"", whole=False) == ParsedAnswer(is_stream=True, finished=False)


@pytest.mark.parametrize(
    ("end", "finished"),
    [
        (b"", False),
        (b"data: [DONE]\n\n", True),
        (b"data: [DONE]", True),
        (sse({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}), True),
        (sse({"choices": [{"index": 0, "delta": {}, "finish_reason": ""}]}), False),
        (sse({"choices": [{"index": 1, "delta": {"content": "b"}}]}), False),
        (sse({"type": "response.completed"}), True),
        (sse({"response": {}}, name="response.completed"), True),
        (sse({"type": "speech.audio.done"}), True),
        (sse({"error": {"code": "x"}}), False),
    ],
)
def test_a_stream_knows_whether_it_holds_its_own_end(end: bytes, *, finished: bool) -> None:
    assert in_chat(sse(delta(content="a")) + end).finished is finished


@pytest.mark.parametrize(
    ("names", "model"),
    [
        (["model-router", "gpt-5-nano"], "gpt-5-nano"),
        (["model-router-2025-11-18", "gpt-5-nano", "model-router-2025-11-18"], "gpt-5-nano"),
        (["mine", "phi-4", "mine"], "phi-4"),
        (["mine", "", None], "mine"),
        (["", "gpt-4o-2024-11-20"], "gpt-4o-2024-11-20"),
        (["gpt-4o-2024-11-20", ""], "gpt-4o-2024-11-20"),
        (["model-router"], "model-router"),
        ([None], None),
    ],
)
def test_the_model_is_the_one_that_answered(names: list[str | None], model: str | None) -> None:
    """A router names itself first and maybe last; `mine` is the requested model."""
    body = sse(*({"model": name} | delta(content="a") for name in names))
    assert in_chat(body, requested_model="mine").model == model


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "text/plain", "text/event-stream, text/event-stream"]
)
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n\n", b": keep-alive\n\n", b"id: 1\n"])
def test_an_event_stream_is_known_by_its_bytes(content_type: str, start: bytes) -> None:
    """It is read as one whatever its content type says."""
    answer = in_chat(start + sse(delta(content="a")), content_type=content_type)
    assert (answer.content, answer.is_stream) == ("a", True)


def test_a_document_is_known_by_its_bytes() -> None:
    """One under the content type of a stream is read as a document."""
    document = {
        "choices": [{"index": 0, "message": {"content": "a"}}],
        "usage": {"total_tokens": 1},
    }
    for stream in (None, True):
        answer = in_chat(json.dumps(document).encode(), stream=stream)
        assert (answer.content, answer.usage, answer.finished) == ("a", {"total_tokens": 1}, None)


def test_a_transcript_that_begins_like_an_event_is_a_text() -> None:
    body = AnswerBody(operation="audio.transcriptions", content_type="text/plain")
    assert read([b"data: the new oil"], body).content == "data: the new oil"


def test_the_answer_of_a_call_is_not_parsed() -> None:
    """It may be a file, or an object with an error and a usage of its own."""
    for content_type in ("application/json", EVENT_STREAM):
        body = AnswerBody(operation="call", content_type=content_type)
        assert read([b'{"error": {"code": "x"}, "usage": {"n": 1}}'], body) == ParsedAnswer()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error": {"code": "429", "message": "m"}}', {"code": "429", "message": "m"}),
        (b'data: {"error": {"code": "429"}}\n\n', {"code": "429"}),
        (b'event: error\ndata: {"message": "m"}\n\n', {"message": "m"}),
        (b"Internal Server Error", {"message": "Internal Server Error"}),
        (b"data: overloaded\n\n", {"message": "data: overloaded\n\n"}),
        (b"", None),
    ],
)
@pytest.mark.parametrize("content_type", [EVENT_STREAM, "application/json", ""])
def test_an_errors_body_of_any_content_type_is_read(
    body: bytes, error: JsonObject | None, content_type: str
) -> None:
    answer = in_chat(body, content_type=content_type, status_code=503)
    assert (answer.error, answer.problems) == (error, ())


def test_a_run_that_fails_says_so_in_its_stream() -> None:
    body = sse({"status": "failed", "last_error": {"code": "c"}}, name="thread.run.failed")
    answer = in_chat(body, operation="call")
    assert (answer.error, answer.failed) == ({"code": "c"}, True)


@pytest.mark.parametrize(
    ("message", "content", "reasoning"),
    [
        ({"content": "42", "reasoning": "think"}, "42", "think"),
        ({"content": "42", "reasoning_content": "think", "reasoning": "think"}, "42", "think"),
        ({"content": [{"type": "thinking", "thinking": "think"}, {"text": "42"}]}, "42", "think"),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "think"}]},
                    {"type": "text", "text": "42"},
                ]
            },
            "42",
            "think",
        ),
        ({"content": [{"type": "reasoning", "text": "think"}]}, "", "think"),
        ({"content": None, "reasoning": None}, "", None),
        ({"content": "42", "reasoning": {"effort": "low"}}, "42", None),
    ],
)
def test_reasoning_has_several_names(
    message: JsonObject, content: str, reasoning: str | None
) -> None:
    """A message and a delta have the same names; reasoning counts as generated."""
    document = json.dumps({"choices": [{"index": 0, "message": message}]}).encode()
    as_document = in_chat(document, content_type="application/json")
    as_stream = in_chat(sse(delta(**message)))
    for answer in (as_document, as_stream):
        assert (answer.choices[0].content, answer.choices[0].reasoning_content) == (
            content,
            reasoning,
        )
        assert answer.generated_bytes == len(content) + len(reasoning or "")
    assert (as_stream.first_token_end is not None) is bool(content or reasoning)


def test_arguments_that_come_as_an_object_are_its_json() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": {"city": "Athéns"}}}
    for body in (delta(tool_calls=[call]), delta(tool_calls=[call | {"index": 0}])):
        (tool_call,) = in_chat(sse(body)).choices[0].tool_calls or ()
        assert tool_call.function
        assert json.loads(tool_call.function.arguments) == {"city": "Athéns"}
    old = in_chat(sse(delta(function_call={"name": "f", "arguments": {}}))).choices[0]
    assert old.function_call
    assert old.function_call.arguments == "{}"


def test_that_the_content_filter_did_not_run_is_in_the_answer() -> None:
    """Azure reports it under the singular name, and other results stay beside it."""
    error = {"error": {"code": "content_filter_error", "message": "not filtered"}}
    safe = {"hate": {"filtered": False, "severity": "safe"}}
    chunks = (
        {"choices": [{"index": 0, "delta": {"content": "a"}, "content_filter_result": error}]},
        {"choices": [{"index": 0, "delta": {}, "content_filter_results": safe}]},
    )
    assert in_chat(sse(*chunks)).choices[0].content_filter_results == error | safe


HI: list[Json] = [{"type": "output_text", "text": "Hi"}]


def responses(*events: object) -> ParsedAnswer:
    return in_chat(sse(*events), operation="responses")


@pytest.mark.parametrize(
    ("events", "item"),
    [
        (
            [
                {"type": "response.output_item.added", "item": {"type": "apply_patch_call"}},
                {"type": "response.apply_patch_call_operation_diff.delta", "delta": "@@ -1 "},
                {"type": "response.apply_patch_call_operation_diff.delta", "delta": "+1 @@"},
            ],
            {"type": "apply_patch_call", "operation": {"diff": "@@ -1 +1 @@"}},
        ),
        (
            [
                {
                    "type": "response.output_item.added",
                    "item": {"type": "shell_call", "action": {"commands": []}},
                },
                {"type": "response.shell_call_command.delta", "command_index": 0, "delta": "ls "},
                {"type": "response.shell_call_command.delta", "command_index": 1, "delta": "pwd"},
                {"type": "response.shell_call_command.delta", "command_index": 0, "delta": "-l"},
            ],
            {"type": "shell_call", "action": {"commands": ["ls -l", "pwd"]}},
        ),
        (
            [
                {"type": "response.output_item.added", "item": {"type": "new_call", "id": "n"}},
                {"type": "response.new_call_words.delta", "output_index": 0, "delta": "a "},
                {"type": "response.new_call_words.delta", "output_index": 0, "delta": "b"},
            ],
            {"type": "new_call", "id": "n", "words": "a b"},
        ),
        (
            [{"type": "response.function_call_arguments.done", "item_id": "f", "arguments": "{}"}],
            {"type": "function_call", "id": "f", "arguments": "{}"},
        ),
        (
            [
                {"type": "response.output_text.delta", "item_id": "m", "delta": "Hi"},
                {"type": "response.output_text.done", "item_id": "m", "text": "Hi"},
            ],
            {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hi"}]},
        ),
        (
            [
                {"type": "response.output_item.added", "item": {"type": "x", "arguments": "{}"}},
                {"type": "response.function_call_arguments.done", "arguments": "{}"},
            ],
            {"type": "x", "arguments": "{}"},
        ),
        (
            [
                {"type": "response.output_item.added", "item": {"type": "message", "content": HI}},
                {"type": "response.output_text.done", "text": "Hi"},
            ],
            {"type": "message", "content": HI},
        ),
        (
            [{"type": "response.output_text.done", "item_id": "m", "text": "Hi"}],
            {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hi"}]},
        ),
    ],
)
def test_the_items_of_a_cut_stream_hold_what_came_of_them(
    events: list[JsonObject], item: JsonObject
) -> None:
    """This includes items of kinds that are not known here, and texts that come whole."""
    assert responses(*events).output == (item,)


def test_a_file_in_deltas_of_an_unknown_kind_stays_out() -> None:
    data = base64.b64encode(bytes(300)).decode()
    answer = responses({"type": "response.new.delta", "output_index": 0, "delta": data})
    assert "AAAA" not in json.dumps(answer.output)


@pytest.mark.parametrize(
    ("event", "is_first_token"),
    [
        (
            {"type": "response.image_generation_call.partial_image", "partial_image_b64": "aGk="},
            True,
        ),
        (
            {"type": "response.output_item.done", "item": {"type": "function_call", "name": "f"}},
            True,
        ),
        (
            {
                "type": "response.output_item.done",
                "item": {"type": "image_generation_call", "result": "aGk="},
            },
            True,
        ),
        ({"type": "response.output_item.done", "item": {"type": "x", "arguments": {"a": 1}}}, True),
        (
            {"type": "response.output_item.done", "item": {"type": "reasoning", "summary": []}},
            False,
        ),
        (
            {"type": "response.output_item.added", "item": {"type": "function_call", "name": "f"}},
            False,
        ),
        ({"type": "response.output_item.added", "item": {"type": "message", "content": HI}}, True),
        ({"type": "response.output_text.done", "text": "Hi"}, True),
        ({"type": "response.content_part.done", "part": {"text": "Hi"}}, False),
        ({"type": "response.unknown.delta", "delta": "a"}, True),
        ({"type": "response.unknown.delta", "delta": {"a": 1}}, False),
    ],
)
def test_the_first_token_of_a_response(event: JsonObject, *, is_first_token: bool) -> None:
    """The first output of the model counts, of any kind, and nothing else."""
    assert (responses(event).first_token_end is not None) is is_first_token


@pytest.mark.parametrize("pieces", [[b":\0\0\0\0\0\0"], [b":\0", b"\0\0\0\0\0"]])
def test_an_answer_that_is_not_parsed_is_not_decoded_either(pieces: list[bytes]) -> None:
    """A problem of its coding was reported or not, as the network had cut the body."""
    body = AnswerBody(operation="responses.delete", content_encoding="deflate")
    assert read(pieces, body).problems == ()
