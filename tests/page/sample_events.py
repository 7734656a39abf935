"""Events as a day of several teams brings them: deterministic, whole, and with every outcome."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

# A whole event with all keys, of which each sample changes those that it is about.
_MODEL_EVENT: Final = Path(__file__).parents[1] / "golden/cases/chat_stream_client_left/event.json"


@dataclass(frozen=True, kw_only=True)
class _Deployment:
    name: str
    model: str
    first_token_ms: int
    tokens_a_second: int
    weight: int


_DEPLOYMENTS: Final = (
    _Deployment(
        name="gpt-4o", model="gpt-4o-2024-11-20", first_token_ms=420, tokens_a_second=70, weight=5
    ),
    _Deployment(
        name="gpt-4o-mini",
        model="gpt-4o-mini-2024-07-18",
        first_token_ms=230,
        tokens_a_second=120,
        weight=6,
    ),
    _Deployment(
        name="o4-mini",
        model="o4-mini-2025-04-16",
        first_token_ms=1900,
        tokens_a_second=90,
        weight=2,
    ),
    _Deployment(
        name="gpt-4.1", model="gpt-4.1-2025-04-14", first_token_ms=510, tokens_a_second=60, weight=3
    ),
)
_CALLERS: Final = ("checkout", "search", "support-bot", "contracts", "data-science")
_REGIONS: Final = ("Sweden Central", "East US 2")
_TALKS: Final = (
    (
        "You answer customers of a furniture shop. Be short and kind.",
        "My order 4711 has not arrived. Where is it?",
        "I am sorry about that. Order 4711 left our warehouse in Lübeck on Tuesday and is with the "
        "carrier. It should be with you by Friday noon. Shall I send the tracking link to the "
        "address that we have?",
    ),
    (
        "You write release notes.",
        "Summarise these commits for people who operate the service.",
        "This release closes a gap in shutdown: an instance that is scaled in stores every exchange "
        "that it has begun before it ends. Readiness now says which dependency refuses, and since "
        "when. No setting changes.",
    ),
    (
        "You are a careful analyst. Quote the clause that you rely on.",
        "Does the contract let us end it before March?",
        "Yes. Clause 9.2 lets either side end the contract with a notice of eight weeks to the end "
        "of a quarter. To leave before March, the notice must arrive by 5 November.",
    ),
    (
        "You explain code to juniors.",
        "What does a proxy do?",
        "A proxy stands between two parties and speaks for one of them. A client sends its request "
        "to the proxy, the proxy passes it on, and hands the answer back. Along the way it can look, "
        "measure and remember, as long as nobody has to wait for it.",
    ),
)
_OUTCOMES: Final = (
    ("completed", 200, 84),
    ("client_disconnected", 200, 6),
    ("upstream_error", 429, 5),
    ("upstream_interrupted", 200, 2),
    ("timed_out", 504, 1),
    ("rejected", 413, 1),
    ("aborted", None, 1),
)
_ANSWERED: Final = frozenset({"completed", "client_disconnected", "upstream_interrupted"})


@dataclass(frozen=True, kw_only=True)
class _Exchange:
    """The properties of an exchange that chance decides."""

    deployment: _Deployment
    outcome: str
    status: int | None
    caller: str
    system: str
    question: str
    answer: str
    is_stream: bool
    output_tokens: int  # 0: not answered
    first_token_ms: int
    prompt_tokens: int
    region: str

    @property
    def is_answered(self) -> bool:
        return self.outcome in _ANSWERED

    @property
    def is_whole(self) -> bool:
        return self.outcome == "completed"

    @property
    def content(self) -> str:
        """The answer, or its first half if it broke off."""
        if self.is_whole:
            return self.answer
        return self.answer[: len(self.answer) // 2] if self.is_answered else ""

    @property
    def latency_ms(self) -> int:
        return self.first_token_ms + int(
            1000 * self.output_tokens / self.deployment.tokens_a_second
        )


def sample_events(
    count: int, *, end: datetime, span: timedelta = timedelta(hours=1), seed: int = 7
) -> Iterator[dict[str, Any]]:
    """`count` events, oldest first, whose exchanges ended within `span` before `end`."""
    rng = random.Random(seed)  # noqa: S311 - samples, not secrets
    model_event = json.loads(_MODEL_EVENT.read_text())
    del model_event["quantities"]  # of that exchange; the page takes them from the usage then
    del model_event["time_to_first_chunk_ms"], model_event["streaming_duration_ms"]  # of streams
    for number in range(count):
        place = (number + rng.random()) / count
        ended = end.astimezone(UTC) - span * (1 - place)
        exchange = _random_exchange(rng)
        yield {
            **model_event,
            **_request(exchange, number),
            **_response(exchange),
            **_timings(exchange, number, ended),
            **_usage(rng, exchange),
        }


def _random_exchange(rng: random.Random) -> _Exchange:
    [deployment] = rng.choices(_DEPLOYMENTS, [one.weight for one in _DEPLOYMENTS])
    [(outcome, status, _)] = rng.choices(_OUTCOMES, [weight for _, _, weight in _OUTCOMES])
    caller = rng.choice(_CALLERS)
    system, question, answer = rng.choice(_TALKS)
    return _Exchange(
        deployment=deployment,
        outcome=outcome,
        status=status,
        caller=caller,
        system=system,
        question=question,
        answer=answer,
        is_stream=rng.random() < 0.8,
        output_tokens=rng.randrange(40, 900) if outcome in _ANSWERED else 0,
        first_token_ms=int(deployment.first_token_ms * rng.lognormvariate(0, 0.35)),
        prompt_tokens=rng.randrange(60, 4000),
        region=rng.choice(_REGIONS),
    )


def _request(exchange: _Exchange, number: int) -> dict[str, Any]:
    return {
        "deployment": exchange.deployment.name,
        "path": f"/openai/deployments/{exchange.deployment.name}/chat/completions",
        "stream": exchange.is_stream,
        "caller": {"product": exchange.caller},
        "session_headers": {"x-session-id": f"{exchange.caller}-{number % 40}"},
        "prompt": [
            {"role": "system", "content": exchange.system},
            {"role": "user", "content": exchange.question},
        ],
    }


def _response(exchange: _Exchange) -> dict[str, Any]:
    finish_reason = "stop" if exchange.is_whole else None
    choice = {"index": 0, "content": exchange.content, "finish_reason": finish_reason}
    answered_type = "stream_completion" if exchange.is_stream else "completion"
    return {
        "type": answered_type if exchange.is_answered else "error",
        "model": exchange.deployment.model if exchange.is_answered else "unknown",
        "region": exchange.region,
        "outcome": exchange.outcome,
        "status_code": exchange.status,
        "upstream_status_code": exchange.status if exchange.status in (200, 429) else None,
        "content": exchange.content,
        "chunk_count": max(1, exchange.output_tokens // 4),
        "finish_reason": finish_reason,
        "choices": [choice] if exchange.is_answered else [],
        "error": _error(exchange.outcome),
    }


def _timings(exchange: _Exchange, number: int, ended: datetime) -> dict[str, Any]:
    latency_ms, first_token_ms = exchange.latency_ms, exchange.first_token_ms
    first_chunk_ms = int(first_token_ms * 0.8)
    has_token = exchange.is_stream and exchange.is_answered
    of_stream = {
        "time_to_first_chunk_ms": first_chunk_ms,
        "streaming_duration_ms": latency_ms - first_chunk_ms,
    }
    return {
        "exchange_id": exchange_id(ended - timedelta(milliseconds=latency_ms), number),
        "timestamp": ended.replace(tzinfo=None).isoformat(timespec="microseconds"),
        "latency_ms": latency_ms,
        "time_to_headers_ms": int(first_token_ms * 0.7),
        "time_to_first_token_ms": first_token_ms if has_token else None,
        **(of_stream if exchange.is_stream else {}),
    }


def exchange_id(started: datetime, number: int) -> str:
    """A UUIDv7 of the moment, made unique by the number."""
    milliseconds = f"{int(started.timestamp() * 1000):012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}-7000-8000-{number:012x}"


def _error(outcome: str) -> dict[str, str] | None:
    errors = {
        "upstream_error": ("429", "Requests have exceeded the token rate limit."),
        "timed_out": ("upstream_timeout", "Azure OpenAI did not answer in time."),
        "rejected": ("request_too_large", "The body is larger than MAX_REQUEST_BODY_MB."),
    }
    if outcome not in errors:
        return None
    code, message = errors[outcome]
    return {"code": code, "message": message}


def _usage(rng: random.Random, exchange: _Exchange) -> dict[str, Any]:
    if not exchange.is_answered:
        return {"usage": None, "usage_estimate": None, "usage_source": "none", "tokens": None}
    prompt, output = exchange.prompt_tokens, exchange.output_tokens
    sums = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
    }
    if not exchange.is_whole:
        return {
            "usage": None,
            "usage_estimate": sums,
            "usage_source": "estimated",
            "tokens": None,
        }
    cached = rng.choice((0, 0, prompt // 128 * 128 // 2))
    return {
        "usage": {**sums, "prompt_tokens_details": {"cached_tokens": cached}},
        "usage_estimate": None,
        "usage_source": "upstream",
        "tokens": {
            "input": prompt,
            "output": output,
            "total": prompt + output,
            "cached": cached,
            "cache_written": None,
            "reasoning": 0,
            "audio_input": 0,
            "audio_output": 0,
        },
    }
