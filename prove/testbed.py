"""The stack that proofs run on: short limits, and gates between the app and Azurite."""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.request
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

import psutil

from harness.event_log import EventLog
from local.stack import FunctionsHost, Stack
from local.stack.ports import free_ports
from local.stack.storage import connection_string
from prove.envelope_leases import EnvelopeLeases
from prove.gate import Gate
from prove.operator_api import OperatorApi
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

# The embedded host's lease, instead of ten minutes: a proof can wait until the messages of a killed
# host become visible again.
_LEASES: Final = {"FNSSE_LOCAL_QUEUE_LEASE_S": "15"}

POISON_LINE: Final = "was given up by the queue"
DISCARDED: Final = "A message of the envelope queue is discarded"
_LAST_LINES: Final = 60  # of the host, if a proof breaks off
NOTED: Final = (POISON_LINE, DISCARDED)


class TestBed:
    """A stack under test; use it in a `with` block."""

    __test__ = False  # for pytest: no class of tests

    def __init__(
        self, kind: FunctionsHost, *, stand_in_defaults: str = "", **settings: str
    ) -> None:
        self.kind = kind
        ports = free_ports()
        used_ports = set(ports.by_name().values())
        spare = (port for port in free_ports().by_name().values() if port not in used_ports)
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
        self.leases = EnvelopeLeases(
            lambda: self.stack.storage_connection_string,
            self.queues.receipts,
            end_early=kind == "func",
        )
        self.operator = OperatorApi(lambda: self.stack.proxy_url, self.leases.wait_idle)
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
        if error is not None:
            lines = self.stack.parts["functions_host"].output().splitlines()
            print(*lines[-_LAST_LINES:], sep="\n", file=sys.stderr)
        self._open.close()

    def _note(self, _part: str, line: str) -> None:
        self.noted.update(text for text in NOTED if text in line)

    def kill_host(self) -> None:
        """Send SIGKILL to the host and its workers."""
        self.leases.lost = True
        self.stack.parts["functions_host"].kill()

    def kill_worker(self) -> None:
        """Send SIGKILL to the process that runs the functions' code."""
        os.kill(worker_of(self.stack), signal.SIGKILL)

    def start_host(self) -> None:
        """Start the host again after `kill_host`."""
        self.stack.parts["functions_host"].start()

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


def worker_of(stack: Stack) -> int:
    """The id of the process that runs the functions' code. Raises NotProven if there is none."""
    for pid in stack.parts["functions_host"].descendants():
        try:
            command = " ".join(psutil.Process(pid).cmdline())
        except psutil.Error:
            continue
        if "emulators.functions_host.worker" in command or "worker.py" in command:
            return pid
    raise NotProven("the host has no worker")
