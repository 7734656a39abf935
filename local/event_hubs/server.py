"""The AMQP port: asyncio moves the bytes and Proton's engine implements the protocol, in one event
loop.

Per connection: bytes in -> engine -> events -> links work -> engine -> padded bytes out. It needs
no Container, thread or proxy.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, cast

from proton import (
    Collector,
    Connection,
    Event,
    EventType,
    Link,
    Session,
    Transport,
    TransportException,
    symbol,
)

from local.event_hubs.frame_padding import FramePadder
from local.event_hubs.links import ServedLink, error_condition, serve
from local.event_hubs.namespace import Namespace
from local.event_hubs.request_links import ReplyLinks

MAX_FRAME_BYTES = 65_536  # as the service announces
# A producer may have this much in flight in a session; the largest publication fits many times.
SESSION_WINDOW_BYTES = 16 * 1_048_576


class AmqpConnection(asyncio.Protocol):
    """A client's connection."""

    def __init__(self, namespace: Namespace, *, idle_timeout_s: float) -> None:
        self._namespace = namespace
        self._loop = asyncio.get_running_loop()
        self._engine = Transport(Transport.SERVER)
        self._engine.max_frame_size = MAX_FRAME_BYTES
        self._engine.idle_timeout = idle_timeout_s
        self._connection = Connection()
        self._collector = Collector()
        self._connection.collect(self._collector)
        self._engine.bind(self._connection)
        self._padder = FramePadder()
        self._links: dict[Link, ServedLink] = {}
        self._handlers: dict[EventType, Callable[[Any], None]] = {
            Event.CONNECTION_REMOTE_OPEN: self._connection_opened,
            Event.CONNECTION_REMOTE_CLOSE: Connection.close,
            Event.SESSION_REMOTE_OPEN: self._session_opened,
            Event.SESSION_REMOTE_CLOSE: self._session_closed,
            Event.LINK_REMOTE_OPEN: self._link_opened,
            Event.LINK_REMOTE_CLOSE: self._link_closed,
            Event.LINK_REMOTE_DETACH: self._link_closed,
        }
        self._replies = ReplyLinks()
        self._stop_listening = namespace.on_mode_change(self.wake)
        self._turn_due = False
        self._writable = True
        self._tick: asyncio.TimerHandle | None = None
        self._socket: asyncio.Transport | None = None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast("asyncio.Transport", transport)
        self._namespace.connected(self)
        self._turn()

    def data_received(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            capacity = self._engine.capacity()
            if capacity <= 0:
                break
            self._engine.push(bytes(view[:capacity]))
            view = view[capacity:]
            self._handle_events()
        self._turn()

    def eof_received(self) -> None:
        self._end_input()
        self._turn()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._socket = None
        self._end_input()
        self._handle_events()
        for link in tuple(self._links):
            self._forget(link)
        self._stop_listening()
        self._namespace.disconnected(self)
        if self._tick is not None:
            self._tick.cancel()
        self._collector.release()

    # --- turns

    def wake(self) -> None:
        """Let the links work soon. Calls until then have no further effect."""
        if not self._turn_due:
            self._turn_due = True
            self._loop.call_soon(self._turn)

    def stop(self) -> None:
        """Close the connection because the emulator ends."""
        self._connection.condition = error_condition(
            "amqp:connection:forced", "The Event Hubs emulator is stopping."
        )
        self._connection.close()
        self._flush()

    def _turn(self) -> None:
        self._turn_due = False
        if self._socket is None:
            return
        waiting = [served.work() for served in tuple(self._links.values())]
        self._handle_events()
        if self._flush() and any(waiting):
            self.wake()
        self._schedule_tick()

    def _flush(self) -> bool:
        """Write the engine's output; True if there was any."""
        written = False
        while self._writable and self._socket is not None:
            pending = self._engine.pending()
            if pending < 0:  # the engine has closed its output
                self._socket.close()
                break
            if pending == 0:
                break
            output = self._engine.peek(pending) or b""
            self._engine.pop(len(output))
            self._socket.write(self._padder.feed(output))
            self._handle_events()
            written = True
        return written

    def _schedule_tick(self) -> None:
        """Schedule the engine's next heartbeat and its check for silent peers."""
        if self._tick is not None:
            self._tick.cancel()
        deadline = self._engine.tick(self._loop.time())
        self._tick = self._loop.call_at(deadline, self._turn) if deadline else None

    def _end_input(self) -> None:
        # raised where the engine has ended the connection itself
        with contextlib.suppress(TransportException):
            self._engine.close_tail()

    # --- events

    def _handle_events(self) -> None:
        while (event := self._collector.peek()) is not None:
            # All other events only mean that the links may have something to do.
            handle = self._handlers.get(event.type)
            if handle is not None:
                handle(event.context)
            self._collector.pop()

    def _link_opened(self, link: Link) -> None:
        served = serve(link, self._namespace, self._replies, self.wake)
        if served is not None:
            self._links[link] = served

    def _link_closed(self, link: Link) -> None:
        self._forget(link)
        link.close()
        link.free()

    def _session_opened(self, session: Session) -> None:
        session.incoming_capacity = SESSION_WINDOW_BYTES
        session.open()

    def _session_closed(self, session: Session) -> None:
        for link in [link for link in self._links if link.session == session]:
            self._forget(link)
        session.close()
        session.free()

    def _connection_opened(self, connection: Connection) -> None:
        connection.container = "local.event_hubs"
        connection.properties = {symbol("product"): "fnsse Event Hubs emulator"}
        connection.open()

    def _forget(self, link: Link) -> None:
        served = self._links.pop(link, None)
        if served is not None:
            served.closed()
