"""A capture: the raw bytes of a request or of a response, with a small header, as one blob.

    b"FNSSE\\x01" | header length, 4 bytes, big-endian | header, JSON | body, raw bytes

The header of a request capture names its operation. That of a response capture holds the status,
some headers and the whole envelope, so that a lost queue message can be rebuilt from storage alone.
(Blob metadata is too small for that: 8 KB, ASCII.)

While a long request is stored, a placeholder takes its capture's place: its header with `partial`,
and no body. If the instance is killed meanwhile, reconcile adds what had arrived.

If the content of an exchange must not be recorded, its captures are headers alone. In the place of
the body a header has the body's size and hash.

A content rule may say how long captures are kept (`retention_days`). After that a header with
`expired` remains, which does not name the caller.

An outcome capture holds an envelope and no body. It is stored if no response capture says how
the exchange ended: no response came, its capture could not be stored, or the client did not get the
end that the response capture holds. If both are stored, the outcome capture is right.
"""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.core.records.exchange import piece_times
from shared.core.records.exchange.exchange_id import started_at
from shared.core.wire.json import json_shape, typed_json
from shared.errors import CaptureError, WrongType

MAGIC: Final = b"FNSSE\x01"
CONTAINER: Final = "captures"
# Members with texts of callers: paths, queries and headers.
_HEADERS: Final = frozenset({"headers", "copied_headers"})
_CALLERS_TEXTS: Final = frozenset({"path", "api_version", "trace_parent", "trace_state"})
_KEPT_WHEN_EXPIRED: Final = ("exchange_id", "operation", "content_mode", "content_rule")
_PREFIX: Final = struct.Struct(f">{len(MAGIC)}sI")


class CaptureKind(StrEnum):
    """The kind of a capture, with which its name ends."""

    REQUEST = "request"
    RESPONSE = "response"
    OUTCOME = "outcome"


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyDigest:
    """The size and the hash of a body that is not stored, as its header states them."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """The request or the response of an exchange, as it was stored."""

    header: Mapping[str, object]
    body: bytes
    # stands for a body that is too large to be read; `body` is empty then
    unread: BodyDigest | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The stored HTTP headers, names in lower case."""
        return _texts(self.header.get("headers"))

    @property
    def is_partial(self) -> bool:
        """Whether only the beginning of a request is here, because the instance was killed."""
        return is_partial(self.header)

    @property
    def body_digest(self) -> BodyDigest | None:
        """Size and hash of a body that is not stored; None if it is, or was not whole."""
        try:
            return typed_json.read(BodyDigest, self.header.get("body"))
        except WrongType:
            return None

    @property
    def copied_headers(self) -> dict[str, str]:
        """The request headers that the operator chose to copy."""
        return _texts(self.header.get("copied_headers"))


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureStream:
    """A stored capture that is too large to be held in memory."""

    header: Mapping[str, object]
    body_bytes: int
    pieces: Callable[[], AsyncIterator[bytes]]  # the body; raises StorageError


type ReadableCapture = Capture | CaptureStream


def _texts(value: object) -> dict[str, str]:
    """The members of a JSON object that are texts."""
    members = json_shape.mapping(value).items()
    return {name: member for name, member in members if isinstance(member, str)}


def capture_name(exchange_id: str, kind: CaptureKind) -> str:
    """`2026/11/23/14/<id>.request`: one listing per hour shows every exchange that
    started in it.
    """
    return f"{started_at(exchange_id):%Y/%m/%d/%H}/{exchange_id}.{kind}"


def request_name(exchange_id: str) -> str:
    """`2026/11/23/14/<id>.request`."""
    return capture_name(exchange_id, CaptureKind.REQUEST)


def response_name(exchange_id: str) -> str:
    """`2026/11/23/14/<id>.response`."""
    return capture_name(exchange_id, CaptureKind.RESPONSE)


def outcome_name(exchange_id: str) -> str:
    """`2026/11/23/14/<id>.outcome`."""
    return capture_name(exchange_id, CaptureKind.OUTCOME)


