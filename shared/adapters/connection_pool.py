"""aiohttp's connection pool, without the one thing that could give a caller another's answer."""

from __future__ import annotations

from typing import Any

import aiohttp


class ConnectionPool(aiohttp.TCPConnector):
    """Never reuses a connection on which bytes arrived that no request had asked for.

    aiohttp (3.14) would take such bytes for the answer to the next request on that connection. The
    method is private to aiohttp; `tests/integration/test_aiohttp_transport.py` and
    `test_storage_http.py` fail if it no longer has this effect.
    """

    async def _get(self, key: Any, traces: list[Any]) -> Any:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is not None and not connection.protocol.should_close:
                break
            connection.close()
        return connection
