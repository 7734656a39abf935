"""Stores the captures of exchanges: that of a request while the upstream works, that of a response
after its end. A capture that could not be stored is logged and counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from shared.concurrency.cooperative import run_cooperatively
from shared.core.event import answer_notes
from shared.core.exchange.conclusion import Conclusion
from shared.core.records.exchange import captured_headers
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.json.json_shape import JsonObject
from shared.errors import StorageError
from shared.ports.captures import CaptureUploads
from shared.relay import capture_headers
from shared.relay.body_memory import CaptureMemory
from shared.relay.body_writer import BodyWriter
from shared.relay.capture_writer import CaptureWriter, Upload
from shared.relay.digest_writer import DigestWriter
from shared.relay.exchange_envelope import CaptureNames, envelope_of
from shared.relay.exchange_observation import ExchangeObservation
from shared.relay.pending_outcomes import StartTask
from shared.relay.recording_failures import RecordingFailures, log_not_stored

_log = logging.getLogger("fnsse.recording")


class CaptureRecorder:
    """Stores captures; never raises."""

    def __init__(
        self,
        *,
        store: CaptureUploads,
        memory: CaptureMemory,
        copied_headers: frozenset[str],
        start: StartTask,
        failures: RecordingFailures,
        storage_answered: Callable[[], None],
    ) -> None:
        """`copied_headers`: request headers that the operator wants in events. `failures` counts
        what could not be stored. `storage_answered` is called when something was stored.
        """
        self._store = store
        self._memory = memory
        self._start = start
        self._requests: dict[str, asyncio.Task[bool]] = {}  # by exchange: until its end is recorded
        self._copied_headers = frozenset(map(str.encode, copied_headers))
        self._failures = failures
        self._storage_answered = storage_answered

    def writer(self, name: str, mode: ContentMode, *, is_response: bool = False) -> BodyWriter:
        """The writer of one side of an exchange."""
        if not mode.stores_bodies:
            return DigestWriter(self._store, name, self._start_upload)
        return CaptureWriter(
            self._store,
            name,
            self._memory,
            self._start_upload,
            small_blocks=is_response,  # only a request has a placeholder
        )

    def put_placeholder(self, observation: ExchangeObservation) -> None:
        """Leave a trace of a request whose body takes its time: a placeholder, which its capture
        replaces.
        """
        observation.request.body.put_placeholder(
            capture_headers.of_request(observation, self._copied_headers, partial=True)
        )

    def request_received(self, observation: ExchangeObservation) -> asyncio.Task[bool]:
        """Store the capture of a request whose body is whole, while the upstream works. The task
        returns whether it is stored.
        """
        storing = self._start(self._put_request(observation))
        self._requests[observation.exchange_id] = storing
        return storing

    def has_any(self, observation: ExchangeObservation) -> bool:
        """Whether storage has a part of the exchange, or is getting one, before its end is
        recorded.
        """
        return observation.exchange_id in self._requests or observation.request.body.reached_storage

    async def put(self, observation: ExchangeObservation, conclusion: Conclusion) -> CaptureNames:
        """Store the captures of an exchange that has ended. Returns those that are stored."""
        stored = await self._request_stored(observation, conclusion)
        captures = CaptureNames(request=observation.request.body.name if stored else None)
        if observation.response.status is None:
            return captures
        with_response = captures._replace(response=observation.response.body.name)
        await observation.response.body.compute_hash()
        envelope = envelope_of(observation, conclusion, with_response)
        headers = captured_headers.of_response(observation.response.headers)
        notes = await self._answer_notes(observation, envelope, headers)
        preamble = capture_headers.of_response(observation, envelope, headers, notes)
        stored = await self._put(
            observation.response.body, preamble, "response capture", observation
        )
        self._failures.response_captures += not stored
        return with_response if stored else captures

    def _start_upload(self, upload: Upload) -> asyncio.Task[StorageError | None]:
        return self._start(self._upload(upload))

    async def _upload(self, upload: Upload) -> StorageError | None:
        error = await upload
        if error is None:
            self._storage_answered()
        return error

    async def _request_stored(
        self, observation: ExchangeObservation, conclusion: Conclusion
    ) -> bool:
        storing = self._requests.pop(observation.exchange_id, None)
        if storing is not None:
            stored = await storing
            if observation.request.body.is_lost and conclusion.outcome is Outcome.REJECTED:
                self._erase_request_later(observation)
            return stored
        if conclusion.outcome is Outcome.REJECTED:
            observation.request.body.discard()
            self._erase_request_later(observation)
            return False
        # the body never became whole: keep what arrived
        return await self._put_request(observation)

    async def _put_request(self, observation: ExchangeObservation) -> bool:
        await observation.request.body.compute_hash()
        preamble = capture_headers.of_request(observation, self._copied_headers)
        stored = await self._put(observation.request.body, preamble, "request capture", observation)
        self._failures.request_captures += not stored
        return stored

    def _erase_request_later(self, observation: ExchangeObservation) -> None:
        if observation.request.body.reached_storage:
            self._start(self._erase_request(observation))

    async def _erase_request(self, observation: ExchangeObservation) -> None:
        """Erase what storage holds of a rejected request."""
        try:
            await observation.request.body.erase()
        except StorageError as error:
            _log.warning(
                "What is stored of the rejected request of exchange %s could not be erased: %s",
                observation.exchange_id,
                error,
            )

    async def _answer_notes(
        self, observation: ExchangeObservation, envelope: Envelope, headers: dict[str, str]
    ) -> JsonObject:
        """The notes in the capture's header about an answer that is not stored."""
        body = observation.response.body.unstored_body
        if body is None:
            return {}
        steps = answer_notes.members_steps(body, headers, envelope)
        try:
            return await run_cooperatively(steps)
        # A bug in reading an answer must not cost the exchange its record.
        except Exception as error:  # noqa: BLE001
            _log.error(
                "The response of exchange %s could not be read: %s",
                observation.exchange_id,
                type(error).__name__,
            )
            return {}

    async def _put(
        self,
        writer: BodyWriter,
        preamble: bytes,
        record_kind: str,
        observation: ExchangeObservation,
    ) -> bool:
        """Whether the capture is stored; the log says why not."""
        try:
            stored = await writer.close(preamble)
        except StorageError as error:
            stored = await self._is_stored(writer.name, preamble, error)
            reason = str(error)
        else:
            reason = "the captures that wait for their store have reached CAPTURE_MEMORY_MB"
        if stored:
            self._storage_answered()
        else:
            log_not_stored(record_kind, observation.exchange_id, reason)
        return stored

    async def _is_stored(self, name: str, preamble: bytes, error: StorageError) -> bool:
        """Whether a call that failed was carried out although its response was lost. What is
        stored may be the placeholder, which begins differently.
        """
        if error.status is not None and error.status < 500:
            return False
        try:
            return await self._store.begins_with(name, preamble)
        except StorageError:
            return False
