"""Claims on the usage of background responses: one note for each, made by the first that asks.

`usage/<SHA-256 of the response's id>` beside the ledger holds the holder's exchange id: no more of an exchange than the ledger
itself keeps, and for as long.
"""

from __future__ import annotations

import hashlib

from shared.adapters.notes import Notes


class UsageClaims:
    """Any number of workers may claim at once: storage decides."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def holder(self, response_id: str, exchange_id: str) -> str:
        """The exchange that counts this response's usage: this one, unless another was first. Raises AzureError."""
        name = f"usage/{hashlib.sha256(response_id.encode('utf-8', 'surrogatepass')).hexdigest()}"
        if await self._notes.put_if_absent(name, {"exchange_id": exchange_id}):
            return exchange_id
        return str((await self._notes.get(name) or {}).get("exchange_id"))
