"""aiohttp's connection pool, without what could give a caller another's response or a failure that
is not the caller's.

A server may close a kept connection while a request is on its way to it. Three things keep that
from the caller. A connection rests before it is used again: a server that closes it just after its
response has done so by then. A connection with unread input, or a closed one, is not reused. If it
closes anyway, the operating system's counters tell whether the server had received anything of the
request. If not, it may be sent again, whatever its method is.
"""

from __future__ import annotations

import functools
import select
import socket
import struct
import sys
import time
from collections import deque
from typing import Any, Final, NamedTuple

import aiohttp
from aiohappyeyeballs import AddrInfoType
from aiohttp.client_proto import ResponseHandler

from shared.adapters.http_client import aiohttp_internals

# of `struct tcp_info` (linux/tcp.h): tcpi_unacked, tcpi_bytes_acked, tcpi_notsent_bytes
_TCP_INFO: Final = struct.Struct("=24xI92xQ16xI")


# A connection on which a call waits for its response is probed this often by the operating system:
# Azure's load balancers forget one that is silent for 4 minutes.
PROBE_S: Final = 60
_MAX_PROBES: Final = 5  # without a response the connection is broken


class _TcpInfo(NamedTuple):
    """The operating system's counters of the bytes sent on a connection."""

    on_the_way: int  # segments that are sent and not acknowledged
    acknowledged: int  # bytes, since the connection was opened
    unsent: int  # bytes


class KeptConnectionLost(aiohttp.ServerDisconnectedError):
    """A connection that had served another request before was closed without a response.

    `unread`: the server had received nothing of the request when it closed the connection.
    """

    def __init__(self, *, unread: bool) -> None:
        super().__init__()
        self.unread = unread


class KeptConnection(ResponseHandler):
    """A connection that knows what became of it once it is used again."""

    _used_again = False
    _unread = False  # the server closed it before it received anything of the request
    # how many bytes the server had acknowledged when the request began; None: not known
    _acknowledged_before: int | None = None

    def use_again(self) -> None:
        """A further request begins."""
        self._used_again, self._unread = True, False
        info = self._tcp_info()
        is_settled = info is not None and info.acknowledged and not (info.on_the_way or info.unsent)
        self._acknowledged_before = info.acknowledged if info and is_settled else None

    @property
    def has_input(self) -> bool:
        """Something can be read that no request has asked for, or the end has come."""
        sock = self._socket()
        if sock is None or not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def eof_received(self) -> None:
        """The server has closed its side. What it had received by then it has acknowledged with
        this end at the latest: each segment acknowledges (RFC 9293, 3.4).
        """
        info = self._tcp_info()
        before = self._acknowledged_before
        self._unread = info is not None and before is not None and info.acknowledged == before
        super().eof_received()

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """Note why the connection failed. aiohttp raises it to the caller that waits for
        a response.
        """
        lost = isinstance(exc, (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError))
        if lost and self._used_again:
            exc = KeptConnectionLost(unread=self._unread)
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
    """Never reuses a connection on which bytes arrived that no request had asked for, or an end.

    aiohttp (3.14) would take such bytes for the response to the next request on that connection,
    and notices an end only in its next turn of the loop. What is overridden here is private to
    aiohttp; `tests/integration/test_aiohttp_transport.py` and `test_storage_http.py` fail if it no
    longer has this effect.
    """

    def __init__(self, *, rest_s: float = 0.0, **options: Any) -> None:
        """`rest_s`: how long a connection is not used after its last response has ended. Raises
        UnsupportedLibrary.
        """
        super().__init__(socket_factory=_probed_socket, **options)
        aiohttp_internals.check_connector(self)
        self._rest_s = rest_s
        self._factory: Any = functools.partial(KeptConnection, loop=self._loop)

    async def _get(self, key: Any, traces: list[Any]) -> Any:
        resting = self._take_resting(key)
        try:
            while (connection := await super()._get(key, traces)) is not None:
                protocol: Any = connection.protocol
                if protocol is not None and not (protocol.should_close or protocol.has_input):
                    protocol.use_again()
                    break
                connection.close()
            return connection
        finally:
            if resting:
                self._conns[key].extend(resting)

    def _take_resting(self, key: Any) -> deque[Any]:
        """The connections, taken out of the pool, that have been used just now."""
        resting: deque[Any] = deque()
        connections = self._conns.get(key)
        since = time.monotonic() - self._rest_s
        # The pool lists connections in the order in which they came back.
        while self._rest_s and connections and connections[-1][1] > since:
            resting.appendleft(connections.pop())
        return resting
