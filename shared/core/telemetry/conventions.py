"""The names of OpenTelemetry's conventions for generative AI, and this app's own.

From open-telemetry/semantic-conventions-genai: gen-ai/client-inference.md at 024a4f94,
gen-ai/client-embeddings.md at 88eccb15, model/gen-ai/token-metrics.yaml at 066d4a7f,
gen-ai/non-normative/migration.md at 32c328e8. None of them is released, so the names stand
here, but for those of operations, which are in shared.core.wire.gen_ai.
`opentelemetry-semantic-conventions` holds the former names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev"
PROVIDER: Final = "azure.ai.openai"
OTHER: Final = "_OTHER"  # stands for a value that is not reported, to bound their number

type AttributeValue = str | int | float | bool | tuple[str, ...]
type Attributes = dict[str, AttributeValue]


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """A metric as OpenTelemetry creates it."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    unit: str  # UCUM
    description: str
    buckets: tuple[float, ...] = ()  # a histogram's; () for other kinds


_SECONDS: Final = tuple(round(0.01 * 2**power, 2) for power in range(14))  # 0.01 to 81.92
_TOKENS: Final = tuple(float(4**power) for power in range(14))  # 1 to 67,108,864
# A capture may wait a day for an Event Hub that is down.
_LAG: Final = (
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    900.0,
    3600.0,
    21600.0,
    86400.0,
)


def _seconds(name: str, description: str) -> Instrument:
    return Instrument(
        name=name, kind="histogram", unit="s", description=description, buckets=_SECONDS
    )


def _tokens(name: str, description: str) -> Instrument:
    return Instrument(
        name=name, kind="histogram", unit="{token}", description=description, buckets=_TOKENS
    )


def _count(name: str, unit: str, description: str) -> Instrument:
    return Instrument(name=name, kind="counter", unit=unit, description=description)


INFERENCE_DURATION: Final = _seconds(
    "gen_ai.client.inference.duration", "Duration of an inference, request to last byte."
)
TIME_TO_FIRST_CHUNK: Final = _seconds(
    "gen_ai.client.inference.time_to_first_chunk", "Time to the first chunk of a stream."
)
TIME_PER_OUTPUT_CHUNK: Final = _seconds(
    "gen_ai.client.inference.time_per_output_chunk",
    "Time between two chunks of a stream, for its first 48 chunks.",
)
EMBEDDINGS_DURATION: Final = _seconds(
    "gen_ai.client.embeddings.duration", "Duration of an embeddings operation."
)
OPERATION_DURATION: Final = _seconds(
    "gen_ai.client.operation.duration", "Duration of any other GenAI operation."
)
USAGE_INPUT: Final = _count(
    "gen_ai.client.inference.usage.input_tokens", "{token}", "Input tokens, cached ones included."
)
USAGE_OUTPUT: Final = _count(
    "gen_ai.client.inference.usage.output_tokens",
    "{token}",
    "Output tokens, reasoning ones included.",
)
USAGE_CACHE_READ: Final = _count(
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "{token}",
    "Input tokens read from the prompt cache.",
)
USAGE_CACHE_WRITE: Final = _count(
    "gen_ai.client.inference.usage.cache_write.input_tokens",
    "{token}",
    "Input tokens written to the prompt cache.",
)
USAGE_REASONING: Final = _count(
    "gen_ai.client.inference.usage.reasoning.output_tokens",
    "{token}",
    "Output tokens spent on reasoning.",
)
INFERENCE_INPUT: Final = _tokens(
    "gen_ai.client.inference.operation.input_tokens", "Input tokens of one inference."
)
INFERENCE_OUTPUT: Final = _tokens(
    "gen_ai.client.inference.operation.output_tokens", "Output tokens of one inference."
)
EMBEDDINGS_INPUT: Final = _tokens(
    "gen_ai.client.embeddings.operation.input_tokens", "Input tokens of one embeddings operation."
)

# The former names, which most dashboards still read (semantic-conventions v1.41.0).
OLD_TOKEN_USAGE: Final = _tokens(
    "gen_ai.client.token.usage", "Number of input and output tokens used."
)
OLD_TIME_TO_FIRST_CHUNK: Final = _seconds(
    "gen_ai.client.operation.time_to_first_chunk", "Time to the first chunk of a stream."
)
OLD_TIME_PER_OUTPUT_CHUNK: Final = _seconds(
    "gen_ai.client.operation.time_per_output_chunk",
    "Time between two chunks of a stream, for its first 48 chunks.",
)

EXCHANGES: Final = _count(
    "fnsse.exchanges", "{exchange}", "Exchanges that the Event Hub has accepted, each once."
)
DELIVERED: Final = _count(
    "fnsse.events.delivered", "{event}", "Events that the Event Hub has accepted, repeated or not."
)
REDELIVERED: Final = _count(
    "fnsse.events.redelivered", "{event}", "Events of a delivery that was not the first try."
)
DUPLICATES: Final = _count(
    "fnsse.events.duplicates",
    "{event}",
    "Events of exchanges that the Event Hub had accepted before, replays excepted.",
)
TRUNCATED: Final = _count(
    "fnsse.events.truncated", "{event}", "Events that were cut to fit the Event Hub's limit."
)
DEAD_LETTERED: Final = _count(
    "fnsse.exchanges.dead_lettered", "{exchange}", "Exchanges that can never be delivered."
)
UNRECORDED: Final = _count(
    "fnsse.captures.missing", "{capture}", "Bodies of exchanges that could not be captured."
)
PROBLEMS: Final = _count(
    "fnsse.events.problems", "{event}", "Events that name something that could not be read."
)
LAG: Final = Instrument(
    name="fnsse.events.lag",
    kind="histogram",
    unit="s",
    description="From the end of an exchange to the acceptance of its event.",
    buckets=_LAG,
)


def _gauge(name: str, unit: str, description: str) -> Instrument:
    return Instrument(name=name, kind="gauge", unit=unit, description=description)


QUEUE_MESSAGES: Final = _gauge(
    "fnsse.queue.messages", "{message}", "Messages on the queue of envelopes, about."
)
QUEUE_AGE: Final = _gauge(
    "fnsse.queue.oldest_message.age", "s", "Age of the first message that waits on the queue."
)
CAPTURES_WAITING: Final = _gauge(
    "fnsse.captures.waiting", "By", "Captures of this worker that wait for storage."
)
OUTCOMES_WAITING: Final = _gauge(
    "fnsse.outcomes.waiting", "{exchange}", "Exchanges of this worker that wait to be recorded."
)

INSTRUMENTS: Final = (
    INFERENCE_DURATION,
    TIME_TO_FIRST_CHUNK,
    TIME_PER_OUTPUT_CHUNK,
    EMBEDDINGS_DURATION,
    OPERATION_DURATION,
    USAGE_INPUT,
    USAGE_OUTPUT,
    USAGE_CACHE_READ,
    USAGE_CACHE_WRITE,
    USAGE_REASONING,
    INFERENCE_INPUT,
    INFERENCE_OUTPUT,
    EMBEDDINGS_INPUT,
    OLD_TOKEN_USAGE,
    OLD_TIME_TO_FIRST_CHUNK,
    OLD_TIME_PER_OUTPUT_CHUNK,
    EXCHANGES,
    DELIVERED,
    REDELIVERED,
    DUPLICATES,
    TRUNCATED,
    DEAD_LETTERED,
    UNRECORDED,
    PROBLEMS,
    LAG,
    QUEUE_MESSAGES,
    QUEUE_AGE,
    CAPTURES_WAITING,
    OUTCOMES_WAITING,
)
