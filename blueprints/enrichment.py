"""The functions that the queues trigger: an envelope becomes an event on the Event Hub, and poison
messages are handled.
"""

from __future__ import annotations

import azure.functions as func

from shared.core.records.queue.envelope_message import POISON_QUEUE, QUEUE
from shared.enrichment.event_delivery import MessageMetadata
from shared.enrichment.message_handler import MessageHandler
from shared.enrichment.poison_handler import PoisonHandler


def blueprint(
    message_handler: MessageHandler, poison_handler: PoisonHandler, storage_setting: str
) -> func.Blueprint:
    """Functions `enrichment` and `enrichment_poison`. They raise if they cannot finish; the queue
    then delivers the message again.
    """
    functions = func.Blueprint()

    @functions.function_name("enrichment")
    @functions.queue_trigger(arg_name="message", queue_name=QUEUE, connection=storage_setting)
    async def enrich(message: func.QueueMessage) -> None:
        await message_handler.handle(message.get_body(), _metadata(message))

    @functions.function_name("enrichment_poison")
    @functions.queue_trigger(
        arg_name="message", queue_name=POISON_QUEUE, connection=storage_setting
    )
    async def handle_poison(message: func.QueueMessage) -> None:
        await poison_handler.handle(message.get_body())

    return functions


def _metadata(message: func.QueueMessage) -> MessageMetadata:
    queued_at = message.insertion_time
    return MessageMetadata(
        queued_ns=None if queued_at is None else int(queued_at.timestamp() * 1e9),
        tries=message.dequeue_count or 1,
    )
