"""The faults that the playground offers beside a local stack: what a real Azure OpenAI does now and
then, and the stand-in on request (emulators/azure_openai/directives.py).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from shared.core.wire.json.json_shape import JsonObject


@dataclass(frozen=True, kw_only=True, slots=True)
class StandInFault:
    """A fault of the upstream that the playground can request."""

    name: str
    title: str
    directives: str  # after `--` in the deployment's name
    stream: bool  # it happens in streams alone

    def to_json(self) -> JsonObject:
        """The fault as a JSON object."""
        fields = asdict(self)
        del fields["directives"]
        return fields


def _of_streams(name: str, title: str, directives: str) -> StandInFault:
    return StandInFault(name=name, title=title, directives=directives, stream=True)


def _of_all(name: str, title: str, directives: str) -> StandInFault:
    return StandInFault(name=name, title=title, directives=directives, stream=False)


FAULTS: Final = (
    _of_streams("breaks", "the stream breaks off after five chunks", "close_after=5"),
    _of_streams("resets", "the connection is reset after five chunks", "reset_after=5"),
    _of_streams("ends_early", "the stream ends without its own end", "end_after=5"),
    _of_streams("slow", "a chunk every half second", "chunk_ms=500"),
    _of_all("slow_start", "four seconds to the first token", "first_chunk_ms=4000"),
    _of_all("late_headers", "four seconds to the headers", "headers_ms=4000"),
    _of_all("rate_limited", "429: try again in 7 seconds", "status=429,retry_after=7"),
    _of_all("server_error", "500", "status=500"),
    _of_all("overloaded", "503: try again in 2 seconds", "status=503,retry_after=2"),
    _of_all("no_answer", "the connection is reset before the headers", "reset_before_headers"),
    _of_all("blocked_prompt", "the content filter refuses the prompt", "blocked_prompt"),
    _of_all("filtered_answer", "the content filter cuts the answer", "content_filter"),
    _of_all("refusal", "the model refuses", "refusal"),
    _of_all("cached", "12 tokens of the prompt come from the cache", "cached_tokens=12"),
    _of_all("reasoning", "the model reasons for 64 tokens", "reasoning_tokens=64"),
)
BY_NAME: Final = {fault.name: fault for fault in FAULTS}
