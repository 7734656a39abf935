"""The limits of a request's head, as the real host's server (Kestrel) has them.

Seen on the real host (4.1037). tests/e2e/test_hostile_requests.py compares both hosts.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

# KestrelServerLimits in dotnet/aspnetcore
_MAX_TARGET_BYTES: Final = 8 * 1024
_MAX_HEADERS: Final = 100
_MAX_HEADERS_BYTES: Final = 32 * 1024
_COLON_AND_LINE_END_BYTES: Final = 4
# A name, an IPv4 address or an IPv6 address, and a port
_HOST: Final = re.compile(rb"(?:[\w.~!$&'()*+,;=%-]*|\[[0-9a-fA-F:.]+\])(?::\d*)?", re.ASCII)


class HeadRefused(Exception):
    """A request's head is refused; HeadLimits.status says with which status."""


class HeadLimits:
    """Counts the bytes and headers of one head. Its methods raise HeadRefused."""

    def __init__(self) -> None:
        self.status = HTTPStatus.BAD_REQUEST  # the status of a refusal, also by the parser
        self._target_bytes = self._headers_bytes = self._headers = self._hosts = 0

    def target(self, piece: bytes) -> None:
        """A piece of the request's target has come."""
        self._target_bytes += len(piece)
        if self._target_bytes > _MAX_TARGET_BYTES:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG)

    def header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, has come."""
        self._headers += 1
        self._headers_bytes += len(name) + len(value) + _COLON_AND_LINE_END_BYTES
        if self._headers > _MAX_HEADERS or self._headers_bytes > _MAX_HEADERS_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if name.lower() == b"host":
            self._hosts += 1
            if self._hosts > 1 or not _HOST.fullmatch(value):
                self._refuse(HTTPStatus.BAD_REQUEST)

    def end(self, http_version: str) -> None:
        """Check the complete head."""
        if not self._hosts and http_version == "1.1":  # RFC 9112, 3.2
            self._refuse(HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        self.status = status
        raise HeadRefused


# The bytes of a head that has not ended: the parser keeps a header until it is complete.
MAX_UNENDED_BYTES: Final = _MAX_TARGET_BYTES + _MAX_HEADERS_BYTES
