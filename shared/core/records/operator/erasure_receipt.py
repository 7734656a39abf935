"""The receipt of an erasure: its operator, its time, its counts, and the data out of its reach.

It names no person: of user and subscription it has the SHA-256. The ids of the exchanges are beside
it, a blob for each page of the run that has some:

    erasures/<run>.json             the receipt
    erasures/<run>/<page>.json      the ids of a page
    erased/2026/11/23/14/<id>.json  the mark of an erased exchange: it is not delivered any more
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Final, Self

from shared.core.records.exchange.window import Window
from shared.core.records.operator.erasure_request import ErasureRequest
from shared.core.wire.json import typed_json
from shared.core.wire.json.json_shape import JsonObject

_RUN: Final = re.compile(r"[0-9a-f]{32}")

# Data that an erasure does not reach, and their end: docs/how-to/erase-outside-fnsse.md.
OUT_OF_REACH: Final = {
    "event_hub": "events stay until the retention of the hub, and of Event Hubs Capture, ends",
    "consumers": "Azure Data Explorer, the page's file and whatever else reads the hub: "
    "erase the exchanges there by their ids",
    "soft_delete": "deleted captures can be restored until the account's soft delete ends "
    "(7 days in the templates); immutable ones stay as versions for immutableCaptureDays",
    "ledger": "bare exchange ids and hashes of captures stay until CAPTURE_RETENTION_DAYS have passed",
    "telemetry": "Application Insights and a collector of OpenTelemetry keep ids, sizes and times, "
    "callers in the log lines of exchanges that storage did not take, and prompts and answers "
    "if OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT exports them",
    "azure_openai": "abuse monitoring, stored responses, files, batches, threads and fine-tuned "
    "models: the provider's retention, or a deletion by its API",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorIdentity:
    """The operator who requested a run, as the app knows it."""

    auth: str  # the setting CALLER_AUTH
    # the id of the token's identity; None: the host accepts its keys and names no identity
    object_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureCounts:
    """Numbers of exchanges."""

    searched: int = 0  # exchanges of the range that storage has
    matched: int = 0
    erased: int = 0  # 0 in a dry run
    running: int = 0  # matched, and not erased: they may still be running
    unreadable: int = 0  # not erased: no capture names their caller
    immutable: int = 0  # matched, and not erased: a policy of the storage account keeps them

    def __add__(self, other: ErasureCounts) -> ErasureCounts:
        return _sum_fields(self, other)

    @property
    def complete(self) -> bool:
        """Whether nothing was left out."""
        return not (self.running or self.unreadable or self.immutable)


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasurePage:
    """The ids of the exchanges that a page of a run selected."""

    exchange_ids: tuple[str, ...] = ()  # erased, or to be erased in a dry run
    running: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> Self:
        """The page that `to_json` wrote. Raises WrongType."""
        return typed_json.read(cls, dict(stored))

    def to_json(self) -> JsonObject:
        """The lists of ids by name, as they are stored."""
        return {part.name: [*getattr(self, part.name)] for part in fields(self)}

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) for part in fields(self))

    def __add__(self, other: ErasurePage) -> ErasurePage:
        return _sum_fields(self, other)


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The record of a run that has ended, for an operator to keep."""

    run: str
    request: ErasureRequest
    operator: OperatorIdentity
    requested_at: datetime
    ended_at: datetime
    counts: ErasureCounts
    # messages that the queues held at the end; an envelope among them may hold a caller's id
    queued: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """The receipt as it is stored, and as operators read it."""
        request = self.request
        return {
            "run": self.run,
            "dry_run": request.dry_run,
            "complete": self.counts.complete,
            "requested_by": asdict(self.operator),
            "requested_at": self.requested_at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
            "reference": request.reference,
            "selection": {
                "user_sha256": request.user_sha256,
                "subscription_sha256": request.subscription_sha256,
                "from": request.first.isoformat(),
                "to": request.end.isoformat(),
                "ids": len(request.ids) if request.ids is not None else None,
            },
            **asdict(self.counts),
            "queued": {**self.queued},
            "out_of_reach": {**OUT_OF_REACH},
        }


def _sum_fields[T: (ErasureCounts, ErasurePage)](first: T, second: T) -> T:
    """Adds each field of one to that of the other."""
    sums = {
        part.name: getattr(first, part.name) + getattr(second, part.name) for part in fields(first)
    }
    return replace(first, **sums)


def is_run(text: str) -> bool:
    """Whether a text has the form of a run's id."""
    return _RUN.fullmatch(text) is not None


def receipt_name(run: str) -> str:
    """The blob of a receipt."""
    return f"erasures/{run}.json"


def pages_prefix(run: str) -> str:
    """The beginning of the names of a run's pages."""
    return f"erasures/{run}/"


def page_name(run: str, page: int) -> str:
    """The blob of a page's ids; names sort as pages do."""
    return f"{pages_prefix(run)}{page:07}.json"


def erasure_mark_name(exchange_id: str) -> str:
    """The blob that marks an exchange as erased."""
    return f"{marks_prefix(Window.of_exchange(exchange_id).name)}{exchange_id}.json"


def marks_prefix(window: str) -> str:
    """The beginning of the names of a window's marks."""
    return f"erased/{window}/"
