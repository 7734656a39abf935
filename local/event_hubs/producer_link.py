"""Receives publications: reads them, checks their size, appends or rejects them, and
settles them.
"""

from collections.abc import Callable

from proton import Condition, Delivery, Receiver

from local.event_hubs.amqp_encoding import MalformedEncodingError
from local.event_hubs.namespace import Hub, Namespace, PublicationMode
from local.event_hubs.publication import read_publication

# https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas: 1 MB per publication (all tiers
# but Basic).
MAX_PUBLICATION_BYTES = 1_048_576
CREDIT = 300  # publications that a producer may have in flight


class ProducerLink:
    """Receives on `hub`, or on one of its partitions.

    In mode stall it reads nothing: publications stay in Proton's buffers, which the session window
    and the credit bound, until the mode changes.
    """

    def __init__(
        self,
        link: Receiver,
        namespace: Namespace,
        hub: Hub,
        partition_id: str | None,
        error_condition: Callable[[str, str], Condition],
    ) -> None:
        if partition_id is not None:
            hub.partition(partition_id)
        self._link = link
        self._namespace = namespace
        self._hub = hub
        self._partition_id = partition_id
        self._error_condition = error_condition
        self._message = bytearray()  # the current delivery so far, at most the limit
        self._size_bytes = 0  # of all that came of it
        self._deliveries = 0
        link.max_message_size = MAX_PUBLICATION_BYTES
        link.open()
        link.flow(CREDIT)

    def work(self) -> bool:
        while (
            self._namespace.mode is not PublicationMode.STALL
            and (delivery := self._link.current) is not None
        ):
            if delivery.aborted:
                delivery.settle()
                self._forget_message()
            elif not self._read(delivery):
                break
        if self._link.credit < CREDIT // 2:
            self._link.flow(CREDIT - self._link.credit)
        return False

    def closed(self) -> None:
        """There is nothing to undo."""

    def _read(self, delivery: Delivery) -> bool:
        """Read the available bytes; True once the delivery was complete and is settled."""
        pending = delivery.pending
        if pending:
            chunk = self._link.recv(pending) or b""
            self._size_bytes += len(chunk)
            if self._size_bytes <= MAX_PUBLICATION_BYTES:
                self._message += chunk
        if delivery.partial:
            return False
        refusal = self._publish()
        if refusal is None:
            delivery.update(Delivery.ACCEPTED)
        else:
            delivery.local.condition = refusal
            delivery.update(Delivery.REJECTED)
        delivery.settle()
        self._deliveries += 1
        self._forget_message()
        return True

    def _forget_message(self) -> None:
        self._message = bytearray()
        self._size_bytes = 0

    def _publish(self) -> Condition | None:
        """Append the publication, or return the error."""
        counters = self._namespace.counters
        if self._size_bytes > MAX_PUBLICATION_BYTES:
            counters.publications_too_large += 1
            # Condition and words as in https://github.com/Azure/azure-event-hubs-python/issues/106
            return self._error_condition(
                "amqp:link:message-size-exceeded",
                f"The received message (delivery-id:{self._deliveries}, size:{self._size_bytes} bytes) exceeds the limit "
                f"({MAX_PUBLICATION_BYTES} bytes) currently allowed on the link.",
            )
        if self._namespace.mode is PublicationMode.REJECT:
            counters.publications_rejected += 1
            return self._error_condition(
                "com.microsoft:server-busy",
                "The emulator was told to reject (PUT /behaviour). Please retry the operation.",
            )
        try:
            publication = read_publication(bytes(self._message))
        except (MalformedEncodingError, UnicodeDecodeError) as error:
            counters.publications_malformed += 1
            return self._error_condition("amqp:decode-error", str(error))
        unwanted = self._namespace.unwanted
        if unwanted is not None and unwanted.text in self._message:
            counters.publications_unwanted += 1
            return self._error_condition(
                unwanted.condition, "The emulator was told to refuse this text (PUT /behaviour)."
            )
        self._hub.publish(publication, self._partition_id)
        counters.publications_accepted += 1
        counters.events_accepted += len(publication.events)
        return None
