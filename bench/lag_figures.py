"""The lag of events under open-loop loads, and its table in Markdown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bench.accepted_events import ArrivedEvent
from bench.statistics import percentile

_SHARES: Final = (0.5, 0.9, 0.99)
_HEAD: Final = (
    "| calls a second | calls | lag p50 | p90 | p99 | delivered when the load ends "
    "| drain | worker | Azurite | Azurite's CPU for an exchange |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """CPU seconds that the processes have used by a moment."""

    at: datetime  # UTC
    worker_s: float
    azurite_s: float


@dataclass(frozen=True, kw_only=True)
class LoadWindow:
    """An open-loop load: when it ran, and the CPU time that it took."""

    calls_per_s: int
    calls: int
    start: Reading
    ended: Reading  # after its last answer
    drained: Reading  # the last of its events was accepted
    others_share: float  # of the machine, by processes outside of the benchmark

    @property
    def worker_share(self) -> float:
        """CPU time of the worker while the load ran, as a share of one core."""
        return (self.ended.worker_s - self.start.worker_s) / self._seconds

    @property
    def azurite_share(self) -> float:
        """CPU time of Azurite while the load ran, as a share of one core."""
        return (self.ended.azurite_s - self.start.azurite_s) / self._seconds

    @property
    def azurite_ms_per_call(self) -> float:
        """CPU milliseconds of Azurite for each call, until the last event was accepted."""
        return (self.drained.azurite_s - self.start.azurite_s) / self.calls * 1000

    @property
    def _seconds(self) -> float:
        return (self.ended.at - self.start.at).total_seconds()


@dataclass(frozen=True, kw_only=True)
class Lag:
    """From an exchange's end to the acceptance of its event."""

    window: LoadWindow
    percentiles_ms: tuple[float, ...]  # of `_SHARES`
    delivered_at_end: float  # share of the events that were accepted when the load ended
    drain_s: float  # from the load's end to the acceptance of its last event


def lag_of(window: LoadWindow, events: Sequence[ArrivedEvent]) -> Lag:
    """The lag of the exchanges that ended while this load ran."""
    own = [event for event in events if window.start.at <= event.ended <= window.drained.at]
    lags = [event.lag_ms for event in own]
    last = max(event.accepted for event in own)
    return Lag(
        window=window,
        percentiles_ms=tuple(percentile(lags, share) for share in _SHARES),
        delivered_at_end=sum(event.accepted <= window.ended.at for event in own) / len(own),
        drain_s=max(0.0, (last - window.ended.at).total_seconds()),
    )


def markdown(lags: Sequence[Lag]) -> str:
    """The table for docs/reference/capacity.md."""
    return "\n".join([_HEAD, *map(_row, lags)])


def _row(lag: Lag) -> str:
    window = lag.window
    cells = [
        str(window.calls_per_s),
        str(window.calls),
        *map(_duration, lag.percentiles_ms),
        f"{lag.delivered_at_end:.0%}",
        _duration(lag.drain_s * 1000),
        f"{window.worker_share:.0%}",
        f"{window.azurite_share:.0%}",
        f"{window.azurite_ms_per_call:.1f} ms",
    ]
    return f"| {' | '.join(cells)} |"


def _duration(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def doubts(lags: Sequence[Lag]) -> list[str]:
    """Why the figures should not be trusted."""
    return [
        f"doubt ({lag.window.calls_per_s} a second): other processes used {lag.window.others_share:.0%} of the machine"
        for lag in lags
        if lag.window.others_share > 0.1
    ]
