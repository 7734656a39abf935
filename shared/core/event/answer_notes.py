"""The notes of an answer whose body must not be stored, in the header of its response capture.

The relay writes them after the answer's last byte, and enrichment builds the event from them.

An answer of at most WHOLE_BYTES is read as enrichment reads a stored one. Of a longer answer only
the beginning and the end are kept. In a stream, these hold the model, the last finish reasons and
the usage; in a document, as a rule, the model and the usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from shared.core.answer import audio, reader, without_content
from shared.core.answer.shapes import ParsedAnswer
from shared.core.event import sources
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.unstored_body import UnstoredBody
from shared.core.wire.http.content_coding import decode_small, is_identity
from shared.core.wire.json.json_shape import JsonObject, mapping, short
from shared.core.wire.operations import ReaderKind
from shared.core.wire.steps import Cooperative
from shared.core.wire.stream import event_search
from shared.core.wire.stream import large_event as large
from shared.core.wire.stream.text_filters import to_lf

# A decoded answer may be so large. A document of that size is parsed in 7 to 25 ms if it consists
# of the smallest objects, and in 2 ms if it is an ordinary answer.
_DECODED_BYTES: Final = 64 * 1024
_ANSWER: Final = "answer"
_SENT_ANSWER: Final = "sent_answer"  # absent: the client was sent the whole answer

# The whole answer, and the part that the client was sent.
type _Answers = tuple[ParsedAnswer, ParsedAnswer]
_UNKNOWN: Final = (ParsedAnswer(), ParsedAnswer())


def members_steps(
    body: UnstoredBody, headers: Mapping[str, str], envelope: Envelope
) -> Cooperative[JsonObject]:
    """The members for the header; yields between short steps. `headers` are the answer's."""
    answer, sent_answer = yield from _answers_steps(body, dict(headers), envelope)
    members: JsonObject = {_ANSWER: _to_json(answer)}
    return members if sent_answer is answer else members | {_SENT_ANSWER: _to_json(sent_answer)}


def answers(header: Mapping[str, object]) -> tuple[ParsedAnswer, ParsedAnswer]:
    """The upstream's whole answer, and the part of it that the client was sent, as far as the
    header of a response capture notes them.
    """
    answer = without_content.from_json(header.get(_ANSWER))
    if _SENT_ANSWER not in header:
        return answer, answer
    return answer, without_content.from_json(header[_SENT_ANSWER])


def _to_json(answer: ParsedAnswer) -> JsonObject:
    return without_content.to_json(without_content.without_content(answer))


def _answers_steps(
    body: UnstoredBody, headers: dict[str, str], envelope: Envelope
) -> Cooperative[_Answers]:
    whole, coding = body.whole, headers.get("content-encoding", "").strip().lower()
    if is_identity(coding):
        if whole is not None:
            return (yield from _complete_answer_steps(whole, headers, envelope))
        return (yield from _answer_ends_steps(body, headers, envelope))
    decoded = (yield from decode_small(whole, coding, _DECODED_BYTES)) if whole else None
    if decoded is None:
        return _UNKNOWN
    all_sent = envelope.sent_bytes >= envelope.response_bytes
    plain = {name: value for name, value in headers.items() if name != "content-encoding"}
    sent_bytes = len(decoded) if all_sent else 0
    answer, sent_answer = yield from _complete_answer_steps(
        decoded, plain, replace(envelope, sent_bytes=sent_bytes)
    )
    # the network's bytes were counted, not these
    answer = replace(answer, first_token_end=None)
    return answer, (answer if all_sent else sent_answer)


def _complete_answer_steps(
    data: bytes, headers: dict[str, str], envelope: Envelope
) -> Cooperative[_Answers]:
    capture = Capture(header={"headers": headers}, body=data)
    return (yield from sources.answers_steps(envelope, capture))


def _answer_ends_steps(
    body: UnstoredBody, headers: dict[str, str], envelope: Envelope
) -> Cooperative[_Answers]:
    answer_body = sources.answer_body(envelope, headers)
    first, last = body.ends
    if envelope.stream:
        answer = yield from _stream_ends_steps(first, last, answer_body)
        if envelope.sent_bytes >= envelope.response_bytes:
            return answer, answer
        return answer, ParsedAnswer(is_stream=True)
    if answer_body.is_audio:
        digest = body.digest()
        answer = audio.unstored_audio(answer_body.media_type, digest.bytes, digest.sha256)
    elif answer_body.reader_kind is ReaderKind.NONE or answer_body.is_error:
        answer = ParsedAnswer()
    else:
        answer = _document_ends(first, last)
    return answer, answer


def _stream_ends_steps(
    first: bytes, last: bytes, body: reader.AnswerBody
) -> Cooperative[ParsedAnswer]:
    """Whether the stream is finished is left to the relay, which looked for it."""
    first, last = to_lf(first), to_lf(last)
    first = first[: event_search.complete_bytes(first)]
    last = last[event_search.event_end(last, 0) or len(last) :]
    answer = yield from reader.read_steps((first, last), body)
    return replace(answer, problems=(), unreadable=False, finished=None, is_stream=True)


def _document_ends(first: bytes, last: bytes) -> ParsedAnswer:
    beginning = large.first_members(first.decode("utf-8", "replace")).members
    end = last.decode("utf-8", "replace").rstrip()

    def member(name: str) -> object:
        return beginning.get(name) or large.last_member(end, name, "{")

    return ParsedAnswer(
        model=short(member("model")),
        id=short(member("id")),
        usage=mapping(large.last_member(end, "usage", "{")) or None,
        response_status=short(member("status")) if member("object") == "response" else None,
    )
