"""Which consumer reads which partition for which consumer group, and which one may.

A consumer group exists as soon as a consumer names it. The rule for owner levels ("epochs"):
https://learn.microsoft.com/azure/event-hubs/event-processor-balance-partition-load and the SDK's
`owner_level`.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass


class ReceiverDisconnectedError(Exception):
    """A consumer with a higher owner level reads the partition."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Consumer:
    """A link that reads a partition."""

    group: str
    partition_id: str
    owner_level: int | None  # None: not exclusive
    disconnect: Callable[[str], None]  # called with the reason


class ConsumerGroups:
    """The consumers of a hub."""

    def __init__(self) -> None:
        self._readers: defaultdict[tuple[str, str], set[Consumer]] = defaultdict(set)

    def join(self, consumer: Consumer) -> None:
        """Admit the consumer and disconnect those that it displaces. Raises
        ReceiverDisconnectedError.
        """
        readers = self._readers[_place(consumer)]
        level = -1 if consumer.owner_level is None else consumer.owner_level
        highest = max(
            (other.owner_level for other in readers if other.owner_level is not None), default=-1
        )
        if highest > level or (consumer.owner_level is None and highest >= 0):
            raise ReceiverDisconnectedError(
                f"Receiver '{consumer.group}/{consumer.partition_id}' with epoch '{level}' cannot be created: a receiver "
                f"with epoch '{highest}' is connected."
            )
        if consumer.owner_level is not None:
            for other in tuple(readers):
                other.disconnect(
                    f"New receiver with higher epoch '{level}' is created hence current receiver is disconnected."
                )
                readers.discard(other)
        readers.add(consumer)

    def leave(self, consumer: Consumer) -> None:
        self._readers[_place(consumer)].discard(consumer)

    def describe(self) -> dict[str, int]:
        """Number of consumers by 'group/partition', for those that have any."""
        return {
            f"{group}/{partition}": len(readers)
            for (group, partition), readers in self._readers.items()
            if readers
        }


def _place(consumer: Consumer) -> tuple[str, str]:
    # Group names ignore case: the SDK's "$Default" and the service's "$default" are one.
    return consumer.group.lower(), consumer.partition_id
