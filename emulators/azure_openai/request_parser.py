"""Parses a JSON request. Pure, and also a child process for large bodies.

Parsing 20 MB of JSON holds Python's interpreter lock for tenths of a second, which delays every
other stream. `python -m emulators.azure_openai.request_parser` reads a body from stdin and writes
the pickled ParsedRequest to stdout.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from emulators.azure_openai.texts import digest, tokens

# The members that determine the response's text; others (stream, n, model, ...) change only its
# shape.
_TEXT_KEYS: Final = ("messages", "prompt", "input", "instructions")
_TOKENS_PER_MESSAGE: Final = 4


class NotJsonError(ValueError):
    """The body is not a JSON object."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function that the model may call."""

    name: str
    parameters: Mapping[str, object]  # its JSON schema, {} if none was given


@dataclass(frozen=True, kw_only=True)
class ParsedRequest:
    """A request, without its texts."""

    seed: str  # derived from the texts: equal for requests with the same texts
    prompt_tokens: int  # words of all texts, plus 4 per message
    inputs: int = 1  # how many `input` or `prompt` items (embeddings, completions)
    last_role: str = ""  # the role of the last message; "" without messages
    tools: tuple[Tool, ...] = ()  # those that may be called, after tool_choice
    functions: tuple[Tool, ...] = ()  # likewise for the legacy `functions`
    # the request without messages, prompt, input
    parameters: Mapping[str, object] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """Whether the parameter is `true`."""
        return self.parameters.get(name) is True

    def text(self, name: str, default: str = "") -> str:
        """A parameter that is a string."""
        value = self.parameters.get(name)
        return value if isinstance(value, str) else default

    def number(self, name: str, default: int) -> int:
        """A parameter that is a positive whole number."""
        value = self.parameters.get(name)
        return (
            value
            if isinstance(value, int) and not isinstance(value, bool) and value > 0
            else default
        )

    @property
    def include_usage(self) -> bool:
        """Whether a stream is to end with a usage chunk."""
        options = self.parameters.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True


def read(body: bytes) -> ParsedRequest:
    """Read a request's JSON body. Raises NotJsonError."""
    try:
        request = json.loads(body)
    except ValueError as error:
        raise NotJsonError(str(error)) from error
    if not isinstance(request, dict):
        raise NotJsonError("the body is not a JSON object")
    texts = {key: request[key] for key in _TEXT_KEYS if key in request}
    messages = _messages(request)
    return ParsedRequest(
        seed=digest(json.dumps(texts, sort_keys=True)),
        prompt_tokens=sum(map(tokens, _strings(texts))) + _TOKENS_PER_MESSAGE * len(messages),
        inputs=_inputs(request),
        last_role=str(messages[-1].get("role", messages[-1].get("type", ""))) if messages else "",
        tools=_tools(request),
        functions=_functions(request),
        parameters={key: value for key, value in request.items() if key not in texts},
    )


def _messages(request: Mapping[str, object]) -> list[Mapping[str, object]]:
    value = request.get("messages", request.get("input"))
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _inputs(request: Mapping[str, object]) -> int:
    value = request.get("input", request.get("prompt"))
    if not isinstance(value, list) or not value or isinstance(value[0], int):
        return 1
    return len(value)


def _strings(value: object) -> Iterator[str]:
    """The texts in a request: every string under a `content`, `text`, `prompt` or `input`, data
    URLs left out.
    """
    if isinstance(value, str):
        if not value.startswith("data:"):
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in {
                "content",
                "text",
                "prompt",
                "input",
                "instructions",
                "messages",
                "output",
                "arguments",
            }:
                yield from _strings(item)


def _tools(request: Mapping[str, object]) -> tuple[Tool, ...]:
    choice = request.get("tool_choice")
    if choice == "none":
        return ()
    tools = tuple(
        _tool(item)
        for item in _dicts(request.get("tools"))
        if item.get("type", "function") == "function"
    )
    tools = _choose(tools, choice)
    return tools[:1] if request.get("parallel_tool_calls") is False else tools


def _functions(request: Mapping[str, object]) -> tuple[Tool, ...]:
    choice = request.get("function_call")
    if choice == "none":
        return ()
    return _choose(tuple(_tool(item) for item in _dicts(request.get("functions"))), choice)[:1]


def _choose(tools: tuple[Tool, ...], choice: object) -> tuple[Tool, ...]:
    if not isinstance(choice, dict):
        return tools
    function = choice.get("function", choice)
    name = function.get("name") if isinstance(function, dict) else None
    return tuple(tool for tool in tools if tool.name == name)


def _tool(item: Mapping[str, object]) -> Tool:
    """Read a tool. Chat nests the function; the Responses API and legacy functions do not."""
    function = item.get("function", item)
    if not isinstance(function, dict):
        return Tool(name="unnamed", parameters={})
    parameters = function.get("parameters")
    return Tool(
        name=str(function.get("name", "unnamed")),
        parameters=parameters if isinstance(parameters, dict) else {},
    )


def _dicts(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def main() -> int:
    """Read a body from stdin, write the pickled ParsedRequest (or an error message) to stdout."""
    try:
        outcome: ParsedRequest | str = read(sys.stdin.buffer.read())
    except NotJsonError as error:
        outcome = str(error)
    sys.stdout.buffer.write(pickle.dumps(outcome))
    return 0


if __name__ == "__main__":
    # Unpickling needs the class under its importable name, not as __main__.ParsedRequest.
    from emulators.azure_openai import request_parser

    sys.exit(request_parser.main())
