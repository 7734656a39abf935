"""What an exchange used: the upstream's figures, or an estimate that is never mixed up with them.

The estimate: one token for each four bytes of UTF-8, rounded up; of prompt and tools on one side,
of everything that the model wrote on the other. English has about four characters to a token.
Images and sound are not counted, and what the upstream generated after its stream broke is not
known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.core.answer.shapes import ParsedAnswer
from shared.core.records.envelope import Envelope, UsageSource
from shared.core.wire.json_shape import integer, mapping
from shared.core.wire.operations import spec_of

BYTES_PER_TOKEN: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """The upstream's figures in one dialect, whichever operation they came from. Null: it did not
    say.
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
    """An estimate by the rule of docs/reference/events.md."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


def tokens(usage: dict[str, Any] | None) -> Tokens | None:
    """The figures of a usage object of chat completions, completions, embeddings, responses, images
    or audio.
    """
    if usage is None:
        return None
    read = mapping(
        usage.get("prompt_tokens_details")
        or usage.get("input_tokens_details")
        or usage.get("input_token_details")
    )
    written = mapping(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    return Tokens(
        input=_first(usage, "prompt_tokens", "input_tokens"),
        output=_first(usage, "completion_tokens", "output_tokens"),
        total=_first(usage, "total_tokens"),
        cached=_first(read, "cached_tokens"),
        cache_written=_first(read, "cache_write_tokens", "cache_creation_tokens"),
        reasoning=_first(written, "reasoning_tokens"),
        audio_input=_first(read, "audio_tokens"),
        audio_output=_first(written, "audio_tokens"),
    )


def estimate(*, read_bytes: int, written_bytes: int) -> UsageEstimate:
    """The estimate for so many bytes of text in and out."""
    prompt, completion = -(-read_bytes // BYTES_PER_TOKEN), -(-written_bytes // BYTES_PER_TOKEN)
    return UsageEstimate(
        prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion
    )


def estimated(envelope: Envelope, said: ParsedAnswer, *, read_bytes: int) -> UsageEstimate | None:
    """The estimate for a stream whose usage never came. An upstream that refused, or never
    answered, has used nothing.
    """
    refused = (envelope.upstream_status_code or 500) >= 400 or (
        said.error is not None and not said.generated_bytes
    )
    if (
        refused
        or not envelope.stream
        or not spec_of(envelope.operation).generates_text
        or said.response_status == "queued"
    ):
        return None
    return estimate(read_bytes=read_bytes, written_bytes=said.generated_bytes)


def source(figures: dict[str, Any] | None, by_rule: UsageEstimate | None) -> UsageSource:
    """Where an event's usage is from."""
    if figures is not None:
        return "upstream"
    return "none" if by_rule is None else "estimated"


def is_repeated(envelope: Envelope, said: ParsedAnswer, *, stream: bool) -> bool:
    """Whether these figures were another exchange's: a GET of a response, unless it is the stream
    in which that finished.

    (Each GET of a response repeats its usage, litellm#25015.) What did not run in the background
    finished in its create call, whatever the clocks say; of what did, this is only a guess, see
    shared.core.event.usage_claim.
    """
    if not spec_of(envelope.operation).repeats_usage:
        return False
    if said.background is False:
        return True
    started = int(datetime.fromisoformat(envelope.started_at).timestamp())
    return not (stream and said.completed_at is not None and said.completed_at >= started)


def _first(said: dict[str, Any], *names: str) -> int | None:
    return next((number for name in names if (number := integer(said.get(name))) is not None), None)
