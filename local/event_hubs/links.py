"""Maps a link's address to a node, and rejects other addresses with the service's error."""

import re
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from proton import Condition, Link, Receiver, Sender, symbol

from local.event_hubs.consumer_groups import ReceiverDisconnectedError
from local.event_hubs.consumer_link import ConsumerLink
from local.event_hubs.namespace import Namespace, NodeNotFoundError, PartitionNotFoundError
from local.event_hubs.partition_log import PositionBeyondEndError
from local.event_hubs.producer_link import ProducerLink
from local.event_hubs.request_links import ReplyLinks, RequestLink
from local.event_hubs.start_position import StartPositionError

REQUEST_NODES = ("$cbs", "$management")

_ENTITY = re.compile(
    r"^/?(?P<hub>[^/]+)(/ConsumerGroups/(?P<group>[^/]+))?(/Partitions/(?P<partition>[^/]+))?/?$",
    re.IGNORECASE,
)

# The error conditions of the service. The SDK retries some of them.
_CONDITIONS: tuple[tuple[type[Exception], str], ...] = (
    (NodeNotFoundError, "amqp:not-found"),
    (PartitionNotFoundError, "com.microsoft:argument-out-of-range"),
    (PositionBeyondEndError, "com.microsoft:argument-error"),
    (StartPositionError, "com.microsoft:argument-error"),
    (ReceiverDisconnectedError, "amqp:link:stolen"),
)
_REFUSALS = tuple(error for error, _ in _CONDITIONS)


class ServedLink(Protocol):
    """An open link."""

    def work(self) -> bool:
        """Send and receive what is possible now. Returns True if more waits for room in the
        buffers. Called after every event of the connection.
        """

    def closed(self) -> None:
        """The link was closed."""


def serve(
    link: Link, namespace: Namespace, replies: ReplyLinks, wake: Callable[[], None]
) -> ServedLink | None:
    """Answer a client's attach; None if it was rejected and closed with an error.

    `wake` asks the connection to let its links work again soon.
    """
    link.source.copy(link.remote_source)
    link.target.copy(link.remote_target)
    try:
        return _serve(link, namespace, replies, wake)
    except _REFUSALS as error:
        condition = next(name for kind, name in _CONDITIONS if isinstance(error, kind))
        link.open()
        close_with_error(link, condition, str(error))
        return None


def close_with_error(link: Link, condition: str, description: str) -> None:
    link.condition = error_condition(condition, description)
    link.close()


def error_condition(name: str, description: str) -> Condition:
    """An error with all three fields: the SDK reads the third, which Proton omits if it is
    empty.
    """
    return Condition(name, description, {symbol("source"): "local.event_hubs"})


def _serve(
    link: Link, namespace: Namespace, replies: ReplyLinks, wake: Callable[[], None]
) -> ServedLink:
    if isinstance(link, Receiver):
        address = _path(link.remote_target.address)
        if address in REQUEST_NODES:
            return RequestLink(link, address, namespace, replies)
        hub_name, _, partition_id = _entity(address)
        return ProducerLink(link, namespace, namespace.hub(hub_name), partition_id, error_condition)
    assert isinstance(link, Sender)  # noqa: S101 - Proton has these two kinds of links only
    address = _path(link.remote_source.address)
    if address in REQUEST_NODES:
        return replies.add(link, address)
    hub_name, group, partition_id = _entity(address)
    return ConsumerLink(
        link,
        hub=namespace.hub(hub_name),
        group=group or "$Default",
        partition_id=partition_id or "",
        counters=namespace.counters,
        wake=wake,
        close=lambda condition, description: close_with_error(link, condition, description),
    )


def _path(address: str | None) -> str:
    """The address without scheme and host: the SDK sends `amqps://host/hub`, other clients
    `hub`.
    """
    address = address or ""
    return urlsplit(address).path.lstrip("/") if "://" in address else address.lstrip("/")


def _entity(path: str) -> tuple[str, str | None, str | None]:
    """(hub, consumer group, partition id) of a path."""
    match = _ENTITY.match(path)
    if match is None:
        raise NodeNotFoundError(f"The address {path!r} is neither a hub nor a partition of one.")
    return match["hub"], match["group"], match["partition"]
