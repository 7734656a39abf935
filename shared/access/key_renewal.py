"""When a tenant's signing keys are fetched: ahead of need, again before they are old, and at once
for a key that is new.

A caller waits for a fetch in two cases only: before the first fetch has ended, and when its token
names a key that the tenant published a moment ago.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.concurrency.periodic import PeriodicTask
from shared.errors import SigningKeysUnavailable
from shared.ports.signing_keys import SigningKeys
from shared.settings.timeouts import SIGNING_KEYS_S

_log = logging.getLogger("fnsse.callers")


@dataclass(frozen=True, kw_only=True)
class RenewalPace:
    """How often keys are fetched, and how long they are trusted. All in seconds."""

    # Entra publishes a key long before it signs with it, and asks for a fetch once a day at least
    renew_s: float = 3600
    first_retry_s: float = 1  # after a failure; doubled with each that follows
    longest_retry_s: float = 15
    # keys that could not be renewed for so long are no longer trusted
    trust_s: float = 24 * 3600
    # between two fetches on account of an unknown key: anyone can name one
    unknown_key_s: float = 60
    fetch_s: float = SIGNING_KEYS_S  # the longest fetch


class KeyRenewal:
    """Keeps `keys` up to date. Belongs to the event loop in which it begins."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[SigningKeys]],
        pace: RenewalPace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fetch` raises SigningKeysUnavailable."""
        # the same object until other keys are published; None: no key can be trusted
        self.keys: SigningKeys | None = None
        self._fetch = fetch
        self._pace = pace or RenewalPace()
        self._clock = clock
        self._fetched_at = self._unknown_key_at = float("-inf")
        self._failures = 0  # since the last fetch that succeeded
        self._unlogged_failure = ""
        self._fetching = PeriodicTask(self._renew, self.next_wait_s)

    def begin(self) -> None:
        """Start to fetch ahead of need, if that has not begun. See PeriodicTask."""
        self._fetching.begin()

    async def current(self) -> SigningKeys:
        """The keys, without waiting if there are any. Raises SigningKeysUnavailable,
        without waiting if the newest fetch has failed.
        """
        self.begin()
        if self.keys is None:
            await self._fetching.wait()
        self._log_failure()
        if self.keys is None:
            raise SigningKeysUnavailable("the callers' Entra tenant gave no signing keys")
        return self.keys

    async def current_with(self, key_id: str) -> SigningKeys:
        """The keys, fetched anew if they lack `key_id`, unless a fetch for another unknown key was
        made less than `unknown_key_s` ago.
        """
        keys = await self.current()
        if keys.has(key_id):
            return keys
        if not self._fetching.under_way:
            if self._clock() - self._unknown_key_at < self._pace.unknown_key_s:
                return keys
            self._unknown_key_at = self._clock()
        await asyncio.wait({self.renew_now()})
        return await self.current()

    async def probe(self) -> None:
        """Raises SigningKeysUnavailable while there are no keys; calls are then answered 503."""
        await self.current()

    async def aclose(self) -> None:
        """Start no further fetch."""
        await self._fetching.aclose()

    def renew_now(self) -> asyncio.Task[None]:
        """Start a fetch, unless one is under way. Returns the fetch that is under way."""
        return self._fetching.run_now()

    async def _renew(self) -> None:
        self._failures += 1  # until it has succeeded
        try:
            async with asyncio.timeout(self._pace.fetch_s):
                keys = await self._fetch()
        except (SigningKeysUnavailable, TimeoutError) as error:
            self._unlogged_failure = str(error) or f"nothing within {self._pace.fetch_s:g} s"
        else:
            self._failures, self._fetched_at = 0, self._clock()
            if keys != self.keys:
                self.keys = keys
        finally:  # even a bug in `fetch` ends this try alone
            if self._clock() - self._fetched_at > self._pace.trust_s:
                self.keys = None

    def _log_failure(self) -> None:
        """Log the newest failure, once. The host (4.1037) drops records from outside of an
        invocation, where fetches run.
        """
        if self._unlogged_failure:
            _log.warning(
                "The signing keys of the callers' Entra tenant could not be fetched: %s",
                self._unlogged_failure,
            )
            self._unlogged_failure = ""

    def next_wait_s(self) -> float:
        """Seconds from the end of the last fetch to the next one, before jitter."""
        if not self._failures:
            return self._pace.renew_s
        return min(
            self._pace.first_retry_s * float(2 ** min(self._failures - 1, 10)),
            self._pace.longest_retry_s,
        )
