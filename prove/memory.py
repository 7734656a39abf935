"""The memory that reconciling a window of a million exchanges takes.

It should be the ids of the ledger, one page of names and one batch of envelopes. The app's own
Reconciliation runs. Its input is generated as it is read, so that only its own memory is measured.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any, Final

import psutil

from harness.memory_json_store import MemoryJsonStore
from harness.sample_envelope import PLAIN
from prove.result import Progress, ProofResult
from shared.completeness.back_pressure import BackPressure
from shared.completeness.reconciliation import Reconciliation
from shared.core.records.completeness.report import Report
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.delivery.ledger_entries import (
    Delivery,
    LedgerEntry,
    LedgerIndex,
    LedgerReader,
)
from shared.core.records.exchange.envelope import Envelope, dump
from shared.core.records.exchange.exchange_id import new_exchange_id

_WINDOW: Final = "2026/11/23/10"
_START_MS: Final = int(datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp() * 1000)
_UNTIL: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
_PAGE: Final = 5_000
_MISSING_EVERY: Final = 100
_BLOCK: Final = 100  # entries in an append
_MOST_BYTES: Final = 60 * 2**20
_ENVELOPE: Final[dict[str, Any]] = json.loads(dump(PLAIN))  # as a capture's header holds it


def window_memory(*, exchanges: int, progress: Progress) -> ProofResult:
    """Reconcile in a process of its own, and sample its resident size with each page."""
    result = ProofResult(title=f"one window with {exchanges} exchanges")
    context = multiprocessing.get_context("spawn")
    parent_end, child_end = context.Pipe()
    child = context.Process(target=_measure, args=(child_end, exchanges))
    child.start()
    child_end.close()  # so that a child that dies is an EOFError here, and no wait without an end
    before, after, took_s, missing = parent_end.recv()
    child.join()
    progress(f"{result.title}: {(after - before) / 2**20:.0f} MB")
    result.counts = {
        "exchanges": exchanges,
        "MB more than before": round((after - before) / 2**20, 1),
        "bytes an exchange": round((after - before) / exchanges, 1),
        "s of CPU": round(took_s, 1),
        "found missing and redelivered": missing,
    }
    result.check(
        holds=after - before <= _MOST_BYTES,
        sentence="the memory of a window is not bounded as it should be",
    )
    result.check(
        holds=missing == exchanges // _MISSING_EVERY, sentence="the comparison is not exact"
    )
    return result


def _measure(pipe: Connection, exchanges: int) -> None:
    memory = _ResidentMemory()
    queue, captures = _Queue(memory), _Captures(memory, exchanges)
    started_s = time.process_time()
    reconciliation = Reconciliation(
        captures=captures,
        uploads=captures,
        ledger=_Ledger(memory, exchanges),
        dead_letters=_NoDeadLetters(),
        reports=_NoReports(),
        envelopes=queue,
        checkpoints=_Checkpoints(memory),
        back_pressure=BackPressure(queue, _ReadyEventHub()),
    )
    report = asyncio.run(reconciliation.reconcile(_WINDOW, _UNTIL))
    pipe.send((memory.before, memory.largest, time.process_time() - started_s, report.redelivered))


class _ResidentMemory:
    """The resident size of this process, sampled with each page and envelope."""

    def __init__(self) -> None:
        self.before = self.largest = _resident_bytes()

    def sample(self) -> None:
        """Update `largest`."""
        self.largest = max(self.largest, _resident_bytes())


class _Ledger:
    """The ledger's entries of the window, generated as they are read."""

    def __init__(self, memory: _ResidentMemory, exchanges: int) -> None:
        self._memory = memory
        self._exchanges = exchanges

    async def index(self, window: str) -> LedgerIndex:
        """The ledger's entries of the window."""
        index, reader = LedgerIndex(), LedgerReader()
        for block in _ledger(self._exchanges):
            for entry in reader.feed(block):
                index.note(entry)
        self._memory.sample()
        return index


