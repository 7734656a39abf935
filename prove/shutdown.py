"""SIGTERM to a host with streams and calls running: all bytes arrive, and little is left to
reconcile.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from harness.chat import Chat
from local.stack import FunctionsHost
from prove.compared import compare, gather
from prove.figures import Figures
from prove.load import Asked, ask
from prove.world import World, in_background, seen_by_upstream, until

type Progress = Callable[[str], None]


def shut_down_under_load(
    kind: FunctionsHost, *, streams: int, calls: int, seed: int, progress: Progress
) -> Figures:
    """They end at different moments, within 7 s of the signal."""
    figures = Figures(title=f"shutdown of the {kind} host")
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    chats = [
        Chat(
            stream=True,
            directives=f"chunks=30; chunk_ms={chance.randint(60, 220)}",
            deployment=f"stream-{number}",
        )
        for number in range(streams)
    ] + [
        Chat(directives=f"headers_ms={chance.randint(2000, 7000)}", deployment=f"call-{number}")
        for number in range(calls)
    ]
    asked: list[Asked | None] = []
    lock = threading.Lock()
    with World(kind, EXCHANGE_TIMEOUT_S="12") as world:

        def run(chat: Chat) -> None:
            got = ask(world.stack, chat)
            with lock:
                asked.append(got)

        threads = [in_background(lambda chat=chat: run(chat), chat.deployment) for chat in chats]  # type: ignore[misc]
        until(
            lambda: len(seen_by_upstream(world)) == len(chats), "all exchanges to be under way", 30
        )
        world.stack.parts["functions_host"].stop()
        for thread in threads:
            thread.join()
        progress(f"{figures.title}: it has ended, and so have {len(asked)} exchanges")
        got = [each for each in asked if each is not None]
        answered = seen_by_upstream(world)
        world.leases_lost = True
        world.start_host()
        report = world.reconciled()
        evidence = gather(world)
    compare(figures, evidence, got, must=[each.exchange_id for each in got if each.exchange_id])
    broken = [
        each.deployment
        for each in got
        if not each.whole or each.body_sha256 != answered[each.deployment]
    ]
    figures.check(
        holds=not broken and len(got) == len(chats),
        sentence=f"{len(broken)} answers did not arrive whole: {broken[:3]}",
    )
    figures.counts |= {
        "streams": streams,
        "non-streaming calls": calls,
        "answers that arrived whole": len(got) - len(broken),
        "that needed reconcile (or were queued and thrown away)": report["redelivered"]
        + report["aborted"],
        "envelopes whose lease was ended early": world.released,
        "envelopes thrown away with their leases": world.cleared,
    }
    return figures
