"""`python -m bench`, which `make bench` calls: measure the app on the local stack and print the
figures.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import report
from bench.environment import Environment
from bench.errors import BenchError
from bench.figures import Figures, figures
from bench.measure import measure, measure_bare
from bench.plan import Plan
from local.stack import FunctionsHost, StackError


def main() -> int:
    """Run the benchmark. Returns the exit code: 1 if a host could not be measured."""
    options = _options()
    plan = Plan(
        rounds=options.rounds,
        streams=options.streams,
        chunks=options.chunks,
        calls=options.calls,
        enrichment=not options.without_enrichment,
    )
    started = time.monotonic()

    def progress(step: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {step}", file=sys.stderr, flush=True)

    results: dict[str, Figures] = {}
    failed = False
    try:
        for host in _hosts(options.functions_host):
            results[host] = figures(measure(host, plan, progress))
        if not options.without_bare_relay:
            results["bare"] = figures(measure_bare(plan, progress))
    except (BenchError, StackError) as error:
        print(f"bench: {error}", file=sys.stderr)
        failed = True  # earlier results are printed anyway
    environment = Environment.here()
    print(report.table(environment, plan, results))
    if options.json:
        options.json.write_text(report.document(environment, plan, results) + "\n")
    return int(failed)


def _options() -> argparse.Namespace:
    plan = Plan()
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="CPU per chunk and per call, added time to first byte."
    )
    parser.add_argument(
        "--functions-host",
        choices=["embedded", "func", "both"],
        help="which to measure (default: the embedded one, and func where it is on PATH)",
    )
    parser.add_argument(
        "--rounds", type=_at_least(1), default=plan.rounds, help="default %(default)s"
    )
    parser.add_argument(
        "--streams", type=_at_least(1), default=plan.streams, help="at once (default %(default)s)"
    )
    parser.add_argument(
        "--chunks",
        type=_at_least(20),
        default=plan.chunks,
        help="of a stream (default %(default)s)",
    )
    parser.add_argument(
        "--calls",
        type=_at_least(20),
        default=plan.calls,
        help="non-streaming (default %(default)s)",
    )
    parser.add_argument(
        "--without-enrichment", action="store_true", help="relay, captures and envelopes only"
    )
    parser.add_argument(
        "--without-bare-relay",
        action="store_true",
        help="which shows what the machine itself takes",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser.parse_args()


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"a whole number, at least {least}")
        return int(text)

    return read


def _hosts(chosen: str | None) -> Sequence[FunctionsHost]:
    if chosen == "embedded":
        return ["embedded"]
    if chosen == "func":
        return ["func"]
    if chosen is None and shutil.which("func") is None:
        print("bench: no func on PATH, so the real host is skipped", file=sys.stderr)
        return ["embedded"]
    return ["embedded", "func"]


if __name__ == "__main__":
    sys.exit(main())
