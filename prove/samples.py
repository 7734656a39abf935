"""Measurements of exchanges with one capture policy, and their summary."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from prove.observation import ClientObservation


@dataclass(kw_only=True)
class Samples:
    """Measurements with one policy: a value in ms for each exchange."""

    first_byte: list[float] = field(default_factory=list)  # request sent to first byte of the body
    # request sent to the last byte of the body, of streams
    stream_end: list[float] = field(default_factory=list)
    response_end: list[float] = field(default_factory=list)  # likewise for calls without streaming
    traceless: list[float] = field(default_factory=list)  # request sent to request capture stored
    # upstream has the request to request capture stored; below 0: stored first
    unseen: list[float] = field(default_factory=list)
    # CPU time of the host and its worker per exchange, a value for each round
    cpu: list[float] = field(default_factory=list)
    observations: list[ClientObservation] = field(default_factory=list)

    @property
    def exchange_ids(self) -> list[str]:
        """Ids of the exchanges that were measured."""
        return [observation.exchange_id or "" for observation in self.observations]


def summary(best_effort: Samples, required: Samples) -> dict[str, int | float | str]:
    """The figures of both policies, and what `required` adds."""
    return {
        "exchanges with each policy": len(best_effort.first_byte),
        **_exposure(best_effort, required),
        **_beside("ms to the first byte", best_effort.first_byte, required.first_byte),
        **_beside("ms to the last byte of a stream", best_effort.stream_end, required.stream_end),
        **_beside(
            "ms to the last byte of a plain response",
            best_effort.response_end,
            required.response_end,
        ),
        **_additions(best_effort, required),
        "`best_effort`: ms of CPU an exchange, host and worker": _mean(best_effort.cpu),
        "`required`: ms of CPU an exchange, host and worker": _mean(required.cpu),
    }


def _exposure(best_effort: Samples, required: Samples) -> dict[str, str]:
    since = "ms since the upstream had the request (p50, p99, most; below 0: stored before)"
    return {
        "`best_effort`: ms without a trace since the client sent its request (p50, p99, most)": spread(
            best_effort.traceless
        ),
        f"`best_effort`: of those, {since}": spread(best_effort.unseen),
        f"`required`: {since}": spread(required.unseen),
    }


def _additions(best_effort: Samples, required: Samples) -> dict[str, float]:
    pairs = {
        "the first byte": (best_effort.first_byte, required.first_byte),
        "the last byte of a stream": (best_effort.stream_end, required.stream_end),
        "the last byte of a plain response": (best_effort.response_end, required.response_end),
    }
    return {
        f"`required` adds to {label}, ms at p50": round(
            statistics.median(after) - statistics.median(before), 1
        )
        for label, (before, after) in pairs.items()
    }


def spread(values: Sequence[float]) -> str:
    """The samples in words: p50, p99 and the largest."""
    ordered = sorted(values)
    return ", ".join(
        f"{ordered[min(len(ordered) - 1, int(len(ordered) * at))]:.1f}" for at in (0.5, 0.99, 1)
    )


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.1f}"


def _beside(label: str, best_effort: Sequence[float], required: Sequence[float]) -> dict[str, str]:
    figures = {"best_effort": best_effort, "required": required}
    return {
        f"`{policy}`: {label} (p50, p99, most)": spread(values)
        for policy, values in figures.items()
    }
