"""The Event Hub's acceptance of a worker's events, as its last sends show it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

# A failure that is older says little: the queue has tried its event again since, perhaps by another
# worker.
FAILURE_VALID_FOR: Final = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True, slots=True)
class Acceptance:
    """Times are UTC; None: that never happened."""

    accepted_at: datetime | None = None  # the newest publication that the Event Hub accepted
    failing_since: datetime | None = None  # the first failure after it
    failed_at: datetime | None = None  # the newest failure
    error: str | None = None  # its reason, which names neither host nor event

    def after_acceptance(self, now: datetime) -> Acceptance:
        """The state after the Event Hub accepted a publication."""
        return replace(self, accepted_at=now, failing_since=None)

    def after_failure(self, now: datetime, reason: str) -> Acceptance:
        """The state after the Event Hub did not answer, or rejected a publication for a reason that
        is not in its events.
        """
        return replace(self, failing_since=self.failing_since or now, failed_at=now, error=reason)

    def degradation(self, now: datetime) -> str | None:
        """The reason why no event gets through; None if events do, or if none was tried of late."""
        if (
            self.failing_since is None
            or self.failed_at is None
            or now - self.failed_at > FAILURE_VALID_FOR
        ):
            return None
        return f"no event accepted since {self.failing_since:%Y-%m-%dT%H:%M:%SZ}: {self.error}"
