"""The parameters of a request: how the model was asked, never what. Only what is listed here enters
an event.

Tools, functions and data sources carry secrets and texts of their own (headers, keys, schemas);
their names and types are all that is taken.
"""

from __future__ import annotations

from typing import Any, Final

from shared.core.wire.json_shape import items, mapping, mappings, scalar, short, text

_MAX_NAMES: Final = 64

# Taken as they came, where they are a number, a truth value or a short text.
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


def of(asked: dict[str, Any]) -> dict[str, Any]:
    """The parameters in a request's body; a key is there only if the request holds it."""
    found: dict[str, Any] = {name: scalar(asked[name]) for name in _SCALARS if name in asked}
    for name in _LISTS:
        values = [short(value, 64) for value in items(asked.get(name))[:_MAX_NAMES]]
        if values:
            found[name.removesuffix("[]")] = [value for value in values if value]
    derived = {
        "model": short(asked.get("model")),
        "stream_options": _scalars_of(asked.get("stream_options")),
        "reasoning": _scalars_of(asked.get("reasoning")),
        "response_format": _format(asked.get("response_format"))
        or _format(mapping(asked.get("text")).get("format")),
        "text_verbosity": short(mapping(asked.get("text")).get("verbosity")),
        "tools": _tools(asked.get("tools")),
        "functions": _tools(asked.get("functions")),
        "tool_choice": _choice(asked.get("tool_choice")) or _choice(asked.get("function_call")),
        "stop_count": _count(asked.get("stop")),
        "logit_bias_count": len(mapping(asked.get("logit_bias"))) or None,
        "messages_count": len(items(asked.get("messages"))) or None,
        "input_count": _inputs(asked.get("input")),
        "data_sources": [
            short(source.get("type"), 64)
            for source in mappings(asked.get("data_sources"))[:_MAX_NAMES]
        ]
        or None,
        "prompt_template": _scalars_of(asked.get("prompt")),  # of the Responses API: id and version
        "conversation": short(asked.get("conversation"))
        or short(mapping(asked.get("conversation")).get("id")),
    }
    return found | {name: value for name, value in derived.items() if value is not None}


def _scalars_of(value: object) -> dict[str, Any] | None:
    inner = ((key[:64], scalar(item)) for key, item in list(mapping(value).items())[:16])
    return {key: item for key, item in inner if item is not None} or None


def _format(value: object) -> dict[str, Any] | None:
    """`response_format` or `text.format`: its type, and the name of a JSON schema."""
    if isinstance(value, str):
        return {"type": value[:64]}
    said = mapping(value)
    kind = short(said.get("type"), 64)
    if kind is None:
        return None
    name = short(mapping(said.get("json_schema")).get("name"), 64) or short(said.get("name"), 64)
    return {"type": kind, "name": name} if name else {"type": kind}


def _tools(value: object) -> dict[str, Any] | None:
    """How many, and their names: of functions their own, of MCP servers the label, of others the
    type.
    """
    tools = mappings(value)
    return (
        {"count": len(tools), "names": [_tool_name(tool) for tool in tools[:_MAX_NAMES]]}
        if tools
        else None
    )


def _tool_name(tool: dict[str, Any]) -> str:
    inner = mapping(tool.get("function")) or mapping(tool.get("custom"))
    names = (inner.get("name"), tool.get("name"), tool.get("server_label"), tool.get("type"))
    return next((text(name)[:64] for name in names if text(name)), "")


def _choice(value: object) -> str | None:
    """`auto`, `none`, `required`, or the name (else the type) of the tool that must be called."""
    if isinstance(value, str):
        return value[:64]
    said = mapping(value)
    return (
        short(mapping(said.get("function")).get("name"), 64)
        or short(said.get("name"), 64)
        or short(said.get("type"), 64)
    )


def _inputs(value: object) -> int | None:
    """How many inputs: a text is one, and so is an array of token ids."""
    if isinstance(value, str) or (isinstance(value, list) and value and isinstance(value[0], int)):
        return 1
    return len(items(value)) or None


def _count(stop: object) -> int | None:
    return 1 if isinstance(stop, str) else len(items(stop)) or None
