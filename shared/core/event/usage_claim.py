"""Counts the usage of a background response, and that of a batch, once.

Each GET of a response repeats its usage (litellm#25015). The exchange alone shows whether its usage
was counted before, except for a background response: its create call carries no usage, and the
response may then be streamed, polled, or both, by several callers at once. So the first exchange
to be enriched that carries the final usage claims it in storage.

Likewise, each GET of an ended batch repeats its usage, and the first GET counts it. If the batch
reports none, the first GET alone reports that it is not known.

The claim belongs to that exchange forever, so a redelivery and a replay report the same. There is
one exception: if the Event Hub rejects the event, the attempt that made the claim releases it,
and the next exchange that asks gets it. An attempt with an existing claim keeps it, because
the attempt that made it may have been accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.core.event.shape import Event
from shared.core.wire.operations import spec_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A claim on the usage of a response: its holder counts it."""

    response_id: str
    holder: str  # an exchange id; "" if it cannot be read
    new: bool  # this attempt made it


def response_to_claim(event: Event) -> str | None:
    """The id of the response or the batch whose usage must be claimed before the event can name
    its counter; None if no claim is needed.
    """
    statuses = spec_of(event.operation).final_statuses
    if event.batch is not None:
        is_billed = event.usage is not None or event.quantities.basis == "unknown"
        return event.batch.id if is_billed and event.batch.status in statuses else None
    if event.usage is None:
        return None
    final = event.background is True and event.response_status in statuses
    return event.response_id if final else None


def followed_without_usage(event: Event) -> str | None:
    """The id of a followed response whose usage the event does not know. An exchange that claimed
    the usage counts it: a caller who polled to the end, and deleted the response. None if the usage
    is known, and for any other event.
    """
    if not spec_of(event.operation).is_own_call or event.quantities.basis != "unknown":
        return None
    # an error names no response, but the path does
    return event.response_id or (event.path or "").rpartition("/")[2] or None


def mark_repeated(event: Event, *, repeated: bool) -> Event:
    """The event after the claim has decided whether another exchange counts its usage."""
    basis = event.quantities.basis
    if repeated:
        basis = "repeated"
    elif basis == "repeated":  # which was a guess from the exchange alone
        basis = "usage"
    return replace(
        event, usage_repeated=repeated, quantities=replace(event.quantities, basis=basis)
    )


def belongs_to_another(exchange_id: str, holder: str) -> bool:
    """Whether the claim's holder is another exchange, which then counts the usage."""
    return holder != exchange_id
