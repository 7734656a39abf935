"""A follow-up: a background response whose end the app still has to see, as a message of the queue
of follow-ups.

It never holds the text of a prompt or an answer, or a credential. Every text in it is one of the
create call's envelope, which is bound, or the response's id.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from shared.core.records.exchange.envelope import Caller, Envelope
from shared.core.records.exchange.exchange_id import is_exchange_id
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.json import json_shape, typed_json
from shared.core.wire.operations import spec_of
from shared.errors import WrongType

QUEUE: Final = "follow-ups"
# Azure's ids have about 60 characters. The upstream chose the id, and the app puts it into a path.
_ID: Final = re.compile(r"[\w=-]{1,256}", re.ASCII)

# The name of `poll_count` in version 0.1.0. It is written as well: an instance of that version may
# take the message during a deployment, and would give up a response that seems to fail often.
_OLD_POLL_COUNT: Final = "question_count"


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowUp:
    """A background response that the app follows."""

    response_id: str
    operation: str  # the operation of the event that says how it ended
    created_at: str  # when the create call ended: UTC, ISO 8601 with offset
    path: str  # the create call's, as sent upstream, without the query
    api_version: str | None
    poll_count: int = 0  # the number of polls so far
    not_found_count: int = 0  # answers in a row that did not know the response

    # what its event takes over from the create call
    create_exchange_id: str
    deployment: str | None
    caller: Caller
    trace_parent: str | None
    trace_state: str | None
    content_mode: ContentMode
    content_rule: str | None

    @property
    def target_path(self) -> str:
        """The path of the response."""
        return f"{self.path}/{self.response_id}"

    @property
    def target(self) -> bytes:
        """Path and query of a poll of the response."""
        query = f"?api-version={quote(self.api_version, safe='')}" if self.api_version else ""
        return (self.target_path + query).encode("latin-1", "replace")

    def age_s(self, now: datetime) -> float:
        """Seconds since the response was created."""
        return (now - datetime.fromisoformat(self.created_at)).total_seconds()


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedFollowUp:
    """A message of the queue of follow-ups that is in hand."""

    body: bytes
    message_id: str
    pop_receipt: str
    tries: int  # how often it was taken off the queue, this time included


def of_create(envelope: Envelope, response_id: str) -> FollowUp | None:
    """The follow-up of a create call; None if the response's address does not follow from it."""
    spec = spec_of(envelope.operation)
    path = (envelope.path or "").rstrip("/")
    # a path that the envelope cut has another end
    if (
        spec.followed_by is None
        or not path.endswith(f"/{spec.route}")
        or not _ID.fullmatch(response_id)
    ):
        return None
    ended = datetime.fromisoformat(envelope.started_at) + timedelta(
        milliseconds=envelope.timings.to_end_ms
    )
    return FollowUp(
        response_id=response_id,
        operation=spec.followed_by,
        created_at=ended.isoformat(),
        path=path,
        api_version=envelope.api_version,
        create_exchange_id=envelope.exchange_id,
        deployment=envelope.deployment,
        caller=envelope.caller,
        trace_parent=envelope.trace_parent,
        trace_state=envelope.trace_state,
        content_mode=envelope.content_mode,
        content_rule=envelope.content_rule,
    )


def dump(follow_up: FollowUp) -> str:
    """The follow-up as JSON."""
    fields = {**asdict(follow_up), _OLD_POLL_COUNT: follow_up.poll_count}
    return json.dumps(fields, separators=(",", ":"))


def load(text: str | bytes) -> FollowUp:
    """The follow-up in a queue message. Raises WrongType, which never quotes the message."""
    follow_up = typed_json.read(FollowUp, _with_poll_count(json_shape.parse(text)))
    try:
        if not _ID.fullmatch(follow_up.response_id):
            raise WrongType("response_id: not an id")
        if not is_exchange_id(follow_up.create_exchange_id):
            raise WrongType("create_exchange_id: not an exchange id")
        if datetime.fromisoformat(follow_up.created_at).tzinfo is None:
            raise WrongType("created_at: no offset")
    except ValueError:
        raise WrongType("a value out of range") from None
    return follow_up


def _with_poll_count(message: object) -> object:
    """The message with `poll_count`, if an older version wrote it."""
    if isinstance(message, dict) and "poll_count" not in message and _OLD_POLL_COUNT in message:
        return {**message, "poll_count": message[_OLD_POLL_COUNT]}
    return message
