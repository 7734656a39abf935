"""The evidence at the end of a proof: what storage and the Event Hub hold."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final

from azure.storage.blob import BlobServiceClient, ContainerClient

from harness.waiting import ConditionTimeout, poll_until
from local.events.feed import DeliveredEvent
from prove.testbed import TestBed
from shared.core.records.delivery.ledger_entries import LedgerReader
from shared.core.records.exchange import capture
from shared.core.wire.json.json_shape import mapping, text
from shared.errors import CaptureError

HEADER_BYTES: Final = 16_384  # no capture's header is longer


@dataclass(kw_only=True)
class Stored:
    """The captures of one exchange."""

    deployment: str | None = None
    outcome: str | None = None  # in a response or outcome capture; None: there is none


@dataclass(kw_only=True)
class Evidence:
    """Captures, ledger entries and events, by exchange."""

    stored: dict[str, Stored] = field(default_factory=dict)  # by exchange id
    events: dict[str, list[DeliveredEvent]] = field(default_factory=dict)
    # by exchange id: its deliveries in the ledger
    entries: Counter[str] = field(default_factory=Counter)

    def without(self, exchange_ids: Collection[str]) -> Evidence:
        """This evidence without these exchanges' captures."""
        stored = {
            exchange_id: stored
            for exchange_id, stored in self.stored.items()
            if exchange_id not in exchange_ids
        }
        return replace(self, stored=stored)

    @property
    def traced_ids(self) -> set[str]:
        """Ids of the exchanges that left any trace."""
        return self.stored.keys() | self.events.keys()

    @property
    def deployments(self) -> set[str]:
        """Deployments on the Event Hub; each exchange has one of its own."""
        return {str(event["deployment"]) for copies in self.events.values() for event in copies}


def gather(bed: TestBed, *, outcomes: bool = True) -> Evidence:
    """Read storage and the events.

    `outcomes`: wait for an event of each capture, and read the captures' headers.
    """
    evidence = Evidence()
    with BlobServiceClient.from_connection_string(bed.stack.storage_connection_string) as blobs:
        _read_captures(evidence, blobs.get_container_client("captures"), headers=outcomes)
        _read_ledger(evidence, blobs.get_container_client("ledger"))
    if outcomes:
        with contextlib.suppress(ConditionTimeout):  # `compare` reports which of them are missing
            poll_until(lambda: _event_ids(bed) >= evidence.stored.keys(), "all events", within_s=20)
    for event in bed.events.all_events():
        evidence.events.setdefault(event["exchange_id"], []).append(event)
    return evidence


def _event_ids(bed: TestBed) -> set[str]:
    return {event["exchange_id"] for event in bed.events.all_events()}


def _read_captures(evidence: Evidence, captures: ContainerClient, *, headers: bool) -> None:
    for name in captures.list_blob_names():
        exchange_id, _, side = name.rpartition("/")[2].rpartition(".")
        stored = evidence.stored.setdefault(exchange_id, Stored())
        if headers:
            beginning = captures.download_blob(name, offset=0, length=HEADER_BYTES).readall()
            _read_header(stored, side, beginning)


def _read_ledger(evidence: Evidence, ledger: ContainerClient) -> None:
    for name in ledger.list_blob_names(name_starts_with="entries/"):
        entries = LedgerReader().feed(ledger.download_blob(name).readall())
        evidence.entries.update(entry.exchange_id for entry in entries)


def _read_header(stored: Stored, side: str, beginning: bytes) -> None:
    try:
        header = capture.load_header(beginning)
    except CaptureError:
        return
    if side == "request":
        stored.deployment = text(header.get("deployment")) or None
    elif side == "outcome" or stored.outcome is None:
        # An outcome capture overrules a response capture; blobs are listed in the order of names.
        stored.outcome = text(mapping(header["envelope"])["outcome"])
