"""The proof: calls with secrets, under a kill and outages, and then the search."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from harness.otlp_receiver import OtlpReceiver, otlp_receiver
from harness.waiting import poll_until
from local.stack import FunctionsHost
from prove.evidence import gather
from prove.gate import GateMode
from prove.planted import search
from prove.planted.calls import CALLS, make
from prove.planted.secrets import CREDENTIALS, TEXTS, secrets_in
from prove.planted.upstream import PlantedUpstream
from prove.result import Progress, ProofResult
from prove.testbed import POISON_LINE, TestBed

MODES: Final = ("full", "redacted", "metadata")
COLUMNS: Final = ("content mode", "where", "places searched", "secrets of texts", "credentials")
_STORAGE_AWAY_S: Final = 2.0


def run_planted(
    kind: FunctionsHost, *, progress: Progress, modes: Iterable[str] = MODES
) -> ProofResult:
    """Every call, whole and under faults, in each content mode on a stack of its own."""
    result = ProofResult(title=f"planted secrets, {kind} host")
    result.rows.append(COLUMNS)
    for mode in modes:
        with (
            PlantedUpstream() as upstream,
            otlp_receiver() as receiver,
            TestBed(
                kind,
                AZURE_OPENAI_BASE_URL=upstream.url,
                CONTENT_MODE=mode,
                OTEL_EXPORTER_OTLP_ENDPOINT=receiver.address,
                OTEL_METRIC_EXPORT_INTERVAL="500",
            ) as bed,
        ):
            app_output = _exchanges(bed, progress, f"{result.title}, {mode}")
            _search(result, bed, receiver, mode, app_output)
    result.counts["kinds of secrets, and of credentials"] = f"{len(TEXTS)}, {len(CREDENTIALS)}"
    result.counts["calls in each round"] = len(CALLS)
    return result


def _exchanges(bed: TestBed, progress: Progress, title: str) -> bytes:
    """Rounds of calls: at rest, and while something is away. Returns the app's own errors."""
    app_output = _round(bed)
    with ThreadPoolExecutor(4) as clients:
        calls = [clients.submit(make, bed.stack.proxy_url, "chat, streamed") for _ in range(4)]
        time.sleep(0.3)  # any moment will do
        bed.kill_worker()
        app_output += b"".join(call.result() for call in calls)
    bed.operator.wait_for_host()
    progress(f"{title}: the worker was killed")
    bed.blobs.set_mode(GateMode.REFUSE)
    bed.queues.set_mode(GateMode.REFUSE)
    app_output += _round(bed)
    time.sleep(_STORAGE_AWAY_S)
    bed.blobs.set_mode(GateMode.OPEN)
    bed.queues.set_mode(GateMode.OPEN)
    progress(f"{title}: storage was away")
    bed.stack.parts["event_hubs"].kill()
    app_output += _round(bed)
    poll_until(lambda: bed.noted[POISON_LINE], "a poison message", within_s=90)
    bed.start_event_hub()
    progress(f"{title}: the Event Hub was away")
    bed.operator.reconcile()
    return app_output


def _round(bed: TestBed) -> bytes:
    with ThreadPoolExecutor(8) as clients:
        return b"".join(clients.map(lambda name: make(bed.stack.proxy_url, name), CALLS))


def _search(
    result: ProofResult, bed: TestBed, receiver: OtlpReceiver, mode: str, app_output: bytes
) -> None:
    delivered = gather(bed).events  # it waits for an event of each capture
    events = [
        ("an event", repr(event).encode()) for copies in delivered.values() for event in copies
    ]
    result.check(holds=bool(events), sentence=f"{mode}: no event arrived")
    texts_in_events = _search_places(result, mode, "events", events, texts_allowed=mode == "full")
    result.check(
        holds=mode != "full" or texts_in_events == TEXTS.keys(),
        sentence=f"full: the events lack {TEXTS.keys() - texts_in_events}: nothing was looked for",
    )
    stored = list(search.captures(bed))
    _search_places(result, mode, "captures", stored, texts_allowed=mode == "full")
    _search_places(
        result, mode, "everything else", search.elsewhere(bed, receiver), texts_allowed=False
    )
    _search_places(
        result, mode, "the app's own errors", [("an error", app_output)], texts_allowed=False
    )
    if mode == "metadata":
        _search_places(result, mode, "all that storage ever wrote", search.raw_storage(bed))


def _search_places(
    result: ProofResult,
    mode: str,
    where: str,
    places: Iterable[search.Place],
    *,
    texts_allowed: bool = False,
) -> set[str]:
    """Search, and add a row. Returns the kinds of secrets that were found."""
    texts, credentials, count = Counter[str](), Counter[str](), 0
    for name, data in places:
        count += 1
        for secrets, counts in ((TEXTS, texts), (CREDENTIALS, credentials)):
            for name_of_secret in secrets_in(data, secrets):
                counts[name_of_secret] += 1
                is_allowed = texts_allowed if secrets is TEXTS else False
                result.check(holds=is_allowed, sentence=f"{mode}: {name} holds {name_of_secret}")
    result.rows.append(
        (mode, where, str(count), _counts_as_text(texts), _counts_as_text(credentials))
    )
    return set(texts)


def _counts_as_text(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(counts.items())) or "none"
