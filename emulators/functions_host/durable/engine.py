"""Runs orchestrations: delivers their events one by one, calls their activities, waits for their
timers.

Everything runs on the worker's event loop. State that must survive the process is saved before
anything depends on it. An activity is called at least once, as on the real host: if the host ends
during a call, the call is repeated.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Iterable
from typing import Any

from emulators.functions_host.console import say
from emulators.functions_host.durable import events
from emulators.functions_host.durable.calls import Clock, DurableCalls, utc_now
from emulators.functions_host.durable.events import HistoryEvent
from emulators.functions_host.durable.execution import NonDeterministic, OpenActivity, OpenTimer
from emulators.functions_host.durable.instance import Instance, new_instance
from emulators.functions_host.durable.orchestrator_state import (
    CallActivity,
    OrchestratorState,
    UnsupportedAction,
)
from emulators.functions_host.durable.store import InstanceStore


class AlreadyExists(Exception):
    """An instance of that id still runs; the message is the real host's."""


class UnknownActivity(Exception):
    """The app has no activity of that name. On the real host the call never ends: seen there."""


class Engine:
    """Runs the orchestrations of a host.

    Clients `start` instances, `find` them and act on them. `_turn` delivers an event to an
    orchestrator; `_call` and `_wait` carry out the activities and timers that it then expects.
    """

    def __init__(
        self,
        store: InstanceStore,
        calls: DurableCalls,
        *,
        worker_died: bool = False,
        max_concurrent_activities: int = 10,
        now: Clock = utc_now,
    ) -> None:
        """Load what the store holds; nothing runs before `run`.

        `worker_died`: unfinished activities have failed. The real host does this when its worker
        died; when it died itself, they run again (both seen there).
        """
        self._store = store
        self._calls = calls
        self._now = now
        self._instances = {instance.instance_id: instance for instance in store.all()}
        if worker_died:
            self._fail_what_ran()
        self._slots = asyncio.Semaphore(max_concurrent_activities)
        self._turning: set[str] = set()  # instance ids whose events are being delivered
        self._calling: set[tuple[str, int]] = set()  # execution and task ids
        self._waiting: dict[tuple[str, int], asyncio.TimerHandle] = {}  # execution and timer ids
        self._stopping = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Run orchestrations until `stop`, then wait for the running functions."""
        async with asyncio.TaskGroup() as self._tasks:
            for instance in list(self._instances.values()):
                self._go_on(instance)
            await self._stopping.wait()
            for handle in self._waiting.values():
                handle.cancel()

    def stop(self) -> None:
        """Call no more functions."""
        self._stopping.set()

    def find(self, instance_id: str) -> Instance | None:
        """The instance of this id; None if there is none."""
        return self._instances.get(instance_id)

    def all(self) -> Iterable[Instance]:
        """All instances, by id."""
        return [instance for _, instance in sorted(self._instances.items())]

    def start(self, name: str, instance_id: str | None, data: str | None) -> Instance:
        """Start an orchestration, which replaces a finished one of the same id. Raises
        AlreadyExists if that one still runs.
        """
        instance_id = instance_id or uuid.uuid4().hex
        existing = self._instances.get(instance_id)
        if existing and existing.active:
            raise AlreadyExists(
                f"An Orchestration instance with the status {existing.status} already exists."
            )
        instance = new_instance(instance_id, name, data, self._now())
        self._instances[instance_id] = instance
        self._save(instance)
        return instance

    def raise_event(self, instance: Instance, name: str, data: str) -> None:
        """Deliver an event to an active instance."""
        self._post(instance, events.event_raised(self._now(), name, data))

    def terminate(self, instance: Instance, reason: str) -> None:
        """End an active instance. Running activities continue, but their results are dropped."""
        instance.terminate(reason, self._now())
        self._save(instance)

    def purge(self, instance: Instance) -> None:
        """Delete a finished instance."""
        del self._instances[instance.instance_id]
        self._store.delete(instance.instance_id)

    def _save(self, instance: Instance) -> None:
        self._store.save(instance)
        self._go_on(instance)

    def _post(self, instance: Instance, event: HistoryEvent) -> None:
        instance.inbox.append(event)
        self._save(instance)

    def _go_on(self, instance: Instance) -> None:
        """Start what the instance's state requires and does not run yet."""
        if self._tasks is None or self._stopping.is_set():
            return
        if not instance.active:
            return
        if instance.next_event() and instance.instance_id not in self._turning:
            self._turning.add(instance.instance_id)
            self._spawn(self._deliver(instance.instance_id))
        for task_id, activity in instance.open_activities():
            key = (instance.execution.execution_id, task_id)
            if key not in self._calling:
                self._calling.add(key)
                self._spawn(self._call(instance, key, activity))
        for timer_id, timer in instance.open_timers():
            self._wait(instance, (instance.execution.execution_id, timer_id), timer)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._tasks is not None:
            self._tasks.create_task(work)

    async def _deliver(self, instance_id: str) -> None:
        """Deliver events until there is none. The id may be reused by another instance
        meanwhile.
        """
        try:
            while not self._stopping.is_set():
                instance = self._instances.get(instance_id)
                event = instance.next_event() if instance else None
                if instance is None or event is None:
                    return
                await self._turn(instance, event)
        finally:
            self._turning.discard(instance_id)

    async def _turn(self, instance: Instance, event: HistoryEvent) -> None:
        now = self._now()
        # the clock must not be earlier than the time of the timer
        if event["EventType"] == events.HistoryEventType.TIMER_FIRED:
            now = max(now, events.parse_timestamp(event["FireAt"]))
        execution = instance.execution
        failure: Exception | None = None
        try:
            state = await self._calls.orchestrator(
                instance.name, execution.context(instance.instance_id, event, now)
            )
            if not instance.active:  # it was terminated meanwhile
                return
            self._refuse_unknown_activities(state)
            instance.turn(now, state)
        except (UnsupportedAction, UnknownActivity, NonDeterministic) as error:
            failure = error
        if failure and instance.active:
            say(f"ERROR: Orchestration {instance.instance_id} of {instance.name}: {failure}")
            instance.fail(f"Orchestrator function '{instance.name}' failed: {failure}", now)
        self._save(instance)

    def _refuse_unknown_activities(self, state: OrchestratorState) -> None:
        for action in state.actions:
            if isinstance(action, CallActivity) and not self._calls.has_activity(action.name):
                raise UnknownActivity(
                    f"The function '{action.name}' doesn't exist, is disabled, or is not an activity function."
                )

    def _fail_what_ran(self) -> None:
        for instance in self._instances.values():
            for task_id, activity in instance.open_activities() if instance.active else ():
                reason = f"Activity function '{activity.name}' failed: the worker process died"
                instance.inbox.append(events.task_failed(self._now(), task_id, reason, ""))
            self._store.save(instance)

    async def _call(self, instance: Instance, key: tuple[str, int], activity: OpenActivity) -> None:
        async with self._slots:
            if self._stopping.is_set():
                return
            ended = await self._calls.activity(key[1], activity, self._now)
        self._calling.discard(key)
        if self._is_current(instance, key):
            self._post(instance, ended)

    def _wait(self, instance: Instance, key: tuple[str, int], timer: OpenTimer) -> None:
        if key in self._waiting:
            return
        fire_at = events.parse_timestamp(timer.fire_at)

        def fire() -> None:
            del self._waiting[key]
            # nothing expects the event of a cancelled timer
            if self._is_current(instance, key):
                self._post(instance, events.timer_fired(self._now(), key[1], fire_at))

        delay_s = max((fire_at - self._now()).total_seconds(), 0)
        self._waiting[key] = asyncio.get_running_loop().call_later(delay_s, fire)

    def _is_current(self, instance: Instance, key: tuple[str, int]) -> bool:
        current = self._instances.get(instance.instance_id)
        return current is instance and instance.active and instance.execution.execution_id == key[0]
