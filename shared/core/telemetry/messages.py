"""Prompt and answer of an exchange in the shapes of the conventions' JSON schemas, and the event of
its span that holds them.

They are made only if the operator wants them. Their source is the event, redacted by its content
mode; in the mode `metadata` there are none. An event does not hold files, so a file's part only
describes the file, with a type of this app's own: `omitted`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.core.conversation import Message, Part, conversation
from shared.core.event import truncation
from shared.core.event.shape import Event
from shared.core.telemetry.conventions import Attributes, AttributeValue
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.gen_ai import MetricFamily
from shared.core.wire.json.json_shape import (
    Json,
    JsonObject,
    parse,
    parse_container,
    parse_object,
    text,
)
from shared.core.wire.operations import spec_of

EVENT_NAME: Final = "gen_ai.client.inference.operation.details"
# The most bytes of the event from which messages are made. The longest texts of a larger event are
# cut first, as for the limit of the Event Hub.
LIMIT_BYTES: Final = 64 * 1024
_MODALITIES: Final = {"image": "image", "audio": "audio", "file": "document"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Messages:
    """Prompt and answer, each as JSON. None: there is none."""

    system_instructions: str | None  # an array of parts: what is separate from the prompt
    input: str | None  # an array of messages
    output: str | None  # an array of messages, one for each choice

    def by_attribute(self) -> dict[str, str]:
        """The messages that are not None, by the names of their attributes."""
        values = {
            "gen_ai.system_instructions": self.system_instructions,
            "gen_ai.input.messages": self.input,
            "gen_ai.output.messages": self.output,
        }
        return {name: value for name, value in values.items() if value is not None}


def messages_of(event: Event, finish_reasons: Sequence[str]) -> Messages | None:
    """The messages of an event; None if it has none to report. `finish_reasons`: of the choices,
    in their order.
    """
    operation = spec_of(event.operation).gen_ai
    if event.content_mode is ContentMode.METADATA or operation is None:
        return None
    if operation.family is not MetricFamily.INFERENCE:
        return None
    fields = _within_limit(event)
    messages = conversation(fields)
    instructions = 1 if text(fields.get("instructions")) else 0
    prompt = [message for message in messages if message.source == "prompt"]
    answer = [message for message in messages if message.source == "answer"]
    if event.output is not None:
        answer = _as_one_message(answer)
    return Messages(
        system_instructions=_json(
            [part for message in prompt[:instructions] for part in _parts(message)]
        ),
        input=_json([_message(message) for message in prompt[instructions:]]),
        output=_json(_outputs(answer, finish_reasons)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class MessagesEvent:
    """The event of the exchange's span that holds prompt and answer."""

    at_ns: int  # unix time
    span_id: int
    attributes: Mapping[str, AttributeValue | Json]  # the messages are structured values


def messages_event_of(
    messages: Messages, attributes: Attributes, *, span_id: int, at_ns: int
) -> MessagesEvent:
    """The span's event. `attributes`: those of the span, which are its own as well."""
    structured = {name: parse(value) for name, value in messages.by_attribute().items()}
    return MessagesEvent(at_ns=at_ns, span_id=span_id, attributes={**attributes, **structured})


def _within_limit(event: Event) -> JsonObject:
    """The event as JSON, cut to the limit. `content` repeats what choices and output hold."""
    if event.choices or event.output:
        event = replace(event, content="")
    return parse_object(truncation.truncate(event, LIMIT_BYTES))


def _as_one_message(answer: list[Message]) -> list[Message]:
    """The items of a response are parts of one generation."""
    parts = tuple(part for message in answer for part in message.parts)
    return [Message(role="assistant", parts=parts, source="answer")] if parts else []


def _outputs(answer: list[Message], finish_reasons: Sequence[str]) -> list[Json]:
    """`finish_reason` is deprecated there, but earlier versions of the schema demand it."""
    reasons = [*finish_reasons, *[""] * len(answer)]
    return [
        _message(message) | ({"finish_reason": reason} if reason else {})
        for message, reason in zip(answer, reasons, strict=False)
    ]


def _message(message: Message) -> JsonObject:
    role = "tool" if message.role == "function" else message.role
    return {"role": role, "parts": _parts(message)}


def _parts(message: Message) -> list[Json]:
    return [_part(part) for part in message.parts]


def _part(part: Part) -> JsonObject:
    match part.kind:
        case "text" | "refusal":
            return {"type": "text", "content": part.text or ""}
        case "reasoning":
            return {"type": "reasoning", "content": part.text or ""}
        case "tool_call":
            return _tool(part, "tool_call") | {
                "name": part.name or "",
                "arguments": parse_container(part.text),
            }
        case "tool_result":
            return _tool(part, "tool_call_response") | {"response": parse_container(part.text)}
        case "image" | "audio" | "file":
            return _file(part, _MODALITIES[part.kind])
        case "other":
            return _other(part)


def _tool(part: Part, kind: str) -> JsonObject:
    return {"type": kind, "id": part.id} if part.id else {"type": kind}


def _file(part: Part, modality: str) -> JsonObject:
    """A file by its address; otherwise what is known of it."""
    if (part.text or "").startswith(("https://", "http://")):
        return {"type": "uri", "modality": modality, "uri": part.text}
    known: JsonObject = {
        "mime_type": part.media_type,
        "name": part.name,
        "bytes": part.size,
        "transcript" if modality == "audio" else "id": part.text,
    }
    present = {name: value for name, value in known.items() if value is not None}
    return {"type": "omitted", "modality": modality, **present}


def _other(part: Part) -> JsonObject:
    """A tool that ran at the upstream, as the response's item describes it."""
    item = parse_object(part.text or "")
    if not text(item.get("type")):
        return {"type": part.name or "other"}
    call: JsonObject = {"name": part.name or "", "server_tool_call": item}
    return {"type": "server_tool_call", **({"id": item["id"]} if item.get("id") else {}), **call}


def _json(values: list[Json]) -> str | None:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) if values else None
