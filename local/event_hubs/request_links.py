"""The request/response nodes `$cbs` (tokens) and `$management` (properties): a request link and a
reply link per session.
"""

from typing import Any, cast

from proton import (
    UNDESCRIBED,
    Array,
    Data,
    Delivery,
    Message,
    Receiver,
    Sender,
    Session,
    int32,
    timestamp,
)

from local.event_hubs.management import HubProperties, PartitionProperties, Refusal, respond
from local.event_hubs.namespace import Namespace

_CREDIT = 100
_MAX_REQUEST_BYTES = 65_536


class ReplyLinks:
    """The reply links of a connection."""

    def __init__(self) -> None:
        self._links: dict[tuple[Session, str], Sender] = {}

    def add(self, link: Sender, node: str) -> "ReplyLink":
        self._links[link.session, node] = link
        link.open()
        return ReplyLink(self, (link.session, node))

    def remove(self, key: tuple[Session, str]) -> None:
        self._links.pop(key, None)

    def send(self, session: Session, node: str, reply: Message) -> None:
        """Queue the reply; it is sent when the client grants credit, and dropped without a reply
        link.
        """
        link = self._links.get((session, node))
        if link is not None:
            cast("Delivery", link.send(reply)).settle()


class ReplyLink:
    """A reply link, as one of the served links."""

    def __init__(self, replies: ReplyLinks, key: tuple[Session, str]) -> None:
        self._replies = replies
        self._key = key

    def work(self) -> bool:
        """Replies are sent by the request link."""
        return False

    def closed(self) -> None:
        self._replies.remove(self._key)


class RequestLink:
    """Receives requests for a node and responds to each."""

    def __init__(
        self, link: Receiver, node: str, namespace: Namespace, replies: ReplyLinks
    ) -> None:
        self._link = link
        self._node = node
        self._namespace = namespace
        self._replies = replies
        link.max_message_size = _MAX_REQUEST_BYTES
        link.open()
        link.flow(_CREDIT)

    def work(self) -> bool:
        while (delivery := self._link.current) is not None and not delivery.partial:
            request = Message()
            request.decode(self._link.recv(delivery.pending) or b"")
            delivery.update(Delivery.ACCEPTED)
            delivery.settle()
            self._link.flow(1)
            reply = (
                token_accepted()
                if self._node == "$cbs"
                else management_reply(request, self._namespace)
            )
            reply.correlation_id = request.id
            self._replies.send(self._link.session, self._node, reply)
        return False

    def closed(self) -> None:
        """There is nothing to undo."""


def token_accepted() -> Message:
    """The response to put-token: every token is accepted. The SDK needs a body and an int
    status.
    """
    return Message(body="", properties=_status(202, "Accepted"))


def management_reply(request: Message, namespace: Namespace) -> Message:
    result = respond(cast("dict[str, object]", request.properties or {}), namespace)
    if isinstance(result, Refusal):
        return Message(body="", properties=_status(result.status, result.description))
    body = _hub_body(result) if isinstance(result, HubProperties) else _partition_body(result)
    return Message(body=body, properties=_status(200, "OK"))


def _status(code: int, description: str) -> dict[str, Any]:
    # The service writes the first two. The SDK looks for the description under the third name
    # (management_link.py), and the description is what names the hub that is missing.
    return {
        "status-code": int32(code),
        "status-description": description,
        "statusDescription": description,
    }


def _hub_body(hub: HubProperties) -> dict[str, Any]:
    return {
        "name": hub.name,
        "type": "com.microsoft:eventhub",
        "created_at": timestamp(hub.created_at_ms),
        "partition_count": int32(len(hub.partition_ids)),
        "partition_ids": Array(cast("Any", UNDESCRIBED), Data.STRING, *hub.partition_ids),
    }


def _partition_body(partition: PartitionProperties) -> dict[str, Any]:
    return {
        "name": partition.name,
        "type": "com.microsoft:partition",
        "partition": partition.partition_id,
        "begin_sequence_number": partition.begin_sequence_number,
        "last_enqueued_sequence_number": partition.last_enqueued_sequence_number,
        "last_enqueued_offset": partition.last_enqueued_offset,
        "last_enqueued_time_utc": timestamp(partition.last_enqueued_time_ms),
        "is_partition_empty": partition.is_partition_empty,
    }
