"""The reachability of each dependency, without naming a host, an account or a key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from shared.errors import DeliveryForbidden, FnsseError, StorageError
from shared.settings.timeouts import READINESS_S

# The route is anonymous: a caller who asks more often than this gets the last answer, and the
# dependencies get no more calls.
FRESH_S: Final = 5.0

type Probe = Callable[[], Awaitable[None]]
type Degradation = Callable[[], str | None]  # the reason, without host, account or key


class Readiness:
    """Probes every dependency at once; one round at a time."""

    def __init__(
        self,
        probes: Mapping[str, Probe],
        clock: Callable[[], float] = time.monotonic,
        *,
        probe_timeout_s: float = READINESS_S,
        fresh_s: float = FRESH_S,
        notices: Mapping[str, str] | None = None,
        degradations: Mapping[str, Degradation] | None = None,
    ) -> None:
        """`notices` are facts that operators should know although the app serves. `degradations`
        check dependencies that can be reached for other problems.
        """
        self.notices = dict(notices or {})
        self._degradations = dict(degradations or {})
        self._probes = probes
        self._probe_timeout_s = probe_timeout_s
        self._fresh_s = fresh_s
        self._clock = clock
        self._round = asyncio.Lock()
        self._states: dict[str, str] = {}
        self._states_at = float("-inf")

    def degraded(self) -> dict[str, str]:
        """The problems of dependencies that can be reached, by name; empty if there are none."""
        reasons = {name: reason() for name, reason in self._degradations.items()}
        return {name: reason for name, reason in reasons.items() if reason}

    async def check(self) -> dict[str, str]:
        """`{"queue": "reachable" | "forbidden" | "unreachable", …}`, at most `fresh_s` old."""
        async with self._round:
            if self._clock() - self._states_at > self._fresh_s:
                states = await asyncio.gather(
                    *(_state(probe, self._probe_timeout_s) for probe in self._probes.values())
                )
                self._states = dict(zip(self._probes, states, strict=True))
                self._states_at = self._clock()
            return self._states


async def _state(probe: Probe, timeout_s: float) -> str:
    try:
        async with asyncio.timeout(timeout_s):
            await probe()
    except (FnsseError, OSError, TimeoutError) as error:
        return "forbidden" if _is_forbidden(error) else "unreachable"
    return "reachable"


def _is_forbidden(error: Exception) -> bool:
    """Whether it answers that the app's identity has no role there, or that its key is wrong."""
    return isinstance(error, DeliveryForbidden) or (
        isinstance(error, StorageError) and error.is_forbidden
    )
