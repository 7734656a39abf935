"""CAPTURE_POLICY measured: how long `best_effort` leaves no trace, and what `required` costs."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import psutil

from harness.chat import Chat
from harness.http_client import Call, ReceivedResponse
from harness.waiting import poll_until
from local.stack import FunctionsHost
from prove.background import in_background
from prove.comparison import compare
from prove.event_rules import Circumstances, Policy
from prove.evidence import gather
from prove.observation import observation_of
from prove.result import Progress, ProofResult
from prove.samples import Samples, summary
from prove.testbed import TestBed
from prove.upstream_calls import upstream_calls

POLICIES: Final[tuple[Policy, ...]] = ("best_effort", "required")
_CAPTURED: Final = r"PUT /\S+/captures/\S+/(\S+\.request)"
_STREAM: Final = "headers_ms=50; chunks=20; chunk_ms=5"
_PLAIN: Final = "headers_ms=50"


def policies(
    kind: FunctionsHost,
    *,
    exchanges: int,
    rounds: int,
    seed: int,
    progress: Progress,
    clients: int = 4,
) -> ProofResult:
    """Make the same exchanges with either policy, in turns.

    There are two stacks, of which only one works at a time.
    """
    result = ProofResult(title=f"CAPTURE_POLICY measured, {kind} host")
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    with ExitStack() as stacks:
        measured = {policy: _MeasuredBed(kind, policy, stacks, clients) for policy in POLICIES}
        for bed in measured.values():
            bed.warm_up()
        for number in range(rounds):
            for policy in rng.sample(POLICIES, len(POLICIES)):
                measured[policy].round(exchanges // rounds)
            progress(f"{result.title}: round {number + 1} of {rounds}")
        for bed in measured.values():
            bed.judge(result)
    best_effort, required = (measured[policy].samples for policy in POLICIES)
    result.check(
        holds=max(required.unseen) <= 0,
        sentence="with `required` the upstream saw a request before its capture was stored",
    )
    result.counts = summary(best_effort, required)
    return result


class _MeasuredBed:
    """A stack with one policy, and what was measured on it."""

    def __init__(
        self, kind: FunctionsHost, policy: Policy, stacks: ExitStack, clients: int
    ) -> None:
        self.samples = Samples()
        self._policy: Policy = policy
        self._bed = stacks.enter_context(TestBed(kind, CAPTURE_POLICY=policy))
        self._bed.blobs.watch(_CAPTURED)
        self._clients = clients
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Make some exchanges, of which no measurement counts: things are created on first use."""
        self.round(self._clients * 4)
        self.samples = Samples(observations=self.samples.observations)

    def round(self, exchanges: int) -> None:
        """Make exchanges, half of them streams; return when the queue is empty."""
        numbers = iter(range(exchanges))
        before = self._cpu_s()
        threads = [
            in_background(lambda: self._client(numbers), f"client-{number}")
            for number in range(self._clients)
        ]
        for thread in threads:
            thread.join()
        poll_until(lambda: not self._bed.leases.waiting(), "an empty queue", within_s=60)
        self.samples.cpu.append((self._cpu_s() - before) * 1000 / exchanges)

    def judge(self, result: ProofResult) -> None:
        """Compare what clients saw with the events."""
        compare(
            result,
            gather(self._bed),
            self.samples.observations,
            upstream_calls(self._bed.stack),
            Circumstances(policy=self._policy),
            must=self.samples.exchange_ids,
        )

    def _client(self, numbers: Iterator[int]) -> None:
        while True:
            with self._lock:
                number = next(numbers, None)
            if number is None:
                return
            stream = number % 2 == 0
            self._measure(Chat(stream=stream, directives=_STREAM if stream else _PLAIN))

    def _measure(self, chat: Chat) -> None:
        with chat.begin(self._bed.stack) as call:
            response = call.rest()
        name = f"{response.exchange_id}.request"
        stored_at = poll_until(
            lambda: self._bed.blobs.acknowledged.get(name),
            "the request capture to be stored",
            within_s=20,
        )
        reached_upstream_at = upstream_calls(self._bed.stack, chat.deployment)[
            chat.deployment
        ].started_at
        with self._lock:
            self._note(chat, call, response)
            self.samples.traceless.append((stored_at - call.sent_at) * 1000)
            self.samples.unseen.append((stored_at - reached_upstream_at) * 1000)

    def _note(self, chat: Chat, call: Call, response: ReceivedResponse) -> None:
        ends = self.samples.stream_end if chat.stream else self.samples.response_end
        ends.append((response.pieces[-1].at - call.sent_at) * 1000)
        self.samples.first_byte.append((response.pieces[0].at - call.sent_at) * 1000)
        self.samples.observations.append(observation_of(chat, response))

    def _cpu_s(self) -> float:
        """User and system time of the host and its worker."""
        host = self._bed.stack.parts["functions_host"]
        times = [psutil.Process(pid).cpu_times() for pid in [host.pid, *host.descendants()]]
        return sum(float(one.user + one.system) for one in times)
