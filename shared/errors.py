"""Every exception that fnsse raises on purpose.

    FnsseError
    ├── SettingsError            a setting is missing or malformed; raised once, at start
    ├── ContentPolicyError       a content policy is malformed
    ├── RateError                a card of rates cannot be read, or has two prices for one thing
    ├── EnvelopeError            a queue message is not an envelope of a known version
    ├── CaptureError             a blob is not a capture
    ├── WrongType                parsed JSON is not the record that it should be
    ├── OperatorRequestError     a request to replay or to erase that cannot be carried out  -> 400
    ├── AssemblyError            an event could not be built from its envelope and captures
    ├── NotAnObject              a request body is not a JSON object; it is relayed as it is
    ├── UpstreamError            no (whole) response from the upstream
    │   ├── UpstreamUnreachable  no connection, or it broke before the response began   -> 502
    │   │   └── UpstreamConnectionLost  the connection had served another call
    │   ├── UpstreamTimeout      the upstream took longer than a setting allows       -> 504
    │   └── UpstreamInterrupted  the connection broke within the response
    ├── ClientDisconnected       the client disconnected before its request was whole
    ├── BodyTooLarge             the request body is larger than MAX_REQUEST_BODY_MB         -> 413
    ├── RequestMemoryFull        held request bodies have reached REQUEST_MEMORY_MB          -> 503
    ├── RequestNotCaptured       CAPTURE_POLICY=required, and the request was not stored     -> 503
    ├── ExchangeStateError       the relay gave an exchange an input without a cause: a bug
    ├── SigningKeysUnavailable   the callers' tenant gave no keys to check tokens with        -> 503
    ├── StorageError             storage refused a call or did not answer
    │   ├── StorageNotFound      the blob, its container or the queue does not exist
    │   │   └── CaptureExpired   the capture was erased because its retention was over
    │   └── StorageImmutable     a policy or a legal hold keeps the blob from being changed
    ├── UnsupportedLibrary       a library is not as fnsse uses it; raised at start only
    └── DeliveryError            the Event Hub did not accept an event; the queue retries
        ├── DeliveryForbidden    the app's credentials do not let it send
        ├── EventTooLarge        it never will, although the event was cut to fit
        └── EventRejected        it never will, because of the event's content

Messages name the thing and the remedy, and never hold a secret, a prompt or an answer.

A module of `shared.adapters` may define exceptions of its own, to pass something through a library.
Those never leave `shared.adapters`.
"""

from __future__ import annotations


class FnsseError(Exception):
    """The root of all exceptions that fnsse raises on purpose."""


class SettingsError(FnsseError):
    """Settings are missing or malformed. The message names each, its form and an example."""


class ContentPolicyError(FnsseError):
    """A content policy is malformed. The message names the mistake and its rule, never a value."""


class RateError(FnsseError, ValueError):
    """A card of rates cannot be read, or it gives two prices for one thing."""


class EnvelopeError(FnsseError):
    """A queue message is not an envelope of a known version."""


class CaptureError(FnsseError):
    """A blob is not a capture: wrong magic, cut short, or an unknown version."""


class WrongType(FnsseError):
    """A member of parsed JSON is missing, unknown or of another type. The message never holds its
    value.
    """


class OperatorRequestError(FnsseError):
    """A request to replay or to erase is invalid; the message names the expected form."""


class AssemblyError(FnsseError):
    """An event could not be built although its envelope and captures could be read: a bug, or a
    hostile capture.
    """


class NotAnObject(FnsseError, ValueError):
    """The text that was scanned for members is not a JSON object, as far as it was scanned."""


class UpstreamError(FnsseError):
    """The upstream gave no response, or not all of it."""


class UpstreamUnreachable(UpstreamError):
    """No connection, or the connection broke before the response began."""


class UpstreamConnectionLost(UpstreamUnreachable):
    """A connection that had served another call before was closed without a response."""

    def __init__(self, message: str, *, request_unread: bool) -> None:
        """`request_unread`: the upstream had received nothing of the request when it closed the
        connection.
        """
        super().__init__(message)
        self.request_unread = request_unread


class UpstreamTimeout(UpstreamError):
    """The upstream took longer than a setting allows; the message names the setting."""


class UpstreamInterrupted(UpstreamError):
    """The connection broke, or the framing was wrong, within the response."""


class ClientDisconnected(FnsseError):
    """The client closed its connection before its request was whole."""


class BodyTooLarge(FnsseError):
    """The request body is larger than MAX_REQUEST_BODY_MB."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the request body is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


class RequestMemoryFull(FnsseError):
    """The request bodies that this worker holds have reached REQUEST_MEMORY_MB."""


class RequestNotCaptured(FnsseError):
    """CAPTURE_POLICY=required, and the request's capture could not be stored."""


class ExchangeStateError(FnsseError):
    """The relay gave an exchange an input that can have no cause in its state: a bug."""


class SigningKeysUnavailable(FnsseError):
    """The callers' Entra tenant could not be reached, or published nothing that tokens can be
    checked with.
    """


class StorageError(FnsseError):
    """Storage refused a call or did not answer. The operation may have happened or not."""

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        """`status` and `code`: the response's, code being its `x-ms-error-code`. None and "" if no
        response came.
        """
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def is_forbidden(self) -> bool:
        """Whether the app's credentials lack permission."""
        return self.status in {401, 403}


class StorageNotFound(StorageError):
    """The blob, its container or the queue does not exist."""


class StorageImmutable(StorageError):
    """An immutability policy or a legal hold keeps the blob from being changed or deleted."""


class CaptureExpired(StorageNotFound):
    """The capture was erased because its retention was over."""


class UnsupportedLibrary(FnsseError):
    """A library differs from the one that fnsse uses: names its version and the difference."""


class DeliveryError(FnsseError):
    """The Event Hub did not accept an event."""


class DeliveryForbidden(DeliveryError):
    """The app's credentials do not let it send to the Event Hub."""


class EventTooLarge(DeliveryError):
    """The Event Hub takes no event of that size, although it was cut to fit."""


class EventRejected(DeliveryError):
    """The Event Hub rejected this event for good, for a reason other than its size."""
