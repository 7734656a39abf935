"""The usage of an exchange: the upstream's figures, or an estimate that is never mixed with them.

The estimate counts one token for every four bytes of UTF-8, rounded up: prompt and tools as input,
everything that the model wrote as output. English has about four characters to a token. Images and
audio are not counted, and the text that the upstream generated after its stream broke is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.core.answer import without_content
from shared.core.answer.shapes import ParsedAnswer
from shared.core.records.exchange.envelope import Envelope, UsageSource
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.json.usage_object import latest_usage, read_figures
from shared.core.wire.operations import spec_of

BYTES_PER_TOKEN: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """The upstream's figures under one set of names, whichever operation they came from. Null: not
    reported.
    """

    input: int | None
    output: int | None
    total: int | None
    cached: int | None  # of the input, read from the prompt cache
    cache_written: int | None  # of the input, written to the prompt cache
    reasoning: int | None  # of the output, never shown
    audio_input: int | None
    audio_output: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageEstimate:
    """An estimate by the rule of docs/reference/usage.md."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageAccount:
    """The usage of an exchange, as its event reports it."""

    usage: JsonObject | None  # the upstream's object, unchanged
    source: UsageSource
    estimate: UsageEstimate | None
    repeated: bool  # another exchange counts these figures
    tokens: Tokens | None


def recorded_usage(
    usage: JsonObject | None, mode: ContentMode
) -> tuple[JsonObject | None, UsageSource]:
    """The part of the upstream's usage object that an envelope records, and its source. It is the
    whole object if the content mode stores bodies, otherwise its numbers and the API's words.
    """
    recorded = usage if mode.stores_bodies else without_content.figures_of(usage)
    return recorded, "upstream" if recorded else "none"


def account(
    envelope: Envelope,
    answer: ParsedAnswer,
    *,
    stream: bool,
    prompt_bytes: int,
) -> UsageAccount:
    """The usage of an exchange."""
    spec = spec_of(envelope.operation)
    # an object that is polled, or a file, repeats its own usage, which is not the call's
    of_envelope = envelope.usage if stream or spec.parses_documents else None
    figures = latest_usage(of_envelope, answer.usage) or None
    if answer.batch is not None and answer.batch.status not in spec.final_statuses:
        figures = None  # a batch that runs may count what it has done so far
    estimate = None
    counted = envelope.content_mode.stores_bodies  # otherwise the prompt's size in text is unknown
    if not figures and stream and spec.generates_text and counted:
        estimate = _estimate(envelope, answer, prompt_bytes)
    return UsageAccount(
        usage=figures,
        source="upstream" if figures else "estimated" if estimate else "none",
        estimate=estimate,
        repeated=figures is not None and repeats_usage(envelope, answer, stream=stream),
        tokens=tokens(figures),
    )


def tokens(usage: JsonObject | None) -> Tokens | None:
    """The figures of a usage object of any operation."""
    if usage is None:
        return None
    figures = read_figures(usage)
    return Tokens(
        input=figures.input,
        output=figures.output,
        total=figures.total,
        cached=figures.cached,
        cache_written=figures.cache_written,
        reasoning=figures.reasoning,
        audio_input=figures.audio_input,
        audio_output=figures.audio_output,
    )


def repeats_usage(envelope: Envelope, answer: ParsedAnswer, *, stream: bool) -> bool:
    """Whether another exchange counts the response's figures.

    Each GET of a response repeats its usage (litellm#25015). A response that did not run in the
    background finished in its create call, regardless of its timestamps. For a background response,
    a GET counts only if it is the stream in which the response finished. That is a guess;
    shared.core.event.usage_claim decides it.
    """
    if not spec_of(envelope.operation).repeats_usage:
        return False
    if answer.background is False:
        return True
    started = int(datetime.fromisoformat(envelope.started_at).timestamp())
    finished_here = answer.completed_at is not None and answer.completed_at >= started
    return not (stream and finished_here)


def _estimate(envelope: Envelope, answer: ParsedAnswer, prompt_bytes: int) -> UsageEstimate | None:
    """The estimate for a stream whose usage never came; None if nothing was generated."""
    if answer.response_status == "queued" or _generated_nothing(envelope, answer):
        return None
    prompt, completion = _tokens_of(prompt_bytes), _tokens_of(answer.generated_bytes)
    return UsageEstimate(
        prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion
    )


def _generated_nothing(envelope: Envelope, answer: ParsedAnswer) -> bool:
    """Whether the upstream did not answer, or answered with an error and no generated text."""
    return (envelope.upstream_status_code or 500) >= 400 or (
        answer.error is not None and not answer.generated_bytes
    )


def _tokens_of(size_bytes: int) -> int:
    return -(-size_bytes // BYTES_PER_TOKEN)
