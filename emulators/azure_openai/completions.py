"""Legacy completions (`prompt` instead of `messages`) in Azure's shapes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from emulators.azure_openai import filters, sse
from emulators.azure_openai.chat import error_document
from emulators.azure_openai.choices import ModelOutput, ReplyChoice, usage
from emulators.azure_openai.http_response import SSE, StandInResponse, json_response


def respond(output: ModelOutput) -> StandInResponse:
    """The response to a completions request, as a stream if requested."""
    if output.request.flag("stream"):
        return StandInResponse(
            content_type=SSE, body=sse.apply_directives(_events(output), output.directives)
        )
    if output.directives.error_in_200:
        return json_response(error_document(output))
    choices = [_choice(choice, choice.text, choice.finish_reason) for choice in output.choices]
    prompt = {"prompt_filter_results": filters.prompt_results()}
    return json_response({**_document(output, choices), **prompt, "usage": usage(output)})


def _document(output: ModelOutput, choices: list[dict[str, object]]) -> dict[str, object]:
    return {
        "id": output.id("cmpl-"),
        "object": "text_completion",
        "created": output.created,
        "model": output.model,
        "choices": choices,
    }


def _choice(choice: ReplyChoice, text: str, finish_reason: str | None) -> dict[str, object]:
    filtered = "violence" if finish_reason == "content_filter" else ""
    return {
        "text": text,
        "index": choice.index,
        "finish_reason": finish_reason,
        "logprobs": None,
        "content_filter_results": filters.results(filtered) if text or filtered else {},
    }


def _events(output: ModelOutput) -> Iterator[bytes]:
    directives = output.directives
    null: dict[str, object] = {"usage": None} if output.request.include_usage else {}
    prompt = {"prompt_filter_results": filters.prompt_results()}
    yield sse.data({**_document(output, []), "id": "", "created": 0, "model": "", **prompt, **null})
    chunk_count = 0
    for turn in zip_longest(*(choice.pieces for choice in output.choices)):
        for choice, piece in zip(output.choices, turn, strict=True):
            if directives.error_in_200 and chunk_count == directives.error_after:
                yield sse.data(error_document(output))
                return
            if piece is not None:
                chunk_count += 1
                yield sse.data({**_document(output, [_choice(choice, piece, None)]), **null})
    if directives.no_finish:
        return
    for choice in output.choices:
        yield sse.data({**_document(output, [_choice(choice, "", choice.finish_reason)]), **null})
    if output.request.include_usage:
        yield sse.data({**_document(output, []), "usage": usage(output)})
    if not directives.no_done:
        yield sse.data(sse.DONE)
