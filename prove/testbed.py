"""The stack that proofs run on: short limits, and gates between the app and Azurite.

It also receives the events, and starts orchestrations as an operator does.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

import psutil  # type: ignore[import-untyped]  # psutil ships no types
from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueClient

from harness.event_log import EventLog
from local.stack import FunctionsHost, Stack
from local.stack.ports import free_ports
from local.stack.storage import connection_string
from prove.gate import Gate
from prove.result import NotProven
from shared.core.records.comparison import COUNTS

EXCHANGE_TIMEOUT_S: Final = 4
_QUEUES: Final = "AzureFunctionsJobHost__extensions__queues__"
_DURABLE: Final = "AzureFunctionsJobHost__extensions__durableTask__storageProvider__"

# Minutes become seconds; nothing else differs from how the app is shipped.
SHORT: Final = {
    "EXCHANGE_TIMEOUT_S": str(EXCHANGE_TIMEOUT_S),
    "RECONCILE_GRACE_S": "1",
    "RECONCILE_LOOK_BACK_H": "2",
    f"{_QUEUES}visibilityTimeout": "00:00:01",
    f"{_QUEUES}maxPollingInterval": "00:00:01",
    f"{_QUEUES}maxDequeueCount": "5",
    f"{_DURABLE}maxQueuePollingInterval": "00:00:01",
    f"{_DURABLE}controlQueueVisibilityTimeout": "00:01:00",
    f"{_DURABLE}workItemQueueVisibilityTimeout": "00:01:00",
}

_HELD_S: Final = 4.0  # longer than any attempt and its visibilityTimeout take here
# The embedded host's lease, instead of ten minutes: a proof can wait until the messages of a killed
# host become visible again.
_LEASES: Final = {"FNSSE_LOCAL_QUEUE_LEASE_S": "15"}

GIVEN_UP: Final = "was given up by the queue"
DISCARDED: Final = "A message of the envelope queue is discarded"
NOTED: Final = (GIVEN_UP, DISCARDED)

type Report = dict[str, Any]


def wait_for[T](look: Callable[[], T | None], what: str, within_s: float) -> T:
    """Poll until `look` returns something that is not empty, and return that. Raises NotProven."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            raise NotProven(f"not within {within_s:g} s: {what}")
        time.sleep(0.05)
    return found


