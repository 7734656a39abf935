"""Hubs spread publications over their partitions; the namespace knows its hubs and its mode."""

import pytest

from local.event_hubs.namespace import (
    Hub,
    Namespace,
    NodeNotFoundError,
    PartitionNotFoundError,
    PublicationMode,
)
from local.event_hubs.publication import Publication, PublishedEvent


def publication(key: str | None = None) -> Publication:
    event = PublishedEvent(
        header=b"", annotations=b"", annotation_items=0, body=b"", partition_key=None
    )
    return Publication(events=[event], partition_key=key)


def counts(hub: Hub) -> list[int]:
    return [log.next_sequence_number for log in hub.partitions]


def test_publications_without_a_key_go_round() -> None:
    hub = Hub("h", partitions=3, retention_bytes=10_000)
    for _ in range(7):
        hub.publish(publication(), None)
    assert counts(hub) == [3, 2, 2]


def test_publications_with_one_key_share_a_partition_and_many_keys_use_all() -> None:
    hub = Hub("h", partitions=3, retention_bytes=100_000)
    for _ in range(5):
        hub.publish(publication("same"), None)
    assert sorted(counts(hub)) == [0, 0, 5]
    for number in range(30):
        hub.publish(publication(f"key {number}"), None)
    assert min(counts(hub)) > 0


def test_an_unknown_hub_or_partition_is_named() -> None:
    namespace = Namespace(["openai-logs"], partitions=2, retention_bytes=10_000)
    assert namespace.hub("OpenAI-Logs").name == "openai-logs"
    with pytest.raises(NodeNotFoundError, match=r"'nope' could not be found.*openai-logs"):
        namespace.hub("nope")
    with pytest.raises(PartitionNotFoundError, match=r"between 0 and 1.*'2'"):
        namespace.hub("openai-logs").partition("2")


def test_a_change_of_mode_is_announced() -> None:
    namespace = Namespace(["h"], partitions=1, retention_bytes=10_000)
    modes: list[PublicationMode] = []
    stop = namespace.on_mode_change(lambda: modes.append(namespace.mode))
    namespace.set_mode(PublicationMode.STALL)
    stop()
    namespace.set_mode(PublicationMode.ACCEPT)
    assert modes == [PublicationMode.STALL]
