"""Chat completions and completions: choices, from one document or from chunks. A message is read as
one large delta.
"""

from __future__ import annotations

from typing import Final

from shared.core.answer.choice_parts import CallBuilder, FiltersBuilder, ToolCallsBuilder
from shared.core.answer.shapes import AudioAnswer, Choice, FunctionCall, ParsedAnswer, ToolCall
from shared.core.wire.json.embedded_file import Base64Meter
from shared.core.wire.json.json_shape import (
    JsonObject,
    integer,
    mapping,
    mappings,
    short,
    text,
    utf8_size,
)
from shared.core.wire.json.masking import mask_object

_CONTENT_ONLY: Final = frozenset({"content"})
# all that most deltas have
_TEXT_KEYS: Final = frozenset({"role", "content", "refusal", "reasoning_content", "reasoning"})
# Types of parts of a message's content whose text is the model's reasoning.
_REASONING: Final = frozenset({"reasoning", "thinking", "reasoning_text"})


class ChatReader:
    """The choices of one answer."""

    def __init__(self) -> None:
        self._builders: dict[int, ChoiceBuilder] = {}

    def add(self, chunk: JsonObject) -> bool:
        """Add a whole document or one chunk. True if it holds generated content."""
        has_content = False
        for position, choice in enumerate(mappings(chunk.get("choices"))):
            index = integer(choice.get("index"))
            index = position if index is None else index
            builder = self._builders.get(index)
            if builder is None:
                builder = self._builders[index] = ChoiceBuilder(index)
            has_content = builder.add(choice) or has_content
        return has_content

    def build(self) -> ParsedAnswer:
        choices = tuple(self._builders[index].build() for index in sorted(self._builders))
        first = next((choice for choice in choices if choice.index == 0), None)
        return ParsedAnswer(
            content=_content(first) if first else "",
            choices=choices,
            finish_reason=first.finish_reason if first else None,
            generated_bytes=sum(_generated_bytes(choice) for choice in choices),
        )


class ChoiceBuilder:
    """Merges the chunks of a choice."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._content: list[str] = []
        self._refusal: list[str] = []
        self._reasoning: list[str] = []
        self._finish_reason: str | None = None
        self._tool_calls = ToolCallsBuilder()
        self._function_call: CallBuilder | None = None
        self._logprobs: JsonObject = {}
        self._annotations: list[JsonObject] = []
        self._context: JsonObject = {}
        self._audio: AudioBuilder | None = None
        self._filters = FiltersBuilder()

    def add(self, choice: JsonObject) -> bool:
        """Add a chunk's choice (`delta`), a document's (`message`), or a completion's (`text`).
        True if it holds generated content.
        """
        if choice.get("finish_reason"):
            self._finish_reason = short(choice["finish_reason"]) or self._finish_reason
        self._filters.add(choice)
        if choice.get("logprobs"):
            _extend(self._logprobs, mapping(choice["logprobs"]))
        delta = mapping(choice.get("delta")) or mapping(choice.get("message"))
        content = _text_of(delta.get("content")) or text(choice.get("text"))
        if content:
            self._content.append(content)
        has_content = bool(content)
        if delta.keys() == _CONTENT_ONLY and type(delta["content"]) is str:  # nearly every chunk
            return has_content
        has_content = self._add_other_texts(delta) or has_content
        return (
            has_content
            if delta.keys() <= _TEXT_KEYS
            else self._add_other_members(delta) or has_content
        )

    def _add_other_texts(self, delta: JsonObject) -> bool:
        refusal = text(delta.get("refusal")) or _part_texts(delta, "refusal")
        reasoning = _reasoning_of(delta)
        if refusal:
            self._refusal.append(refusal)
        if reasoning:
            self._reasoning.append(reasoning)
        return bool(refusal or reasoning)

    def _add_other_members(self, delta: JsonObject) -> bool:
        self._annotations += map(mask_object, mappings(delta.get("annotations")))
        self._context |= mask_object(mapping(delta.get("context")))
        has_content = self._tool_calls.add(delta.get("tool_calls"))
        function_call = mapping(delta.get("function_call"))
        if function_call:
            self._function_call = self._function_call or CallBuilder()
            has_content = self._function_call.add(function_call) or has_content
        audio = mapping(delta.get("audio"))
        if audio:
            self._audio = self._audio or AudioBuilder()
            has_content = self._audio.add(audio) or has_content
        return has_content

    def build(self) -> Choice:
        return Choice(
            index=self._index,
            content="".join(self._content),
            finish_reason=self._finish_reason,
            refusal="".join(self._refusal) or None,
            reasoning_content="".join(self._reasoning) or None,
            tool_calls=self._tool_calls.build(),
            function_call=self._function_call.function() if self._function_call else None,
            logprobs=mask_object(self._logprobs) or None,
            annotations=tuple(self._annotations) or None,
            context=self._context or None,
            audio=self._audio.build() if self._audio else None,
            content_filter_results=self._filters.results(),
            content_filter_spans=self._filters.spans(),
        )


class AudioBuilder:
    """Merges a spoken answer, which comes in one piece or in many."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._expires_at: int | None = None
        self._transcript: list[str] = []
        self._data = Base64Meter()

    def add(self, audio: JsonObject) -> bool:
        """Add a piece. True if it holds audio data or a piece of the transcript."""
        data, transcript = text(audio.get("data")), text(audio.get("transcript"))
        self._id = self._id or short(audio.get("id"))
        self._expires_at = integer(audio.get("expires_at")) or self._expires_at
        self._transcript.append(transcript)
        self._data.feed(data)
        return bool(data or transcript)

    def build(self) -> AudioAnswer:
        digest = self._data.sha256()
        return AudioAnswer(
            id=self._id,
            transcript="".join(self._transcript),
            bytes=self._data.size,
            sha256=digest if self._data.size else None,
            expires_at=self._expires_at,
        )


