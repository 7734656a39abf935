"""Faults of single requests to storage: which requests they hit, and what becomes of those."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

_REQUEST: Final = re.compile(rb"(?:GET|HEAD|PUT|POST|DELETE) \S+ HTTP/1\.1\r\n")

# Kind -> the first lines of its requests: to blobs the captures and the ledger, to the queue the
# envelopes.
KINDS: Final = {
    "request capture": r"PUT /\S+/captures/\S+\.request",
    "response capture": r"PUT /\S+/captures/\S+\.response",
    "envelope": r"POST /\S+/envelopes/messages",
    "ledger append": r"PUT /\S+/ledger/entries/\S+comp=appendblock",
    "capture read": r"GET /\S+/captures/",
    "envelope deletion": r"DELETE /\S+/envelopes/messages",
    "envelope read": r"GET /\S+/envelopes/messages",
}


class FaultAction(Enum):
    """The effect of a fault on the request that it hits."""

    DROP_RESPONSE = "it is carried out, and the connection is closed instead of a response"
    RESET = "its connection is closed, and it does not reach storage"
    UNAVAILABLE = "it is answered 503, and does not reach storage"
    STALL = "it is held, and nothing is answered"


@dataclass(frozen=True, kw_only=True)
class RequestFault:
    """Hits a share of the requests whose first line matches."""

    pattern: str
    action: FaultAction
    share: float = 1.0


class RequestFaults:
    """Chooses the action for each request; the newest `set` counts."""

    def __init__(self) -> None:
        self.hits = 0  # since the last `set`
        self._faults: Sequence[tuple[re.Pattern[bytes], RequestFault]] = ()
        self._rng = random.Random(1)  # noqa: S311 - repeatable, not secret

    def set(self, faults: Sequence[RequestFault]) -> None:
        """Inject these faults from now on."""
        self.hits = 0
        self._faults = [(re.compile(fault.pattern.encode()), fault) for fault in faults]

    def action_for(self, data: bytes) -> FaultAction | None:
        """The action for the request that begins with `data`; None: it passes, or `data` is the
        middle of a body.
        """
        if not self._faults or not _REQUEST.match(data):
            return None
        for pattern, fault in self._faults:
            if pattern.match(data) and self._rng.random() < fault.share:
                self.hits += 1
                return fault.action
        return None
