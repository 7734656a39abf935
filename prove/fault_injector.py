"""Random faults, one after the other."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import Final

from azure.storage.blob import BlobServiceClient

from prove.background import in_background
from prove.gate import GateMode
from prove.testbed import TestBed

_FAULTS: Final = (
    "host killed",
    "Event Hub rejects",
    "queue refuses",
    "blobs refuse",
    "connections cut",
    "captures corrupted",
)
_LASTS_S: Final = (0.5, 2.0)


class FaultInjector:
    """Injects random faults, one after the other, until `stop`. Everything works again
    afterwards.
    """

    def __init__(self, bed: TestBed, seed: int, calm_s: tuple[float, float]) -> None:
        self._calm_s = calm_s
        self.done: Counter[str] = Counter()
        self.corrupted: set[str] = set()
        self.killed_at: list[float] = []  # unix time
        self._bed = bed
        self._rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def start(self) -> None:
        """Start injecting faults, in a thread."""
        self._thread = in_background(self._run, "faults")

    def stop(self) -> None:
        """Returns when the last fault is over. Raises the error of a fault itself."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        order: list[str] = []
        try:
            while not self._stopping.wait(self._rng.uniform(*self._calm_s)):
                order = order or self._rng.sample(_FAULTS, len(_FAULTS))
                fault = order.pop()
                self._do(fault)
                self.done[fault] += 1
        except Exception as error:  # noqa: BLE001 - to be raised by `stop`, in the thread that waits for it
            self._error = error

    def _do(self, fault: str) -> None:
        bed, lasts_s = self._bed, self._rng.uniform(*_LASTS_S)
        if fault == "host killed":
            self.killed_at.append(time.time())
            bed.kill_host()
            bed.start_host()
        elif fault == "connections cut":
            bed.blobs.cut()
            bed.queues.cut()
        elif fault in {"queue refuses", "blobs refuse"}:
            gate = bed.queues if fault == "queue refuses" else bed.blobs
            gate.set_mode(GateMode.REFUSE)
            self._stopping.wait(lasts_s)
            gate.set_mode(GateMode.OPEN)
        else:
            bed.event_hub_mode("reject")
            self._stopping.wait(lasts_s)
            if fault == "captures corrupted":
                self._corrupt()
            bed.event_hub_mode("accept")

    def _corrupt(self) -> None:
        """Overwrite the newest response captures with garbage; some are not delivered yet."""
        with BlobServiceClient.from_connection_string(
            self._bed.stack.storage_connection_string
        ) as blobs:
            captures = blobs.get_container_client("captures")
            names = [name for name in captures.list_blob_names() if name.endswith(".response")]
            for name in names[-3:]:
                captures.upload_blob(name, b"garbage", overwrite=True)
                self.corrupted.add(name.rpartition("/")[2].removesuffix(".response"))
