"""Parse a captured answer. The bytes may be cut anywhere, and no bytes raise an error.

    pieces -> decoded by content-encoding -> one JSON document | SSE chunks
           -> the operation's AnswerReader and the ResponseMetadataCollector -> ParsedAnswer

A reader takes a document and a chunk alike. The collector takes what every operation's answers
hold: model, usage, ids, errors.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

from shared.core.answer.audio import AudioReader, read_binary
from shared.core.answer.batches import BatchReader
from shared.core.answer.chat import ChatReader
from shared.core.answer.chunks import ChunkStream
from shared.core.answer.embeddings import EmbeddingsReader
from shared.core.answer.images import ImagesReader
from shared.core.answer.metadata import ResponseMetadataCollector
from shared.core.answer.responses import ResponsesReader
from shared.core.answer.shapes import ParsedAnswer
from shared.core.wire.http.body_start import is_event_stream
from shared.core.wire.http.content_coding import ContentDecoder
from shared.core.wire.http.headers import is_event_stream_type, media_type
from shared.core.wire.json.json_shape import JsonObject, parse, problem
from shared.core.wire.operations import ReaderKind, spec_of
from shared.core.wire.steps import Cooperative, run_to_end
from shared.core.wire.stream.stream_end import LAST_EVENTS, ends_stream

_MAX_ERROR_TEXT: Final = 2048  # characters of an error body that is not JSON
_PEEKED_BYTES: Final = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerBody:
    """An answer's properties that decide how its body is read."""

    operation: str  # its name
    status_code: int | None = None  # the upstream's
    content_type: str = ""
    content_encoding: str = ""
    # whether it is a stream, as the relay understood it; None: the content type says it
    stream: bool | None = None
    requested_model: str | None = None  # the deployment or the model that the request names
    whole: bool = True  # the upstream ended it; otherwise its end may be missing

    @property
    def reader_kind(self) -> ReaderKind:
        """The reader of the operation's answers."""
        return spec_of(self.operation).reader

    @property
    def is_parsed(self) -> bool:
        """Whether an answer that is not a stream is parsed."""
        return spec_of(self.operation).parses_documents

    @property
    def reads_object(self) -> bool:
        """Whether the answer is an object that is read, whose `error` is not the call's."""
        return spec_of(self.operation).reads_object

    @property
    def media_type(self) -> str:
        """The media type, lower-case; "" if there is none."""
        return media_type(self.content_type)

    @property
    def is_stream(self) -> bool:
        """Whether the answer is a stream by its headers. Its body may be something else."""
        if self.stream is not None:
            return self.stream
        return is_event_stream_type(self.content_type)

    @property
    def is_audio(self) -> bool:
        """Whether the operation's answers are speech or transcripts, and this one is not JSON."""
        return self.reader_kind is ReaderKind.AUDIO and not self.media_type.endswith("json")

    @property
    def is_error(self) -> bool:
        """Whether the upstream answered with an error."""
        return (self.status_code or 200) >= 400


class AnswerReader(Protocol):
    """Collects the content of one answer."""

    def add(self, chunk: JsonObject) -> bool:
        """Add a whole document or one chunk of a stream. True if it holds generated content."""
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
    ReaderKind.BATCH: lambda _: BatchReader(),
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
    answer = yield from _read_decoded(decoder.decode(pieces), body)
    if decoder.problem is not None and (body.whole or not decoder.is_cut_short):
        answer = _with_problem(answer, decoder)
    # the client counted the bytes as they came over the network
    return replace(answer, first_token_end=None) if decoder.is_encoded else answer


def _with_problem(answer: ParsedAnswer, decoder: ContentDecoder) -> ParsedAnswer:
    """The decoded part of an answer, with the problem of the rest."""
    if not decoder.is_right_so_far:
        problem = f"the answer cannot be read: {decoder.problem}"
        return ParsedAnswer(problems=(problem,), unreadable=True)
    problem = f"the answer cannot be read whole: {decoder.problem}"
    others = () if answer.unreadable else answer.problems
    return replace(answer, problems=(problem, *others))


