"""Whether the captures of an event are those of its first delivery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.core.event.shape import Event
from shared.core.records import digests
from shared.core.records.capture import Capture
from shared.core.records.digests import NO_DIGESTS, Digests
from shared.core.records.envelope import Envelope


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedEvent:
    """An event, and what is known of its captures."""

    event: Event  # its `problems` name what was altered
    digests: Digests  # of its captures, for the ledger; without those that were altered
    altered: tuple[str, ...]  # what was altered, as `problems` say it


def check(
    event: Event, envelope: Envelope, request: Capture | None, response: Capture | None
) -> CheckedEvent:
    """Compare the captures with the ledger's digests, which the envelope holds."""
    first = envelope.first_delivery or NO_DIGESTS
    now = Digests(
        request=digests.of_capture(request, event.request_sha256),
        response=digests.of_capture(response, event.response_sha256),
    )
    sides = [
        *_problems("request", first.request, now.request),
        *_problems("response", first.response, now.response),
    ]
    altered = tuple(problem for _, problem in sides)
    return CheckedEvent(
        event=replace(event, problems=(*event.problems, *altered)) if altered else event,
        # an altered capture must not become what later deliveries are compared with
        digests=replace(now, **{side: None for side, _ in sides}),
        altered=altered,
    )


def _problems(side: str, first: str | None, now: str | None) -> Iterator[tuple[str, str]]:
    """Side and problem. Consumers look for the words `capture was altered` (infra/queries)."""
    if first is None or first == now:
        return
    deleted = "" if now else ": it is not there any more"
    yield side, f"the {side}'s capture was altered{deleted}"
