"""The parts of a parsed answer. These types are part of the event's contract: see
docs/reference/events.md.

A field with a default is absent from the event if it is None. The comment of a field becomes its
description in docs/event.schema.json.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.wire.json.json_shape import Json, JsonObject


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionCall:
    """A call of a function, merged from its deltas."""

    name: str
    arguments: str  # JSON as the model wrote it; it may be malformed, or cut if the stream was


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomCall:
    """A call of a custom tool, merged from its deltas."""

    name: str
    input: str  # free text


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """One of the tool calls of a choice."""

    id: str | None
    type: str  # function | custom
    function: FunctionCall | None = None
    custom: CustomCall | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioAnswer:
    """A chat model's spoken answer; the audio data stays in the capture."""

    id: str | None
    transcript: str
    bytes: int  # size of the audio data, decoded
    sha256: str | None  # of the audio data; null if there was none
    expires_at: int | None = None  # Unix seconds until which the id can be referred to


@dataclass(frozen=True, kw_only=True, slots=True)
class FilteredSpan:
    """The asynchronous content filter's results for a part of the text. Adjacent parts with the
    same results are one span.
    """

    start_offset: int | None  # characters from the answer's start
    end_offset: int | None
    check_offset: int | None  # up to here the text has been checked
    results: JsonObject  # the upstream's content_filter_results


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One choice of a chat completion or a completion, merged from its deltas."""

    index: int
    content: str  # its text, "" if there is none
    # stop, length, tool_calls, function_call, content_filter; null: it did not finish
    finish_reason: str | None
    refusal: str | None = None  # the text with which the model refused
    reasoning_content: str | None = None  # of models that show it
    tool_calls: tuple[ToolCall, ...] | None = None  # by index
    function_call: FunctionCall | None = None  # the predecessor of tool calls
    logprobs: JsonObject | None = None  # the upstream's object, the arrays of all chunks joined
    annotations: tuple[JsonObject, ...] | None = None  # URL citations and the like
    context: JsonObject | None = None  # On Your Data: citations and intent
    audio: AudioAnswer | None = None
    # by category, the most severe of all chunks
    content_filter_results: JsonObject | None = None
    content_filter_spans: tuple[FilteredSpan, ...] | None = None  # of the asynchronous filter


@dataclass(frozen=True, kw_only=True, slots=True)
class Embeddings:
    """The embeddings of an answer, without the vectors."""

    count: int
    dimensions: int | None  # of the first vector; null if they cannot be determined


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """One image of an answer, without its data. Its URL is left out: it holds a signature that
    opens the image.
    """

    bytes: int | None  # size, decoded; null if the answer holds only a URL
    sha256: str | None
    revised_prompt: str | None = None
    content_filter_results: JsonObject | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """The images of an answer."""

    count: int
    size: str | None  # of the answer, else of the request: 1024x1024
    quality: str | None
    output_format: str | None
    partial_count: int  # previews in a stream
    items: tuple[Image, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Audio:
    """The answer of an audio operation: speech, or a transcript, whose text is `content`."""

    content_type: str | None
    bytes: int | None  # size of the speech, decoded; null for a transcript
    sha256: str | None  # of the speech
    duration_s: float | None  # of the audio that was transcribed, if the upstream reports it
    language: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponseMetadata:
    """Values that any document or chunk may hold, for every operation."""

    model: str | None = None
    usage: JsonObject | None = None
    id: str | None = None
    # of a response: completed, incomplete, failed, in_progress, queued, cancelled
    response_status: str | None = None
    background: bool | None = None  # of a response: it ran in the background
    completed_at: int | None = None  # of a response, Unix seconds
    service_tier: str | None = None
    system_fingerprint: str | None = None
    prompt_filter_results: tuple[Json, ...] | None = None
    content_filters: tuple[Json, ...] | None = None  # of a response
    error: JsonObject | None = None  # the upstream's error object, wherever it was in the answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """A batch as the upstream reports it. Null: not reported."""

    id: str | None
    # validating, in_progress, finalizing, completed, failed, expired, cancelling, cancelled
    status: str | None
    endpoint: str | None  # the endpoint that its requests call
    total: int | None  # its requests
    completed: int | None  # its completed requests
    failed: int | None  # its failed requests


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedAnswer(ResponseMetadata):
    """All that an answer's body holds."""

    content: str = ""  # choice 0's text, a response's output text, or a transcript
    choices: tuple[Choice, ...] = ()
    output: tuple[JsonObject, ...] | None = None  # the items of a response
    finish_reason: str | None = None
    embeddings: Embeddings | None = None
    images: Images | None = None
    audio: Audio | None = None
    batch: Batch | None = None
    problems: tuple[str, ...] = ()  # what could not be read, and why
    unreadable: bool = False  # nothing could be read, and `problems` says why
    failed: bool = False  # it reports an error, or is a response that failed
    is_stream: bool = False  # it was read as events
    # of a stream: it holds its own end; None if that is not known, or it is not a stream
    finished: bool | None = None
    # of a stream: offset in bytes after the first event that holds generated content
    first_token_end: int | None = None
    generated_bytes: int = 0  # UTF-8 of everything that the model wrote, for estimates
