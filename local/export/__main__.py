"""python -m local.export: write captured exchanges as an evaluation data set."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from local.export.progress import ExportProgress
from local.export.rows import ExportSelection, export
from local.running import add_folder_option, find_captures_settings
from local.stack import StackError
from view.errors import CaptureUnavailable, FilterError, OptionsError
from view.exchange.evaluation import Shape
from view.filters import parse
from view.options import captures_of
from view.sources.captures import CaptureSource

_DAY_MINUTES: Final = 24 * 60.0


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        selection = _selection(options)
        address = captures_of(find_captures_settings(options.folder, os.environ))
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
    return asyncio.run(_export_to(file, CaptureSource(address), selection))


async def _export_to(file: Path, reader: CaptureSource, selection: ExportSelection) -> int:
    """The file is there when all rows are in it. Its owner alone can read it: it holds prompts."""
    progress, unfinished = ExportProgress(out=sys.stderr), file.with_name(f"{file.name}.part")
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
