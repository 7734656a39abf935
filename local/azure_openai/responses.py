"""The Responses API's documents: a response, its output items, its usage. Pure; `responses_stream`
makes the events.
"""

from local.azure_openai import filters, texts
from local.azure_openai.choices import Reply, ReplyChoice, ToolCall

FAILURE = {"code": "server_error", "message": "The model failed to generate a response."}
# parameters that a response repeats, with their defaults
_COPIED: dict[str, object] = {
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


def final_status(served: Reply) -> str:
    """How the response ends: completed, incomplete or failed."""
    if served.directives.failed:
        return "failed"
    return (
        "incomplete"
        if served.choices[0].finish_reason in {"length", "content_filter"}
        else "completed"
    )


def document(served: Reply, name: str, status: str) -> dict[str, object]:
    """The response `name`. It has output and usage at its end, unless it was cancelled."""
    over = status in {"completed", "incomplete", "failed"}
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = reasons.get(served.choices[0].finish_reason, "") if status == "incomplete" else ""
    copied = {key: served.ask.parameters.get(key, default) for key, default in _COPIED.items()}
    return {
        "id": name,
        "object": "response",
        "created_at": served.created,
        "status": status,
        "content_filters": [
            {"blocked": False, "source_type": "prompt", "content_filter_results": filters.results()}
        ],
        "error": FAILURE if status == "failed" else None,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": served.model,
        "output": output(served) if over and status != "failed" else [],
        **copied,
        "service_tier": served.directives.service_tier or "default",
        "usage": usage(served) if over else None,
    }


def output(served: Reply) -> list[dict[str, object]]:
    """The output items: reasoning if requested, then the message or the calls."""
    choice = served.choices[0]
    items = [reasoning(served, summary(served))] if "reasoning" in served.ask.parameters else []
    if choice.calls:
        return items + [
            function_call(served, call, call.arguments, "completed") for call in choice.calls
        ]
    incomplete = choice.finish_reason in {"length", "content_filter"}
    return [
        *items,
        message(
            served, [content(served, choice.text)], "incomplete" if incomplete else "completed"
        ),
    ]


def summary(served: Reply) -> list[str]:
    """The pieces of the reasoning summary."""
    return texts.pieces(f"{served.ask.seed}:summary", 5)


def reasoning(served: Reply, pieces: list[str]) -> dict[str, object]:
    """A reasoning item."""
    parts = [{"type": "summary_text", "text": "".join(pieces)}] if pieces else []
    return {"id": served.id("rs_"), "type": "reasoning", "summary": parts}


def message(served: Reply, parts: list[dict[str, object]], status: str) -> dict[str, object]:
    """A message item."""
    return {
        "id": served.id("msg_"),
        "type": "message",
        "status": status,
        "content": parts,
        "role": "assistant",
    }


def content(served: Reply, text: str) -> dict[str, object]:
    """A message's content part."""
    if served.directives.refusal:
        return {"type": "refusal", "refusal": text}
    return {
        "type": "output_text",
        "annotations": _annotations(served, text),
        "logprobs": [],
        "text": text,
    }


def function_call(served: Reply, call: ToolCall, arguments: str, status: str) -> dict[str, object]:
    """A function call item."""
    head = {
        "id": f"fc_{texts.digest(served.ask.seed, call.id)[:24]}",
        "type": "function_call",
        "status": status,
    }
    return {**head, "arguments": arguments, "call_id": call.id, "name": call.name}


def usage(served: Reply) -> dict[str, object]:
    """The usage object; reasoning counts as output."""
    directives, choice = served.directives, _counted(served)
    reasoning_tokens = directives.reasoning_tokens
    out = (choice.tokens if choice else 0) + reasoning_tokens
    return {
        "input_tokens": served.ask.prompt_tokens,
        "input_tokens_details": {"cached_tokens": directives.cached_tokens},
        "output_tokens": out,
        "output_tokens_details": {"reasoning_tokens": reasoning_tokens},
        "total_tokens": served.ask.prompt_tokens + out,
    }


def _counted(served: Reply) -> ReplyChoice | None:
    return None if served.directives.failed else served.choices[0]


def _annotations(served: Reply, text: str) -> list[object]:
    if not served.directives.annotations or not text:
        return []
    place = {"start_index": 0, "end_index": len(text)}
    return [
        {"type": "url_citation", "url": "https://example.com/harbour", "title": "Harbour", **place}
    ]
