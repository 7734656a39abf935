"""`python -m bench.lag`: how long after an exchange's end the Event Hub accepts its event, at
several rates of calls.

Non-streaming calls begin at a fixed rate, however long they take, on the embedded host with all
features on. Each rate begins with an empty queue. The events are read after the last load. Prints
the table of docs/reference/capacity.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from bench import accepted_events
from bench.environment import Environment
from bench.errors import BenchError
from bench.job import Job
from bench.lag_figures import LoadWindow, doubts, lag_of, markdown
from bench.load_process import generate
from bench.processes import Machine, Meter, cpu_s_of
from local.stack import Stack, StackError

_RATES: Final = (10, 50, 100, 200)
_WARM_UP_CALLS: Final = 100
_DRAINED_WITHIN_S: Final = 300.0


def main() -> int:
    """Measure, and print the table. Returns the exit code: 1 if a load could not be measured."""
    options = _options()
    try:
        with Stack(on_step=_progress) as stack:
            bench = LagBench(stack)
            windows = [bench.load(rate, options.seconds) for rate in options.rates]
            _progress("reading the events")
            events = accepted_events.read_all(stack)
    except (BenchError, StackError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    lags = [lag_of(window, events) for window in windows]
    print(f"{Environment.here().sentence()}; {options.seconds} s of calls at each rate\n")
    print("\n".join([markdown(lags), *doubts(lags)]))
    return 0


class LagBench:
    """Puts loads on a stack, one after the other."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._meter = Meter(stack.parts)
        self._machine = Machine(stack.parts)
        self._calls = 0
        _progress("warm-up")
        self._run(_WARM_UP_CALLS, rate=50)
        self._drain()

    def load(self, rate: int, seconds: int) -> LoadWindow:
        """Make calls at this rate, and wait until their events are accepted. Raises BenchError."""
        _progress(f"{rate} calls a second for {seconds} s")
        began, machine, calls = datetime.now(UTC), self._machine.read(), rate * seconds
        worker_s, azurite_s = self._worker_s(), self._azurite_s()
        generator_s = self._run(calls, rate)
        ended, loaded_worker_s, loaded_azurite_s = (
            datetime.now(UTC),
            self._worker_s() - worker_s,
            self._azurite_s() - azurite_s,
        )
        others_share = self._machine.others_share(machine, generator_s)
        self._drain()
        ran_s = (ended - began).total_seconds()
        return LoadWindow(
            calls_per_s=rate,
            calls=calls,
            began=began,
            ended=ended,
            drained=datetime.now(UTC),
            worker_s=self._worker_s() - worker_s,
            azurite_s=self._azurite_s() - azurite_s,
            worker_share=loaded_worker_s / ran_s,
            azurite_share=loaded_azurite_s / ran_s,
            others_share=others_share,
        )

    def _run(self, calls: int, rate: int) -> float:
        """Run the load generator; the CPU time that it took."""
        port = self._stack.ports.proxy
        self._calls += calls
        return generate(
            Job(port=port, count=calls, connections=10, chunks=None, calls_per_s=rate)
        ).cpu_s

    def _drain(self) -> None:
        accepted_events.wait_for(self._stack, self._calls, _DRAINED_WITHIN_S)
        self._stack.check()

    def _worker_s(self) -> float:
        return self._meter.cpu().worker_s

    def _azurite_s(self) -> float:
        return cpu_s_of(self._stack.parts["azurite"])


def _progress(step: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {step}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.lag", description=__doc__)
    parser.add_argument("--rates", type=_rates, default=_RATES, help="default 10,50,100,200")
    parser.add_argument("--seconds", type=int, default=20, help="of each load (default 20)")
    return parser.parse_args()


def _rates(text: str) -> Sequence[int]:
    return [int(rate) for rate in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
