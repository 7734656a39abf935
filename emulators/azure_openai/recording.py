"""A record of what the stand-in received and sent, for tests. Bounded in memory.

The newest 20,000 exchanges are kept. Their bodies and write times together take at most 64 MB;
beyond that, the oldest finished ones lose theirs (sizes, digests and timestamps stay). Times are
`time.monotonic()` seconds, which on Linux are the same clock in every process.
"""

from __future__ import annotations

import base64
import hashlib
import time
from array import array
from collections import deque
from dataclasses import dataclass, field
from typing import Final

MAX_EXCHANGES: Final = 20_000
MAX_DETAIL_BYTES: Final = 64 * 2**20
MAX_REQUEST_BODY_BYTES: Final = 64 * 2**10  # a longer body is recorded by digest and size alone
MAX_RESPONSE_BODY_BYTES: Final = 2**20
MAX_WRITE_TIMES: Final = 2_000

OPEN: Final = "open"
FINISHED: Final = "finished"
PEER_CLOSED: Final = "peer_closed"
RESET_ON_PURPOSE: Final = "reset_on_purpose"
CLOSED_ON_PURPOSE: Final = "closed_on_purpose"
FAILED: Final = "stand_in_failed"  # a bug of the stand-in; the traceback is on its stderr


@dataclass(kw_only=True, slots=True)
class RecordedExchange:
    """A request and its response."""

    id: int
    method: str
    target: str  # path and query as they arrived (the parser refuses bytes above 0x7F)
    http_version: str
    headers: list[tuple[str, str]]  # as they arrived: order, case, repetitions; latin-1
    deployment: str = ""
    started_at: float = field(default_factory=time.monotonic)  # the headers are in
    request_complete_at: float | None = None
    headers_written_at: float | None = None
    ended_at: float | None = None
    ended: str = OPEN
    status: int | None = None  # None: no headers were written
    request_size: int = 0
    request_body: bytearray | None = field(default_factory=bytearray)
    response_size: int = 0
    response_body: bytearray | None = field(default_factory=bytearray)
    writes: int = 0
    write_times: array[float] = field(default_factory=lambda: array("d"))
    request_hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    response_hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def record_request_piece(self, data: bytes) -> None:
        """Record a piece of the request's body."""
        self.request_size += len(data)
        self.request_hash.update(data)
        self.request_body = _grown(self.request_body, data, MAX_REQUEST_BODY_BYTES)

    def wrote(self, data: bytes, at: float) -> None:
        """Record a piece of the response's body, without HTTP's framing."""
        self.writes += 1
        self.response_size += len(data)
        self.response_hash.update(data)
        self.response_body = _grown(self.response_body, data, MAX_RESPONSE_BODY_BYTES)
        if len(self.write_times) < MAX_WRITE_TIMES:
            self.write_times.append(at)

    def end(self, how: str) -> None:
        """Record the end; only the first call counts."""
        if self.ended == OPEN:
            self.ended, self.ended_at = how, time.monotonic()

    @property
    def detail_bytes(self) -> int:
        """Approximate memory of the bodies and write times."""
        bodies = len(self.request_body or b"") + len(self.response_body or b"")
        return bodies + self.write_times.itemsize * len(self.write_times)

    def drop_details(self) -> None:
        """Drop bodies and write times."""
        self.request_body = self.response_body = None
        self.write_times = array("d")

    def document(self, *, details: bool = True) -> dict[str, object]:
        """The exchange as `/_stand_in/exchanges` shows it, with or without bodies and write
        times.
        """
        path, mark, query = self.target.partition("?")
        return {
            "id": self.id,
            "method": self.method,
            "path": path,
            "query": query if mark else None,
            "http_version": self.http_version,
            "headers": self.headers,
            "deployment": self.deployment,
            "status": self.status,
            "started_at": self.started_at,
            "request_complete_at": self.request_complete_at,
            "headers_written_at": self.headers_written_at,
            "ended_at": self.ended_at,
            "ended": self.ended,
            "request_sha256": self.request_hash.hexdigest(),
            "request_size": self.request_size,
            "response_sha256": self.response_hash.hexdigest(),
            "response_size": self.response_size,
            "writes": self.writes,
            **(self._details() if details else {}),
        }

    def _details(self) -> dict[str, object]:
        """Bodies and write times; null for a dropped body."""
        response = (
            None if self.response_body is None else base64.b64encode(self.response_body).decode()
        )
        return {
            "request_body": None
            if self.request_body is None
            else self.request_body.decode("utf-8", "replace"),
            "response_body_base64": response,
            "write_times": self.write_times.tolist(),
        }


class ExchangeRecording:
    """Keeps the newest exchanges."""

    def __init__(
        self, max_exchanges: int = MAX_EXCHANGES, max_detail_bytes: int = MAX_DETAIL_BYTES
    ) -> None:
        """`max_detail_bytes`: of all bodies and write times together."""
        self._max_exchanges = max_exchanges
        self._max_detail_bytes = max_detail_bytes
        self._exchanges: deque[RecordedExchange] = deque()
        # finished ones that still hold details, oldest first
        self._detailed: deque[tuple[RecordedExchange, int]] = deque()
        self._detail_bytes = 0
        self._next_id = 1

    def begin(
        self, method: str, target: str, http_version: str, headers: list[tuple[str, str]]
    ) -> RecordedExchange:
        """Begin an exchange when a request's headers have arrived."""
        exchange = RecordedExchange(
            id=self._next_id,
            method=method,
            target=target,
            http_version=http_version,
            headers=headers,
        )
        self._next_id += 1
        self._exchanges.append(exchange)
        if len(self._exchanges) > self._max_exchanges:
            self._exchanges.popleft()
        return exchange

    def end(self, exchange: RecordedExchange, how: str) -> None:
        """End an exchange; older ones may lose their details."""
        if exchange.ended != OPEN:
            return
        exchange.end(how)
        self._detailed.append((exchange, exchange.detail_bytes))
        self._detail_bytes += exchange.detail_bytes
        while self._detail_bytes > self._max_detail_bytes:
            oldest, size = self._detailed.popleft()
            oldest.drop_details()
            self._detail_bytes -= size

    def clear(self) -> None:
        """Drop all exchanges. Open ones continue without a record."""
        self._exchanges.clear()
        self._detailed.clear()
        self._detail_bytes = 0

    def open_count(self) -> int:
        """The number of open exchanges."""
        return sum(exchange.ended == OPEN for exchange in self._exchanges)

    def find(
        self, deployment: str = "", header: str = "", limit: int = 0
    ) -> list[RecordedExchange]:
        """Exchanges, oldest first: of a deployment (with or without directives), with a header
        `name:value`; `limit` takes the newest. An empty filter lets all pass.
        """
        name, _, value = header.partition(":")
        matching = [
            exchange
            for exchange in self._exchanges
            if (
                not deployment
                or deployment in {exchange.deployment, exchange.deployment.partition("--")[0]}
            )
            and (not header or _has(exchange, name.strip().lower(), value.strip()))
        ]
        return matching[-limit:] if limit else matching


def _grown(recorded: bytearray | None, data: bytes, limit: int) -> bytearray | None:
    if recorded is None or len(recorded) + len(data) > limit:
        return None
    recorded += data
    return recorded


def _has(exchange: RecordedExchange, name: str, value: str) -> bool:
    return any(
        header.lower() == name and header_value == value
        for header, header_value in exchange.headers
    )
