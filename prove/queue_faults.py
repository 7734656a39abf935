"""Proof 4: a queue that repeats and reorders its messages, and that holds garbage."""

from __future__ import annotations

import base64
import json
import random
import time
from typing import Final

from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient

from harness.waiting import poll_until
from local.stack import FunctionsHost
from prove.comparison import compare
from prove.event_rules import Circumstances
from prove.evidence import gather
from prove.load import ClientLoad, delivered_load
from prove.result import Progress, ProofResult
from prove.testbed import DISCARDED, TestBed
from prove.upstream_calls import upstream_calls
from shared.core.records.exchange import capture
from shared.core.wire.json.json_shape import mapping, text

_GARBAGE: Final = (
    b"",
    b"garbage",
    b"null",
    b"[]",
    b"{}",
    b'{"schema_version": 1}',
    b'{"schema_version": 99}',
    b"[" * 20_000,
    b'"' + b"x" * 40_000 + b'"',
)


_COPIES: Final = 3  # of each envelope


def unruly_queue(
    kind: FunctionsHost, *, exchanges: int, seed: int, progress: Progress
) -> ProofResult:
    """Put every envelope three more times, out of order and among garbage. Some have lost their
    captures.
    """
    result = ProofResult(title=f"unruly queue, {kind} host")
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    with TestBed(kind) as bed:
        load = delivered_load(bed, exchanges, seed)
        envelopes = _envelopes(bed)
        gone = sorted(envelopes)[: max(1, exchanges // 10)]
        _delete_captures(bed, gone)
        messages = [text for text in envelopes.values() for _ in range(_COPIES)] + [*_GARBAGE]
        rng.shuffle(messages)
        before = len(bed.events.all_events())
        _put(bed, messages)
        progress(
            f"{result.title}: {len(messages)} messages in the queue, {len(_GARBAGE)} of them garbage"
        )
        _wait_drained(bed, before + _COPIES * len(envelopes))
        result.counts |= {
            "messages put": len(messages),
            "of them garbage": len(_GARBAGE),
            "discarded as garbage": bed.noted[DISCARDED],
            "envelopes whose captures were gone": len(gone),
        }
        _judge(result, bed, load, gone)
    return result


def _wait_drained(bed: TestBed, events: int) -> None:
    poll_until(
        lambda: len(bed.events.all_events()) >= events, "every envelope once more", within_s=60
    )
    poll_until(
        lambda: not bed.leases.waiting() and not bed.leases.waiting("envelopes-poison"),
        "empty queues",
        within_s=60,
    )


def _judge(result: ProofResult, bed: TestBed, load: ClientLoad, gone: list[str]) -> None:
    evidence = gather(bed)
    compare(
        result,
        evidence,
        load.observations,
        upstream_calls(bed.stack),
        Circumstances(storage_failed=True),
        must=load.exchange_ids,
    )
    without = [
        event
        for exchange_id in gone
        for event in evidence.events[exchange_id][1:]
        if event["content"] == ""
    ]
    result.check(
        holds=len(without) == _COPIES * len(gone),
        sentence="an envelope without its captures is not an event without content",
    )
    report = bed.operator.reconcile()
    result.check(
        holds=report["redelivered"] + report["aborted"] == 0,
        sentence="reconcile found something missing",
    )


def _envelopes(bed: TestBed) -> dict[str, bytes]:
    """The envelope in every response capture, by exchange id."""
    envelopes: dict[str, bytes] = {}
    with BlobServiceClient.from_connection_string(bed.stack.storage_connection_string) as blobs:
        captures = blobs.get_container_client("captures")
        for name in captures.list_blob_names():
            if name.endswith(".response"):
                header = capture.load_header(
                    captures.download_blob(name, offset=0, length=16_384).readall()
                )
                envelope = mapping(header["envelope"])
                envelopes[text(envelope["exchange_id"])] = json.dumps(envelope).encode()
    return envelopes


def _delete_captures(bed: TestBed, exchange_ids: list[str]) -> None:
    with BlobServiceClient.from_connection_string(bed.stack.storage_connection_string) as blobs:
        captures = blobs.get_container_client("captures")
        for exchange_id in exchange_ids:
            for name in (
                capture.request_name(exchange_id),
                capture.response_name(exchange_id),
            ):
                captures.delete_blob(name)


def _put(bed: TestBed, messages: list[bytes]) -> None:
    with QueueClient.from_connection_string(
        bed.stack.storage_connection_string, "envelopes"
    ) as queue:
        for message in messages:
            queue.send_message(base64.b64encode(message).decode())
            time.sleep(0.001)
