"""Requests that no well-meaning client sends, byte for byte, and what each Functions host answers.

Each is sent on a connection of its own, followed by `LAST_REQUEST`. A host answers both and closes
the connection, or refuses the first and closes it. A request that hides another one would add a
response, and a call of the upstream.
"""

from __future__ import annotations

import re
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from local.stack import FunctionsHost

DEADLINE_S: Final = 30
HIDDEN_ID: Final = "hidden"  # x-ms-client-request-id of a request within another one's body

_CHAT: Final = b"/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
_CALL: Final = b"/openai/x?api-version=2024-10-21"
_BODY: Final = b'{"messages":[{"role":"user","content":"hello"}]}'
_SIZE: Final = len(_BODY)
_HIDDEN: Final = b"GET %b HTTP/1.1\r\nHost: h\r\nx-ms-client-request-id: %b\r\n\r\n" % (
    _CALL,
    HIDDEN_ID.encode(),
)
LAST_REQUEST: Final = b"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_REQUEST_ID: Final = b"%request-id%"


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The reaction of a Functions host to a request."""

    statuses: tuple[int, ...]  # of all responses but that to LAST_REQUEST, if there is one
    upstream_calls: int


@dataclass(frozen=True, kw_only=True)
class HostileRequest:
    """A request, and what comes of it."""

    kind: str  # what the request tries: a row of the documentation
    name: str
    data: bytes
    embedded: Expectation
    func: Expectation

    def expectation(self, host: FunctionsHost) -> Expectation:
        """The reaction of this host."""
        return self.embedded if host == "embedded" else self.func


@dataclass(frozen=True, kw_only=True)
class HostileReply:
    """The bytes that came back until the connection ended."""

    request_id: str  # its x-ms-client-request-id, by which the upstream's record finds it
    data: bytes

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses of all responses, without that of LAST_REQUEST if nothing was rejected."""
        statuses = tuple(int(status) for status in _STATUS.findall(self.data))
        return statuses[:-1] if len(statuses) > 1 else statuses


def send(host: str, port: int, data: bytes) -> HostileReply:
    """Send a request and LAST_REQUEST, and read until the host closes the connection."""
    request_id = uuid.uuid4().hex
    received = bytearray()
    with socket.create_connection((host, port), timeout=DEADLINE_S) as connection:
        try:
            connection.sendall(data.replace(_REQUEST_ID, request_id.encode()) + LAST_REQUEST)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:  # refused, and closed before all was sent
            pass
    return HostileReply(request_id=request_id, data=bytes(received))


def _post(headers: bytes, body: bytes, version: bytes = b"1.1") -> bytes:
    return (
        b"POST %b HTTP/%b\r\nHost: h\r\nContent-Type: application/json\r\n"
        b"x-ms-client-request-id: %b\r\n%b\r\n%b"
    ) % (_CHAT, version, _REQUEST_ID, headers, body)


def _get(target: bytes = _CALL, headers: bytes = b"", host: bytes = b"Host: h\r\n") -> bytes:
    return b"GET %b HTTP/1.1\r\n%bx-ms-client-request-id: %b\r\n%b\r\n" % (
        target, host, _REQUEST_ID, headers,
    )  # fmt: skip


def _chunks(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)


_CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
_LENGTH: Final = b"Content-Length: %d\r\n" % _SIZE
_RELAY: Final = Expectation(statuses=(200,), upstream_calls=1)


def _rejection(status: int) -> Expectation:
    return Expectation(statuses=(status,), upstream_calls=0)


def _requests(
    kind: str,
    embedded: Expectation,
    func: Expectation,
    data: dict[str, bytes],
) -> Iterator[HostileRequest]:
    for name, request in data.items():
        yield HostileRequest(kind=kind, name=name, data=request, embedded=embedded, func=func)


