"""The load generator's job and result, JSON on its stdin and stdout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Job:
    """A load. Each connection makes one exchange after the other, until all make `count`; or, with
    `calls_per_s`, exchanges begin at that rate however long they take.
    """

    port: int  # on 127.0.0.1
    count: int  # exchanges
    connections: int  # opened before the clock starts; with a rate, more where these are busy
    # SSE events of each response, `[DONE]` included (at least 6); None: a JSON response
    chunks: int | None
    chunk_ms: int = 0  # between two SSE events
    pause_ms: int = 0  # of a connection between two exchanges
    calls_per_s: float | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


@dataclass(kw_only=True)
class JobResult:
    """The result of a job."""

    # request written to first byte of the body, per exchange
    first_byte_ms: list[float] = field(default_factory=list)
    chunks: int = 0  # SSE events received
    seconds: float = 0.0  # from the first request to the end of the last response
    cpu_s: float = 0.0  # of the load generator's process
    # what was wrong with a response -> count
    failures: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))
