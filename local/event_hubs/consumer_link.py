"""Sends events from the start position on, as credit and buffers allow."""

from collections.abc import Callable

from proton import Link, Sender, symbol

from local.event_hubs.consumer_groups import Consumer
from local.event_hubs.namespace import Hub, HubCounters
from local.event_hubs.start_position import EARLIEST, Latest, StartPosition, parse_selector

# At most this much (and one event) waits in the session of a consumer that does not read its
# socket.
MAX_WAITING_BYTES = 262_144

_SELECTOR = "apache.org:selector-filter:string"
_OWNER_LEVEL = symbol("com.microsoft:epoch")


class ConsumerLink:
    """Sends a partition's events, settled: Event Hubs waits for no acknowledgement, since consumers
    keep checkpoints.

    It ignores a consumer's wish for last-enqueued properties
    (`track_last_enqueued_event_properties` of the SDK). The constructor raises the errors that
    links.py turns into a rejection.
    """

    def __init__(
        self,
        link: Sender,
        *,
        hub: Hub,
        group: str,
        partition_id: str,
        counters: HubCounters,
        wake: Callable[[], None],
        close: Callable[[str, str], None],
    ) -> None:
        self._link = link
        self._session = link.session
        self._log = hub.partition(partition_id)
        self._counters = counters
        self._wake = wake
        self._close = close
        self._groups = hub.consumer_groups
        self._consumer = Consumer(
            group=group,
            partition_id=partition_id,
            owner_level=_owner_level(link),
            disconnect=self._disconnect,
        )
        self._disconnected = False
        self._next = self._log.start(_start_position(link))
        self._groups.join(self._consumer)
        self._log.subscribe(wake)
        link.snd_settle_mode = Link.SND_SETTLED
        link.open()

    def work(self) -> bool:
        link, log = self._link, self._log
        while (
            not self._disconnected
            and link.credit > 0
            and (event := log.read(self._next)) is not None
        ):
            if self._session.outgoing_bytes >= MAX_WAITING_BYTES:
                return True
            delivery = link.delivery(str(event.sequence_number))
            link.stream(event.message)
            link.advance()
            delivery.settle()
            self._next = event.sequence_number + 1
            self._counters.events_delivered += 1
        return False

    def closed(self) -> None:
        self._log.unsubscribe(self._wake)
        self._groups.leave(self._consumer)

    def _disconnect(self, reason: str) -> None:
        self._disconnected = True
        self._log.unsubscribe(self._wake)
        self._close("amqp:link:stolen", reason)
        self._wake()


def _start_position(link: Sender) -> StartPosition | Latest:
    filters = link.remote_source.filter
    filters.rewind()
    if not filters.next():
        return EARLIEST
    selector = dict(filters.get_object() or {}).get(symbol(_SELECTOR))
    if selector is None:
        return EARLIEST
    return parse_selector(str(getattr(selector, "value", selector)))


def _owner_level(link: Sender) -> int | None:
    level = dict(link.remote_properties or {}).get(_OWNER_LEVEL)
    return None if level is None else int(level)
