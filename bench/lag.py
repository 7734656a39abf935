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
from bench.lag_figures import Lag, LoadWindow, Reading, doubts, lag_of, markdown
from bench.load_process import generate
from bench.processes import CpuMeter, Machine, cpu_s_of
from local.stack import Stack, StackError

_RATES: Final = (10, 50, 100, 200)
_WARM_UP_CALLS: Final = 100
_DRAINED_WITHIN_S: Final = 300.0


def main() -> int:
    """Measure, and print the table. Returns the exit code: 1 if a load could not be measured."""
    options = _options()
    lags: list[Lag] = []
    try:
        with Stack(on_step=_progress) as stack:
            bench = LagBench(stack)
            lags = bench.lags(options.rates, options.seconds)
    except (BenchError, StackError) as error:
        print(f"bench: {error}", file=sys.stderr)
    print(f"{Environment.here().sentence()}; {options.seconds} s of calls at each rate\n")
    print("\n".join([markdown(lags), *doubts(lags)]))
    return int(len(lags) < len(options.rates))


class LagBench:
    """Puts loads on a stack, one after the other."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._meter = CpuMeter(stack.parts)
        self._machine = Machine(stack.parts)
        self._calls = 0
        _progress("warm-up")
        self._run(_WARM_UP_CALLS, rate=50)
        self._drain()

    def lags(self, rates: Sequence[int], seconds: int) -> list[Lag]:
        """The lag at each rate, up to the first that does not drain. Raises BenchError."""
        windows: list[LoadWindow] = []
        try:
            for rate in rates:
                windows.append(self.load(rate, seconds))
        except BenchError as error:
            _progress(str(error))
        _progress("reading the events")
        events = accepted_events.read_all(self._stack)
        return [lag_of(window, events) for window in windows]

    def load(self, rate: int, seconds: int) -> LoadWindow:
        """Make calls at this rate, and wait until their events are accepted. Raises BenchError."""
        _progress(f"{rate} calls a second for {seconds} s")
        calls, machine, start = rate * seconds, self._machine.read(), self._read()
        generator_s = self._run(calls, rate)
        ended, others_share = self._read(), self._machine.others_share(machine, generator_s)
        self._drain()
        return LoadWindow(
            calls_per_s=rate,
            calls=calls,
            start=start,
            ended=ended,
            drained=self._read(),
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

    def _read(self) -> Reading:
        return Reading(
            at=datetime.now(UTC),
            worker_s=self._meter.cpu().worker_s,
            azurite_s=cpu_s_of(self._stack.parts["azurite"]),
        )


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
