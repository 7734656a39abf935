"""The conclusion of an exchange: how it ended, as the relay saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.core.records.exchange.envelope import Failure
from shared.core.records.exchange.outcome import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Conclusion:
    """The end of an exchange, for its record."""

    # COMPLETED: HTTP ended the response, and all of it was handed to the client's connection.
    # The response's own end may say otherwise (response_completeness).
    outcome: Outcome
    failure: Failure | None = None  # why it did not complete
    # the client did not get the response, so the response's own end does not matter
    is_final: bool = False


COMPLETED: Final = Conclusion(outcome=Outcome.COMPLETED)
DISCONNECTED: Final = Conclusion(outcome=Outcome.CLIENT_DISCONNECTED)