class _Captures:
    """The captures of the window, generated as they are read."""

    def __init__(self, memory: _ResidentMemory, exchanges: int) -> None:
        self._memory = memory
        self._exchanges = exchanges

    async def pages(self, prefix: str) -> AsyncIterator[list[str]]:
        """Pages of capture names, as a listing gives them."""
        for page in _pages(self._exchanges):
            self._memory.sample()
            yield page

    async def page(
        self, prefix: str, marker: str | None, count: int
    ) -> tuple[list[str], str | None]:
        """Reconcile reads all pages in one iteration."""
        raise NotImplementedError

    async def exists(self, name: str) -> bool:
        """Reconcile reads the header of a capture that it has listed."""
        raise NotImplementedError

    async def staged_blocks(self, name: str) -> frozenset[int]:
        """No upload was cut off."""
        return frozenset()

    async def stage(self, name: str, block: int, data: bytes) -> None:
        """Nothing is uploaded."""
        raise NotImplementedError

    async def commit(self, name: str, blocks: Sequence[int]) -> None:
        """Nothing is uploaded."""
        raise NotImplementedError

    async def erase(self, name: str) -> bool:
        """Nothing is erased."""
        raise NotImplementedError

    async def header(self, name: str) -> dict[str, Any]:
        """The header of a response capture."""
        exchange_id = name.rpartition("/")[2].partition(".")[0]
        return {"envelope": {**_ENVELOPE, "exchange_id": exchange_id, "response_capture": name}}


class _NoReports:
    """Reports of reconcile, of which none is kept."""

    async def put_report(self, report: Report) -> None:
        """Nothing is stored."""

    async def complete_windows(self, windows: Iterable[str]) -> set[str]:
        """Only one window is reconciled, and by its name."""
        raise NotImplementedError


class _NoDeadLetters:
    """Dead letters, of which there are none."""

    async def dead_letter(self, exchange_id: str, reason: DeadLetterReason) -> bool:
        """No capture is corrupt."""
        raise NotImplementedError

    async def reopened_windows(self) -> set[str]:
        """Only one window is reconciled, and by its name."""
        raise NotImplementedError

    async def close_reopened(self, window: str, reopened_ms: Mapping[str, int]) -> None:
        """Nothing was reopened."""
        raise NotImplementedError


class _Queue:
    """Takes envelopes, which are delivered immediately."""

    def __init__(self, memory: _ResidentMemory) -> None:
        self._memory = memory

    async def put(self, envelope: Envelope) -> None:
        """Queue an envelope."""
        await asyncio.sleep(0)
        self._memory.sample()

    async def approximate_length(self) -> int:
        """The queue is always empty."""
        return 0

    async def oldest_at(self) -> datetime | None:
        """No message waits."""
        return None


class _ReadyEventHub:
    """An Event Hub that can be reached."""

    async def probe(self) -> None:
        """The Event Hub is ready."""


class _Checkpoints(MemoryJsonStore):
    """Accepts checkpoints and stores none, because there is no second attempt."""

    def __init__(self, memory: _ResidentMemory) -> None:
        super().__init__()
        self._memory = memory

    async def put(self, name: str, fields: Mapping[str, Any]) -> None:
        """Nothing is stored."""
        await asyncio.sleep(0)
        self._memory.sample()


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def _ids(exchanges: int) -> Iterator[str]:
    rng = random.Random(1)  # noqa: S311 - repeatable, not secret
    for number in range(exchanges):
        yield new_exchange_id(_START_MS + number * 3_600_000 // exchanges, rng.randbytes(10))


def _ledger(exchanges: int) -> Iterator[bytes]:
    """The ledger's blocks, with every hundredth exchange missing."""
    lines: list[bytes] = []
    for number, exchange_id in enumerate(_ids(exchanges), 1):
        if number % _MISSING_EVERY:
            lines.append(
                LedgerEntry(
                    exchange_id=exchange_id, delivery=Delivery.DELIVERED, at_ms=_START_MS
                ).line()
            )
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
