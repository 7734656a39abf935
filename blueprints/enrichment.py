"""The queue-triggered function: an envelope becomes an event on the Event Hub."""

from __future__ import annotations

import azure.functions as func

from shared.adapters.envelope_queue import QUEUE
from shared.enrichment import Enrichment


def blueprint(enrichment: Enrichment, storage_setting: str) -> func.Blueprint:
    """Function `enrichment`. It raises where the event was not accepted, so that the queue delivers again."""
    pipeline = func.Blueprint()  # type: ignore[no-untyped-call]

    @pipeline.function_name("enrichment")
    @pipeline.queue_trigger(arg_name="message", queue_name=QUEUE, connection=storage_setting)
    async def enrich(message: func.QueueMessage) -> None:
        await enrichment.deliver(message.get_body())

    return pipeline
