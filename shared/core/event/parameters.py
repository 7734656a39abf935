"""The parameters of a request, never its content. Only those listed here enter an event.

Tools, functions and data sources carry secrets and texts of their own (headers, keys, schemas), so
only their names and types are taken.
"""

from __future__ import annotations

from typing import Final

from shared.core.wire.json.json_shape import (
    JsonObject,
    items,
    mapping,
    mappings,
    scalar,
    short,
    text,
)

_MAX_NAMES: Final = 64

# Copied if they are a number, a boolean or a short text.
_SCALARS: Final = (
    "stream",
    "temperature",
    "top_p",
    "n",
    "best_of",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tool_calls",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "logprobs",
    "top_logprobs",
    "echo",
    "parallel_tool_calls",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "store",
    "background",
    "truncation",
    "previous_response_id",
    "safety_identifier",
    "prompt_cache_retention",
    "dimensions",
    "encoding_format",
    "size",
    "quality",
    "style",
    "moderation",
    "output_format",
    "output_compression",
    "partial_images",
    "input_fidelity",
    "voice",
    "speed",
    "stream_format",
    "language",
)
# Arrays of short texts.
_LISTS: Final = (
    "modalities",
    "include",
    "timestamp_granularities",
    "timestamp_granularities[]",
    "include[]",
)


def extract(request: JsonObject) -> JsonObject:
    """The parameters in a request's body. A key is present only if the request has it."""
    scalars: JsonObject = {name: scalar(request[name]) for name in _SCALARS if name in request}
    for name in _LISTS:
        values = [short(value, 64) for value in items(request.get(name))[:_MAX_NAMES]]
        if values:
            scalars[name.removesuffix("[]")] = [value for value in values if value]
    derived: JsonObject = {
        "model": short(request.get("model")),
        "stream_options": _scalars_of(request.get("stream_options")),
        "reasoning": _scalars_of(request.get("reasoning")),
        "response_format": _format(request.get("response_format"))
        or _format(mapping(request.get("text")).get("format")),
        "text_verbosity": short(mapping(request.get("text")).get("verbosity")),
        "tools": _tools(request.get("tools")),
        "functions": _tools(request.get("functions")),
        "tool_choice": _choice(request.get("tool_choice")) or _choice(request.get("function_call")),
        "stop_count": _count(request.get("stop")),
        "logit_bias_count": len(mapping(request.get("logit_bias"))) or None,
        "messages_count": len(items(request.get("messages"))) or None,
        "input_count": _inputs(request.get("input")),
        "data_sources": [
            short(source.get("type"), 64)
            for source in mappings(request.get("data_sources"))[:_MAX_NAMES]
        ]
        or None,
        # of the Responses API: id and version
        "prompt_template": _scalars_of(request.get("prompt")),
        "conversation": short(request.get("conversation"))
        or short(mapping(request.get("conversation")).get("id")),
    }
    return scalars | {name: value for name, value in derived.items() if value is not None}


def _scalars_of(value: object) -> JsonObject | None:
    inner = ((key[:64], scalar(item)) for key, item in list(mapping(value).items())[:16])
    return {key: item for key, item in inner if item is not None} or None


def _format(value: object) -> JsonObject | None:
    """`response_format` or `text.format`: its type, and the name of a JSON schema."""
    if isinstance(value, str):
        return {"type": value[:64]}
    members = mapping(value)
    kind = short(members.get("type"), 64)
    if kind is None:
        return None
    name = short(mapping(members.get("json_schema")).get("name"), 64) or short(
        members.get("name"), 64
    )
    return {"type": kind, "name": name} if name else {"type": kind}


def _tools(value: object) -> JsonObject | None:
    """The number of tools, and a name for each: a function's own, an MCP server's label, else the
    type.
    """
    tools = mappings(value)
    return (
        {"count": len(tools), "names": [_tool_name(tool) for tool in tools[:_MAX_NAMES]]}
        if tools
        else None
    )


def _tool_name(tool: JsonObject) -> str:
    inner = mapping(tool.get("function")) or mapping(tool.get("custom"))
    names = (inner.get("name"), tool.get("name"), tool.get("server_label"), tool.get("type"))
    return next((text(name)[:64] for name in names if text(name)), "")


def _choice(value: object) -> str | None:
    """`auto`, `none`, `required`, or the name (else the type) of the tool that must be called."""
    if isinstance(value, str):
        return value[:64]
    members = mapping(value)
    return (
        short(mapping(members.get("function")).get("name"), 64)
        or short(members.get("name"), 64)
        or short(members.get("type"), 64)
    )


def _inputs(value: object) -> int | None:
    """The number of inputs. A text is one input, and so is an array of token ids."""
    if isinstance(value, str) or (isinstance(value, list) and value and isinstance(value[0], int)):
        return 1
    return len(items(value)) or None


def _count(stop: object) -> int | None:
    return 1 if isinstance(stop, str) else len(items(stop)) or None