def _content(choice: Choice) -> str:
    """The choice's text; of a spoken one its transcript."""
    return choice.content or (choice.audio.transcript if choice.audio else "")


def _generated_bytes(choice: Choice) -> int:
    """UTF-8 bytes of everything that the model wrote into a choice."""
    calls = [_call_text(call) for call in choice.tool_calls or ()]
    if choice.function_call:
        calls.append(_function_text(choice.function_call))
    texts = [_content(choice), choice.refusal or "", choice.reasoning_content or "", *calls]
    return sum(utf8_size(piece) for piece in texts)


def _call_text(call: ToolCall) -> str:
    if call.function:
        return _function_text(call.function)
    return call.custom.name + call.custom.input if call.custom else ""


def _function_text(call: FunctionCall) -> str:
    return call.name + call.arguments


def _text_of(content: object) -> str:
    """A text, or the joined texts of an array of parts, which some models answer with."""
    if isinstance(content, list):
        parts = (part for part in mappings(content) if part.get("type") not in _REASONING)
        return "".join(text(part.get("text")) for part in parts)
    return text(content)


def _reasoning_of(delta: JsonObject) -> str:
    """The reasoning in a delta or a message, by whichever name its server has for it. Some repeat
    it under two of them.
    """
    return (
        text(delta.get("reasoning_content"))
        or text(delta.get("reasoning"))
        or "".join(_part_texts(delta, name) for name in ("thinking", "reasoning"))
        or "".join(
            text(part.get("text"))
            for part in mappings(delta.get("content"))
            if part.get("type") in _REASONING
        )
    )


def _part_texts(delta: JsonObject, name: str) -> str:
    """The texts of this name in the parts of a content: a text each, or parts of their own."""
    parts = mappings(delta.get("content"))
    return "".join(_text_of(part.get(name)) for part in parts if name in part)


def _extend(target: JsonObject, piece: JsonObject) -> None:
    """Append to arrays and replace anything else, in place, because a stream has thousands of
    pieces.
    """
    for key, value in piece.items():
        present = target.get(key)
        if isinstance(present, list) and isinstance(value, list):
            present.extend(value)
        elif value is not None or key not in target:
            target[key] = list(value) if isinstance(value, list) else value