class TestBed:
    """A stack under test; use it in a `with` block."""

    __test__ = False  # for pytest: no class of tests

    def __init__(
        self, kind: FunctionsHost, *, stand_in_defaults: str = "", **settings: str
    ) -> None:
        self.kind = kind
        ports = free_ports()
        taken = set(ports.by_name().values())
        spare = (port for port in free_ports().by_name().values() if port not in taken)
        self.blobs, self.queues = Gate(next(spare), ports.blob), Gate(next(spare), ports.queue)
        gated = connection_string(replace(ports, blob=self.blobs.port, queue=self.queues.port))
        values = {
            **SHORT,
            **(_LEASES if kind == "embedded" else {}),
            "CAPTURES_STORAGE": gated,
            **settings,
        }
        self.noted: Counter[str] = Counter()  # texts of NOTED that the host printed
        self.stack = Stack(
            functions_host=kind,
            ports=ports,
            settings=values,
            stand_in_defaults=stand_in_defaults,
            on_line=self._note,
        )
        self.events = EventLog(self.stack)
        self.released = 0  # envelopes of a killed func whose lease was ended early
        self.cleared = 0  # envelopes of a killed func that were deleted: no receipt was known
        self.leases_lost = False  # a process died that may have held envelopes
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            for context in (self.blobs, self.queues, self.stack, self.events):
                opening.enter_context(context)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def _note(self, _part: str, line: str) -> None:
        self.noted.update(text for text in NOTED if text in line)

    # --- the host ---------------------------------------------------------------------------------

    def kill_host(self) -> None:
        """Send SIGKILL to the host and its workers."""
        self.leases_lost = True
        self.stack.parts["functions_host"].kill()

    def kill_worker(self) -> None:
        """Send SIGKILL to the process that runs the functions' code."""
        os.kill(self._worker(), signal.SIGKILL)

    def start_host(self) -> None:
        """Start the host again after `kill_host`."""
        self.stack.parts["functions_host"].start()

    def wait_served(self) -> None:
        """Return when the host answers again."""
        wait_for(lambda: self.call("GET", "/health")[0] == 200, "an answer of the host", 60)

    def _worker(self) -> int:
        for pid in self.stack.parts["functions_host"].descendants():
            try:
                command = " ".join(psutil.Process(pid).cmdline())
            except psutil.Error:
                continue
            if "local.functions_host.worker" in command or "worker.py" in command:
                return pid
        raise NotProven("the host has no worker")

    # --- its operators' functions -----------------------------------------------------------------

    def call(self, method: str, target: str, body: Any = None) -> tuple[int, Any]:
        """Call the host; return status and JSON, or (0, None) without a response.

        `target` is a path or a whole URL.
        """
        url = target if target.startswith("http") else f"{self.stack.proxy_url}{target}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - http to this machine
            url, data, {"content-type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http to this machine
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else None
        except (OSError, ValueError):
            return 0, None

    def started(self, target: str, body: Any = None) -> str:
        """Start an orchestration; return the URL of its status."""
        links = wait_for(lambda: self._accepted(target, body), f"POST {target} to be accepted", 90)
        return str(links["statusQueryGetUri"])

    def finished(self, status_url: str, within_s: float = 120) -> Any:
        """Wait until an orchestration has completed; return its output."""

        def look() -> Any:
            _, status = self.call("GET", status_url)
            if status and status["runtimeStatus"] in {"Failed", "Terminated", "Canceled"}:
                raise NotProven(
                    f"the orchestration ended as {status['runtimeStatus']}: {status['output']}"
                )
            return status if status and status["runtimeStatus"] == "Completed" else None

        return wait_for(look, "the orchestration's end", within_s)["output"]

    def reconciled(self, within_s: float = 240) -> Report:
        """Run reconcile until every exchange is delivered or dead-lettered.

        Returns the sums over the windows of the last run, and `redelivered`, `aborted` and `runs`
        over all runs.
        """
        deadline = time.monotonic() + within_s
        queued = {"redelivered": 0, "aborted": 0, "runs": 0}
        while True:
            self._wait_idle()
            output = self.finished(
                self.started("/ops/reconcile"), max(120.0, deadline - time.monotonic())
            )
            queued["runs"] += 1
            if output["waiting"] is None:
                sums = _sums(output["windows"])
                for name in ("redelivered", "aborted"):
                    queued[name] += sums[name]
                if (
                    sums["captured"] == sums["delivered"] + sums["dead_lettered"]
                    and not sums["running"]
                ):
                    return sums | queued
            if time.monotonic() > deadline:
                raise NotProven(f"reconcile did not complete within {within_s:g} s: {output}")

    def _accepted(self, target: str, body: Any) -> dict[str, str] | None:
        status, links = self.call("POST", target, body)
        if status in {400, 404}:
            raise NotProven(f"POST {target} was answered {status}: {links}")
        return links if status == 202 else None

    # --- the queue --------------------------------------------------------------------------------

    def waiting(self, name: str = "envelopes") -> int:
        """Number of messages on a queue, invisible ones included."""
        with QueueClient.from_connection_string(
            self.stack.storage_connection_string, name
        ) as queue:
            return queue.get_queue_properties().approximate_message_count or 0

    def _wait_idle(self, patience_s: float = 60) -> None:
        """Return when the queue is empty. Raises NotProven unless it gets shorter in `patience_s`.

        The envelopes of a killed embedded host become visible when its lease of seconds ends. With
        func the lease is ten minutes: it is ended early with the receipt that func got. An envelope
        whose receipt never passed the gate is deleted. That is harder for the app than waiting,
        because reconcile has to find the exchange.
        """
        released = False
        deadline, fewest = time.monotonic() + patience_s, sys.maxsize
        seen_at = time.monotonic()
        with QueueClient.from_connection_string(
            self.stack.storage_connection_string, "envelopes"
        ) as queue:
            while count := queue.get_queue_properties().approximate_message_count:
                if queue.peek_messages(max_messages=1):
                    seen_at = time.monotonic()
                if (
                    self.kind == "func"
                    and self.leases_lost
                    and time.monotonic() - seen_at > _HELD_S
                ):
                    if released:
                        self.cleared += count
                        queue.clear_messages()
                    else:
                        self._end_leases(queue)
                        released, seen_at = True, time.monotonic()
                if count < fewest:
                    fewest, deadline = count, time.monotonic() + patience_s
                if time.monotonic() > deadline:
                    raise NotProven(f"the queue has held {count} envelopes for {patience_s:g} s")
                time.sleep(0.1)

    def _end_leases(self, queue: QueueClient) -> None:
        """End the leases of all messages that were handed out through the gate and still exist."""
        for message_id, receipt in list(self.queues.receipts.items()):
            with contextlib.suppress(HttpResponseError):
                queue.update_message(message_id, receipt, visibility_timeout=0)
                self.released += 1

    def start_event_hub(self) -> None:
        """Start the killed Event Hub, and a new consumer: the old one may have given up."""
        self.stack.parts["event_hubs"].start()
        self.events = self._open.enter_context(EventLog(self.stack))

    def event_hub_mode(self, mode: str) -> None:
        """Set the emulator's mode: accept, reject or stall."""
        self._event_hub_behaves({"mode": mode})

    def event_hub_refuses(self, text: str, condition: str) -> None:
        """Reject publications with this text for good, until the next change of mode."""
        self._event_hub_behaves(
            {"mode": "accept", "unwanted": {"text": text, "condition": condition}}
        )

    def _event_hub_behaves(self, behaviour: dict[str, Any]) -> None:
        data = json.dumps(behaviour).encode()
        request = urllib.request.Request(  # noqa: S310 - http to this machine
            f"{self.stack.event_hubs_control_url}/behaviour", data, method="PUT"
        )
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - http to this machine
            pass


def _sums(windows: list[Report]) -> Report:
    return {name: sum(window[name] for window in windows) for name in COUNTS}


def upstream_digests(bed: TestBed) -> dict[str, str]:
    """Deployment -> digest of the response body, for each exchange that reached the stand-in."""
    url = f"{bed.stack.stand_in_url}/_stand_in/exchanges?details=false"
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - http to this machine
        return {
            str(exchange["deployment"]): str(exchange["response_sha256"])
            for exchange in json.load(answer)
        }


def in_background(work: Callable[[], None], name: str) -> threading.Thread:
    """Run `work` in a daemon thread."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
