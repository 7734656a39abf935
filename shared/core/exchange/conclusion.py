"""How an exchange ended."""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.api_errors.api_error import ApiError
from shared.core.records.outcome import RelayResult


@dataclass(frozen=True, kw_only=True, slots=True)
class Conclusion:
    """The result of an exchange, for its record."""

    result: RelayResult
    failure: ApiError | None  # why it did not complete
