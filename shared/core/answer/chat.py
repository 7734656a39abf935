"""Chat completions and completions: choices, from one document or from chunks. A message counts as
one large delta.
"""

from __future__ import annotations

from typing import Any, Final

from shared.core.answer.content_filters import FiltersBuilder
from shared.core.answer.shapes import Answer, AudioAnswer, Choice, FunctionCall, ToolCall
from shared.core.answer.tool_calls import CallBuilder, ToolCallsBuilder
from shared.core.wire.embedded_file import Base64Meter
from shared.core.wire.json_shape import integer, mapping, mappings, short, text, utf8_size
from shared.core.wire.redaction import presentable

_CONTENT_ONLY: Final = frozenset({"content"})
# all that most deltas have
_TEXT_KEYS: Final = frozenset({"role", "content", "refusal", "reasoning_content"})


class Choices:
    """The choices of one answer."""

    def __init__(self) -> None:
        self._builders: dict[int, ChoiceBuilder] = {}
        self._last: ChoiceBuilder | None = None

    def add(self, document: dict[str, Any], _event: str = "message") -> bool:
        """A whole document or one chunk. True where it holds something that the model wrote."""
        said = False
        for position, choice in enumerate(mappings(document.get("choices"))):
            index = integer(choice.get("index"))
            index = position if index is None else index
            builder = self._builders.get(index)
            if builder is None:
                builder = self._builders[index] = ChoiceBuilder(index)
            said = builder.add(choice) or said
            self._last = builder
        return said

    def add_content(self, content: str) -> None:
        """The last chunk once more, but for its content."""
        if self._last is not None:
            self._last.add_content(content)

    def answer(self) -> Answer:
        choices = tuple(self._builders[index].build() for index in sorted(self._builders))
        first = next((choice for choice in choices if choice.index == 0), None)
        return Answer(
            content=_spoken(first) if first else "",
            choices=choices,
            finish_reason=first.finish_reason if first else None,
            generated_bytes=sum(_written(choice) for choice in choices),
        )


class ChoiceBuilder:
    """One choice."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._content: list[str] = []
        self._refusal: list[str] = []
        self._reasoning: list[str] = []
        self._finish_reason: str | None = None
        self._tool_calls = ToolCallsBuilder()
        self._function_call: CallBuilder | None = None
        self._logprobs: dict[str, Any] = {}
        self._annotations: list[dict[str, Any]] = []
        self._context: dict[str, Any] = {}
        self._audio: AudioBuilder | None = None
        self._filters = FiltersBuilder()

    def add(self, choice: dict[str, Any]) -> bool:
        """A chunk's choice (`delta`), a document's (`message`), or a completion's (`text`)."""
        if choice.get("finish_reason"):
            self._finish_reason = short(choice["finish_reason"]) or self._finish_reason
        self._filters.add(choice)
        if choice.get("logprobs"):
            _join(self._logprobs, mapping(choice["logprobs"]))
        delta = mapping(choice.get("delta")) or mapping(choice.get("message"))
        content = _joined(delta.get("content")) or text(choice.get("text"))
        self.add_content(content)
        said = bool(content)
        if delta.keys() == _CONTENT_ONLY:  # nearly every chunk
            return said
        for collected, piece in (
            (self._refusal, text(delta.get("refusal"))),
            (self._reasoning, text(delta.get("reasoning_content"))),
        ):
            if piece:
                collected.append(piece)
                said = True
        return said if delta.keys() <= _TEXT_KEYS else self._add_rest(delta) or said

    def add_content(self, content: str) -> None:
        """More of the text."""
        if content:
            self._content.append(content)

    def _add_rest(self, delta: dict[str, Any]) -> bool:
        self._annotations += presentable(mappings(delta.get("annotations")))
        self._context |= presentable(mapping(delta.get("context")))
        said = self._tool_calls.add(delta.get("tool_calls"))
        function_call = mapping(delta.get("function_call"))
        if function_call:
            self._function_call = self._function_call or CallBuilder()
            said = self._function_call.add(function_call) or said
        audio = mapping(delta.get("audio"))
        if audio:
            self._audio = self._audio or AudioBuilder()
            said = self._audio.add(audio) or said
        return said

    def build(self) -> Choice:
        return Choice(
            index=self._index,
            content="".join(self._content),
            finish_reason=self._finish_reason,
            refusal="".join(self._refusal) or None,
            reasoning_content="".join(self._reasoning) or None,
            tool_calls=self._tool_calls.build(),
            function_call=self._function_call.function() if self._function_call else None,
            logprobs=presentable(self._logprobs) or None,
            annotations=tuple(self._annotations) or None,
            context=self._context or None,
            audio=self._audio.build() if self._audio else None,
            content_filter_results=self._filters.results(),
            content_filter_spans=self._filters.spans(),
        )


class AudioBuilder:
    """Speech, in one piece or in many."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._expires_at: int | None = None
        self._transcript: list[str] = []
        self._sound = Base64Meter()

    def add(self, audio: dict[str, Any]) -> bool:
        sound, transcript = text(audio.get("data")), text(audio.get("transcript"))
        self._id = self._id or short(audio.get("id"))
        self._expires_at = integer(audio.get("expires_at")) or self._expires_at
        self._transcript.append(transcript)
        self._sound.feed(sound)
        return bool(sound or transcript)

    def build(self) -> AudioAnswer:
        digest = self._sound.sha256()
        return AudioAnswer(
            id=self._id,
            transcript="".join(self._transcript),
            bytes=self._sound.size,
            sha256=digest if self._sound.size else None,
            expires_at=self._expires_at,
        )


def _spoken(choice: Choice) -> str:
    return choice.content or (choice.audio.transcript if choice.audio else "")


def _written(choice: Choice) -> int:
    """UTF-8 bytes of everything that the model wrote into a choice."""
    calls = [_called(call) for call in choice.tool_calls or ()]
    if choice.function_call:
        calls.append(_function_text(choice.function_call))
    texts = [_spoken(choice), choice.refusal or "", choice.reasoning_content or "", *calls]
    return sum(utf8_size(piece) for piece in texts)


def _called(call: ToolCall) -> str:
    return (
        _function_text(call.function)
        if call.function
        else call.custom.name + call.custom.input
        if call.custom
        else ""
    )


def _function_text(call: FunctionCall) -> str:
    return call.name + call.arguments


def _joined(content: object) -> str:
    """A text, or the texts of an array of parts (some models answer so)."""
    if isinstance(content, list):
        return "".join(text(part.get("text")) for part in mappings(content))
    return text(content)


def _join(collected: dict[str, Any], piece: dict[str, Any]) -> None:
    """Arrays grow, anything else is replaced. In place: a stream has thousands of pieces."""
    for key, value in piece.items():
        known = collected.get(key)
        if isinstance(known, list) and isinstance(value, list):
            known.extend(value)
        elif value is not None or key not in collected:
            collected[key] = list(value) if isinstance(value, list) else value
