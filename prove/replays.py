"""A replay, end to end, on a host that is killed while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from azure.storage.queue import QueueClient

from local.stack import FunctionsHost
from prove.figures import Figures
from prove.load import Load, mixed
from prove.world import World, until
from shared.completeness.replay import BUSY_QUEUE

type Progress = Callable[[str], None]

_FOR_LATER_S: Final = 3600


def replay_through_a_kill(
    kind: FunctionsHost, *, exchanges: int, seed: int, progress: Progress
) -> Figures:
    """It waits behind other work, the host is killed and started again, the way becomes clear, and
    it goes on by itself.
    """
    figures = Figures(title=f"replay through a kill, {kind} host")
    with World(kind) as world:
        load = Load(world.stack, mixed(), clients=4, seed=seed, most=exchanges)
        load.start()
        load.join()
        ids = {each.exchange_id for each in load.asked if each.exchange_id}
        until(
            lambda: {event["exchange_id"] for event in world.events.arrived()} >= ids,
            "an event of each",
            40,
        )
        _fill_queue(world)
        now = datetime.now(UTC)
        asked = {"from": (now - timedelta(minutes=30)).isoformat(), "to": now.isoformat()}
        status_url = world.started("/ops/replay", asked)
        until(lambda: _runs(world, status_url), "the replay to run", 30)
        world.kill_host()
        progress(f"{figures.title}: killed while it waits")
        world.start_host()
        before = time.monotonic()
        _empty_queue(world)
        output = world.finished(status_url, 180)
        until(lambda: _replayed(world) >= ids, "every event once more", 40)
        figures.counts = {
            "exchanges": len(ids),
            "queued": output["queued"],
            "events with `replayed`": sum(
                bool(event["replayed"]) for event in world.events.arrived()
            ),
            "s from the way's clearing to the end": round(time.monotonic() - before, 1),
        }
        figures.check(
            holds=output["queued"] == len(ids),
            sentence=f"{output['queued']} of {len(ids)} exchanges were queued",
        )
        figures.check(holds=_replayed(world) == ids, sentence="something else was replayed")
    return figures


def _replayed(world: World) -> set[str]:
    return {event["exchange_id"] for event in world.events.arrived() if event["replayed"]}


def _runs(world: World, status_url: str) -> bool:
    _, status = world.call("GET", status_url)
    return bool(status) and status["runtimeStatus"] == "Running"


def _fill_queue(world: World) -> None:
    """With work for later, which makes a replay wait."""
    with QueueClient.from_connection_string(
        world.stack.storage_connection_string, "envelopes"
    ) as queue:
        for _ in range(BUSY_QUEUE + 1):
            queue.send_message("", visibility_timeout=_FOR_LATER_S)


def _empty_queue(world: World) -> None:
    with QueueClient.from_connection_string(
        world.stack.storage_connection_string, "envelopes"
    ) as queue:
        queue.clear_messages()