REQUESTS: Final = (
    *_requests(
        "two framings",
        _rejection(400),
        # the chunks count, and the connection ends with the response (RFC 9112, 6.1)
        Expectation(statuses=(400,), upstream_calls=1),
        {"a length and chunks": _post(b"Content-Length: 6\r\n" + _CHUNKED, b"0\r\n\r\n" + _HIDDEN)},
    ),
    *_requests(
        "two framings",
        _rejection(400),
        _rejection(400),
        {
            "two lengths": _post(_LENGTH + b"Content-Length: 0\r\n", _BODY),
            "one length twice": _post(_LENGTH + _LENGTH, _BODY),
            "a list of lengths": _post(b"Content-Length: %d, 0\r\n" % _SIZE, _BODY),
            "chunks, then identity": _post(
                _CHUNKED + b"Transfer-Encoding: identity\r\n", _chunks(_BODY)
            ),
        },
    ),
    *_requests(
        "a length that is none",
        _rejection(400),
        _rejection(400),
        {
            "negative": _post(b"Content-Length: -1\r\n", _BODY),
            "hexadecimal": _post(b"Content-Length: 0x10\r\n", _BODY),
            "beyond 64 bits": _post(b"Content-Length: 99999999999999999999999\r\n", _BODY),
            "5000 digits": _post(b"Content-Length: " + b"9" * 5000 + b"\r\n", _BODY),
            "empty": _post(b"Content-Length:\r\n", _BODY),
            "space before the colon": _post(b"Content-Length : %d\r\n" % _SIZE, _BODY),
        },
    ),
    *_requests(
        "a length that is none",
        _rejection(400),
        _RELAY,
        {"with a plus": _post(b"Content-Length: +%d\r\n" % _SIZE, _BODY)},
    ),
    *_requests(
        "an obfuscated transfer coding",
        _rejection(400),
        _rejection(400),
        {
            "identity": _post(b"Transfer-Encoding: identity\r\n" + _LENGTH, _BODY),
            "xchunked": _post(b"Transfer-Encoding: xchunked\r\n", _chunks(_BODY)),
            "not last": _post(b"Transfer-Encoding: chunked, identity\r\n", _chunks(_BODY)),
            "space before colon": _post(b"Transfer-Encoding : chunked\r\n", _chunks(_BODY)),
            "quoted": _post(b'Transfer-Encoding: "chunked"\r\n', _chunks(_BODY)),
            "vertical tab": _post(b"Transfer-Encoding: \x0bchunked\r\n", _chunks(_BODY)),
            "folded": _post(b"Transfer-Encoding:\r\n chunked\r\n", _chunks(_BODY)),
        },
    ),
    *_requests(
        "an obfuscated transfer coding",
        _RELAY,
        _RELAY,
        {
            "after a tab": _post(b"Transfer-Encoding:\tchunked\r\n", _chunks(_BODY)),
            "in capitals": _post(b"tRANSFER-eNCODING: CHUNKED\r\n", _chunks(_BODY)),
            "gzip that is none": _post(b"Transfer-Encoding: gzip, chunked\r\n", _chunks(_BODY)),
        },
    ),
    # The real host notices while it forwards the body, and takes 2 s for its response.
    *_requests(
        "chunks that are none",
        _rejection(400),
        _rejection(500),
        {
            "size beyond 64 bits": _post(_CHUNKED, b"fffffffffffffffff\r\n%b\r\n0\r\n\r\n" % _BODY),
            "bare LF": _post(_CHUNKED, b"%x\n%b\n0\n\n" % (_SIZE, _BODY)),
            "LF after an extension": _post(_CHUNKED, b"%x;\n%b\r\n0\r\n\r\n" % (_SIZE, _BODY)),
            "longer than its size": _post(_CHUNKED, b"%x\r\n%b\r\n0\r\n\r\n" % (_SIZE - 5, _BODY)),
        },
    ),
    *_requests(
        "chunk extensions and trailers",
        _RELAY,
        _RELAY,
        {
            "an extension": _post(_CHUNKED, b"%x;a=b\r\n%b\r\n0\r\n\r\n" % (_SIZE, _BODY)),
            "an extension of 100 KB": _post(
                _CHUNKED, b"%x;a=%b\r\n%b\r\n0\r\n\r\n" % (_SIZE, b"b" * 100_000, _BODY)
            ),
            "a credential as a trailer": _post(
                _CHUNKED, b"%x\r\n%b\r\n0\r\napi-key: x\r\nX-T: 1\r\n\r\n" % (_SIZE, _BODY)
            ),
        },
    ),
    *_requests(
        "control characters in headers",
        _rejection(400),
        _rejection(400),
        {
            "bare CR": _get(headers=b"x-exchange-id: a\rapi-key: b\r\n"),
            "NUL in a value": _get(headers=b"x-fnsse-content: a\0b\r\n"),
            "NUL in a name": _get(headers=b"X-\0A: ab\r\n"),
            "space in a name": _get(headers=b"X A: ab\r\n"),
            "no colon": _get(headers=b"XAB\r\n"),
            "no name": _get(headers=b": x\r\n"),
            "folded value": _get(headers=b"traceparent: a\r\n b\r\n"),
        },
    ),
    *_requests(
        "host header games",
        _rejection(400),
        _rejection(400),
        {
            "none": _get(host=b""),
            "two": _get(headers=b"Host: evil.example\r\n"),
            "a space": _get(host=b"Host: a b\r\n"),
            "user information": _get(host=b"Host: a@b\r\n"),
        },
    ),
    *_requests(
        "unknown protocols",
        _rejection(400),
        _rejection(400),
        {
            "TLS": bytes.fromhex("16030100a5010000a10303") + bytes(160),
            "a method with @": _get().replace(b"GET", b"G@T", 1),
            "a raw byte in the path": _get(b"/openai/\xff?a=1"),
            "a raw byte in the query": _get(b"/openai/x?a=\xff"),
            "%00 in the path": _get(b"/openai/%00?api-version=1"),
        },
    ),
    *_requests(
        "too large a head",
        _rejection(431),
        _rejection(431),
        {
            "101 headers": _get(headers=b"".join(b"x-%d: 1\r\n" % n for n in range(101))),
            "10,000 headers": _get(headers=b"".join(b"x-%d: 1\r\n" % n for n in range(10_000))),
            "one header 1,000 times": _get(headers=b"x-a: 1\r\n" * 1000),
            "a header of 40 KB": _get(headers=b"x-a: " + b"a" * 40_000 + b"\r\n"),
            "a header of 1 MB": _get(headers=b"x-a: " + b"a" * 1_000_000 + b"\r\n"),
            "a name of 40 KB": _get(headers=b"x" * 40_000 + b": 1\r\n"),
        },
    ),
    *_requests(
        "too large a head",
        _rejection(414),
        _rejection(414),
        {
            "a path of 100 KB": _get(b"/openai/" + b"a" * 100_000),
            "a query of 30 KB": _get(b"/openai/x?api-version=1&q=" + b"a" * 30_000),
        },
    ),
    *_requests(
        "paths that climb",
        _rejection(404),
        _rejection(404),
        {
            path: _get(path.encode() + b"?api-version=1")
            for path in (
                "/openai/../admin",
                "/openai/%2e%2e/admin",
                "/openai/.%2e/admin",
                "/openai/..%2fadmin",
                "/openai/..%252fadmin",
                "/openai/%252e%252e/admin",
                "/openai/..\\admin",
                "/openai/..%5cadmin",
                "/openai/..;/admin",
                "/openai/..;a=b/admin",
                "/openai/%2e%2e%3b/admin",
                "//openai/x",
                "/openai;a/x",
            )
        },
    ),
    *_requests(
        "paths that only look so",
        _RELAY,
        _RELAY,
        {
            path: _get(path.encode() + b"?api-version=1")
            for path in (
                "/openai/%c0%ae%c0%ae/admin",
                "/openai//x",
                "/openai/%ff%fe",
                "/%6fpenai/x",
                "/openai/x;a=..",
            )
        },
    ),
    *_requests(
        "api-version injection",
        _RELAY,
        _RELAY,
        {
            "twice": _get(b"/openai/x?api-version=1&api-version=2"),
            "encoded line end": _get(b"/openai/x?api-version=1%0d%0aX-Injected:%20a"),
            "encoded &": _get(b"/openai/x?api-version=1%26code=k"),
            "encoded name": _get(b"/openai/x?api%2Dversion=1"),
            "7 KB": _get(b"/openai/x?api-version=" + b"1" * 7000),
        },
    ),
    *_requests(
        "odd values of headers that mean something",
        _RELAY,
        _RELAY,
        {
            "x-exchange-id": _get(headers=b"x-exchange-id: 1\r\n"),
            "traceparent of 10 KB": _get(headers=b"traceparent: " + b"0" * 10_000 + b"\r\n"),
            "traceparent twice": _get(headers=b"traceparent: 00-a-b-01\r\ntraceparent: x\r\n"),
            "x-fnsse-content": _get(headers=b"x-fnsse-content: <script>, full\r\n"),
            "connection names credentials": _get(
                headers=b"Connection: keep-alive, api-key, authorization, host\r\n"
            ),
        },
    ),
    *_requests(
        "requests in a row",
        Expectation(statuses=(200, 200), upstream_calls=2),
        Expectation(statuses=(200, 200), upstream_calls=2),
        {"pipelined": _get() + _get()},
    ),
)
