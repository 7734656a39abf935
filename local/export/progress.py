"""How far an export is, and its result in words."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.records.exchange.exchange_id import started_at
from shared.core.wire.json.json_shape import JsonObject
from view.exchange.evaluation import LeftOut

_INTERVAL_S: Final = 0.5


@dataclass(kw_only=True)
class ExportProgress:
    """Counts the exchanges that were read. On a terminal one line shows them, otherwise a line for
    each hour.
    """

    out: TextIO
    exchanges: int = 0
    rows: int = 0
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    _hour: str = ""
    _printed_at: float = 0.0

    def read(self, exchange: CapturedExchange, result: JsonObject | LeftOut) -> None:
        """Count an exchange that was read, and its result."""
        self._show(f"{started_at(exchange.exchange_id):%Y-%m-%d %H:00}")
        self.exchanges += 1
        if isinstance(result, LeftOut):
            self.left_out[result] += 1
        else:
            self.rows += 1

    def _show(self, hour: str) -> None:
        hour_before, self._hour = self._hour, hour
        if not self.out.isatty():
            if hour_before not in {"", hour}:
                print(self._line(hour_before), file=self.out, flush=True)
        elif time.monotonic() - self._printed_at > _INTERVAL_S:
            self._printed_at = time.monotonic()
            print(f"\r{self._line(hour)}", end="", file=self.out, flush=True)

    def _line(self, hour: str) -> str:
        return f"{hour}  exchanges read: {self.exchanges:,}, rows: {self.rows:,}"

    def summary(self, file: Path) -> str:
        """The result: the rows, and how many exchanges have none for which reason."""
        start = "\r" if self.out.isatty() else ""
        result = f"{start}{self.rows:,} rows of {self.exchanges:,} exchanges are in {file}"
        reasons = (f"left out: {count:,} {reason}" for reason, count in self.left_out.items())
        return "\n".join([result, *reasons])
