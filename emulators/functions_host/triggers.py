"""Opens the triggers other than HTTP for the app's functions."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path

from emulators.functions_host.app_settings import resolve_connection
from emulators.functions_host.durable.durable_trigger import DurableTrigger
from emulators.functions_host.durable.options import parse_durable_options
from emulators.functions_host.durable.store import InstanceStore
from emulators.functions_host.functions import AppFunctions, QueueFunction
from emulators.functions_host.host_json import HostJson
from emulators.functions_host.invocations import Invocations
from emulators.functions_host.leases import LeaseBook
from emulators.functions_host.queue_clients import open_service
from emulators.functions_host.queue_trigger import QueueTrigger, poison_name
from emulators.functions_host.timer_trigger import TimerTrigger

# A trigger: run() ends after stop(), when its running functions have ended.
type Trigger = QueueTrigger | TimerTrigger | DurableTrigger


class TriggerOpener:
    """Opens the triggers of one worker."""

    def __init__(
        self, host_json: HostJson, invocations: Invocations, state_dir: Path, stack: AsyncExitStack
    ) -> None:
        """`state_dir` outlives a worker, but not the host. `stack` closes what is opened."""
        self._host_json = host_json
        self._invocations = invocations
        self._state_dir = state_dir
        self._stack = stack

    async def open(self, functions: AppFunctions, *, first_start: bool) -> list[Trigger]:
        """Open all triggers. Raises StartError for a wrong connection or schedule."""
        timers = [
            TimerTrigger(target, self._invocations, run_on_startup=first_start)
            for target in functions.timer
        ]
        return [*timers, *[await self._queue_trigger(target) for target in functions.queue]]

    def open_durable(
        self, functions: AppFunctions, data_dir: Path | None, origin: str, *, first_start: bool
    ) -> DurableTrigger | None:
        """Open Durable Functions if the app uses them. Without `data_dir`, instances end with the
        host.
        """
        options = parse_durable_options(self._host_json.durable_task)
        if not functions.durable.used:
            return None
        store = InstanceStore((data_dir or self._state_dir) / "durable.sqlite")
        self._stack.callback(store.close)
        return DurableTrigger(
            functions.durable,
            options,
            self._invocations,
            store,
            origin,
            worker_died=not first_start,
        )

    async def _queue_trigger(self, target: QueueFunction) -> QueueTrigger:
        connection = resolve_connection(target.connection, os.environ)
        service = await open_service(connection, self._stack)
        poison = poison_name(target.queue_name)
        return QueueTrigger(
            target,
            service.get_queue_client(target.queue_name),
            service.get_queue_client(poison) if poison else None,
            self._host_json.queues,
            self._invocations,
            LeaseBook(self._state_dir / f"{target.function.name}.json"),
        )
