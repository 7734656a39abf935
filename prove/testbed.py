"""The stack with short limits and with gates between the app and Azurite, its events, and reconcile
as an operator runs it.
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

_HELD_S: Final = 4.0  # invisible for longer than any try and its visibilityTimeout take here
# Of the embedded host, instead of ten minutes: so that what a killed one held comes again while a
# proof can wait for it.
_LEASES: Final = {"FNSSE_LOCAL_QUEUE_LEASE_S": "15"}

GIVEN_UP: Final = "was given up by the queue"
DISCARDED: Final = "A message of the envelope queue is discarded"
NOTED: Final = (GIVEN_UP, DISCARDED)

type Report = dict[str, Any]


def wait_for[T](look: Callable[[], T | None], what: str, within_s: float) -> T:
    """What `look` returns as soon as it is neither None, False nor empty. Raises NotProven."""
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
        self.noted: Counter[str] = Counter()  # of NOTED, in what the host printed
        self.stack = Stack(
            functions_host=kind,
            ports=ports,
            settings=values,
            stand_in_defaults=stand_in_defaults,
            on_line=self._note,
        )
        self.events = EventLog(self.stack)
        # envelopes that a killed func held under a lease of ten minutes, which was ended before
        self.released = 0
        self.cleared = 0  # those of which that was not possible, and that were thrown away
        self.leases_lost = False  # somebody died who may have held envelopes
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            for each in (self.blobs, self.queues, self.stack, self.events):
                opening.enter_context(each)
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
        """SIGKILL to the host and its workers."""
        self.leases_lost = True
        self.stack.parts["functions_host"].kill()

    def kill_worker(self) -> None:
        """SIGKILL to the process that runs the function code."""
        os.kill(self._worker(), signal.SIGKILL)

    def start_host(self) -> None:
        """Start the host again after `kill_host`."""
        self.stack.parts["functions_host"].start()

    def wait_served(self) -> None:
        """Until the host answers again."""
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
        """Status and JSON of an answer; (0, None) where there is none. `target`: a path, or a whole
        address.
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
        """Start an orchestration; the address of its status."""
        links = wait_for(lambda: self._accepted(target, body), f"POST {target} to be taken", 90)
        return str(links["statusQueryGetUri"])

    def finished(self, status_url: str, within_s: float = 120) -> Any:
        """The output of an orchestration, once it has completed."""

        def look() -> Any:
            _, status = self.call("GET", status_url)
            if status and status["runtimeStatus"] in {"Failed", "Terminated", "Canceled"}:
                raise NotProven(
                    f"the orchestration ended as {status['runtimeStatus']}: {status['output']}"
                )
            return status if status and status["runtimeStatus"] == "Completed" else None

        return wait_for(look, "the orchestration's end", within_s)["output"]

    def reconciled(self, within_s: float = 240) -> Report:
        """Run reconcile until every exchange is delivered or parked; the sums of the last run, and
        of all that was queued.
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
        """Messages on a queue, invisible ones included."""
        with QueueClient.from_connection_string(
            self.stack.storage_connection_string, name
        ) as queue:
            return queue.get_queue_properties().approximate_message_count or 0

    def _wait_idle(self, patience_s: float = 60) -> None:
        """Until the queue is empty; it may take its time as long as it gets shorter.

        What a killed embedded host held comes again when its lease of seconds ends. With func the
        lease is ten minutes: there it is ended with the receipt that func was given. What is left
        then, because its receipt never came through the gate, is thrown away, which is worse for
        the app than to wait, as it has to be found by reconcile.
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
        """Of all messages that were handed out through the gate. Those that are gone are no
        concern.
        """
        for message_id, receipt in list(self.queues.receipts.items()):
            with contextlib.suppress(HttpResponseError):
                queue.update_message(message_id, receipt, visibility_timeout=0)
                self.released += 1

    def start_event_hub(self) -> None:
        """After it was killed. A consumer that has given up in the meantime sees nothing more, so
        there is a new one.
        """
        self.stack.parts["event_hubs"].start()
        self.events = self._open.enter_context(EventLog(self.stack))

    def event_hub_mode(self, mode: str) -> None:
        """accept | reject | stall."""
        self._event_hub_behaves({"mode": mode})

    def event_hub_refuses(self, text: str, condition: str) -> None:
        """What holds this text, for good, until the next change of mode."""
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
    names = (
        "captured",
        "delivered",
        "dead_lettered",
        "redelivered",
        "aborted",
        "duplicates",
        "without_capture",
        "running",
    )
    return {name: sum(window[name] for window in windows) for name in names}


def upstream_digests(bed: TestBed) -> dict[str, str]:
    """Deployment to the digest of what was answered, of each exchange that reached the stand-in."""
    url = f"{bed.stack.stand_in_url}/_stand_in/exchanges?details=false"
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - http to this machine
        return {str(each["deployment"]): str(each["response_sha256"]) for each in json.load(answer)}


def in_background(work: Callable[[], None], name: str) -> threading.Thread:
    """A running thread."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
