"""aiohttp's connection pool, in which no caller gets another's response, or a failure that the
reuse of a connection caused.

A server may close an idle connection while a request is on its way. Three measures keep that from
the caller. A connection cools down before it is reused, because a server that closes it just after
its response has done so by then. A closed connection, or one with unread input, is not reused. If
the server closes it anyway, the operating system's counters show whether the server had received
anything of the request. If it had not, the request may be sent again, whichever method it has.
"""

from __future__ import annotations

import asyncio
import functools
import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import aiohttp
from aiohappyeyeballs import AddrInfoType
from aiohttp.client_proto import ResponseHandler

from shared.adapters.http_client import aiohttp_internals

# `struct tcp_info` (linux/tcp.h), of which tcpi_unacked, tcpi_bytes_acked, tcpi_notsent_bytes
_TCP_INFO: Final = struct.Struct("=24xI92xQ16xI")

# A connection on which a call waits for its response is probed this often by the operating system:
# Azure's load balancers forget one that is silent for 4 minutes.
PROBE_S: Final = 60
_MAX_PROBES: Final = 5  # without a response the connection is broken


class _TcpInfo(NamedTuple):
    """The operating system's counters of the bytes sent on a connection."""

    in_flight: int  # segments that are sent and not acknowledged
    acknowledged: int  # bytes, since the connection was opened
    unsent: int  # bytes


class ReusedConnectionLost(aiohttp.ServerDisconnectedError):
    """A connection that had served another request before was closed without a response.

    `request_unread`: the server had received nothing of the request when it closed the connection.
    """

    def __init__(self, *, request_unread: bool) -> None:
        super().__init__()
        self.request_unread = request_unread


class ReusableConnection(ResponseHandler):
    """A connection that knows how it ended after it was reused."""

    _reused = False
    _request_unread = False  # the server closed it before it received anything of the request
    # how many bytes the server had acknowledged when the request began; None: not known
    _acknowledged_before: int | None = None

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_reuse: Callable[[ReusableConnection], None] | None = None,
    ) -> None:
        """`on_reuse`: called with the connection before a further request is written."""
        super().__init__(loop)
        self._on_reuse = on_reuse

    def begin_reuse(self) -> None:
        """A further request begins."""
        self._reused, self._request_unread = True, False
        info = self._tcp_info()
        is_settled = info is not None and info.acknowledged and not (info.in_flight or info.unsent)
        self._acknowledged_before = info.acknowledged if info and is_settled else None
        if self._on_reuse is not None:
            self._on_reuse(self)

    @property
    def has_input(self) -> bool:
        """Whether bytes that belong to no request, or the end, can be read."""
        sock = self._socket()
        if sock is None or not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def eof_received(self) -> None:
        """The server has closed its side. It acknowledges everything that it has received with this
        end at the latest: each segment acknowledges (RFC 9293, 3.4).
        """
        info = self._tcp_info()
        before = self._acknowledged_before
        self._request_unread = (
            info is not None and before is not None and info.acknowledged == before
        )
        super().eof_received()

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """Note why the connection failed. aiohttp raises it to the caller that waits for
        a response.
        """
        lost = isinstance(exc, (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError))
        if lost and self._reused:
            exc = ReusedConnectionLost(request_unread=self._request_unread)
        super().set_exception(exc, *cause)

    def _socket(self) -> Any:
        """None once it is closed."""
        sock = self.transport.get_extra_info("socket") if self.transport is not None else None
        return sock if sock is not None and sock.fileno() >= 0 else None

    def _tcp_info(self) -> _TcpInfo | None:
        """The counters; None if the operating system does not provide them."""
        sock = self._socket()
        if sock is None or sys.platform != "linux":
            return None
        try:
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
            return _TcpInfo(*_TCP_INFO.unpack(info))
        except (OSError, struct.error):
            return None


def _probed_socket(address: AddrInfoType) -> socket.socket:
    """A socket for a new connection. The operating system's own figures are hours."""
    family, kind, protocol, _, _ = address
    connecting = socket.socket(family, kind, protocol)
    connecting.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, PROBE_S)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, PROBE_S)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _MAX_PROBES)
    return connecting


class ConnectionPool(aiohttp.TCPConnector):
    """Never reuses a connection on which unsolicited bytes, or an end, arrived.

    aiohttp (3.14) would take such bytes for the response to the next request on that connection,
    and notices an end only in its next turn of the loop. `_get` is private to aiohttp;
    `upstream/test_transport_connections.py` and `storage/test_storage_http.py` of tests/integration
    fail if it no longer has this effect.
    """

    def __init__(
        self,
        *,
        cooldown_s: float = 0.0,
        on_reuse: Callable[[ReusableConnection], None] | None = None,
        **options: Any,
    ) -> None:
        """`cooldown_s`: how long a connection is not used after its last response has ended.
        `on_reuse`: called with a connection before its further requests. Raises UnsupportedLibrary.
        """
        super().__init__(socket_factory=_probed_socket, **options)
        aiohttp_internals.check_connector(self)
        self._cooldown_s = cooldown_s
        self._factory: Any = functools.partial(
            ReusableConnection, loop=self._loop, on_reuse=on_reuse
        )

    async def _get(self, key: Any, traces: list[Any]) -> Any:
        cooling = self._take_cooling(key)
        try:
            while (connection := await super()._get(key, traces)) is not None:
                protocol: Any = connection.protocol
                if protocol is not None and not (protocol.should_close or protocol.has_input):
                    protocol.begin_reuse()
                    break
                connection.close()
            return connection
        finally:
            if cooling:
                self._conns[key].extend(cooling)

    def _take_cooling(self, key: Any) -> deque[Any]:
        """The connections, taken out of the pool, that have been used just now."""
        cooling: deque[Any] = deque()
        connections = self._conns.get(key)
        since = time.monotonic() - self._cooldown_s
        # The pool lists connections in the order in which they came back.
        while self._cooldown_s and connections and connections[-1][1] > since:
            cooling.appendleft(connections.pop())
        return cooling
