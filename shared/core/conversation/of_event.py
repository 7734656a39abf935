"""The conversation of any event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.core.conversation import chat, media, responses
from shared.core.conversation.parts import Message, content_parts
from shared.core.wire.json.json_shape import Json, mappings, text
from shared.core.wire.operations import PromptFormat, spec_of


def conversation(event: Mapping[str, Json]) -> tuple[Message, ...]:
    """The messages of the prompt, then those of the answer. Empty ones are left out, unless they
    are all that the answer has.
    """
    messages = [*_prompt(event), *_answer(event)]
    return tuple(message for message in messages if message.parts or message.source == "answer")


def searched_text(event: Mapping[str, Json]) -> str:
    """All texts of the conversation, in which a filter searches; without NUL and lone
    surrogates.
    """
    parts = (part for message in conversation(event) for part in message.parts)
    joined = "\n".join(value for part in parts for value in (part.name, part.text) if value)
    return joined.encode("utf-8", "replace").decode().replace("\0", "")


def _prompt(event: Mapping[str, Json]) -> Iterator[Message]:
    instructions = content_parts(text(event.get("instructions")))
    if instructions:
        yield Message(role="system", parts=instructions, source="prompt")
    if spec_of(text(event.get("operation"))).prompt_format is PromptFormat.ITEMS:
        yield from responses.item_messages(event.get("prompt"), "prompt")
    else:
        yield from chat.prompt_messages(event.get("prompt"))
    yield from media.form_messages(event)


def _answer(event: Mapping[str, Json]) -> Iterator[Message]:
    if mappings(event.get("choices")):
        yield from chat.answer_messages(event)
    elif mappings(event.get("output")):
        yield from responses.item_messages(event.get("output"), "answer")
    else:
        yield from media.answer_messages(event)
