"""Reconciliation: for each closed window, captured minus delivered is queued again, until nothing is missing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.captures import Captures
from shared.adapters.envelope_queue import EnvelopeQueue
from shared.adapters.ledger import Ledger
from shared.core.capture import request_name, response_name
from shared.core.completeness import Comparison, Missing
from shared.core.envelope import Caller, Envelope, Failure, Timings, from_fields
from shared.core.exchange import Outcome
from shared.core.window import Window, judged_windows
from shared.errors import CaptureError, DeliveryError, EnvelopeError

_log = logging.getLogger("fnsse.reconciliation")

# What one run may queue again for one window: the next run goes on once the queue is empty again.
QUEUED_PER_RUN: Final = 10_000
_AT_A_TIME: Final = 200  # names between two pauses: about a millisecond


class Probed(Protocol):
    """What has to be ready before anything is queued again."""

    async def probe(self) -> None:
        """Raises DeliveryError unless it is."""
        ...


class Reconciliation:
    """The steps of a reconcile run; the orchestration in blueprints/reconcile.py strings them together."""

    def __init__(
        self,
        captures: Captures,
        ledger: Ledger,
        envelopes: EnvelopeQueue,
        event_hub: Probed,
        *,
        queued_per_run: int = QUEUED_PER_RUN,
    ) -> None:
        self._queued_per_run = queued_per_run
        self._captures = captures
        self._ledger = ledger
        self._envelopes = envelopes
        self._event_hub = event_hub

    async def why_not_now(self) -> str | None:
        """Why nothing should be queued now; None where all is well. An outage must not become a storm."""
        try:
            waiting = await self._envelopes.approximate_length()
            if waiting:
                return f"the queue still holds {waiting} envelopes"
            await self._event_hub.probe()
        except AzureError:
            return "the queue cannot be reached"
        except DeliveryError:
            return "the Event Hub is not ready"
        return None

    async def open_windows(self, until: datetime, look_back: timedelta, *, open_too: bool) -> list[str]:
        """The windows of the look-back that no report calls complete, oldest first; see `judged_windows`."""
        names = [window.name for window in judged_windows(until, look_back, open_too=open_too)]
        complete = await self._ledger.complete_windows(names)
        return [name for name in names if name not in complete]

    async def reconcile(self, window: str, until: datetime) -> dict[str, Any]:
        """Compare, queue what is missing of what started before `until`, and publish the window's report.

        Raises AzureError.
        """
        comparison = Comparison(window, await self._ledger.known(window), until)
        comparison.report.ended = Window.named(window).end <= until
        async for names in self._captures.pages(f"{window}/"):
            for first in range(0, len(names), _AT_A_TIME):
                await self._queue(comparison.feed(names[first : first + _AT_A_TIME]), comparison)
                await asyncio.sleep(0)  # streams may be relayed by this worker, too
        await self._queue(comparison.finish(), comparison)
        report = comparison.report
        await self._ledger.put_report(report)
        _log.info("Completeness of %s: %s", window, report.as_json())
        return report.as_json()

    async def _queue(self, missing: Iterable[Missing], comparison: Comparison) -> None:
        report = comparison.report
        for each in missing:
            if report.redelivered + report.aborted >= self._queued_per_run:
                continue  # counted as captured, not as delivered: the window stays open
            try:
                envelope = await rebuilt(self._captures, each)
            except (CaptureError, EnvelopeError) as error:
                await self._ledger.parked(each.exchange_id, "corrupt_capture")
                report.parked += 1
                _log.error("Exchange %s can never be delivered and is parked: %s", each.exchange_id, error)
                continue
            except ResourceNotFoundError:  # erased since it was listed
                report.captured -= 1
                continue
            await self._envelopes.put(envelope)
            report.redelivered += each.answered
            report.aborted += not each.answered


async def rebuilt(captures: Captures, each: Missing) -> Envelope:
    """The envelope that was lost, from what the captures hold. Raises CaptureError, EnvelopeError or AzureError."""
    if each.answered:
        header = await captures.header(response_name(each.exchange_id))
        return from_fields(header.get("envelope"))
    header = await captures.header(request_name(each.exchange_id))
    return aborted_envelope(each.exchange_id, header)


def aborted_envelope(exchange_id: str, request_header: dict[str, Any]) -> Envelope:
    """The envelope of an exchange whose instance was killed. Raises CaptureError where the header lacks what it needs."""
    try:
        return Envelope(
            exchange_id=exchange_id,
            operation=str(request_header["operation"]),
            deployment=request_header["deployment"],
            api_version=request_header["api_version"],
            stream=None,
            started_at=str(request_header["started_at"]),
            status_code=None,
            upstream_status_code=None,
            outcome=Outcome.ABORTED,
            failure=Failure(code="aborted", message="The instance that relayed this exchange was killed before its end."),
            timings=Timings(to_headers_ms=None, to_first_chunk_ms=None, to_last_chunk_ms=None, to_end_ms=0.0),
            arrivals=(),
            chunk_count=0,
            usage=None,
            usage_source="none",
            usage_asked=False,
            request_bytes=int(request_header.get("request_bytes", 0)),
            response_bytes=0,
            sent_bytes=0,
            request_capture=request_name(exchange_id),
            response_capture=None,
            caller=Caller(**request_header["caller"]),
            trace_parent=None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CaptureError(f"the request capture's header lacks {type(error).__name__}") from None
