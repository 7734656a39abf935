"""Ignores an `Upgrade` that a server does not follow, such as Java's `h2c` (RFC 9110, 7.8).

httptools, the parser of both servers here, hands a connection over at a request with `Upgrade`,
whatever protocol it names, and refuses the body that follows.
"""

from __future__ import annotations

import re
from typing import Final

_OTHER_UPGRADE: Final = re.compile(
    rb"\r\nupgrade:(?![^\r\n]*websocket)[^\r\n]*(?=\r\n)", re.IGNORECASE
)


def without_upgrade(data: bytes) -> bytes:
    """The beginning of a request, without an `Upgrade` to anything but WebSockets. The header is
    found only if `data` holds the whole head, as clients send it.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return data
    head = data[: end + 2]
    filtered_head = _OTHER_UPGRADE.sub(b"", head)
    return data if len(filtered_head) == len(head) else filtered_head + data[end + 2 :]
