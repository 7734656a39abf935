"""Background responses that an exchange created and whose end it did not see."""

from __future__ import annotations

from shared.core.event.shape import Event
from shared.core.wire.operations import spec_of


def pending_response(event: Event) -> str | None:
    """The id of the response that the app is to follow; None if there is none."""
    spec = spec_of(event.operation)
    pending = event.background is True and event.response_status not in spec.final_statuses
    return event.response_id if spec.followed_by is not None and pending else None
