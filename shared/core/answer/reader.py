"""Parse a captured answer. The bytes may be cut anywhere, and no bytes raise an error.

    pieces -> decoded by content-encoding -> one JSON document | SSE chunks
           -> the operation's AnswerReader and the ResponseMetadataCollector -> ParsedAnswer

A reader takes a document and a chunk alike. The collector takes what every operation's answers
hold: model, usage, ids, errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from shared.core.answer import audio
from shared.core.answer.audio import AudioReader
from shared.core.answer.chat import ChatReader
from shared.core.answer.chunks import ChunkStream
from shared.core.answer.embeddings import EmbeddingsReader
from shared.core.answer.images import ImagesReader
from shared.core.answer.metadata import ResponseMetadataCollector
from shared.core.answer.responses import ResponsesReader
from shared.core.answer.shapes import ParsedAnswer
from shared.core.wire.content_coding import ContentDecoder
from shared.core.wire.cooperative import Cooperative, run_to_end
from shared.core.wire.json_shape import JsonObject, parse, problem
from shared.core.wire.operations import ReaderKind, spec_of
from shared.core.wire.sse import EVENT_STREAM

_MAX_ERROR_TEXT: Final = 2048  # characters of an error body that is not JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerBody:
    """What decides how an answer's body is read."""

    operation: str  # its name
    status_code: int | None = None  # the upstream's
    content_type: str = ""
    content_encoding: str = ""
    stream: bool | None = None  # consulted where there is no content type

    @property
    def reader_kind(self) -> ReaderKind:
        return spec_of(self.operation).reader

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def is_stream(self) -> bool:
        return self.media_type == EVENT_STREAM if self.media_type else bool(self.stream)

    @property
    def is_error(self) -> bool:
        return (self.status_code or 200) >= 400


class AnswerReader(Protocol):
    """Collects the content of one answer."""

    def add(self, chunk: JsonObject) -> bool:
        """Add a whole document or one chunk of a stream. True where it holds generated content."""
        ...

    def build(self) -> ParsedAnswer:
        """The content so far, without metadata."""
        ...


class _NoReader:
    """For operations whose answers are not parsed."""

    def add(self, _chunk: JsonObject) -> bool:
        return False

    def build(self) -> ParsedAnswer:
        return ParsedAnswer()


_READERS: Final[dict[ReaderKind, Callable[[AnswerBody], AnswerReader]]] = {
    ReaderKind.NONE: lambda _: _NoReader(),
    ReaderKind.CHAT: lambda _: ChatReader(),
    ReaderKind.RESPONSES: lambda _: ResponsesReader(),
    ReaderKind.EMBEDDINGS: lambda _: EmbeddingsReader(),
    ReaderKind.IMAGES: lambda _: ImagesReader(),
    ReaderKind.AUDIO: lambda body: AudioReader(body.media_type),
}


def read(pieces: Iterable[bytes], body: AnswerBody) -> ParsedAnswer:
    """The answer in a body that comes in `pieces`."""
    return run_to_end(read_steps(pieces, body))


def read_steps(pieces: Iterable[bytes], body: AnswerBody) -> Cooperative[ParsedAnswer]:
    """`read` with pauses within a stream.

    A JSON document is parsed in one blocking step; callers that must not block use the child
    process.
    """
    decoder = ContentDecoder(body.content_encoding)
    decoded = decoder.decode(pieces)
    if body.is_stream:
        answer = yield from _read_stream(decoded, body)
    elif body.is_error:
        answer = _read_error(b"".join(decoded))
    elif body.reader_kind is ReaderKind.NONE:
        answer = ParsedAnswer()
    elif body.reader_kind is ReaderKind.AUDIO and not body.media_type.endswith("json"):
        answer = audio.read_binary(decoded, body.media_type)
    else:
        answer = _read_document(b"".join(decoded), body)
    if decoder.problem is not None:
        return ParsedAnswer(problems=(f"the answer cannot be read: {decoder.problem}",))
    # the client counted the bytes as they came over the network
    return replace(answer, first_token_end=None) if decoder.is_encoded else answer


def _read_stream(pieces: Iterable[bytes], body: AnswerBody) -> Cooperative[ParsedAnswer]:
    metadata, reader = ResponseMetadataCollector(), _READERS[body.reader_kind](body)
    chunks = ChunkStream()
    first_token_end: int | None = None
    for chunk in chunks.read(pieces):
        if chunk is None:
            yield
            continue
        metadata.add(chunk.document, chunk.event)
        if reader.add(chunk.document) and first_token_end is None:
            first_token_end = chunk.end
    return replace(
        metadata.complete(reader.build()),
        first_token_end=first_token_end,
        problems=_problems(chunks.unreadable),
    )


def _problems(unreadable: int) -> tuple[str, ...]:
    return (f"{unreadable} events of the stream hold no JSON object",) if unreadable else ()


def _read_document(data: bytes, body: AnswerBody) -> ParsedAnswer:
    document = parse(data)
    reader, metadata = _READERS[body.reader_kind](body), ResponseMetadataCollector()
    if not isinstance(document, dict):
        problems = (f"the answer's body {problem(data)}",) if data else ()
        return replace(reader.build(), problems=problems)
    metadata.add(document)
    reader.add(document)
    return metadata.complete(reader.build())


def _read_error(data: bytes) -> ParsedAnswer:
    document, metadata = parse(data), ResponseMetadataCollector()
    if isinstance(document, dict) and document:
        metadata.add(document)
    answer = metadata.complete(ParsedAnswer())
    text = data[:_MAX_ERROR_TEXT].decode("utf-8", "replace")
    return answer if answer.error or not text else replace(answer, error={"message": text})
