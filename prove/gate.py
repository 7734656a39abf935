"""A TCP relay in front of one of Azurite's ports. It can refuse, stall or cut connections, and hit
single requests with faults.
"""

from __future__ import annotations

import asyncio
import re
import threading
from enum import Enum
from types import TracebackType
from typing import Final, Self

from harness.loop_thread import LoopThread
from prove.gated_connection import GatedConnection, let_finish
from prove.request_faults import FaultAction, RequestFault, RequestFaults

_HOST: Final = "127.0.0.1"
_DEADLINE_S: Final = 10.0
_ANSWERED_WITHIN_S: Final = 0.2


class GateMode(Enum):
    """The treatment of connections, open ones included."""

    OPEN = "open"
    REFUSE = "refuse"  # closed at once, as by a service that is down
    STALL = "stall"  # accepted, but no byte moves


class Gate:
    """The relay. Use it in a `with` block; its methods may be called from any thread."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        # name in a watched request -> when it was acknowledged, time.monotonic()
        self.acknowledged: dict[str, float] = {}
        # message id -> its newest pop receipt
        self.receipts: dict[str, str] = {}
        self.moving = asyncio.Event()
        self.watched: re.Pattern[bytes] | None = None
        self.faults = RequestFaults()
        self._target = target
        self._mode = GateMode.OPEN
        self._stalled = threading.Event()
        self._open: set[asyncio.Task[None]] = set()
        self._finishing: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._loop = LoopThread(name=f"gate-{self.port}", deadline_s=_DEADLINE_S)
        self._loop.run(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.run(self._close())
        self._loop.close()

    def set_mode(self, mode: GateMode) -> None:
        """Change the mode for all connections."""
        self._loop.run(self._set_mode(mode))

    def cut(self) -> None:
        """Break every open connection."""
        self._loop.run(self._cut())

    def inject(self, *faults: RequestFault) -> None:
        """Hit requests with these faults from now on, and with no others."""
        self._stalled.clear()
        self.faults.set(faults)

    def hold(self, pattern: str) -> None:
        """Hold requests whose first line matches: their bytes stay here until `cut`."""
        self.inject(RequestFault(pattern=pattern, action=FaultAction.STALL))

    def wait_for_stall(self, within_s: float = _DEADLINE_S) -> bool:
        """Whether a request is held within this time."""
        return self._stalled.wait(within_s)

    def hold_nothing(self) -> None:
        """Stop holding requests, and break all connections."""
        self.inject()
        self.cut()

    def watch(self, pattern: str) -> None:
        """Record in `acknowledged` when a request whose first line matches is answered 201.

        The pattern's first group is the name.
        """
        self.watched = re.compile(pattern.encode())

    def action_for(self, data: bytes) -> FaultAction | None:
        """The action for the request that begins with `data`; None: it passes."""
        action = self.faults.action_for(data)
        if action is FaultAction.STALL:
            self._stalled.set()
        return action

    async def _listen(self) -> None:
        self.moving.set()
        self._server = await asyncio.start_server(self._accept, _HOST, self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()
        if self._finishing:
            await asyncio.wait(list(self._finishing))

    async def _set_mode(self, mode: GateMode) -> None:
        self._mode = mode
        if mode is GateMode.OPEN:
            self.moving.set()
        else:
            self.moving.clear()
        if mode is GateMode.REFUSE:
            # Responses under way may arrive first: to lose one that hands out messages under a
            # lease of ten minutes would be another proof.
            await asyncio.sleep(_ANSWERED_WITHIN_S)
            await self._cut()

    async def _cut(self) -> None:
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        storage = None
        try:
            if self._mode is GateMode.REFUSE:
                return
            storage = await asyncio.open_connection(_HOST, self._target)
            await GatedConnection(self).run((reader, writer), storage)
        except OSError:
            pass  # the target is down: the client sees a closed connection
        finally:
            writer.transport.abort()
            if storage is not None:
                self._finish(storage)

    def _finish(self, storage: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        task = asyncio.create_task(let_finish(storage))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)
