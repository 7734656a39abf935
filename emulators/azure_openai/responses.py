"""The Responses API's documents: a response, its output items, its usage. Pure; `responses_stream`
makes the events.
"""

from __future__ import annotations

from typing import Final

from emulators.azure_openai import filters, texts
from emulators.azure_openai.choices import ModelOutput, ReplyCall, ReplyChoice

FAILURE: Final = {"code": "server_error", "message": "The model failed to generate a response."}
# parameters that a response repeats, with their defaults
_COPIED: Final[dict[str, object]] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def final_status(model_output: ModelOutput) -> str:
    """How the response ends: completed, incomplete or failed."""
    if model_output.directives.failed:
        return "failed"
    return (
        "incomplete"
        if model_output.choices[0].finish_reason in {"length", "content_filter"}
        else "completed"
    )


def document(model_output: ModelOutput, name: str, status: str) -> dict[str, object]:
    """The response `name`. It has output and usage at its end, unless it was cancelled."""
    over = status in {"completed", "incomplete", "failed"}
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = (
        reasons.get(model_output.choices[0].finish_reason, "") if status == "incomplete" else ""
    )
    copied = {
        key: model_output.request.parameters.get(key, default) for key, default in _COPIED.items()
    }
    return {
        "id": name,
        "object": "response",
        "created_at": model_output.created,
        "status": status,
        "content_filters": [
            {"blocked": False, "source_type": "prompt", "content_filter_results": filters.results()}
        ],
        "error": FAILURE if status == "failed" else None,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": model_output.model,
        "output": output(model_output) if over and status != "failed" else [],
        **copied,
        "service_tier": model_output.directives.service_tier or "default",
        "usage": usage(model_output) if over else None,
    }


def compact(model_output: ModelOutput, user_messages: list[object]) -> dict[str, object]:
    """A compacted conversation: what the user wrote, and one item for everything else."""
    digest = texts.digest(model_output.request.seed, "compaction")
    item = {"id": f"cmp_{digest[:24]}", "type": "compaction", "encrypted_content": digest}
    return {
        "id": f"resp_{digest[:48]}",
        "object": "response.compaction",
        "created_at": model_output.created,
        "output": [*user_messages, item],
        "usage": usage(model_output),
    }


def output(model_output: ModelOutput) -> list[dict[str, object]]:
    """The output items: reasoning if requested, then the message or the calls."""
    choice = model_output.choices[0]
    items = (
        [reasoning(model_output, summary(model_output))]
        if "reasoning" in model_output.request.parameters
        else []
    )
    if choice.calls:
        return items + [
            function_call(model_output, call, call.arguments, "completed") for call in choice.calls
        ]
    incomplete = choice.finish_reason in {"length", "content_filter"}
    return [
        *items,
        message(
            model_output,
            [content(model_output, choice.text)],
            "incomplete" if incomplete else "completed",
        ),
    ]


def summary(model_output: ModelOutput) -> list[str]:
    """The pieces of the reasoning summary."""
    return texts.pieces(f"{model_output.request.seed}:summary", 5)


def reasoning(model_output: ModelOutput, pieces: list[str]) -> dict[str, object]:
    """A reasoning item."""
    parts = [{"type": "summary_text", "text": "".join(pieces)}] if pieces else []
    return {"id": model_output.id("rs_"), "type": "reasoning", "summary": parts}


def message(
    model_output: ModelOutput, parts: list[dict[str, object]], status: str
) -> dict[str, object]:
    """A message item."""
    return {
        "id": model_output.id("msg_"),
        "type": "message",
        "status": status,
        "content": parts,
        "role": "assistant",
    }


def content(model_output: ModelOutput, text: str) -> dict[str, object]:
    """A message's content part."""
    if model_output.directives.refusal:
        return {"type": "refusal", "refusal": text}
    return {
        "type": "output_text",
        "annotations": _annotations(model_output, text),
        "logprobs": [],
        "text": text,
    }


def function_call(
    model_output: ModelOutput, call: ReplyCall, arguments: str, status: str
) -> dict[str, object]:
    """A function call item."""
    head = {
        "id": f"fc_{texts.digest(model_output.request.seed, call.id)[:24]}",
        "type": "function_call",
        "status": status,
    }
    return {**head, "arguments": arguments, "call_id": call.id, "name": call.name}


def usage(model_output: ModelOutput) -> dict[str, object]:
    """The usage object; reasoning counts as output."""
    directives, choice = model_output.directives, _first_choice(model_output)
    reasoning_tokens = directives.reasoning_tokens
    out = (choice.tokens if choice else 0) + reasoning_tokens
    return {
        "input_tokens": model_output.request.prompt_tokens,
        "input_tokens_details": {"cached_tokens": directives.cached_tokens},
        "output_tokens": out,
        "output_tokens_details": {"reasoning_tokens": reasoning_tokens},
        "total_tokens": model_output.request.prompt_tokens + out,
    }


def _first_choice(model_output: ModelOutput) -> ReplyChoice | None:
    return None if model_output.directives.failed else model_output.choices[0]


def _annotations(model_output: ModelOutput, text: str) -> list[object]:
    if not model_output.directives.annotations or not text:
        return []
    place = {"start_index": 0, "end_index": len(text)}
    return [
        {"type": "url_citation", "url": "https://example.com/harbour", "title": "Harbour", **place}
    ]
