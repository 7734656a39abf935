"""The Responses API's events, numbered, each with an `event:` line. No `[DONE]`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from emulators.azure_openai import responses, sse
from emulators.azure_openai.choices import ModelOutput, ReplyCall, slices

_ARGUMENT_PIECE: Final = 9  # characters of a call's arguments in one event
_ERROR: Final = {
    "code": "server_error",
    "message": "The server had an error while processing your request.",
    "param": None,
}

type StreamEvent = dict[str, object]


def stream(model_output: ModelOutput, name: str, starting_after: int = -1) -> Iterator[bytes]:
    """The events of response `name` as bytes, after the sequence number `starting_after`."""
    for number, event in enumerate(_events(model_output, name)):
        if number > starting_after:
            yield sse.data({**event, "sequence_number": number}, str(event["type"]))


def _events(model_output: ModelOutput, name: str) -> Iterator[StreamEvent]:
    directives = model_output.directives
    if model_output.request.flag("background"):
        yield _about("response.queued", responses.document(model_output, name, "queued"))
    yield _about("response.created", responses.document(model_output, name, "in_progress"))
    yield _about("response.in_progress", responses.document(model_output, name, "in_progress"))
    deltas = 0
    for event in _items(model_output):
        if (directives.error_in_200 or directives.failed) and deltas == directives.error_after:
            break
        deltas += str(event["type"]).endswith(".delta")
        yield event
    if directives.error_in_200:
        nested = directives.error_in_200 == "nested"
        yield (
            {"type": "error", "error": {"type": "server_error", **_ERROR}}
            if nested
            else {"type": "error", **_ERROR}
        )
    elif not directives.no_finish:
        status = responses.final_status(model_output)
        yield _about(f"response.{status}", responses.document(model_output, name, status))


def _about(kind: str, document: dict[str, object]) -> StreamEvent:
    return {"type": kind, "response": document}


def _items(model_output: ModelOutput) -> Iterator[StreamEvent]:
    """Each output item from `added` to `done`."""
    index = 0
    if "reasoning" in model_output.request.parameters:
        yield from _reasoning(model_output)
        index = 1
    calls = model_output.choices[0].calls
    for at, call in enumerate(calls):
        yield from _call(model_output, call, index + at)
    if not calls:
        yield from _message(model_output, index)


def _reasoning(model_output: ModelOutput) -> Iterator[StreamEvent]:
    pieces = responses.summary(model_output)
    place = {"item_id": model_output.id("rs_"), "output_index": 0, "summary_index": 0}
    part = {"type": "summary_text", "text": "".join(pieces)}
    yield _item("added", 0, responses.reasoning(model_output, []))
    yield {
        "type": "response.reasoning_summary_part.added",
        **place,
        "part": {"type": "summary_text", "text": ""},
    }
    for piece in pieces:
        yield {"type": "response.reasoning_summary_text.delta", **place, "delta": piece}
    yield {"type": "response.reasoning_summary_text.done", **place, "text": "".join(pieces)}
    yield {"type": "response.reasoning_summary_part.done", **place, "part": part}
    yield _item("done", 0, responses.reasoning(model_output, pieces))


def _message(model_output: ModelOutput, index: int) -> Iterator[StreamEvent]:
    choice = model_output.choices[0]
    kind, key = ("refusal", "refusal") if choice.refused else ("output_text", "text")
    place = {"item_id": model_output.id("msg_"), "output_index": index, "content_index": 0}
    part = responses.content(model_output, choice.text)
    yield _item("added", index, responses.message(model_output, [], "in_progress"))
    yield {
        "type": "response.content_part.added",
        **place,
        "part": responses.content(model_output, ""),
    }
    for piece in choice.pieces:
        yield {"type": f"response.{kind}.delta", **place, "delta": piece}
    yield {"type": f"response.{kind}.done", **place, key: choice.text}
    yield {"type": "response.content_part.done", **place, "part": part}
    incomplete = choice.finish_reason in {"length", "content_filter"}
    yield _item(
        "done",
        index,
        responses.message(model_output, [part], "incomplete" if incomplete else "completed"),
    )


def _call(model_output: ModelOutput, call: ReplyCall, index: int) -> Iterator[StreamEvent]:
    empty = responses.function_call(model_output, call, "", "in_progress")
    place = {"item_id": empty["id"], "output_index": index}
    yield _item("added", index, empty)
    for piece in slices(call.arguments, _ARGUMENT_PIECE):
        yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
    yield {"type": "response.function_call_arguments.done", **place, "arguments": call.arguments}
    yield _item(
        "done", index, responses.function_call(model_output, call, call.arguments, "completed")
    )


def _item(name: str, index: int, item: dict[str, object]) -> StreamEvent:
    return {"type": f"response.output_item.{name}", "output_index": index, "item": item}
