"""multipart/form-data (RFC 7578): the fields of an upload, without the bytes of its files."""

from __future__ import annotations

import hashlib
import re
from codecs import lookup
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Final
from urllib.parse import unquote

from shared.core.wire.http.headers import media_type

_BOUNDARY: Final = re.compile(r'boundary\s*=\s*(?:"([^"]{1,256})"|([^\s;,]{1,256}))', re.IGNORECASE)
# name=value, name="value", name*=utf-8''value (RFC 6266, RFC 5987)
_PARAMETER: Final = re.compile(
    r';\s*(name|filename)\s*(\*?)=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s][^;]*))', re.IGNORECASE
)
_DELIMITER_END: Final = re.compile(rb"--|[ \t]*(?:\r\n|\Z)")
_ESCAPED: Final = re.compile(r'\\(["\\])')
_MAX_FIELDS: Final = 256
_MAX_HEADER_BYTES: Final = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class FormField:
    """One field of a form."""

    name: str
    bytes: int
    sha256: str | None = None  # the hash of a file's bytes
    filename: str | None = None  # the name of a file
    content_type: str | None = None  # a file's, if the part has one


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """The fields of a form, as far as it could be read."""

    fields: tuple[FormField, ...]
    texts: dict[str, str]  # the fields that are not files, by name; of a repeated name the first
    problem: str | None


def is_form(content_type: str) -> bool:
    """Whether the content type is that of a form."""
    return media_type(content_type).startswith("multipart/form-data")


def read(body: bytes, content_type: str) -> Form:
    """The form in a body. It never raises: `problem` says what was wrong."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        return Form(fields=(), texts={}, problem="its content type names no boundary")
    delimiter = b"--" + (match[1] or match[2]).encode("latin-1", "replace")
    fields: list[FormField] = []
    texts: dict[str, str] = {}
    for headers, start, end in _parts(body, delimiter):
        if len(fields) == _MAX_FIELDS:
            return Form(
                fields=tuple(fields), texts=texts, problem=f"it has more than {_MAX_FIELDS} fields"
            )
        field = _field(headers, memoryview(body)[start:end])
        fields.append(field)
        if field.sha256 is None:
            texts.setdefault(field.name, body[start:end].decode("utf-8", "replace"))
    whole = body.rstrip(b"\r\n \t").endswith(delimiter + b"--")
    return Form(
        fields=tuple(fields),
        texts=texts,
        problem=None if whole else "it does not end in its closing boundary",
    )


def _parts(body: bytes, delimiter: bytes) -> Iterator[tuple[str, int, int]]:
    """(headers, start and end of the content) of each part that is complete."""
    at = body.find(delimiter)
    while at >= 0:
        start = at + len(delimiter)
        at = _next_delimiter(body, b"\r\n" + delimiter, start)
        if at < 0 or body.startswith(b"--", start):
            return
        headers_end = body.find(b"\r\n\r\n", start, min(at, start + _MAX_HEADER_BYTES))
        if headers_end >= 0:
            yield body[start:headers_end].decode("utf-8", "replace"), headers_end + 4, at
        at += 2


def _next_delimiter(body: bytes, delimiter: bytes, at: int) -> int:
    """The next delimiter, or -1. A line that goes on after it belongs to the content."""
    while (at := body.find(delimiter, at)) >= 0:
        if _DELIMITER_END.match(body, at + len(delimiter)):
            return at
        at += len(delimiter)
    return at


def _field(headers: str, content: memoryview) -> FormField:
    disposition, content_type = "", None
    for line in headers.split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            disposition = value
        elif name.strip().lower() == "content-type":
            content_type = value.strip()[:128]
    parameters = _parameters(disposition)
    filename = parameters.get("filename")
    is_file = filename is not None or not _is_text(content_type)
    return FormField(
        name=parameters.get("name", "")[:128],
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest() if is_file else None,
        filename=filename[:256] if filename is not None else None,
        content_type=content_type if is_file else None,
    )


def _parameters(disposition: str) -> dict[str, str]:
    """`name` and `filename` of a Content-Disposition. Their extended form (`filename*`) wins over
    the plain one, wherever it comes.
    """
    plain, extended = dict[str, str](), dict[str, str]()
    for name, star, quoted, token in _PARAMETER.findall(disposition):
        if star:
            extended[name.lower()] = _extended_value(quoted or token.strip())
        else:
            value = _ESCAPED.sub(r"\1", quoted) if quoted else token.strip()
            plain[name.lower()] = _decoded_words(value)
    return plain | extended


def _extended_value(value: str) -> str:
    """`utf-8'en'%E2%82%AC` (RFC 5987) decoded; as it is if it is not that, or names an unknown
    charset.
    """
    charset, quote, rest = value.partition("'")
    _, second_quote, encoded = rest.partition("'")
    if not (quote and second_quote):
        return value
    try:
        return unquote(encoded, lookup(charset).name, "replace")
    except (LookupError, ValueError):
        return value


def _decoded_words(value: str) -> str:
    """The value with RFC 2047's encoded words decoded: .NET writes a name beyond ASCII so."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


def _is_text(content_type: str | None) -> bool:
    """Whether a part without a file name is a text. A part's default is text/plain (RFC 7578,
    4.4).
    """
    kind = media_type(content_type or "text/plain")
    return kind.startswith("text/") or kind.endswith("json")
