"""Legacy completions (`prompt` instead of `messages`) in Azure's shapes. Pure."""

from collections.abc import Iterator
from itertools import zip_longest

from local.azure_openai import filters, sse
from local.azure_openai.answer import SSE, StandInResponse, json_answer
from local.azure_openai.chat import error_document
from local.azure_openai.choices import Reply, ReplyChoice, usage


def answer(served: Reply) -> StandInResponse:
    """The response to a completions request, as a stream if requested."""
    if served.ask.flag("stream"):
        return StandInResponse(
            content_type=SSE, body=sse.dressed(_events(served), served.directives)
        )
    if served.directives.error_in_200:
        return json_answer(error_document(served))
    choices = [_choice(choice, choice.text, choice.finish_reason) for choice in served.choices]
    prompt = {"prompt_filter_results": filters.prompt_results()}
    return json_answer({**_document(served, choices), **prompt, "usage": usage(served)})


def _document(served: Reply, choices: list[dict[str, object]]) -> dict[str, object]:
    return {
        "id": served.id("cmpl-"),
        "object": "text_completion",
        "created": served.created,
        "model": served.model,
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


def _events(served: Reply) -> Iterator[bytes]:
    directives = served.directives
    null: dict[str, object] = {"usage": None} if served.ask.include_usage else {}
    prompt = {"prompt_filter_results": filters.prompt_results()}
    yield sse.data({**_document(served, []), "id": "", "created": 0, "model": "", **prompt, **null})
    sent = 0
    for turn in zip_longest(*(choice.pieces for choice in served.choices)):
        for choice, piece in zip(served.choices, turn, strict=True):
            if directives.error_in_200 and sent == directives.error_after:
                yield sse.data(error_document(served))
                return
            if piece is not None:
                sent += 1
                yield sse.data({**_document(served, [_choice(choice, piece, None)]), **null})
    if directives.no_finish:
        return
    for choice in served.choices:
        yield sse.data({**_document(served, [_choice(choice, "", choice.finish_reason)]), **null})
    if served.ask.include_usage:
        yield sse.data({**_document(served, []), "usage": usage(served)})
    if not directives.no_done:
        yield sse.data(sse.DONE)
