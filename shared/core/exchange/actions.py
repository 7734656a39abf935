"""The actions of the runner for an exchange. Each is carried out once, in the given order."""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.api_errors import ApiError
from shared.core.wire.http.headers import RawHeaders


@dataclass(frozen=True, slots=True)
class SendHeaders:
    """Start the response."""

    status: int
    headers: RawHeaders


@dataclass(frozen=True, slots=True)
class SendBody:
    """Send bytes of the upstream's response."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SendComment:
    """Send an SSE comment. Parsers ignore it; load balancers see a living connection."""


@dataclass(frozen=True, slots=True)
class SendWhiteSpace:
    """Send white space, with which a JSON document may begin."""


@dataclass(frozen=True, slots=True)
class SendErrorDocument:
    """Send a whole response that is this error."""

    error: ApiError


@dataclass(frozen=True, slots=True)
class SendErrorFrame:
    """Send an event that OpenAI's SDKs raise as an error within a stream."""

    error: bytes  # JSON in one line


@dataclass(frozen=True, slots=True)
class SendErrorObject:
    """Send an error as the JSON document that the client waits for: its status has been sent."""

    error: bytes


@dataclass(frozen=True, slots=True)
class EndBody:
    """Send the end of the body: what the client has is a whole HTTP response."""


@dataclass(frozen=True, slots=True)
class Abort:
    """Return without the end of the body: the server closes the connection, which every client
    takes for an error.
    """


@dataclass(frozen=True, slots=True)
class StartKeepAlive:
    """Bridge silences from now on, with comments or white space: feed `keep_alive_due`."""


@dataclass(frozen=True, slots=True)
class Drain:
    """The client has disconnected; read on for the usage, within DRAIN_S."""


@dataclass(frozen=True, slots=True)
class CancelUpstream:
    """Stop whatever runs for this exchange and close the upstream's connection."""


type Sending = (
    SendHeaders
    | SendBody
    | SendComment
    | SendWhiteSpace
    | SendErrorDocument
    | SendErrorFrame
    | SendErrorObject
    | EndBody
)
type Interruption = Drain | CancelUpstream | Abort
type Action = Sending | Interruption | StartKeepAlive
type Actions = tuple[Action, ...]
