"""Rewrites a request's path and query as the real host does.

Kestrel decodes the path once (all but %2F), resolves dot segments; YARP and System.Uri encode it
again. Each rule here was seen on the real host (4.1037) and is compared with it by
tests/integration/functions_host/test_functions_host.py.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote_from_bytes

_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_UNRESERVED: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
)
# RFC 3986's pchar without percent-encoding; "/" separates segments.
_PATH_SAFE: Final = "/!$&'()*+,;=:@~"
# System.Uri escapes these printable characters in a query.
_QUERY_ESCAPED: Final = (
    frozenset(b' "<>\\^`{|}') | frozenset(range(0x21)) | frozenset(range(0x7F, 0x100))
)


class BadPathError(ValueError):
    """Kestrel answers 400 to this path."""


def decode_path(raw_path: bytes) -> str:
    """The path as Kestrel decodes it: once, except %2F and invalid UTF-8, with dot segments
    resolved.

    Raises BadPathError for an encoded NUL and for bytes that should have been encoded.
    """
    if not raw_path.isascii():
        raise BadPathError("a path must be ASCII")
    if b"%" not in raw_path and b"/." not in raw_path:
        return raw_path.decode()
    path = _without_dot_segments(_decode_escapes(raw_path))
    if "\0" in path:
        raise BadPathError("a path must not hold a NUL")
    return path


def encode_path(path: str) -> bytes:
    """The raw path that the app gets for a decoded one: its percent signs are encoded again
    (%2F becomes %252F).
    """
    return quote_from_bytes(path.encode(), _PATH_SAFE).encode()


def normalise_query(query: bytes) -> bytes:
    """The query as System.Uri canonicalises it.

    %41 becomes A, %2B and %2b stay, %c3%a9 becomes %C3%A9, a stray percent sign becomes %25.
    """
    if b"%" not in query and not _QUERY_ESCAPED.intersection(query):
        return query
    out = bytearray()
    position = 0
    while position < len(query):
        byte = query[position]
        if byte == 0x25:
            position += _copy_escape(query, position, out)
        elif byte in _QUERY_ESCAPED:
            out += b"%%%02X" % byte
            position += 1
        else:
            out.append(byte)
            position += 1
    return bytes(out)


def _copy_escape(query: bytes, position: int, out: bytearray) -> int:
    """Append the escape at position in its canonical form; return how many bytes of the query it
    took.
    """
    digits = query[position + 1 : position + 3]
    if len(digits) < 2 or not _HEX.issuperset(digits):
        out += b"%25"
        return 1
    value = int(digits, 16)
    if value in _UNRESERVED:
        out.append(value)
    elif value >= 0x80 and (length := _decode_one(query, position)[1]) > 3:
        out += query[position : position + length].upper()
        return length
    else:
        out += b"%" + digits
    return 3


def _decode_escapes(raw: bytes) -> str:
    """Decode the escapes that are valid UTF-8; leave %2F and broken ones as text."""
    out: list[str] = []
    position = 0
    while position < len(raw):
        if raw[position] != 0x25:
            out.append(chr(raw[position]))
            position += 1
            continue
        text, length = _decode_one(raw, position)
        out.append(text)
        position += length
    return "".join(out)


def _decode_one(raw: bytes, position: int) -> tuple[str, int]:
    """The character that the escapes at position stand for, and the number of bytes they
    take.
    """
    first = _escape(raw, position)
    if first is None:
        return "%", 1
    if first == 0x2F:
        return raw[position : position + 3].decode("latin-1"), 3
    length = 1 if first < 0x80 else 2 if first >> 5 == 0b110 else 3 if first >> 4 == 0b1110 else 4
    values = [_escape(raw, position + 3 * index) for index in range(length)]
    try:
        return bytes(value for value in values if value is not None).decode("utf-8"), 3 * length
    except UnicodeDecodeError:
        return raw[position : position + 3].decode("latin-1"), 3


def _escape(raw: bytes, position: int) -> int | None:
    """The byte that the escape at `position` encodes; None if there is no escape there."""
    digits = raw[position + 1 : position + 3]
    if raw[position : position + 1] != b"%" or len(digits) < 2 or not _HEX.issuperset(digits):
        return None
    return int(digits, 16)


def _without_dot_segments(path: str) -> str:
    """Remove dot segments (RFC 3986, 5.2.4)."""
    segments = path.split("/")
    out: list[str] = []
    for segment in segments:
        if segment == "..":
            if len(out) > 1:
                out.pop()
        elif segment != ".":
            out.append(segment)
    if segments[-1] in {".", ".."}:
        out.append("")
    return "/".join(out)
