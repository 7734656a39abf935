"""The receipts that a queue gives out with its messages: whoever knows one may end the message's
lease.
"""

from __future__ import annotations

import re
from typing import Final

# https://learn.microsoft.com/rest/api/storageservices/get-messages: both stand in front of the
# text.
_MESSAGE: Final = re.compile(
    rb"<MessageId>([^<]+)</MessageId>(?:(?!<MessageId>).)*?<PopReceipt>([^<]+)</PopReceipt>",
    re.DOTALL,
)
_KEPT_BYTES: Final = 1024  # of an answer that is cut in between


class ReceiptReader:
    """Feed it a connection's answers in pieces, cut anywhere; it notes the newest receipt of each
    message in `found`.
    """

    def __init__(self, found: dict[str, str]) -> None:
        self._found = found
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """The next piece."""
        data, after = self._rest + data, 0
        for match in _MESSAGE.finditer(data):
            self._found[match[1].decode()] = match[2].decode()
            after = match.end()
        self._rest = data[after:][-_KEPT_BYTES:]
