"""What the load generator is asked to do, and what it saw: JSON on its stdin and stdout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Job:
    """One load. Each connection makes one exchange after the other until `count` are made."""

    port: int  # on 127.0.0.1
    count: int  # exchanges
    connections: int  # opened before the clock starts
    # SSE events of each answer, `[DONE]` included (at least 6); None: a JSON answer
    chunks: int | None
    chunk_ms: int = 0  # between two of them
    pause_ms: int = 0  # of a connection between two exchanges

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


@dataclass(kw_only=True)
class JobResult:
    """What became of a job."""

    # request written to first byte of the body, per exchange
    first_byte_ms: list[float] = field(default_factory=list)
    chunks: int = 0  # SSE events received
    seconds: float = 0.0  # first request written to last answer complete
    cpu_s: float = 0.0  # of the load generator's process
    # what was wrong with answers -> how many
    failures: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))
