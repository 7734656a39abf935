"""`python -m bench.scaling`: whether what reads strangers' bytes takes time in proportion to them.

Each figure is a ratio of CPU times within one run, so that neither a slow machine nor a busy one
changes it by much. The command fails if one is above its limit.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from shared.core.content.detect.redactor import Redactor
from shared.core.wire.stream.sse import SseDecoder

STREAM_BYTES: Final = 128 * 1024
CANDIDATES: Final = 1000
# Eight times the input may take so many times as long. In proportion it is 8, and 64 if the rest is
# searched again with each line.
GROWTH: Final = 8
MOST_GROWTH: Final = 30
# Lines that end in CR cost four times those that end in LF if they are searched one by one.
MOST_OF_LF: Final = 2.5

_TRIES: Final = 3
_REDACTOR: Final = Redactor()
# What detectors look at more closely.
_CANDIDATE: Final = "1.2.3.4 a@b.de 4111 1111 -----BEGIN PRIVATE KEY-----"


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """One figure."""

    name: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether it is below its limit."""
        return self.value < self.limit


def cpu_s(work: Callable[[], object], tries: int = _TRIES) -> float:
    """The least CPU seconds of several tries: what else runs on the machine only adds to it."""
    times = []
    for _ in range(tries):
        began = time.thread_time()
        work()
        times.append(time.thread_time() - began)
    return min(times)


def growth(name: str, work: Callable[[int], object], size: int) -> Ratio:
    """How many times as long the work takes for GROWTH times the size."""
    value = cpu_s(lambda: work(size * GROWTH)) / cpu_s(lambda: work(size))
    return Ratio(name=f"{name}, {GROWTH} times as much", value=value, limit=MOST_GROWTH)


def ratios(stream_bytes: int = STREAM_BYTES, candidates: int = CANDIDATES) -> Iterator[Ratio]:
    """All figures, each measured when it is taken."""
    for unit in (b"\n", b"\r", b"\r\n", b":\n", b"x"):
        yield growth(f"a stream of {unit!r} alone", partial(_decode, unit), stream_bytes)
    lf_s = cpu_s(partial(_decode, b"\n", stream_bytes))
    for unit in (b"\r", b"\r\n"):
        value = cpu_s(partial(_decode, unit, stream_bytes)) / lf_s
        yield Ratio(name=f"lines that end in {unit!r}, to LF", value=value, limit=MOST_OF_LF)
    yield growth("a text full of candidates", _redact, candidates)


def _decode(unit: bytes, size: int) -> None:
    for _ in SseDecoder().feed(unit * (size // len(unit))):
        pass


def _redact(count: int) -> None:
    _REDACTOR.redact(_CANDIDATE * count, Counter())


def main(figures: Iterable[Ratio]) -> int:
    """Print the figures. Returns the exit code: 1 if one is above its limit."""
    failed = False
    for ratio in figures:
        failed = failed or not ratio.holds
        verdict = "" if ratio.holds else "  ABOVE ITS LIMIT"
        print(f"{ratio.value:6.1f} (limit {ratio.limit:g})  {ratio.name}{verdict}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(ratios()))