def is_partial(header: Mapping[str, object]) -> bool:
    """Whether the header is that of a placeholder."""
    return header.get("partial") is True


def is_erased(header: Mapping[str, object]) -> bool:
    """Whether the header is that of a capture whose body was erased: its event was accepted, or its
    retention is over.
    """
    return header.get("erased") is True


def without_body(header: Mapping[str, object]) -> bytes:
    """The replacement of a capture whose body is erased: its header without callers' texts. It
    still names the caller, so that an operator can erase the exchange.
    """
    members = {
        name: value
        for name, value in _without_callers_texts(header).items()
        if name != piece_times.KEY and name not in _HEADERS
    }
    if "envelope" in header:
        members["envelope"] = _without_callers_texts(json_shape.mapping(header["envelope"]))
    return preamble({**members, "erased": True})


def _without_callers_texts(members: Mapping[str, object]) -> dict[str, object]:
    """The members, with null in the place of texts: an envelope is read with all its members."""
    return {name: None if name in _CALLERS_TEXTS else value for name, value in members.items()}


def is_expired(header: Mapping[str, object]) -> bool:
    """Whether the header is that of a capture that was erased because its retention was over."""
    return header.get("expired") is True


def is_undelivered(header: Mapping[str, object]) -> bool:
    """Whether the header is that of an expired capture whose event was not accepted before."""
    return header.get("undelivered") is True


def expired_capture(header: Mapping[str, object], *, undelivered: bool = False) -> bytes:
    """The replacement of a capture whose retention is over: without caller, headers, envelope and
    body. `undelivered`: the event was not accepted by now.
    """
    members = {name: header[name] for name in _KEPT_WHEN_EXPIRED if name in header}
    members |= {"retention_days": retention_days(header), "erased": True, "expired": True}
    return preamble({**members, "undelivered": True} if undelivered else members)


def retention_days(header: Mapping[str, object]) -> int | None:
    """The days after which a content rule erases the capture; None if no rule does."""
    envelope = json_shape.mapping(header.get("envelope"))
    return json_shape.integer(header.get("retention_days", envelope.get("retention_days")))


def preamble(header: Mapping[str, object]) -> bytes:
    """Everything before the body: prefix and header."""
    text = json.dumps(header, separators=(",", ":")).encode()
    return _PREFIX.pack(MAGIC, len(text)) + text


def of_response(
    status_code: int | None,
    headers: Mapping[str, str],
    envelope: Mapping[str, object],
    more: Mapping[str, object],
) -> bytes:
    """Everything of a response capture before the body. `more` holds further members of the header
    if the body is not stored.
    """
    return preamble({"status_code": status_code, "headers": headers, "envelope": envelope, **more})


def of_outcome(envelope: Mapping[str, object]) -> bytes:
    """An outcome capture."""
    return of_response(None, {}, envelope, {})


def load(blob: bytes) -> Capture:
    """The capture in a blob. Raises CaptureError."""
    body_at = body_offset(blob)
    if body_at > len(blob):
        raise CaptureError("a capture that was cut short")
    return Capture(header=load_header(blob), body=blob[body_at:])


def body_offset(beginning: bytes) -> int:
    """The offset of the body, read from the first bytes of a blob. Raises CaptureError."""
    if len(beginning) < _PREFIX.size:
        raise CaptureError("not a capture: shorter than its prefix")
    magic, length = _PREFIX.unpack_from(beginning)
    if magic != MAGIC:
        raise CaptureError("not a capture of a known version")
    return int(_PREFIX.size + length)


def load_header(beginning: bytes) -> dict[str, object]:
    """The header in the first bytes of a blob, which must reach up to the body.

    Raises CaptureError.
    """
    try:
        header = json.loads(beginning[_PREFIX.size : body_offset(beginning)])
    except (ValueError, RecursionError) as error:
        raise CaptureError(f"the capture's header is not JSON: {type(error).__name__}") from None
    if not isinstance(header, dict):
        raise CaptureError("the capture's header is not a JSON object")
    return header
