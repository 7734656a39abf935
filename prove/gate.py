"""A TCP relay in front of one of Azurite's ports. It can refuse, stall or cut connections, and hold
single requests.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import deque
from collections.abc import Coroutine
from enum import Enum
from types import TracebackType
from typing import Any, Final, Self

from prove.receipts import ReceiptReader

_HOST: Final = "127.0.0.1"
_PIECE_BYTES: Final = 65_536
_DEADLINE_S: Final = 10.0
_ANSWERED_WITHIN_S: Final = 0.2


class GateMode(Enum):
    """What happens to connections, open ones included."""

    OPEN = "open"
    REFUSE = "refuse"  # closed at once, as by a service that is down
    STALL = "stall"  # accepted, but no byte moves


class Gate:
    """The relay. Use it in a `with` block; its methods may be called from any thread."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._mode = GateMode.OPEN
        self._pattern: re.Pattern[bytes] | None = None
        self._held = threading.Event()
        self._watched: re.Pattern[bytes] | None = None
        # name in a watched request -> when it was acknowledged, time.monotonic()
        self.acknowledged: dict[str, float] = {}
        # message id -> its newest pop receipt
        self.receipts: dict[str, str] = {}
        self._moving = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"gate-{port}", daemon=True
        )
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_DEADLINE_S)
        self._loop.close()

    def set_mode(self, mode: GateMode) -> None:
        """Change the mode for all connections."""
        self._run(self._set_mode(mode))

    def cut(self) -> None:
        """Break every open connection."""
        self._run(self._cut())

    def hold(self, pattern: str) -> None:
        """Hold requests whose first line matches: their bytes stay here until `cut`."""
        self._held.clear()
        self._pattern = re.compile(pattern.encode())

    def wait_held(self, within_s: float = _DEADLINE_S) -> bool:
        """Whether a request is held within this time."""
        return self._held.wait(within_s)

    def watch(self, pattern: str) -> None:
        """Record in `acknowledged` when a request whose first line matches is answered 201.

        The pattern's first group is the name.
        """
        self._watched = re.compile(pattern.encode())

    def hold_nothing(self) -> None:
        """Stop holding requests, and break all connections."""
        self._pattern = None
        self.cut()

    def _run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_DEADLINE_S)

    async def _listen(self) -> None:
        self._moving.set()
        self._server = await asyncio.start_server(self._accept, _HOST, self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()

    async def _set_mode(self, mode: GateMode) -> None:
        self._mode = mode
        if mode is GateMode.OPEN:
            self._moving.set()
        else:
            self._moving.clear()
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
        ends = [writer]
        try:
            if self._mode is GateMode.REFUSE:
                return
            from_target, to_target = await asyncio.open_connection(_HOST, self._target)
            ends.append(to_target)
            unanswered: deque[str] = deque()  # names of watched requests without a response yet
            directions = [
                asyncio.ensure_future(self._move(reader, to_target, unanswered, requests=True)),
                asyncio.ensure_future(self._move(from_target, writer, unanswered, requests=False)),
            ]
            try:
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for direction in directions:
                    direction.cancel()
                await asyncio.gather(*directions, return_exceptions=True)
        except OSError:
            pass  # the target is down: the client sees a closed connection
        finally:
            for end in ends:
                end.transport.abort()

    async def _move(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        unanswered: deque[str],
        *,
        requests: bool,
    ) -> None:
        receipts = ReceiptReader(self.receipts)
        while data := await reader.read(_PIECE_BYTES):
            if not requests:
                receipts.feed(data)
            if requests:
                await self._moving.wait()
            if requests and self._pattern is not None and self._pattern.match(data):
                self._held.set()
                await asyncio.Event().wait()  # until the connection is cut
            if self._watched is not None:
                self._watch_exchange(data, unanswered, self._watched, requests=requests)
            writer.write(data)
            await writer.drain()

    def _watch_exchange(
        self, data: bytes, unanswered: deque[str], watched: re.Pattern[bytes], *, requests: bool
    ) -> None:
        """Without pipelining, a response belongs to the request before it."""
        if requests and (found := watched.match(data)):
            unanswered.append(found[1].decode())
        elif unanswered and data.startswith(b"HTTP/1.1 "):
            name = unanswered.popleft()
            if data.startswith(b"HTTP/1.1 201"):
                self.acknowledged.setdefault(name, time.monotonic())
