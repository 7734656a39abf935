"""The comparison that ends each proof: what clients and upstream observed, what storage holds, and
every event that arrived.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

import jsonschema

from harness.schema import valid
from local.events.feed import DeliveredEvent
from prove.event_rules import Circumstances, wrong_statements
from prove.evidence import Evidence, Stored
from prove.exchange_views import ExchangeViews
from prove.observation import ClientObservation
from prove.result import ProofResult
from prove.upstream_calls import UpstreamRecord

type UpstreamRecords = dict[str, UpstreamRecord]  # by deployment


def compare(
    result: ProofResult,
    evidence: Evidence,
    observations: Collection[ClientObservation],
    upstream: UpstreamRecords,
    circumstances: Circumstances,
    *,
    must: Iterable[str] = (),
    forgotten: Collection[str] = (),
    traces_elsewhere: Iterable[str] = (),
    captured: str = "exchanges captured",
) -> None:
    """Check that every captured exchange is on the Event Hub, that so are the exchanges with the
    ids in `must`, that each event is right, and that what the upstream saw left a trace, as far as
    the policy promises.

    `forgotten`: ids of exchanges of which storage forgot captures. `traces_elsewhere`: deployments
    of exchanges that neither storage nor the Event Hub knows. `captured` names the count of
    captured exchanges, for evidence without some of them.
    """
    stored, events = evidence.stored, evidence.events
    missing = [exchange_id for exchange_id in stored if exchange_id not in events]
    absent = set(must) - events.keys()
    views = ExchangeViews(observations, upstream, events)
    wrong = _wrong_events(evidence, views, circumstances, forgotten)
    result.counts |= {
        "exchanges that clients began": len(observations),
        "responses that clients got complete": sum(
            observation.whole for observation in observations
        ),
        captured: len(stored),
        "exchanges on the Event Hub": len(events),
        "of those aborted": sum(copies[0]["outcome"] == "aborted" for copies in events.values()),
        "captured and not on the Event Hub": len(missing),
        "events compared": sum(map(len, events.values())),
        "of those wrong": len(wrong),
        "exchanges of a request that the host gave to another worker": views.repeats,
        **_duplicates(evidence),
    }
    may_lose = bool(forgotten) or (circumstances.stopped and circumstances.policy == "best_effort")
    _check_traces(result, evidence, upstream, traces_elsewhere, may_lose=may_lose)
    result.check(
        holds=not missing,
        sentence=f"{len(missing)} captured exchanges are not on the Event Hub: {missing[:3]}",
    )
    result.check(holds=not wrong, sentence=f"{len(wrong)} events are wrong: {wrong[:3]}")
    result.check(
        holds=not absent,
        sentence=f"{len(absent)} exchanges that have to be on the Event Hub are not: {list(absent)[:3]}",
    )


def _wrong_events(
    evidence: Evidence,
    views: ExchangeViews,
    circumstances: Circumstances,
    forgotten: Collection[str],
) -> list[str]:
    """A sentence for each event that is wrong."""
    sentences = []
    for exchange_id, copies in evidence.events.items():
        view = views.of(exchange_id, copies[0]["deployment"])
        circumstances_here = replace(circumstances, captures_forgotten=exchange_id in forgotten)
        problems = wrong_statements(copies, view, circumstances_here)
        for number, (event, wrong) in enumerate(zip(copies, problems, strict=True), 1):
            wrong += _against_storage(event, evidence.stored.get(exchange_id))
            wrong += _against_schema(event)
            if wrong:
                sentences.append(f"event {number} of {exchange_id}: {', '.join(wrong)}")
    return sentences


def check_bodies(
    result: ProofResult, observations: Iterable[ClientObservation], upstream: UpstreamRecords
) -> list[str]:
    """Check that each client has the whole body that the upstream sent, unchanged; the deployments
    of those who have not.
    """
    touched = [
        observation.deployment
        for observation in observations
        if not observation.whole
        or observation.body_sha256 != upstream[observation.deployment].response_sha256
    ]
    result.check(
        holds=not touched,
        sentence=f"{len(touched)} responses differ from what the upstream sent: {touched[:3]}",
    )
    return touched


def _check_traces(
    result: ProofResult,
    evidence: Evidence,
    upstream: UpstreamRecords,
    traces_elsewhere: Iterable[str],
    *,
    may_lose: bool,
) -> None:
    """Count the exchanges that the upstream saw and that left no trace; with `may_lose`, they break
    no claim.
    """
    traceless = upstream.keys() - evidence.deployments - set(traces_elsewhere)
    result.counts |= {
        "exchanges that the upstream saw": len(upstream),
        "of those without any trace": len(traceless),
    }
    result.check(
        holds=may_lose or not traceless,
        sentence=f"{len(traceless)} exchanges that the upstream saw left no trace",
    )


def _against_storage(event: DeliveredEvent, stored: Stored | None) -> list[str]:
    """Without a capture that says how it ended, the envelope may have arrived before the end."""
    if stored is None or stored.outcome in {None, event["outcome"]}:
        return []
    return [f"outcome {event['outcome']}, and storage says {stored.outcome}"]


def _against_schema(event: DeliveredEvent) -> list[str]:
    try:
        valid(event)
    except jsonschema.ValidationError as error:
        return [f"schema: {error.message[:200]}"]
    except AssertionError:
        return ["a rule between its members"]
    return []


def _duplicates(evidence: Evidence) -> dict[str, int]:
    repeated = {
        exchange_id: len(copies)
        for exchange_id, copies in evidence.events.items()
        if len(copies) > 1
    }
    return {
        "events that are duplicates": sum(count - 1 for count in repeated.values()),
        "duplicates sent before their ledger entry": sum(
            max(0, count - evidence.entries[exchange_id]) for exchange_id, count in repeated.items()
        ),
    }
