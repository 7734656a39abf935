"""Every place that stores or shows something, as bytes with its name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from harness.otlp_receiver import OtlpReceiver
from prove.testbed import TestBed

type Place = tuple[str, bytes]

_OPERATORS: Final = ("/health/ready", "/ops/status", "/ops/reports")


def captures(bed: TestBed) -> Iterator[Place]:
    """Every blob of the container of captures, its name and metadata."""
    yield from _blobs(bed, only_captures=True)


def elsewhere(bed: TestBed, receiver: OtlpReceiver) -> Iterator[Place]:
    """Everything but captures and events."""
    yield from _blobs(bed, only_captures=False)
    yield from _queues(bed)
    yield from _files(bed, ("__queuestorage__", "__azurite_db_table__.json"))
    yield "the output of the Functions host", bed.stack.parts["functions_host"].output().encode()
    telemetry = [span.__dict__ for span in receiver.spans]
    points = {name: [point.__dict__ for point in all_] for name, all_ in receiver.metrics.items()}
    yield "spans", json.dumps(telemetry, default=str).encode()
    yield "metrics", json.dumps(points, default=str).encode()
    yield "log records by OTLP", json.dumps(receiver.logs, default=str).encode()
    for path in _OPERATORS:
        yield path, json.dumps(bed.operator.call("GET", path)).encode()


def raw_storage(bed: TestBed) -> Iterator[Place]:
    """Every byte that Azurite ever wrote, what was deleted or overwritten included."""
    yield from _files(bed, ("__",))


def _blobs(bed: TestBed, *, only_captures: bool) -> Iterator[Place]:
    with BlobServiceClient.from_connection_string(bed.stack.storage_connection_string) as account:
        for container in account.list_containers():
            if (container.name == "captures") != only_captures:
                continue
            client = account.get_container_client(container.name)
            for blob in client.list_blobs(include=["metadata"]):
                label = f"{blob.name} {blob.metadata}".encode()
                data = client.download_blob(blob.name).readall()
                yield f"blob {container.name}/{blob.name}", label + data


def _queues(bed: TestBed) -> Iterator[Place]:
    with QueueServiceClient.from_connection_string(bed.stack.storage_connection_string) as account:
        for queue in account.list_queues():
            client = account.get_queue_client(queue.name)
            for message in client.peek_messages(max_messages=32):
                yield f"queue {queue.name}", str(message.content).encode()


def _files(bed: TestBed, names: tuple[str, ...]) -> Iterator[Place]:
    """Azurite's files: Durable's history lies in its tables."""
    folder = bed.stack.storage_folder
    for path in sorted(folder.rglob("*")):
        top = path.relative_to(folder).parts[0]
        if path.is_file() and top.startswith(names):
            yield f"Azurite's {path.relative_to(folder)}", path.read_bytes()
