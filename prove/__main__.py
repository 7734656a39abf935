"""`python -m prove`, which `make prove` calls: runs all proofs with their full counts, and writes
docs/explanation/proof.md. A part of them is shown instead.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path
from typing import Final

from harness.waiting import ConditionTimeout
from local.stack import StackError
from prove import report
from prove.catalogue import PROOFS, listing
from prove.result import NotProven, Progress, ProofResult
from prove.resumable_run import ResumableRun

_DOCUMENT: Final = Path("docs/explanation/proof.md")


def main() -> int:
    """Run the proofs. Returns the exit code: 1 if a proof does not hold."""
    options = _options()
    if options.list:
        print(listing())
        return 0
    run = ResumableRun.load(options)
    started = time.monotonic() - run.took_s

    def progress(step: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {step}", file=sys.stderr, flush=True)

    for name in options.only or PROOFS:
        if name in run.results:
            continue
        run.results[name] = _prove(name, options.share, options.seed, progress)
        progress(f"{name}: {'; '.join(run.results[name].broken) or 'holds'}")
        run.took_s = time.monotonic() - started
        run.save(options.resume)
        _write(options, run)
    if options.write is None:
        print("\n".join(report.figures(_in_order(run))))
    return any(result.broken for result in run.results.values())


def _write(options: argparse.Namespace, run: ResumableRun) -> None:
    if options.write is None:
        return
    text = report.document(
        _in_order(run),
        run=run.identity,
        seed=options.seed,
        share=options.share,
        took_s=run.took_s,
    )
    options.write.write_text(text)


def _in_order(run: ResumableRun) -> list[ProofResult]:
    return [run.results[name] for name in PROOFS if name in run.results]


def _prove(name: str, share: float, seed: int, progress: Progress) -> ProofResult:
    try:
        return PROOFS[name].run(share, seed, progress)
    except (NotProven, ConditionTimeout, StackError) as error:
        return ProofResult(title=name, broken=[str(error)[:500]])
    except Exception as error:  # noqa: BLE001 - the other proofs go on, and this one does not hold
        traceback.print_exc()
        return ProofResult(title=name, broken=[f"the proof itself failed: {type(error).__name__}"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m prove",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Proves that nothing is lost: injects faults into a real stack under load, "
        "then\ncompares the calls that clients made with the events on the Event Hub.",
        epilog=f"proofs, and about how long each takes in full:\n{listing()}",
    )
    parser.add_argument("--list", action="store_true", help="list the proofs and stop")
    parser.add_argument(
        "--only", action="append", choices=sorted(PROOFS), metavar="PROOF",
        help="run this proof; may be repeated (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the full counts, e.g. 0.1 (default: 1)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of random moments, paces and faults (default: 1)"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="FILE",
        help="keep results in this file, and skip the proofs that it already has of this commit",
    )  # fmt: skip
    parser.add_argument(
        "--write", type=Path, metavar="FILE",
        help=f"where the document goes (default: {_DOCUMENT}; a part of the proofs is shown instead)",
    )  # fmt: skip
    options = parser.parse_args()
    if options.write is None and not options.only and options.share == 1:
        options.write = _DOCUMENT
    return options


if __name__ == "__main__":
    sys.exit(main())
