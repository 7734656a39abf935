"""Proofs 2 and 3: the Event Hub down for long, and storage down in every way, under load."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final

from local.stack import FunctionsHost
from prove.compared import compare, gather
from prove.figures import Figures
from prove.gate import Mode
from prove.load import Asked, Load, mixed
from prove.world import GIVEN_UP, World, seen_by_upstream, until

type Progress = Callable[[str], None]
type Fault = Callable[[World], Iterator[None]]


def event_hub_down(
    kind: FunctionsHost, *, down_s: float, seed: int, progress: Progress, clients: int = 6
) -> Figures:
    """For so many seconds, each of them half a minute of a queue that tries again after 30 seconds
    instead of one.
    """
    figures = Figures(title=f"Event Hub down, {kind} host")
    with World(kind) as world:
        world.stack.parts["event_hubs"].kill()
        load = Load(world.stack, mixed(), clients=clients, seed=seed)
        load.start()
        began = time.monotonic()
        until(lambda: len(load.asked) >= clients * 5, "some exchanges", 60)
        load.stop()
        until(lambda: world.noted[GIVEN_UP], "the first poison message", 90)
        answer = world.finished(world.started("/ops/reconcile"))
        time.sleep(max(0.0, down_s - (time.monotonic() - began)))
        progress(
            f"{figures.title}: {len(load.asked)} exchanges in {time.monotonic() - began:.0f} s, now it comes back"
        )
        given_up = world.noted[GIVEN_UP]
        world.start_event_hub()
        report = world.reconciled()
        figures.check(
            holds=bool(answer["waiting"]),
            sentence="reconcile did not wait while the Event Hub was down",
        )
        _judge(figures, world, load.asked, untouched=True)
        figures.counts |= {
            "seconds without the Event Hub": round(down_s),
            "envelopes that became poison": given_up,
            "queued again by reconcile": report["redelivered"],
            "parked": report["dead_lettered"],
        }
    return figures


def storage_down(
    kind: FunctionsHost,
    fault: str,
    *,
    down_s: float,
    seed: int,
    progress: Progress,
    clients: int = 6,
) -> Figures:
    """`fault`: a name in FAULTS, for so many seconds in the midst of a load."""
    figures = Figures(title=f"{fault}, {kind} host")
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    with World(kind) as world:
        load = Load(world.stack, mixed(), clients=clients, seed=seed)
        load.start()
        time.sleep(chance.uniform(1, 2))  # load before, during and after: no wait for anything
        with contextmanager(FAULTS[fault])(world):
            time.sleep(down_s)
        time.sleep(1)
        load.stop()
        progress(f"{figures.title}: {len(load.asked)} exchanges, {down_s:g} s of it down")
        ids = {each.exchange_id for each in load.asked if each.exchange_id}
        # What could not be stored at all is tried again after 5 and 20 seconds.
        until(
            lambda: ids <= gather(world, outcomes=False).known,
            "every exchange to be stored or delivered",
            60,
        )
        report = world.reconciled()
        _judge(figures, world, load.asked, untouched=True)
        figures.counts |= {
            "queued again by reconcile": report["redelivered"],
            "delivered without a capture, as far as the ledger took it": report["without_capture"],
        }
    return figures


def _judge(figures: Figures, world: World, asked: Collection[Asked], *, untouched: bool) -> None:
    """Clients got every byte, and every exchange is on the Event Hub."""
    compare(
        figures, gather(world), asked, must=[each.exchange_id for each in asked if each.exchange_id]
    )
    if untouched:
        answered = seen_by_upstream(world)
        touched = [
            each.deployment
            for each in asked
            if not each.whole or each.body_sha256 != answered[each.deployment]
        ]
        figures.check(
            holds=not touched,
            sentence=f"{len(touched)} answers are not what the upstream sent: {touched[:3]}",
        )


def _gates(*names: str, mode: Mode) -> Fault:
    def fault(world: World) -> Iterator[None]:
        gates = [
            gate
            for name, gate in (("blobs", world.blobs), ("queues", world.queues))
            if name in names
        ]
        for gate in gates:
            gate.set_mode(mode)
        yield
        for gate in gates:
            gate.set_mode(Mode.OPEN)

    return fault


def _restarted(world: World) -> Iterator[None]:
    """With SIGTERM, which Azurite survives without loss; prove/azurite_killed.py
    is about SIGKILL.
    """
    world.leases_lost = True
    world.stack.parts["azurite"].stop()
    yield
    world.stack.parts["azurite"].start()


FAULTS: Final[dict[str, Fault]] = {
    "Azurite restarted": _restarted,
    "queue refuses": _gates("queues", mode=Mode.REFUSE),
    "queue stalls": _gates("queues", mode=Mode.STALL),
    "blobs refuse": _gates("blobs", mode=Mode.REFUSE),
    "blobs stall": _gates("blobs", mode=Mode.STALL),
    "both refuse": _gates("blobs", "queues", mode=Mode.REFUSE),
    "both stall": _gates("blobs", "queues", mode=Mode.STALL),
}
