"""Clients: each asks one exchange after the other, reads what comes, and notes what it got."""

from __future__ import annotations

import functools
import hashlib
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import h11

from harness.chat import Chat
from harness.http_client import Answer
from local.stack import Stack
from prove.world import in_background

_AFTER_REFUSAL_S: Final = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One exchange, as its client saw it."""

    deployment: str  # which no other exchange has
    exchange_id: str | None  # None: there was no answer
    status: int | None
    whole: bool  # the answer came to its end
    body_sha256: str = ""


def ask(stack: Stack, chat: Chat) -> Asked | None:
    """None where nobody took the connection."""
    answer: Answer | None = None
    try:
        with chat.begin(stack) as call:
            try:
                answer = call.answer()
                answer = call.rest()
            except (OSError, AssertionError, h11.RemoteProtocolError):
                pass  # broken off; what came of it is in `answer`
    except OSError:
        return None
    if answer is None:
        return Asked(deployment=chat.deployment, exchange_id=None, status=None, whole=False)
    return as_asked(chat, answer)


def as_asked(chat: Chat, answer: Answer) -> Asked:
    """What of an answer is compared."""
    return Asked(
        deployment=chat.deployment,
        exchange_id=next(iter(answer.all("x-exchange-id")), None),
        status=answer.status,
        whole=answer.whole,
        body_sha256=hashlib.sha256(answer.body).hexdigest(),
    )


type NewChat = Callable[[random.Random], Chat]


class Load:
    """So many clients at once, from `start` to `stop`, or until so many exchanges
    were asked for.
    """

    def __init__(
        self, stack: Stack, new_chat: NewChat, *, clients: int, seed: int, most: int | None = None
    ) -> None:
        self.asked: list[Asked] = []
        self._stack = stack
        self._new_chat = new_chat
        self._clients = clients
        self._seed = seed
        self._left = most
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Returns at once."""
        self._stopping.clear()
        self._threads = [
            in_background(functools.partial(self._client, n), f"client-{n}")
            for n in range(self._clients)
        ]

    def stop(self) -> None:
        """No new exchange; returns when those under way have ended."""
        self._stopping.set()
        self.join()

    def join(self) -> None:
        """Returns when all were asked for."""
        for thread in self._threads:
            thread.join()

    def _client(self, number: int) -> None:
        chance = random.Random(f"{self._seed}-{number}-{len(self.asked)}")  # noqa: S311 - repeatable, not secret
        while not self._stopping.is_set() and self._take():
            asked = ask(self._stack, self._new_chat(chance))
            with self._lock:
                if asked is not None:
                    self.asked.append(asked)
                elif self._left is not None:
                    self._left += 1
            if asked is None or asked.exchange_id is None:
                self._stopping.wait(_AFTER_REFUSAL_S)

    def _take(self) -> bool:
        with self._lock:
            if self._left is None:
                return True
            self._left -= 1
            return self._left >= 0


def mixed(
    *, streams: float = 0.8, slowest_ms: int = 60, most_chunks: int = 25, headers_ms: int = 300
) -> NewChat:
    """Streams and plain calls of random pace and length."""

    def new_chat(chance: random.Random) -> Chat:
        directives = {
            "headers_ms": chance.randint(0, headers_ms),
            "chunk_ms": chance.randint(0, slowest_ms),
            "chunks": chance.randint(1, most_chunks),
        }
        text = "; ".join(f"{name}={value}" for name, value in directives.items())
        # A name of the seeded generator, so that a run can be repeated.
        deployment = f"prove-{chance.getrandbits(64):016x}"
        return Chat(stream=chance.random() < streams, directives=text, deployment=deployment)

    return new_chat
