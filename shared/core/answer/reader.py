"""What a captured answer says. Assembled from raw bytes, cut anywhere; arbitrary bytes never raise.

    pieces -> content-encoding undone -> one JSON document | SSE chunks
           -> the operation's reader -> Answer

An operation's reader takes documents and chunks alike. What every operation says (model, usage,
errors) is read by `Said`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from shared.core.answer import audio
from shared.core.answer.audio import Sound
from shared.core.answer.chat import Choices
from shared.core.answer.embeddings import Vectors
from shared.core.answer.images import Pictures
from shared.core.answer.metadata import Said
from shared.core.answer.repeated import Repeated
from shared.core.answer.responses import Output
from shared.core.answer.shapes import Answer
from shared.core.answer.stream import ChunkStream
from shared.core.wire.content_coding import Unfolding
from shared.core.wire.cooperative import Slices, at_once
from shared.core.wire.json_shape import parse, problem
from shared.core.wire.operations import ReaderKind, spec_of
from shared.core.wire.stream_end import EVENT_STREAM

_MAX_ERROR_TEXT: Final = 2048  # characters of an error body that is no JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """What tells how to read an answer's body."""

    operation: str
    status_code: int | None = None  # the upstream's
    content_type: str = ""
    content_encoding: str = ""
    stream: bool | None = None  # where the content type does not say

    @property
    def reader_kind(self) -> ReaderKind:
        return spec_of(self.operation).reader

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def is_stream(self) -> bool:
        return self.media_type == EVENT_STREAM if self.media_type else bool(self.stream)


class Reader(Protocol):
    """Reads the documents or chunks of one operation."""

    def add(self, document: dict[str, Any], _event: str = "message") -> bool: ...
    def answer(self) -> Answer: ...


class _Silent:
    """Of an operation whose answers are not looked into."""

    def add(self, _document: dict[str, Any], _event: str = "message") -> bool:
        return False

    def answer(self) -> Answer:
        return Answer()


_READERS: Final[dict[ReaderKind, Callable[[Body], Reader]]] = {
    ReaderKind.NONE: lambda _: _Silent(),
    ReaderKind.CHAT: lambda _: Choices(),
    ReaderKind.RESPONSES: lambda _: Output(),
    ReaderKind.EMBEDDINGS: lambda _: Vectors(),
    ReaderKind.IMAGES: lambda _: Pictures(),
    ReaderKind.AUDIO: lambda body: Sound(body.media_type),
}


def read(pieces: Iterable[bytes], body: Body) -> Answer:
    """The answer in a body that comes in `pieces`."""
    return at_once(reading(pieces, body))


def reading(pieces: Iterable[bytes], body: Body) -> Slices[Answer]:
    """The same, with pauses within a stream. A document is parsed in one go: who cannot wait that
    long asks a child.
    """
    unfolding = Unfolding(body.content_encoding)
    unfolded = unfolding.pieces(pieces)
    if body.is_stream:
        answer = yield from _from_stream(unfolded, body)
    elif (body.status_code or 200) >= 400:
        answer = _from_error(unfolded)
    elif body.reader_kind is ReaderKind.AUDIO and not body.media_type.endswith("json"):
        answer = audio.of_bytes(unfolded, body.media_type)
    else:
        answer = _from_document(unfolded, body)
    if unfolding.problem is not None:
        return Answer(problems=(f"the answer cannot be read: {unfolding.problem}",))
    return replace(answer, first_token_end=None) if unfolding.changes_offsets else answer


def _reader(body: Body) -> Reader:
    return _READERS[body.reader_kind](body)


def _from_stream(pieces: Iterable[bytes], body: Body) -> Slices[Answer]:
    said, reader = Said(), _reader(body)
    choices = reader if isinstance(reader, Choices) else None  # whose chunks `Repeated` knows
    stream = ChunkStream(Repeated() if choices else None)
    first_token_end: int | None = None
    for chunk in stream.chunks(pieces):
        if chunk is None:
            yield
            continue
        if choices and chunk.repeated is not None:
            choices.add_content(chunk.repeated)
            continue
        said.note(chunk.document, chunk.event)
        if reader.add(chunk.document, chunk.event) and first_token_end is None:
            first_token_end = chunk.end
    problems = (
        (f"{stream.unreadable} events of the stream hold no JSON object",)
        if stream.unreadable
        else ()
    )
    return replace(
        reader.answer(), **said.facts(), first_token_end=first_token_end, problems=problems
    )


def _from_document(pieces: Iterable[bytes], body: Body) -> Answer:
    if body.reader_kind is ReaderKind.NONE:
        return Answer()
    data = b"".join(pieces)
    document = parse(data)
    reader, said = _reader(body), Said()
    if not isinstance(document, dict):
        problems = (f"the answer's body {problem(data)}",) if data else ()
        return replace(reader.answer(), problems=problems)
    said.note(document)
    reader.add(document)
    return replace(reader.answer(), **said.facts())


def _from_error(pieces: Iterable[bytes]) -> Answer:
    data = b"".join(pieces)
    document, said = parse(data), Said()
    if isinstance(document, dict) and document:
        said.note(document)
        if said.error is not None:
            return Answer(**said.facts())
    text = data[:_MAX_ERROR_TEXT].decode("utf-8", "replace")
    return Answer(**said.facts() | {"error": {"message": text} if text else None})
