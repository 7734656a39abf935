"""What reconciling one window takes at a million exchanges: the ids of the ledger, and one page of names at a time."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Final

import psutil  # type: ignore[import-untyped]  # psutil ships no types

from prove.figures import Figures
from shared.core.completeness import Comparison, Known
from shared.core.exchange import new_exchange_id
from shared.core.ledger import Delivery, Entry, LedgerReader

type Progress = Callable[[str], None]

_WINDOW: Final = "2026/11/23/10"
_START_MS: Final = int(datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp() * 1000)
_UNTIL: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
_PAGE: Final = 5_000
_BLOCK: Final = 100  # entries in an append
_MOST_BYTES: Final = 60 * 2**20


def window_memory(*, exchanges: int, progress: Progress) -> Figures:
    """In a process of its own, whose resident size is looked at with each page."""
    figures = Figures(title=f"one window with {exchanges} exchanges")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_measure, args=(theirs, exchanges))
    child.start()
    before, after, took_s, missing = ours.recv()
    child.join()
    progress(f"{figures.title}: {(after - before) / 2**20:.0f} MB")
    figures.counts = {
        "exchanges": exchanges,
        "MB more than before": round((after - before) / 2**20, 1),
        "bytes an exchange": round((after - before) / exchanges, 1),
        "s of CPU": round(took_s, 1),
        "found missing": missing,
    }
    figures.check(holds=after - before <= _MOST_BYTES, sentence="the memory of a window is not bounded as it should be")
    figures.check(holds=missing == exchanges // 1000, sentence="the comparison is not exact")
    return figures


def _measure(pipe: Connection, exchanges: int) -> None:
    before = largest = _resident_bytes()
    began = time.process_time()
    known, reader = Known(), LedgerReader()
    for block in _ledger(exchanges):
        for entry in reader.feed(block):
            known.note(entry)
    comparison = Comparison(_WINDOW, known, _UNTIL)
    missing = 0
    for page in _pages(exchanges):
        missing += sum(1 for _ in comparison.feed(page))
        largest = max(largest, _resident_bytes())
    missing += sum(1 for _ in comparison.finish())
    pipe.send((before, largest, time.process_time() - began, missing))


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def _ids(exchanges: int) -> Iterator[str]:
    chance = random.Random(1)  # noqa: S311 - repeatable, not secret
    for number in range(exchanges):
        yield new_exchange_id(_START_MS + number * 3_600_000 // exchanges, chance.randbytes(10))


def _ledger(exchanges: int) -> Iterator[bytes]:
    """All but every thousandth."""
    lines: list[bytes] = []
    for number, exchange_id in enumerate(_ids(exchanges), 1):
        if number % 1000:
            lines.append(Entry(exchange_id=exchange_id, delivery=Delivery.DELIVERED, at_ms=_START_MS).line())
        if len(lines) == _BLOCK:
            yield b"".join(lines)
            lines.clear()
    yield b"".join(lines)


def _pages(exchanges: int) -> Iterator[list[str]]:
    page: list[str] = []
    for exchange_id in _ids(exchanges):
        page += [f"{_WINDOW}/{exchange_id}.request", f"{_WINDOW}/{exchange_id}.response"]
        if len(page) >= _PAGE:
            yield page
            page = []
    yield page
