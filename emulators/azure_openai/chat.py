"""Chat completions in Azure's shapes. Pure.

A stream: `prompt_filter_results` without choices, then for each choice a role chunk, content or
tool-call deltas (choices and calls alternate) and a finish chunk, then usage if requested, then
`[DONE]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Final

from emulators.azure_openai import filters, sse
from emulators.azure_openai import message_parts as parts
from emulators.azure_openai.choices import ModelOutput, ReplyCall, ReplyChoice, slices, usage
from emulators.azure_openai.http_response import SSE, StandInResponse, json_response
from emulators.azure_openai.texts import digest

_ARGUMENT_PIECE: Final = 9  # characters of a call's arguments in one chunk
_FILTER_EVERY: Final = 8  # content chunks between two reports of the asynchronous filter

ERROR: Final = {
    "message": "The server had an error while processing your request.",
    "type": "server_error",
    "code": "500",
}


def respond(output: ModelOutput) -> StandInResponse:
    """The response to a chat request, as a stream if requested."""
    if output.request.flag("stream"):
        return StandInResponse(
            content_type=SSE, body=sse.apply_directives(events(output), output.directives)
        )
    if output.directives.error_in_200:
        return json_response(error_document(output))
    return json_response(completion(output))


def error_document(output: ModelOutput) -> object:
    """An error inside a 200, flat or nested."""
    return ERROR if output.directives.error_in_200 == "flat" else {"error": ERROR}


def completion(output: ModelOutput) -> dict[str, object]:
    """The document for a request without `stream`."""
    return {
        "choices": [_whole_choice(output, choice) for choice in output.choices],
        "created": output.created,
        "id": output.id("chatcmpl-"),
        "model": output.model,
        "object": "chat.completion",
        "prompt_filter_results": filters.prompt_results(),
        **_tier(output),
        "system_fingerprint": f"fp_{digest(output.model)[:10]}",
        "usage": usage(output),
    }


def events(output: ModelOutput) -> Iterator[bytes]:
    """The events for a request with `stream`."""
    directives = output.directives
    yield sse.data(_prompt_chunk(output))
    for at, chunk in enumerate(_delta_chunks(output)):
        if directives.error_in_200 and at == directives.error_after + len(output.choices):
            yield sse.data(error_document(output))
            return
        yield sse.data(chunk)
    if directives.no_finish:
        return
    for choice in output.choices:
        yield sse.data(_chunk(output, [_finish(output, choice)]))
        if directives.async_filter:
            yield sse.data(_filter_chunk(output, choice, len(choice.pieces)))
    if output.request.include_usage:
        yield sse.data({**_chunk(output, []), "usage": usage(output)})
    if not directives.no_done:
        yield sse.data(sse.DONE)


def _whole_choice(output: ModelOutput, choice: ReplyChoice) -> dict[str, object]:
    message: dict[str, object] = {
        "content": choice.text or None,
        "refusal": None,
        "role": "assistant",
    }
    message["annotations"] = (
        parts.url_citations(choice.text) if output.directives.annotations else []
    )
    if choice.refused:
        message |= {"content": None, "refusal": choice.text}
    if choice.calls:
        message["tool_calls"] = [_whole_call(call) for call in choice.calls]
    if choice.function:
        message["function_call"] = {
            "name": choice.function.name,
            "arguments": choice.function.arguments,
        }
    if "data_sources" in output.request.parameters:
        message |= parts.context(output)
    if parts.speaks(output):
        message |= {"content": None, "audio": parts.audio(output, choice)}
    return {
        "content_filter_results": _verdict(choice),
        "finish_reason": choice.finish_reason,
        "index": choice.index,
        "logprobs": {"content": parts.logprobs(choice.pieces), "refusal": None}
        if output.request.flag("logprobs")
        else None,
        "message": message,
    }


def _chunk(output: ModelOutput, choices: list[dict[str, object]]) -> dict[str, object]:
    chunk: dict[str, object] = {
        "choices": choices,
        "created": output.created,
        "id": output.id("chatcmpl-"),
        "model": output.model,
        "object": "chat.completion.chunk",
        **_tier(output),
        "system_fingerprint": f"fp_{digest(output.model)[:10]}",
    }
    return chunk | {"usage": None} if output.request.include_usage else chunk


def _prompt_chunk(output: ModelOutput) -> dict[str, object]:
    chunk: dict[str, object] = {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": filters.prompt_results(),
    }
    return chunk | {"usage": None} if output.request.include_usage else chunk


def _delta_chunks(output: ModelOutput) -> Iterator[dict[str, object]]:
    """Role chunks, then the choices' deltas, alternating."""
    for choice in output.choices:
        yield _chunk(output, [_delta(choice, _role(output, choice), {})])
    turns = [list(_deltas(output, choice)) for choice in output.choices]
    for chunk_number, turn in enumerate(zip_longest(*turns), start=1):
        for choice, delta in zip(output.choices, turn, strict=True):
            if delta is not None:
                yield _chunk(output, [_with_filter(output, choice, delta)])
        if output.directives.async_filter and chunk_number % _FILTER_EVERY == 0:
            yield from (_filter_chunk(output, choice, chunk_number) for choice in output.choices)


