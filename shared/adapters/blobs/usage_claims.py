"""Claims on the usage of background responses: one blob for each, made by the first exchange that
claims it.

`usage/<SHA-256 of the response's id>` beside the ledger holds the holder's exchange id: no more of
an exchange than the ledger itself keeps, and for as long.
"""

from __future__ import annotations

from shared.core.event.usage_claim import Claim
from shared.core.records.exchange.id_hash import hash_id
from shared.ports.blobs import JsonStore


class UsageClaims:
    """Claims and releases usage, as a UsageClaimStore. Any number of workers may claim at once:
    storage decides.
    """

    def __init__(self, json_store: JsonStore) -> None:
        self._json_store = json_store

    async def claim(self, response_id: str, exchange_id: str) -> Claim:
        name = _name(response_id)
        new = await self._json_store.put_if_absent(name, {"exchange_id": exchange_id})
        holder = exchange_id if new else await self._holder(name)
        return Claim(response_id=response_id, holder=holder, new=new)

    async def _holder(self, name: str) -> str:
        """The exchange that holds a claim; "" if it was released meanwhile or cannot be read."""
        holder = (await self._json_store.get(name) or {}).get("exchange_id")
        return holder if isinstance(holder, str) else ""

    async def holder(self, response_id: str) -> str | None:
        return await self._holder(_name(response_id)) or None

    async def release(self, claim: Claim) -> None:
        await self._json_store.delete(_name(claim.response_id))


def _name(response_id: str) -> str:
    return f"usage/{hash_id(response_id)}"
