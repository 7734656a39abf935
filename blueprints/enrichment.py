"""The queue-triggered functions: an envelope becomes an event on the Event Hub; what was given up is not forgotten."""

from __future__ import annotations

import logging

import azure.functions as func

from shared.adapters.envelope_queue import POISON_QUEUE, QUEUE, EnvelopeQueue
from shared.core import poison
from shared.enrichment import Enrichment

_log = logging.getLogger("fnsse.enrichment")


def blueprint(enrichment: Enrichment, envelopes: EnvelopeQueue, storage_setting: str) -> func.Blueprint:
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
            case poison.TryAgain(envelope=envelope):
                _log.warning("Exchange %s has no capture; its envelope goes back to the queue", envelope.exchange_id)
                await envelopes.put(envelope, wait_s=poison.WAIT_S)

    return pipeline