def _deltas(output: ModelOutput, choice: ReplyChoice) -> Iterator[dict[str, object]]:
    if parts.speaks(output) and choice.pieces:
        yield from parts.audio_deltas(output, choice)
        return
    key = "refusal" if choice.refused else "content"
    for at, piece in enumerate(choice.pieces):
        delta: dict[str, object] = {key: piece}
        if output.directives.annotations and at == 0:
            delta["annotations"] = parts.url_citations(choice.text)
        yield delta
    if choice.function:
        yield {"function_call": {"arguments": "", "name": choice.function.name}}
        for part in _parts(choice.function):
            yield {"function_call": {"arguments": part}}
    yield from _call_deltas(choice.calls)


def _call_deltas(calls: Iterable[ReplyCall]) -> Iterator[dict[str, object]]:
    """Each call's name, then the arguments of all calls, alternating; `index` identifies
    the call.
    """
    calls = list(calls)
    for index, call in enumerate(calls):
        head = {
            "index": index,
            **_whole_call(call),
            "function": {"arguments": "", "name": call.name},
        }
        yield {"tool_calls": [head]}
    for turn in zip_longest(*(_parts(call) for call in calls)):
        for index, part in enumerate(turn):
            if part is not None:
                yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}


def _parts(call: ReplyCall) -> list[str]:
    return slices(call.arguments, _ARGUMENT_PIECE)


def _whole_call(call: ReplyCall) -> dict[str, object]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"arguments": call.arguments, "name": call.name},
    }


def _role(output: ModelOutput, choice: ReplyChoice) -> dict[str, object]:
    delta: dict[str, object] = {
        "content": None if choice.calls or choice.function else "",
        "role": "assistant",
    }
    delta["refusal"] = None
    return delta | parts.context(output) if "data_sources" in output.request.parameters else delta


def _delta(
    choice: ReplyChoice, delta: dict[str, object], verdict: dict[str, object] | None
) -> dict[str, object]:
    members: dict[str, object] = {
        "delta": delta,
        "finish_reason": None,
        "index": choice.index,
        "logprobs": None,
    }
    return members if verdict is None else {"content_filter_results": verdict, **members}


def _with_filter(
    output: ModelOutput, choice: ReplyChoice, delta: dict[str, object]
) -> dict[str, object]:
    """Add the asynchronous filter's reports between content chunks; tool calls are not filtered."""
    filtered = "content" in delta and not output.directives.async_filter
    members = _delta(choice, delta, filters.results() if filtered else {})
    if output.request.flag("logprobs") and "content" in delta:
        members["logprobs"] = {"content": parts.logprobs([str(delta["content"])]), "refusal": None}
    return members


def _finish(output: ModelOutput, choice: ReplyChoice) -> dict[str, object]:
    verdict = _verdict(choice) if choice.finish_reason == "content_filter" else {}
    members = _delta(choice, {}, None if output.directives.async_filter else verdict)
    return members | {"finish_reason": choice.finish_reason}


def _filter_chunk(output: ModelOutput, choice: ReplyChoice, chunk_number: int) -> dict[str, object]:
    """The asynchronous filter's report after `chunk_number` pieces, on the newest of them."""
    start = (max(0, chunk_number - 1) // _FILTER_EVERY) * _FILTER_EVERY
    before, checked = (len("".join(choice.pieces[:end])) for end in (start, chunk_number))
    members: dict[str, object] = {
        "content_filter_offsets": filters.offsets(before, checked),
        "content_filter_results": filters.results(),
        "finish_reason": None,
        "index": choice.index,
    }
    chunk: dict[str, object] = {
        "choices": [members],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
    }
    return chunk | {"usage": None} if output.request.include_usage else chunk


def _verdict(choice: ReplyChoice) -> dict[str, object]:
    return filters.results("violence" if choice.finish_reason == "content_filter" else "")


def _tier(output: ModelOutput) -> dict[str, object]:
    return (
        {"service_tier": output.directives.service_tier} if output.directives.service_tier else {}
    )
