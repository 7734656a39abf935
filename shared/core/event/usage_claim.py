"""Counting the usage of a background response once.

Each GET of a response repeats its usage (litellm#25015). Whether a response was created by a call
that carried its usage can be told from the exchange alone, but for a background one: its create
call carries none, it may be streamed, then polled, or polled alone, by several at once. So the
first exchange to be enriched that carries its final usage claims it, in storage; the claim is that
exchange's for ever, which makes a redelivery and a replay say the same. Unless the Event Hub will
not have the event: then the attempt that made the claim gives it up, and the next exchange that
asks has it. An attempt that found the claim made leaves it alone, because the one that made it may
have been accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.core.event.shape import Event

_FINAL: Final = frozenset({"completed", "incomplete", "failed", "cancelled"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Who counts the usage of a response."""

    response_id: str
    holder: str  # an exchange id
    new: bool  # made just now


def response_to_claim(event: Event) -> str | None:
    """The response whose usage this exchange has to claim before its event can say who counts it,
    or None.
    """
    final = event.background is True and event.response_status in _FINAL
    return event.response_id if final and event.usage is not None else None


def is_repeated(exchange_id: str, holder: str) -> bool:
    """Whether another exchange, the claim's holder, counts the usage."""
    return holder != exchange_id
