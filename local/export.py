"""`make export`: write captured exchanges as an evaluation data set of Microsoft Foundry: JSONL,
a row for each.

It reads the captures of a running `make run`, or those of the storage account that the environment
names. Exit code 0; 1 if storage cannot be read; 2 if an option or the filter cannot be read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TextIO

from local.running import add_folder_option, find
from local.stack import StackError
from shared.core.conversation import searched_text
from shared.core.records.completeness.comparison import CapturedExchange
from shared.core.records.exchange.exchange_id import started_at
from shared.core.wire.json.json_shape import JsonObject
from view.errors import CaptureUnavailable, FilterError, OptionsError
from view.exchange.evaluation import LeftOut, Shape, row_of
from view.exchange.received import Received
from view.exchange.row import of_event
from view.filters import Filter, matches, parse
from view.options import captures_of
from view.sources.captured_events import event_of, exchanges_between
from view.sources.captures import CaptureReader

_STORAGE_SETTINGS: Final = ("CAPTURES_STORAGE", "CAPTURES_STORAGE__blobServiceUri")
_CONCURRENT_READS: Final = 8  # exchanges that are read at once; a capture may have 100 MB
_PROGRESS_EVERY_S: Final = 0.5
_DAY_MINUTES: Final = 24 * 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportSelection:
    """Which exchanges become rows, and of which shape."""

    first: datetime
    end: datetime
    query: Filter
    shape: Shape
    limit: int | None = None  # of rows


@dataclass(kw_only=True)
class Progress:
    """What was read so far. On a terminal one line shows it, otherwise a line for each hour."""

    out: TextIO
    exchanges: int = 0
    rows: int = 0
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    _hour: str = ""
    _shown_at: float = 0.0

    def read(self, exchange: CapturedExchange, result: JsonObject | LeftOut) -> None:
        """An exchange was read."""
        self._reached(f"{started_at(exchange.exchange_id):%Y-%m-%d %H:00}")
        self.exchanges += 1
        if isinstance(result, LeftOut):
            self.left_out[result] += 1
        else:
            self.rows += 1

    def _reached(self, hour: str) -> None:
        hour_before, self._hour = self._hour, hour
        if not self.out.isatty():
            if hour_before not in {"", hour}:
                print(self._line(hour_before), file=self.out, flush=True)
        elif time.monotonic() - self._shown_at > _PROGRESS_EVERY_S:
            self._shown_at = time.monotonic()
            print(f"\r{self._line(hour)}", end="", file=self.out, flush=True)

    def _line(self, hour: str) -> str:
        return f"{hour}  exchanges read: {self.exchanges:,}, rows: {self.rows:,}"

    def summary(self, file: Path) -> str:
        """What was written, and what was not."""
        start = "\r" if self.out.isatty() else ""
        written = f"{start}{self.rows:,} rows of {self.exchanges:,} exchanges are in {file}"
        reasons = (f"left out: {count:,} {reason}" for reason, count in self.left_out.items())
        return "\n".join([written, *reasons])


async def export(
    reader: CaptureReader, selection: ExportSelection, out: TextIO, progress: Progress
) -> None:
    """Write the rows, in the order in which the exchanges started. Raises CaptureUnavailable."""
    async for group in _groups(exchanges_between(reader, selection.first, selection.end)):
        for exchange, result in zip(group, await _rows(reader, group, selection), strict=True):
            if progress.rows == selection.limit:
                return
            if not isinstance(result, LeftOut):
                # in ASCII: a text may hold U+2028, at which some readers end a line
                print(json.dumps(result), file=out)
            progress.read(exchange, result)


async def _groups(
    exchanges: AsyncIterator[CapturedExchange],
) -> AsyncIterator[list[CapturedExchange]]:
    group: list[CapturedExchange] = []
    async for exchange in exchanges:
        group.append(exchange)
        if len(group) == _CONCURRENT_READS:
            yield group
            group = []
    if group:
        yield group


async def _rows(
    reader: CaptureReader, group: Sequence[CapturedExchange], selection: ExportSelection
) -> list[JsonObject | LeftOut]:
    return await asyncio.gather(*(_row(reader, exchange, selection) for exchange in group))


async def _row(
    reader: CaptureReader, exchange: CapturedExchange, selection: ExportSelection
) -> JsonObject | LeftOut:
    captured = await event_of(reader, exchange)
    if isinstance(captured, LeftOut):
        return captured
    event = captured.event
    row = of_event(Received(event=event, enqueued_ms=None))
    if row is None or not matches(selection.query, row, lambda: searched_text(event)):
        return LeftOut.NO_MATCH
    return row_of(event, selection.shape, captured.tools)


def settings_of(folder: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The settings of the environment's captures, or of those of the run which uses the folder.
    Raises StackError if there is neither.
    """
    if any(environment.get(name, "").strip() for name in _STORAGE_SETTINGS):
        return environment
    return find(folder).captures_settings


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        selection = _selection(options)
        address = captures_of(settings_of(options.folder, os.environ))
    except FilterError as error:
        print(f"fnsse: {error}\n  {options.filter}\n  {' ' * error.at}^", file=sys.stderr)
        return 2
    except OptionsError as error:
        print(f"fnsse: {error}", file=sys.stderr)
        return 2
    except StackError as error:
        print(f"fnsse: {error}", file=sys.stderr)
        return 1
    if address is None:
        print("fnsse: no storage account is named: set CAPTURES_STORAGE", file=sys.stderr)
        return 2
    file = options.output or options.folder / "evaluation.jsonl"
    return asyncio.run(_export_to(file, CaptureReader(address), selection))


