"""The count of attempts to deliver an exchange that failed: a small blob of its own."""

from __future__ import annotations

from shared.core.records.exchange.window import Window


def failure_count_name(exchange_id: str) -> str:
    """The blob that counts how often the event of an exchange could not be built."""
    return f"failing/{Window.of_exchange(exchange_id).name}/{exchange_id}.json"
