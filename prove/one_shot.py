"""Concurrent calls, each in a thread of its own."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable

from harness.chat import Chat
from local.stack import Stack
from prove.background import in_background
from prove.observation import ClientObservation, send


class OneShot:
    """The calls; they begin when this is made."""

    def __init__(self, stack: Stack, chats: Iterable[Chat]) -> None:
        self._stack = stack
        self._observations: list[ClientObservation] = []
        self._lock = threading.Lock()
        self._threads = [
            in_background(functools.partial(self._run, chat), chat.deployment) for chat in chats
        ]

    def join(self) -> list[ClientObservation]:
        """Wait for all of them; what their clients saw, without the refused ones."""
        for thread in self._threads:
            thread.join()
        return self._observations

    def _run(self, chat: Chat) -> None:
        observation = send(self._stack, chat)
        if observation is not None:
            with self._lock:
                self._observations.append(observation)
