"""The comparison that ends each proof: the clients' observations, what storage holds, and what is
on the Event Hub.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from azure.storage.blob import BlobServiceClient

from harness.event_log import Event
from prove.load import ClientObservation
from prove.result import NotProven, ProofResult
from prove.testbed import TestBed, upstream_digests, wait_for
from shared.core.records import capture
from shared.core.records.ledger_entry import LedgerReader
from shared.errors import CaptureError

HEADER_BYTES = 16_384  # no capture's header is longer


@dataclass(kw_only=True)
class Stored:
    """What the captures of one exchange hold."""

    deployment: str | None = None
    outcome: str | None = None  # in the response capture; None: there is none


@dataclass(kw_only=True)
class Evidence:
    """What storage and the Event Hub hold."""

    stored: dict[str, Stored] = field(default_factory=dict)  # by exchange id
    events: dict[str, list[Event]] = field(default_factory=dict)
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
    def known(self) -> set[str]:
        """Ids of the exchanges that left any trace."""
        return self.stored.keys() | self.events.keys()


def gather(bed: TestBed, *, outcomes: bool = True) -> Evidence:
    """Read storage and the events.

    `outcomes`: wait for an event of each capture, and read the captures' headers.
    """
    found = Evidence()
    with BlobServiceClient.from_connection_string(bed.stack.storage_connection_string) as blobs:
        captures = blobs.get_container_client("captures")
        for name in captures.list_blob_names():
            exchange_id, _, side = name.rpartition("/")[2].rpartition(".")
            stored = found.stored.setdefault(exchange_id, Stored())
            if outcomes:
                beginning = captures.download_blob(name, offset=0, length=HEADER_BYTES).readall()
                _read_header(stored, side, beginning)
        ledger = blobs.get_container_client("ledger")
        for name in ledger.list_blob_names(name_starts_with="entries/"):
            reader = LedgerReader()
            found.entries.update(
                entry.exchange_id for entry in reader.feed(ledger.download_blob(name).readall())
            )
    if outcomes:
        with contextlib.suppress(NotProven):  # `compare` reports which of them are missing
            wait_for(
                lambda: (
                    {event["exchange_id"] for event in bed.events.arrived()} >= found.stored.keys()
                ),
                "all events",
                20,
            )
    for event in bed.events.arrived():
        found.events.setdefault(event["exchange_id"], []).append(event)
    return found


def compare(
    result: ProofResult,
    evidence: Evidence,
    observations: Collection[ClientObservation],
    *,
    must: Iterable[str] = (),
    captured: str = "exchanges captured",
) -> None:
    """Check that every captured exchange is on the Event Hub with the outcome that storage has, and
    that so are the exchanges with the ids in `must`.

    `captured` names the count of captured exchanges, for evidence without some of them.
    """
    stored, events = evidence.stored, evidence.events
    missing = [exchange_id for exchange_id in stored if exchange_id not in events]
    wrong = [
        exchange_id
        for exchange_id, captures in stored.items()
        if exchange_id in events and not _agree(captures, events[exchange_id])
    ]
    absent = set(must) - events.keys()
    repeated = {
        exchange_id: len(copies) - 1 for exchange_id, copies in events.items() if len(copies) > 1
    }
    result.counts |= {
        "exchanges that clients began": len(observations),
        "responses that clients got complete": sum(seen.whole for seen in observations),
        captured: len(stored),
        "exchanges on the Event Hub": len(events),
        "of those aborted": sum(copies[0]["outcome"] == "aborted" for copies in events.values()),
        "captured and not on the Event Hub": len(missing),
        "with a wrong outcome": len(wrong),
        "events that are duplicates": sum(repeated.values()),
        "duplicates sent before their ledger entry": sum(
            max(0, count + 1 - evidence.entries[exchange_id])
            for exchange_id, count in repeated.items()
        ),
    }
    result.check(
        holds=not missing,
        sentence=f"{len(missing)} captured exchanges are not on the Event Hub: {missing[:3]}",
    )
    result.check(holds=not wrong, sentence=f"{len(wrong)} events have a wrong outcome: {wrong[:3]}")
    result.check(
        holds=not absent,
        sentence=f"{len(absent)} exchanges that have to be on the Event Hub are not: {list(absent)[:3]}",
    )


def check_bodies(
    result: ProofResult, bed: TestBed, observations: Iterable[ClientObservation]
) -> None:
    """Check that each client has the whole body that the upstream sent, unchanged."""
    answered = upstream_digests(bed)
    touched = [
        seen.deployment
        for seen in observations
        if not seen.whole or seen.body_sha256 != answered[seen.deployment]
    ]
    result.check(
        holds=not touched,
        sentence=f"{len(touched)} responses differ from what the upstream sent: {touched[:3]}",
    )


def deployments(evidence: Evidence) -> set[str]:
    """Deployments on the Event Hub; each exchange has one of its own."""
    return {str(event["deployment"]) for copies in evidence.events.values() for event in copies}


def _read_header(stored: Stored, side: str, beginning: bytes) -> None:
    try:
        header = capture.load_header(beginning)
    except CaptureError:
        return
    if side == "request":
        stored.deployment = header.get("deployment")
    elif side == "outcome" or stored.outcome is None:
        # An outcome capture overrules a response capture; blobs are listed in the order of names.
        stored.outcome = header["envelope"]["outcome"]


def _agree(stored: Stored, copies: list[Event]) -> bool:
    outcomes = {event["outcome"] for event in copies}
    # Without a response capture the envelope may have arrived before the end, or not.
    return outcomes == {stored.outcome} if stored.outcome else len(outcomes) == 1
