"""Clients that make one call after the other, and record what they observe."""

from __future__ import annotations

import functools
import random
import threading
from collections.abc import Callable
from typing import Final

from harness.chat import Chat
from harness.waiting import poll_until
from local.stack import Stack
from prove.background import in_background
from prove.observation import ClientObservation, send
from prove.testbed import TestBed

_AFTER_REFUSAL_S: Final = 0.05


type NewChat = Callable[[random.Random], Chat]


class ClientLoad:
    """Concurrent clients. They run from `start` to `stop`, or until `most` exchanges were made."""

    def __init__(
        self, stack: Stack, new_chat: NewChat, *, clients: int, seed: int, most: int | None = None
    ) -> None:
        self.observations: list[ClientObservation] = []
        self._stack = stack
        self._new_chat = new_chat
        self._clients = clients
        self._seed = seed
        self._remaining = most
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the clients and return."""
        self._stopping.clear()
        self._threads = [
            in_background(functools.partial(self._client, n), f"client-{n}")
            for n in range(self._clients)
        ]

    def stop(self) -> None:
        """Make no new exchange; return when the running ones have ended."""
        self._stopping.set()
        self.join()

    @property
    def exchange_ids(self) -> set[str]:
        """Ids of the exchanges that were answered."""
        return {
            observation.exchange_id for observation in self.observations if observation.exchange_id
        }

    def join(self) -> None:
        """Returns when `most` exchanges were made."""
        for thread in self._threads:
            thread.join()

    def _client(self, number: int) -> None:
        rng = random.Random(f"{self._seed}-{number}-{len(self.observations)}")  # noqa: S311 - repeatable, not secret
        while not self._stopping.is_set() and self._take():
            observation = send(self._stack, self._new_chat(rng))
            with self._lock:
                if observation is not None:
                    self.observations.append(observation)
                elif self._remaining is not None:
                    self._remaining += 1
            if observation is None or observation.exchange_id is None:
                self._stopping.wait(_AFTER_REFUSAL_S)

    def _take(self) -> bool:
        with self._lock:
            if self._remaining is None:
                return True
            self._remaining -= 1
            return self._remaining >= 0


def mixed_chats(
    *, streams: float = 0.8, slowest_ms: int = 60, most_chunks: int = 25, headers_ms: int = 300
) -> NewChat:
    """Chats of random pace and length, a share of them streams."""

    def new_chat(rng: random.Random) -> Chat:
        directives = {
            "headers_ms": rng.randint(0, headers_ms),
            "chunk_ms": rng.randint(0, slowest_ms),
            "chunks": rng.randint(1, most_chunks),
        }
        text = "; ".join(f"{name}={value}" for name, value in directives.items())
        # A name of the seeded generator, so that a run can be repeated.
        deployment = f"prove-{rng.getrandbits(64):016x}"
        return Chat(stream=rng.random() < streams, directives=text, deployment=deployment)

    return new_chat


def delivered_load(bed: TestBed, exchanges: int, seed: int) -> ClientLoad:
    """Make exchanges, and wait for an event of each."""
    load = ClientLoad(bed.stack, mixed_chats(), clients=4, seed=seed, most=exchanges)
    load.start()
    load.join()
    poll_until(
        lambda: {event["exchange_id"] for event in bed.events.all_events()} >= load.exchange_ids,
        "an event of each",
        within_s=60,
    )
    return load