async def _export_to(file: Path, reader: CaptureReader, selection: ExportSelection) -> int:
    """The file is there when all rows are in it. Its owner alone can read it: it holds prompts."""
    progress, unfinished = Progress(out=sys.stderr), file.with_name(f"{file.name}.part")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    unfinished.touch(mode=0o600)
    try:
        with closing(unfinished.open("w", encoding="utf-8")) as out:
            await export(reader, selection, out, progress)
    except CaptureUnavailable as error:
        print(f"\nfnsse: {error}", file=sys.stderr)
        return 1
    else:
        unfinished.replace(file)
        print(progress.summary(file), file=sys.stderr)
        return 0
    finally:
        unfinished.unlink(missing_ok=True)
        await reader.aclose()


def _selection(options: argparse.Namespace) -> ExportSelection:
    now = datetime.now(UTC)
    end = _moment("--to", options.to) if options.to else now
    since = timedelta(minutes=options.since_minutes)
    first = _moment("--from", getattr(options, "from")) if getattr(options, "from") else end - since
    if end <= first:
        raise OptionsError("--to must be later than --from")
    return ExportSelection(
        first=first,
        end=end,
        query=parse(options.filter, now_ms=round(now.timestamp() * 1000)),
        shape=Shape(options.shape),
        limit=options.limit,
    )


def _moment(option: str, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise OptionsError(
            f"{option} must be a moment in ISO 8601, such as 2026-11-23T10:00Z, and not {value}"
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.export",
        description="Writes captured exchanges as an evaluation data set of Microsoft Foundry (JSONL): the captures of "
        "a running `make run`, or of the environment's storage account. Left out is what has no whole answer, and "
        "what the content mode does not record.",
        epilog="Environment: CAPTURES_STORAGE__blobServiceUri (with the role Storage Blob Data Reader, and `az login`) "
        "or CAPTURES_STORAGE. How-to: docs/how-to/export-for-evaluation.md",
    )
    parser.add_argument(
        "filter", nargs="?", default="", help="such as 'deployment:gpt-4o team:hr tokens>1000'"
    )
    parser.add_argument(
        "--from", metavar="T", help="the first moment, ISO 8601, UTC unless it has an offset"
    )
    parser.add_argument("--to", metavar="T", help="the moment after the last; default: now")
    parser.add_argument(
        "--since-minutes",
        type=float,
        default=_DAY_MINUTES,
        metavar="N",
        help="without --from: so long before --to; default: %(default).0f, a day",
    )
    parser.add_argument(
        "--shape",
        choices=[*Shape],
        default=Shape.MESSAGES,
        help="the columns that hold the interaction; default: %(default)s",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="default: evaluation.jsonl in the folder of the run",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="rows at most; default: all")
    add_folder_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
