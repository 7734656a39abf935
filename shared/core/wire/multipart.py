"""multipart/form-data (RFC 7578): the fields of an upload, without the bytes of its files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_BOUNDARY: Final = re.compile(r'boundary\s*=\s*(?:"([^"]{1,256})"|([^\s;,]{1,256}))', re.IGNORECASE)
_PARAMETER: Final = re.compile(r'\b(name|filename)="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_MAX_FIELDS: Final = 256
_MAX_HEADER_BYTES: Final = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class FormField:
    """One field of a form."""

    name: str
    bytes: int
    sha256: str | None = None  # of a file
    filename: str | None = None  # of a file
    content_type: str | None = None  # of a file, where it says


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """The fields of a form, as far as it could be read."""

    fields: tuple[FormField, ...]
    texts: dict[str, str]  # the fields that are not files, by name; of a repeated name the first
    problem: str | None


def is_form(content_type: str) -> bool:
    """Whether the content type is that of a form."""
    return content_type.strip().lower().startswith("multipart/form-data")


def read(body: bytes, content_type: str) -> Form:
    """The form in a body. It never raises: `problem` says what was wrong."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        return Form(fields=(), texts={}, problem="its content type names no boundary")
    delimiter = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    fields: list[FormField] = []
    texts: dict[str, str] = {}
    for headers, start, end in _parts(body, delimiter):
        if len(fields) == _MAX_FIELDS:
            return Form(
                fields=tuple(fields), texts=texts, problem=f"it has more than {_MAX_FIELDS} fields"
            )
        field = _field(headers, memoryview(body)[start:end])
        fields.append(field)
        if field.filename is None:
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
        at = body.find(b"\r\n" + delimiter, start)
        if at < 0 or body.startswith(b"--", start):
            return
        headers_end = body.find(b"\r\n\r\n", start, min(at, start + _MAX_HEADER_BYTES))
        if headers_end >= 0:
            yield body[start:headers_end].decode("utf-8", "replace"), headers_end + 4, at
        at += 2


def _field(headers: str, content: memoryview) -> FormField:
    disposition, content_type = "", None
    for line in headers.split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            disposition = value
        elif name.strip().lower() == "content-type":
            content_type = value.strip()[:128]
    parameters = {name.lower(): value for name, value in _PARAMETER.findall(disposition)}
    filename = parameters.get("filename")
    is_file = filename is not None
    return FormField(
        name=parameters.get("name", "")[:128],
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest() if is_file else None,
        filename=filename[:256] if filename is not None else None,
        content_type=content_type if is_file else None,
    )
