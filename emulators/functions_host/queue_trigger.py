"""The queue trigger: polling, concurrency, lease renewal, and what happens to a message after its
function ended.

Rules: Azure/azure-sdk-for-net, Microsoft.Azure.WebJobs.Extensions.Storage.Common, QueueListener.cs
(polling, batches, renewal), QueueProcessor.cs (delete, release, poison),
UpdateQueueMessageVisibilityCommand.cs.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from contextlib import suppress
from typing import Final

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from emulators.functions_host.console import say
from emulators.functions_host.functions import QueueFunction
from emulators.functions_host.invocations import Invocations
from emulators.functions_host.leases import LeaseBook
from emulators.functions_host.queue_backoff import QueueBackoff
from emulators.functions_host.queue_message import (
    UnreadableMessageError,
    attempts,
    metadata,
    typed_data,
)
from emulators.functions_host.queue_options import MIN_POLLING_INTERVAL_S, QueueOptions
from emulators.functions_host.worker_library import Invocation

# A received message is invisible for ten minutes, renewed at half of that while its function runs
# (QueueListener.cs). The real host has no setting for it that we found. Here it is set shorter by
# proofs, which wait for leases to end.
LEASE_S: Final = int(os.environ.get("FNSSE_LOCAL_QUEUE_LEASE_S", "600"))
_MIN_RENEWAL_S: Final = min(60.0, LEASE_S / 4)
_MAX_QUEUE_NAME: Final = 63


def poison_name(queue_name: str) -> str | None:
    """The poison queue's name; None for a queue without one
    (QueueListenerFactory.CreatePoisonQueueReference).
    """
    name = f"{queue_name}-poison"
    return None if queue_name.endswith("-poison") or len(name) > _MAX_QUEUE_NAME else name


class QueueTrigger:
    """Polls one queue and calls one function for each message."""

    def __init__(
        self,
        target: QueueFunction,
        queue: QueueClient,
        poison_queue: QueueClient | None,
        options: QueueOptions,
        invocations: Invocations,
        leases: LeaseBook,
    ) -> None:
        """`poison_queue` is None if `poison_name` is."""
        self._target = target
        self._queue = queue
        self._poison_queue = poison_queue
        self._options = options
        self._invocations = invocations
        self._leases = leases
        self._backoff = QueueBackoff(MIN_POLLING_INTERVAL_S, options.max_polling_interval_s)
        self._has_messages = False
        self._failing = False
        self._processing: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Poll until `stop`; then wait for the running messages."""
        await self._release_previous_leases()
        while not self._stopping.is_set():
            messages = await self._receive()
            if messages:
                self._leases.hold(messages)
            for message in messages:
                self._processing.add(asyncio.create_task(self._process(message)))
            if messages:
                self._has_messages = True
                await self._wait_for_threshold()
            else:
                await self._wait()
        if self._processing:
            await asyncio.wait(self._processing)

    def stop(self) -> None:
        """Receive no more messages."""
        self._stopping.set()

    async def _release_previous_leases(self) -> None:
        """Release the messages of a killed worker: the attempt has failed. After the last attempt
        the next poll moves it to the poison queue.
        """
        for lease in self._leases.leases_of_previous_worker():
            say(
                f"WARNING: message {lease.message_id} of queue {self._target.queue_name} failed: its worker process died"
            )
            with suppress(AzureError):  # deleted, or visible again when the lease ends
                await self._release(lease.message_id, lease.pop_receipt)

    async def _receive(self) -> list[QueueMessage]:
        """The next batch; empty without messages, queue or storage."""
        try:
            pages = self._queue.receive_messages(
                messages_per_page=self._options.batch_size, visibility_timeout=LEASE_S
            ).by_page()
            async for page in pages:
                return [message async for message in page]
        except ResourceNotFoundError:
            pass  # a missing queue is not an error and is not created: it may appear later
        except AzureError as error:
            self._report_outage(error)
            return []
        self._failing = False
        return []

    def _report_outage(self, error: AzureError) -> None:
        """Report once per outage that the queue cannot be read. The address in the message has no
        key.
        """
        if not self._failing:
            say(
                f"ERROR: queue {self._target.queue_name} cannot be read, trying again: {error.message}"
            )
        self._failing = True

    async def _wait(self) -> None:
        delay_s = self._backoff.next_delay_s(has_messages=self._has_messages)
        self._has_messages = False
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), delay_s)

    async def _wait_for_threshold(self) -> None:
        """Wait until few enough messages run for the next batch."""
        self._processing = {task for task in self._processing if not task.done()}
        while len(self._processing) > self._options.new_batch_threshold:
            _, self._processing = await asyncio.wait(
                self._processing, return_when=asyncio.FIRST_COMPLETED
            )

    async def _process(self, message: QueueMessage) -> None:
        try:
            if attempts(message) > self._options.max_dequeue_count:
                await self._to_poison(message)
                return
            renewal = asyncio.create_task(self._renew(message))
            try:
                succeeded = await self._invoke(message)
            finally:
                renewal.cancel()
            await self._complete(message, succeeded=succeeded)
        except AzureError as error:  # the message becomes visible when its lease ends
            say(
                f"ERROR: message {message.id} of queue {self._target.queue_name} could not be completed: {error}"
            )
        finally:
            self._leases.drop(message)

    async def _invoke(self, message: QueueMessage) -> bool:
        try:
            data = typed_data(
                message.content, base64_encoded=self._options.base64, binary=self._target.binary
            )
        except UnreadableMessageError as error:
            say(
                f"ERROR: Exception while executing function: Functions.{self._target.function.name}. {error}"
            )
            return False
        invocation = Invocation(
            invocation_id=str(uuid.uuid4()),
            function=self._target.function,
            inputs={self._target.parameter: data},
            metadata=metadata(message),
        )
        outcome = await self._invocations.run(
            invocation, f"New queue message detected on '{self._target.queue_name}'."
        )
        return outcome.error is None

    async def _complete(self, message: QueueMessage, *, succeeded: bool) -> None:
        if succeeded:
            await self._delete(message)
        elif self._poison_queue is None:
            # stays invisible until its lease ends, so that it does not loop (QueueProcessor.cs)
            pass
        elif attempts(message) >= self._options.max_dequeue_count:
            await self._to_poison(message)
        else:
            await self._release(message.id, message.pop_receipt)

    async def _delete(self, message: QueueMessage) -> None:
        try:
            await self._queue.delete_message(message.id, message.pop_receipt)
        except HttpResponseError as error:
            _raise_unless_lost(error)

    async def _release(self, message_id: str, pop_receipt: str | None) -> None:
        delay_s = int(self._options.visibility_timeout_s)
        try:
            await self._queue.update_message(message_id, pop_receipt, visibility_timeout=delay_s)
        except HttpResponseError as error:
            _raise_unless_lost(error)

    async def _to_poison(self, message: QueueMessage) -> None:
        if self._poison_queue is None:
            return
        say(
            f"WARNING: Message has reached MaxDequeueCount of {self._options.max_dequeue_count}. "
            f"Moving message to queue '{self._poison_queue.queue_name}'."
        )
        try:
            await self._poison_queue.send_message(message.content)
        except ResourceNotFoundError:
            await self._poison_queue.create_queue()
            await self._poison_queue.send_message(message.content)
        await self._delete(message)

    async def _renew(self, message: QueueMessage) -> None:
        """Keep a message invisible while its function runs; after a server error try again
        sooner.
        """
        delay_s = LEASE_S / 2
        while True:
            await asyncio.sleep(delay_s)
            try:
                renewed = await self._queue.update_message(
                    message.id, message.pop_receipt, visibility_timeout=LEASE_S
                )
            except AzureError as error:
                if _is_lost(error):
                    return
                delay_s = max(delay_s / 2, _MIN_RENEWAL_S)
            else:
                message.pop_receipt = renewed.pop_receipt
                self._leases.hold([message])
                delay_s = LEASE_S / 2


def _is_lost(error: AzureError) -> bool:
    """Whether the message is gone or held by another reader, so that nothing remains to be
    done (QueueProcessor.cs).
    """
    if isinstance(error, ResourceNotFoundError):
        return True
    code = getattr(error, "error_code", "")
    return getattr(code, "value", code) in {
        "PopReceiptMismatch",
        "QueueBeingDeleted",
        "QueueDisabled",
    }


def _raise_unless_lost(error: HttpResponseError) -> None:
    if not _is_lost(error):
        raise error