def _read_decoded(pieces: Iterator[bytes], body: AnswerBody) -> Cooperative[ParsedAnswer]:
    if not (body.is_parsed or body.is_error or body.is_stream):
        return ParsedAnswer()  # not decoded either, so that no problem of its coding is found
    first, pieces = _peek(pieces)
    if body.is_error:
        return (yield from _read_error(b"".join(pieces), body))
    if body.is_stream:
        return (yield from _read_announced_stream(first, pieces, body))
    if is_event_stream(first) and not (body.is_audio and body.media_type):
        return (yield from _read_stream(pieces, body))
    if body.is_audio:
        return read_binary(pieces, body.media_type)
    return _read_document(b"".join(pieces), body)


def _read_announced_stream(
    first: bytes, pieces: Iterator[bytes], body: AnswerBody
) -> Cooperative[ParsedAnswer]:
    """A body whose headers announce a stream. It may be an error, or a document under the wrong
    content type.
    """
    if not first.startswith(b"{"):
        return (yield from _read_stream(pieces, body))
    data = b"".join(pieces)
    if not isinstance(parse(data), dict):
        return (yield from _read_stream((data,), body))
    return _read_document(data, body) if body.is_parsed else ParsedAnswer()


def _peek(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes that are not white space, and all of the pieces."""
    read: list[bytes] = []
    head = first = b""
    for piece in pieces:
        read.append(piece)
        head = (head + piece[:_PEEKED_BYTES])[:_PEEKED_BYTES]
        first = head.removeprefix(codecs.BOM_UTF8).lstrip()
        if is_event_stream(first) is not None or len(head) == _PEEKED_BYTES:
            break
    return first, itertools.chain(read, pieces)


def _read_stream(pieces: Iterable[bytes], body: AnswerBody) -> Cooperative[ParsedAnswer]:
    metadata = ResponseMetadataCollector(body.requested_model)
    reader = _READERS[body.reader_kind](body)
    chunks = ChunkStream()
    first_token_end: int | None = None
    is_last, count = False, 0
    for chunk in chunks.read(pieces):
        if chunk is None:
            yield
            continue
        count += 1
        is_last = is_last or ends_stream(chunk.document) or chunk.event in LAST_EVENTS
        metadata.add(chunk.document, chunk.event)
        if reader.add(chunk.document) and first_token_end is None:
            first_token_end = chunk.end
    answer = metadata.complete(reader.build())
    problems = _problems(chunks.unreadable)
    if not count and not problems and body.whole:
        problems = ("the answer's stream holds no event",)
    return replace(
        answer,
        first_token_end=first_token_end,
        problems=problems,
        unreadable=bool(problems) and not count,
        is_stream=True,
        finished=chunks.done or is_last or _every_choice_finished(answer),
    )


def _every_choice_finished(answer: ParsedAnswer) -> bool:
    return bool(answer.choices) and all(choice.finish_reason for choice in answer.choices)


def _problems(unreadable: int) -> tuple[str, ...]:
    return (f"{unreadable} events of the stream hold no JSON object",) if unreadable else ()


def _read_document(data: bytes, body: AnswerBody) -> ParsedAnswer:
    document = parse(data)
    reader = _READERS[body.reader_kind](body)
    metadata = ResponseMetadataCollector(body.requested_model)
    if not isinstance(document, dict):
        problems: tuple[str, ...] = ()
        if data or body.whole:
            problems = (f"the answer's body {problem(data) if data else 'is empty'}",)
        return replace(reader.build(), problems=problems, unreadable=bool(problems))
    metadata.add(document)
    reader.add(document)
    answer = metadata.complete(reader.build())
    return replace(answer, error=None, failed=False) if body.reads_object else answer


def _read_error(data: bytes, body: AnswerBody) -> Cooperative[ParsedAnswer]:
    """The body of an error: JSON, an event that holds it, or a text."""
    document, metadata = parse(data), ResponseMetadataCollector()
    if isinstance(document, dict) and document:
        metadata.add(document)
        answer = metadata.complete(ParsedAnswer())
    elif body.is_stream or is_event_stream(data):
        answer = yield from _read_stream((data,), body)
        answer = replace(answer, problems=(), unreadable=False)
    else:
        answer = ParsedAnswer()
    text = data[:_MAX_ERROR_TEXT].decode("utf-8", "replace")
    return answer if answer.error or not text else replace(answer, error={"message": text})
