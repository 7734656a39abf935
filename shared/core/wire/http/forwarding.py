"""The headers that the proxy forwards in each direction, by the tables of `forwarding_rules`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from shared.core.wire.http.content_coding import READABLE_CODINGS
from shared.core.wire.http.forwarding_rules import (
    REQUEST_HEADERS,
    RESPONSE_HEADERS,
    REWRITTEN,
    matcher,
)
from shared.core.wire.http.headers import EXCHANGE_ID_HEADER, RawHeaders

_REQUEST_MATCHER: Final = matcher(REQUEST_HEADERS)
_RESPONSE_MATCHER: Final = matcher(RESPONSE_HEADERS)
_ADDRESS_MATCHER: Final = matcher(rule for rule in REWRITTEN if rule.name != "*")
_FILENAME: Final = re.compile(rb'(?i:(;\s*filename)\s*=\s*)(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')


def request_headers(
    received: Iterable[tuple[bytes, bytes]], own: RawHeaders, *, uncoded: bool = False
) -> RawHeaders:
    """The headers for the upstream: what passes of `received`, then the proxy's `own`.

    `uncoded` asks for a response without content coding. Headers that the caller's `Connection`
    header names belong to its connection and are dropped (RFC 9110, 7.6.1).
    """
    pairs = list(received)
    named = _named_by_connection(pairs)
    passing = [
        (name, value)
        for name, value in pairs
        if not _REQUEST_MATCHER.fullmatch(name) and name.lower() not in named
    ]
    codings = [value for name, value in pairs if name.lower() == b"accept-encoding"]
    if codings and not uncoded:
        passing.append((b"accept-encoding", _readable(b",".join(codings))))
    else:  # no header means "anything goes" (RFC 9110, 12.5.3)
        passing.append((b"accept-encoding", b"identity"))
    return passing + own


def response_headers(
    received: Iterable[tuple[bytes, bytes]], exchange_id: str, *, unsized: bool = False
) -> RawHeaders:
    """The headers for the client: what passes of the upstream's, and the exchange's id.

    `unsized` drops Content-Length, because the proxy may add to a stream or take something out.
    """
    pairs = list(received)
    named = _named_by_connection(pairs)
    dropped = named | {b"content-length"} if unsized else named
    passing = [
        (name.lower(), value if value.isascii() else _in_ascii(name, value))
        for name, value in pairs
        if not _RESPONSE_MATCHER.fullmatch(name) and name.lower() not in dropped
    ]
    return [*passing, (EXCHANGE_ID_HEADER.encode(), exchange_id.encode())]


def upstream_addresses(host: str, port: int | None, prefix: bytes) -> re.Pattern[bytes]:
    """The pattern of the beginning of an absolute URL that names the upstream, up to its path.

    `port` is None for the scheme's own. `prefix` is the path that AZURE_OPENAI_BASE_URL adds to
    each call.
    """
    ports = f":{port}" if port else "(?::443|:80)?"
    authority = re.escape(f"[{host}]" if ":" in host else host) + ports
    return re.compile(
        b"(?i:https?://" + authority.encode() + b")(?:" + re.escape(prefix) + b")?(?=/[^/])"
    )


def without_upstream(
    received: Iterable[tuple[bytes, bytes]], addresses: re.Pattern[bytes]
) -> RawHeaders:
    """The response headers, with the path alone where one names the upstream's address."""
    return [
        (name, addresses.sub(b"", value, count=1) if addresses.match(value) else value)
        if _ADDRESS_MATCHER.fullmatch(name)
        else (name, value)
        for name, value in received
    ]


def _in_ascii(name: bytes, value: bytes) -> bytes:
    """The header's value with bytes above 0x7F percent-encoded."""
    if name.lower() == b"content-disposition" and b"filename*" not in value.lower():
        value = _FILENAME.sub(_extended_filename, value)
    return re.sub(rb"[^\x00-\x7f]", lambda byte: b"%%%02X" % byte[0][0], value)


def _extended_filename(filename: re.Match[bytes]) -> bytes:
    """`; filename="Z\xc3\xbcrich"` -> `; filename*=UTF-8''Z%C3%BCrich` (RFC 6266, RFC 8187)."""
    quoted = filename[2]
    text = re.sub(rb"\\(.)", rb"\1", quoted) if quoted is not None else filename[3]
    if text.isascii():
        return filename[0]
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        decoded = text.decode("latin-1")
    return filename[1] + b"*=UTF-8''" + quote(decoded, safe="!#$&+^`|").encode()


def _named_by_connection(pairs: list[tuple[bytes, bytes]]) -> frozenset[bytes]:
    values = (value for name, value in pairs if name.lower() == b"connection")
    names = frozenset(token.strip().lower() for value in values for token in value.split(b","))
    return names - {b"close", b"keep-alive"}


def _readable(accepted: bytes) -> bytes:
    """`gzip, br;q=0.5` -> `gzip`: the codings that enrichment can decode, or else `identity`."""
    items = [item.strip() for item in accepted.split(b",")]
    codings = [
        item
        for item in items
        if item.partition(b";")[0].strip().lower().decode("latin-1") in READABLE_CODINGS
    ]
    return b", ".join(codings) or b"identity"
