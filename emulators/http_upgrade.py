"""An `Upgrade` that a server does not follow, such as Java's `h2c`: it is ignored (RFC 9110, 7.8).

httptools, the parser of both servers here, hands a connection over at a request with `Upgrade`,
whatever protocol it names, and refuses the body that follows.
"""

import re

_OTHER_UPGRADE = re.compile(rb"\r\nupgrade:(?![^\r\n]*websocket)[^\r\n]*(?=\r\n)", re.IGNORECASE)


def without_upgrade(data: bytes) -> bytes:
    """The beginning of a request, without an `Upgrade` to anything but WebSockets. It is found in a
    head that has come whole, as clients send it.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return data
    head = data[: end + 2]
    filtered_head = _OTHER_UPGRADE.sub(b"", head)
    return data if len(filtered_head) == len(head) else filtered_head + data[end + 2 :]
