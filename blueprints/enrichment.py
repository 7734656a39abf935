"""The queue-triggered functions: an envelope becomes an event on the Event Hub; what was given up is not forgotten."""

from __future__ import annotations

import logging
from dataclasses import asdict

import azure.functions as func

from shared.adapters.captures import Captures
from shared.adapters.envelope_queue import POISON_QUEUE, QUEUE
from shared.core import poison
from shared.core.capture import of_outcome, response_name
from shared.enrichment import Enrichment

_log = logging.getLogger("fnsse.enrichment")


def blueprint(enrichment: Enrichment, captures: Captures, storage_setting: str) -> func.Blueprint:
    """Functions `enrichment` and `enrichment_poison`. They raise where they could not finish: the queue delivers again."""
    pipeline = func.Blueprint()  # type: ignore[no-untyped-call]

    @pipeline.function_name("enrichment")
    @pipeline.queue_trigger(arg_name="message", queue_name=QUEUE, connection=storage_setting)
    async def enrich(message: func.QueueMessage) -> None:
        await enrichment.deliver(message.get_body())

    @pipeline.function_name("enrichment_poison")
    @pipeline.queue_trigger(arg_name="message", queue_name=POISON_QUEUE, connection=storage_setting)
    async def take_poison(message: func.QueueMessage) -> None:
        match poison.decide(message.get_body()):
            case poison.Discard(reason=reason):
                _log.error("A message of the envelope queue is discarded: %s", reason)
            case poison.LeaveToReconcile(exchange_id=exchange_id):
                _log.warning("Exchange %s was given up by the queue; reconcile delivers it", exchange_id)
            case poison.StoreOutcome(envelope=envelope):
                _log.warning("Exchange %s was given up by the queue; it is stored for reconcile", envelope.exchange_id)
                await captures.put_if_absent(response_name(envelope.exchange_id), of_outcome(asdict(envelope)))

    return pipeline
