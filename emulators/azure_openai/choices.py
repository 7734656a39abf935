"""The model's output: texts and calls, before they get an API's shape. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from emulators.azure_openai import texts
from emulators.azure_openai.directives import Directives
from emulators.azure_openai.request_parser import ParsedRequest, Tool

# base of every `created`, unix seconds: a response does not depend on the clock
CREATED: Final = 1_760_000_000


@dataclass(frozen=True, kw_only=True)
class ReplyCall:
    """A tool call of the model."""

    id: str
    name: str
    arguments: str  # JSON text


@dataclass(frozen=True, kw_only=True)
class ReplyChoice:
    """A choice of a response."""

    index: int
    pieces: tuple[str, ...]  # joined: the text; empty if there are calls
    calls: tuple[ReplyCall, ...]
    function: ReplyCall | None  # the legacy function call
    refused: bool  # the text is a refusal
    finish_reason: str

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)

    @property
    def tokens(self) -> int:
        """Words of the text, names and arguments."""
        calls = self.calls + ((self.function,) if self.function else ())
        return texts.tokens(self.text) + sum(1 + texts.tokens(call.arguments) for call in calls)


@dataclass(frozen=True, kw_only=True)
class ModelOutput:
    """The content of a response, and its names."""

    request: ParsedRequest
    directives: Directives
    model: str  # as the response names it
    choices: tuple[ReplyChoice, ...]

    @property
    def created(self) -> int:
        """Unix seconds; equal for equal texts."""
        return CREATED + int(self.request.seed[:6], 16)

    def id(self, prefix: str) -> str:
        """An id with this prefix; equal for equal texts."""
        return f"{prefix}{texts.digest(self.request.seed, prefix)[:29]}"


def generate(
    request: ParsedRequest, directives: Directives, deployment: str, prompts: int = 1
) -> ModelOutput:
    """Generate the output: `n` choices for each prompt. `deployment` is without directives."""
    choices = tuple(
        _choice(request, directives, index) for index in range(request.number("n", 1) * prompts)
    )
    return ModelOutput(
        request=request,
        directives=directives,
        model=model_name(deployment, directives),
        choices=choices,
    )


def model_name(deployment: str, directives: Directives) -> str:
    """The model: a `gpt-*` deployment serves a dated version of the same name."""
    if directives.model:
        return directives.model
    dated = deployment.startswith("gpt-") and "-20" not in deployment
    return f"{deployment}-2024-11-20" if dated else deployment


def _choice(request: ParsedRequest, directives: Directives, index: int) -> ReplyChoice:
    # the tool's result is there, so the model answers in text
    calling = request.last_role not in {"tool", "function", "function_call_output"}
    calls = tuple(_call(request, tool, index) for tool in request.tools) if calling else ()
    function = (
        _call(request, request.functions[0], index)
        if calling and request.functions and not calls
        else None
    )
    pieces, finish_reason = ([], "stop") if calls or function else _text(request, directives, index)
    return ReplyChoice(
        index=index,
        pieces=tuple(pieces),
        calls=calls,
        function=function,
        refused=directives.refusal,
        finish_reason="tool_calls" if calls else "function_call" if function else finish_reason,
    )


def _text(request: ParsedRequest, directives: Directives, index: int) -> tuple[list[str], str]:
    limit = min(
        request.number(name, directives.chunks) for name in ("max_tokens", "max_completion_tokens")
    )
    limit = min(limit, request.number("max_output_tokens", limit))
    structured = _structured_pieces(request)
    if structured is not None:
        return structured, "stop"
    pieces = texts.pieces(f"{request.seed}:{index}", directives.chunks, directives.content_size)
    if directives.content_filter:
        return pieces[: len(pieces) // 2], "content_filter"
    return (pieces[:limit], "length") if limit < len(pieces) else (pieces, "stop")


def _structured_pieces(request: ParsedRequest) -> list[str] | None:
    """The pieces of a JSON text, if a response_format asks for one."""
    response_format = request.parameters.get("response_format")
    if not isinstance(response_format, dict) or response_format.get("type") not in {
        "json_object",
        "json_schema",
    }:
        return None
    described = response_format.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    value = sample(
        schema if isinstance(schema, dict) else {"properties": {"answer": {}}}, request.seed
    )
    return slices(json.dumps(value, ensure_ascii=False), 8)


def _call(request: ParsedRequest, tool: Tool, index: int) -> ReplyCall:
    arguments = sample(tool.parameters, texts.digest(request.seed, tool.name, str(index)))
    return ReplyCall(
        id=f"call_{texts.digest(request.seed, tool.name, str(index), 'id')[:24]}",
        name=tool.name,
        arguments=json.dumps(arguments, ensure_ascii=False),
    )


def sample(schema: Mapping[str, object], seed: str) -> object:
    """A value that fits a JSON schema, as far as type, enum, properties and items say."""
    options = schema.get("enum")
    if isinstance(options, list) and options:
        return options[int(seed[:4], 16) % len(options)]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        return _sample_object(schema, seed)
    if kind == "array":
        items = schema.get("items")
        return [sample(items if isinstance(items, dict) else {}, seed)]
    simple = {"number": 1.5, "integer": int(seed[:2], 16), "boolean": True, "null": None}
    return (
        simple[kind] if isinstance(kind, str) and kind in simple else "".join(texts.pieces(seed, 2))
    )


def _sample_object(schema: Mapping[str, object], seed: str) -> dict[str, object]:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    return {
        name: sample(inner if isinstance(inner, dict) else {}, texts.digest(seed, name))
        for name, inner in properties.items()
    }


def slices(text: str, size: int) -> list[str]:
    """The text in pieces of `size` characters."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def usage(output: ModelOutput) -> dict[str, object]:
    """The usage object of chat and legacy completions: prompt words, completion words, and
    details.
    """
    directives = output.directives
    completion = sum(choice.tokens for choice in output.choices) + directives.reasoning_tokens
    return {
        "completion_tokens": completion,
        "completion_tokens_details": {
            "accepted_prediction_tokens": 0,
            "audio_tokens": 0,
            "reasoning_tokens": directives.reasoning_tokens,
            "rejected_prediction_tokens": 0,
        },
        "prompt_tokens": output.request.prompt_tokens,
        "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": directives.cached_tokens},
        "total_tokens": output.request.prompt_tokens + completion,
    }
