"""The triggers that are not HTTP, opened from what the app's functions say."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

from local.functions_host.app_settings import resolve_connection
from local.functions_host.durable.durable_trigger import DurableTrigger
from local.functions_host.durable.options import parse_durable_options
from local.functions_host.durable.store import InstanceStore
from local.functions_host.functions import AppFunctions, QueueFunction
from local.functions_host.host_json import HostJson
from local.functions_host.invocations import Invocations
from local.functions_host.leases import LeaseBook
from local.functions_host.queue_clients import open_delete, open_service
from local.functions_host.queue_trigger import QueueTrigger, poison_name
from local.functions_host.timer_trigger import TimerTrigger

# Something with run(), which ends after stop() and what is under way.
type Trigger = QueueTrigger | TimerTrigger | DurableTrigger


class TriggerOpener:
    """Opens the triggers of one worker."""

    def __init__(
        self, host_json: HostJson, invocations: Invocations, state_dir: Path, stack: AsyncExitStack
    ) -> None:
        """state_dir outlives a worker, not the host; the stack closes what is opened."""
        self._host_json = host_json
        self._invocations = invocations
        self._state_dir = state_dir
        self._stack = stack

    async def open(self, functions: AppFunctions, *, first_start: bool) -> list[Trigger]:
        """Open all of them; StartError where a connection or schedule is wrong."""
        timers = [
            TimerTrigger(target, self._invocations, run_on_startup=first_start)
            for target in functions.timer
        ]
        return [*timers, *[await self._queue_trigger(target) for target in functions.queue]]

    def open_durable(
        self, functions: AppFunctions, data_dir: Path | None, origin: str, *, first_start: bool
    ) -> DurableTrigger | None:
        """Open Durable Functions where the app uses them. Without a data_dir, its instances end
        with the host.
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
            open_delete(connection, service, self._stack),
            self._host_json.queues,
            self._invocations,
            LeaseBook(self._state_dir / f"{target.function.name}.json"),
        )
