"""Pop receipts in the responses of a queue. Whoever knows a message's receipt may end its lease."""

from __future__ import annotations

import re
from typing import Final

# https://learn.microsoft.com/rest/api/storageservices/get-messages: both come before the text.
_MESSAGE: Final = re.compile(
    rb"<MessageId>([^<]+)</MessageId>(?:(?!<MessageId>).)*?<PopReceipt>([^<]+)</PopReceipt>",
    re.DOTALL,
)
_TAIL_BYTES: Final = 1024  # of a response that is cut within a message


class ReceiptReader:
    """Reads the bytes that a queue sends on one connection, cut anywhere.

    `receipts` receives the newest receipt of each message.
    """

    def __init__(self, receipts: dict[str, str]) -> None:
        self._receipts = receipts
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Read the next piece."""
        data, after = self._tail + data, 0
        for match in _MESSAGE.finditer(data):
            self._receipts[match[1].decode()] = match[2].decode()
            after = match.end()
        self._tail = data[after:][-_TAIL_BYTES:]
